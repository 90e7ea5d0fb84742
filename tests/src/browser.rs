//! A browser without a screen: keeps cookies, follows where it is led, fills in forms.

use std::collections::BTreeMap;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::{Answer, Client};

/// A browser.
pub struct Browser {
    client: Client,
    /// By name and path.
    cookies: BTreeMap<(String, String), String>,
    /// Where it is.
    pub path: String,
    /// What it shows.
    pub page: String,
    /// The status of what it shows.
    pub status: u16,
}

impl Browser {
    /// One that has been nowhere.
    pub fn new(client: &Client) -> Self {
        Self {
            client: client.anonymous().unchecked(),
            cookies: BTreeMap::new(),
            path: String::new(),
            page: String::new(),
            status: 0,
        }
    }

    /// The cookies that it sends to a path.
    pub fn cookie_header(&self, path: &str) -> String {
        let path = path.split('?').next().unwrap_or_default();
        let sent = self.cookies.iter().filter(|((_, at), _)| at == "/" || at == path);
        sent.map(|((name, _), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// A cookie that it has.
    pub fn cookie(&self, name: &str, path: &str) -> Option<&str> {
        self.cookies.get(&(name.to_owned(), path.to_owned())).map(String::as_str)
    }

    /// Forgets a cookie, as after its time.
    pub fn forget(&mut self, name: &str) {
        self.cookies.retain(|(known, _), _| known != name);
    }

    fn take_cookies(&mut self, answer: &Answer) {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().expect("text");
            let (pair, attributes) = line.split_once("; ").expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            let path = attributes.split("; ").find_map(|it| it.strip_prefix("Path=")).expect("a path");
            let key = (name.to_owned(), path.to_owned());
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
    }

    /// Opens a page, and follows where that leads.
    pub async fn open(&mut self, path: &str) -> &mut Self {
        self.go(Method::GET, path.to_owned(), Vec::new()).await
    }

    async fn go(&mut self, mut method: Method, mut path: String, mut body: Vec<u8>) -> &mut Self {
        for _ in 0..5 {
            let cookies = self.cookie_header(&path);
            let mut headers = vec![
                ("cookie", cookies.as_str()),
                ("accept", "text/html"),
                ("sec-fetch-site", "same-origin"),
            ];
            if method == Method::POST {
                headers.push(("content-type", "application/x-www-form-urlencoded"));
            }
            let answer = self.client.send(method.clone(), &path, &headers, body).await;
            self.take_cookies(&answer);
            if answer.status == 303 {
                assert!(answer.text.is_empty());
                (method, path, body) = (Method::GET, answer.header("location").to_owned(), Vec::new());
                continue;
            }
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}: {}", answer.text);
            assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
            (self.path, self.status, self.page) = (path, answer.status.as_u16(), answer.text);
            return self;
        }
        panic!("led in a circle at {path}");
    }

    /// Fills in the form that goes to this path, and sends it. Of several, the one that holds `mark`.
    pub async fn submit(&mut self, action: &str, mark: &str, fields: &[(&str, &str)]) -> &mut Self {
        let opening = format!("action=\"{action}\"");
        let forms = self.page.split("<form ").skip(1).filter(|form| form.contains(&opening));
        let form = forms
            .map(|form| form.split("</form>").next().unwrap_or_default())
            .find(|form| form.contains(mark));
        let form =
            form.unwrap_or_else(|| panic!("no form to {action} with {mark:?} in {}", self.page)).to_owned();
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for input in form.split("<input ").skip(1) {
            let attribute = |name: &str| {
                let rest = input.split_once(&format!("{name}=\""))?.1;
                Some(unescaped(rest.split('"').next().unwrap_or_default()))
            };
            if let Some(name) = attribute("name") {
                values.insert(name, attribute("value").unwrap_or_default());
            }
        }
        for (name, value) in fields {
            assert!(values.contains_key(*name), "the form to {action} has no field [{name}]");
            values.insert((*name).to_owned(), (*value).to_owned());
        }
        let encode = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
        let pairs = values.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let body = pairs.collect::<Vec<_>>().join("&").into_bytes();
        self.go(Method::POST, action.to_owned(), body).await
    }

    /// Signs in with a password.
    pub async fn sign_in(&mut self, username: &str, password: &str) -> &mut Self {
        self.open("/login").await;
        self.submit("/login", "", &[("username", username), ("password", password)]).await
    }

    /// Fails unless it shows this, with this status.
    #[track_caller]
    pub fn shows(&self, status: u16, text: &str) -> &Self {
        assert_eq!(self.status, status, "{}: {}", self.path, self.page);
        assert!(self.page.contains(text), "{} does not show {text:?}: {}", self.path, self.page);
        self
    }
}

/// A text as it was before it was put into a page.
fn unescaped(text: &str) -> String {
    let entities =
        [("&#x2f;", "/"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

//! A browser without a screen: keeps cookies, follows where it is led, fills in forms.

use std::collections::BTreeMap;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::{Answer, Client};

/// The public URL of a server that is not told another.
pub const PUBLIC_URL: &str = "http://127.0.0.1:8080";

/// A browser.
pub struct Browser {
    client: Client,
    /// By site (blank for ours), name and path.
    cookies: BTreeMap<(String, String, String), String>,
    /// The site where it is; blank for ours.
    pub site: String,
    /// Where it is.
    pub path: String,
    /// What it shows.
    pub page: String,
    /// The status of what it shows.
    pub status: u16,
    /// The policy of what it shows.
    pub policy: String,
    /// What it calls itself.
    pub agent: String,
    /// Where it stops, once.
    stop: Option<String>,
}

impl Browser {
    /// One that has been nowhere.
    pub fn new(client: &Client) -> Self {
        Self {
            client: client.anonymous().unchecked(),
            cookies: BTreeMap::new(),
            site: String::new(),
            path: String::new(),
            page: String::new(),
            status: 0,
            policy: String::new(),
            agent: String::new(),
            stop: None,
        }
    }

    /// The cookies that it sends to a path.
    pub fn cookie_header(&self, path: &str) -> String {
        self.cookies_for("", path)
    }

    fn cookies_for(&self, site: &str, path: &str) -> String {
        let path = path.split('?').next().unwrap_or_default();
        let below = |at: &str| at == "/" || at == path || path.starts_with(&format!("{at}/"));
        // Ours are for one path each, those of others for all that is below it.
        let sent = self.cookies.iter().filter(|((of, _, at), _)| {
            of == site && if site.is_empty() { at == "/" || at == path } else { below(at) }
        });
        sent.map(|((_, name, _), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// A cookie that it has.
    pub fn cookie(&self, name: &str, path: &str) -> Option<&str> {
        self.cookies.get(&(String::new(), name.to_owned(), path.to_owned())).map(String::as_str)
    }

    /// Forgets a cookie, as after its time.
    pub fn forget(&mut self, name: &str) {
        self.cookies.retain(|(_, known, _), _| known != name);
    }

    fn take_cookies(&mut self, site: &str, answer: &Answer) {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().expect("text");
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a pair");
            let attribute = |wanted: &str| {
                let mut all = attributes.split(';').filter_map(|it| it.trim().split_once('='));
                all.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
            };
            let path = attribute("path");
            assert!(path.is_some() || !site.is_empty(), "ours have a path: {line}");
            let key = (site.to_owned(), name.to_owned(), path.unwrap_or("/").to_owned());
            if value.is_empty() || attribute("max-age") == Some("0") {
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

    async fn go(&mut self, method: Method, path: String, body: Vec<u8>) -> &mut Self {
        self.travel(String::new(), method, path, body, "same-origin").await
    }

    /// Follows where it is led, also to other sites and back: what leads to the public URL leads to us.
    async fn travel(
        &mut self,
        mut site: String,
        mut method: Method,
        mut path: String,
        mut body: Vec<u8>,
        from: &str,
    ) -> &mut Self {
        for _ in 0..12 {
            let cookies = match (from, &method) {
                // Which cookies travel with a form of another site: none of ours.
                ("cross-site", &Method::POST) if site.is_empty() => String::new(),
                _ => self.cookies_for(&site, &path),
            };
            let mut headers =
                vec![("cookie", cookies.as_str()), ("accept", "text/html"), ("sec-fetch-site", from)];
            if method == Method::POST {
                headers.push(("content-type", "application/x-www-form-urlencoded"));
            }
            if !self.agent.is_empty() {
                headers.push(("user-agent", &self.agent));
            }
            let client = if site.is_empty() { self.client.clone() } else { Client::new(&*site).unchecked() };
            let answer = client.send(method.clone(), &path, &headers, body).await;
            self.take_cookies(&site, &answer);
            if answer.status.is_redirection() {
                assert!(answer.text.is_empty() || !site.is_empty());
                let location = answer.header("location").to_owned();
                (method, body) = (Method::GET, Vec::new());
                if self.stop.take_if(|stop| location.starts_with(&**stop)).is_some() {
                    (self.site, self.path) = self.led(site, &location);
                    return self;
                }
                (site, path) = self.led(site, &location);
                continue;
            }
            if site.is_empty() {
                assert_eq!(
                    answer.header("content-type"),
                    "text/html; charset=utf-8",
                    "{path}: {}",
                    answer.text
                );
                assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
            }
            self.policy = answer.header("content-security-policy").to_owned();
            (self.site, self.path, self.status, self.page) =
                (site, path, answer.status.as_u16(), answer.text);
            return self;
        }
        panic!("led in a circle at {site}{path}");
    }

    /// Site and path of a location.
    fn led(&self, site: String, location: &str) -> (String, String) {
        if location.starts_with('/') {
            return (site, location.to_owned());
        }
        let start = location.find("://").map_or(0, |at| at + 3);
        let end = location[start..].find('/').map_or(location.len(), |at| start + at);
        let (origin, path) = location.split_at(end);
        let ours = origin == PUBLIC_URL || origin == self.client.base();
        (if ours { String::new() } else { origin.to_owned() }, path.to_owned())
    }

    /// Stops, the next time, before it follows to an address that begins so; `path` then tells where it
    /// would be.
    pub fn stop_before(&mut self, address: &str) {
        self.stop = Some(address.to_owned());
    }

    /// Opens a page of another site, or of ours by its whole address.
    pub async fn open_url(&mut self, url: &str) -> &mut Self {
        let (site, path) = self.led(String::new(), url);
        self.travel(site, Method::GET, path, Vec::new(), "none").await
    }

    /// Sends a form to us that another site made.
    pub async fn post_from_elsewhere(&mut self, path: &str, fields: &[(&str, &str)]) -> &mut Self {
        let body = encoded(fields.iter().copied());
        self.travel(String::new(), Method::POST, path.to_owned(), body, "cross-site").await
    }

    /// Fills in the form that goes to this path, and sends it. Of several, the one that holds `mark`.
    pub async fn submit(&mut self, action: &str, mark: &str, fields: &[(&str, &str)]) -> &mut Self {
        let body = self.filled(action, mark, fields);
        self.go(Method::POST, action.to_owned(), body).await
    }

    /// Sends the form of its page that goes to this path, by a button that says something itself.
    pub async fn press(&mut self, action: &str, fields: &[(&str, &str)]) -> &mut Self {
        let mut body = self.filled(action, "", &fields[..fields.len() - 1]);
        body.push(b'&');
        body.extend(encoded(fields[fields.len() - 1..].iter().copied()));
        self.go(Method::POST, action.to_owned(), body).await
    }

    /// Sends a form that its page does not show, with what guards those that it does.
    pub async fn post_form(&mut self, path: &str, fields: &[(&str, &str)]) -> &mut Self {
        let csrf = self.page.split("name=\"csrf\" value=\"").nth(1).expect("a form");
        let csrf = csrf.split('"').next().expect("its end").to_owned();
        let body = encoded([("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()));
        self.go(Method::POST, path.to_owned(), body).await
    }

    /// Sends the form of our page that goes to another site.
    pub async fn submit_to_other_site(&mut self, action: &str) -> &mut Self {
        let body = self.filled(&action.replace('/', "&#x2f;"), "", &[]);
        let (site, path) = self.led(String::new(), action);
        self.travel(site, Method::POST, path, body, "cross-site").await
    }

    fn filled(&self, action: &str, mark: &str, fields: &[(&str, &str)]) -> Vec<u8> {
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
        encoded(values.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// What the form that goes to this path asks of passkeys, as its page's script gets it.
    #[track_caller]
    pub fn passkey_options(&self, action: &str) -> serde_json::Value {
        let opening = format!("action=\"{action}\" data-passkey=\"");
        let rest = self.page.split(&opening).nth(1);
        let rest = rest.unwrap_or_else(|| panic!("no passkey for {action} in {}", self.page));
        let text = unescaped(rest.split('"').next().unwrap_or_default());
        let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        all["publicKey"].clone()
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

fn encoded<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> Vec<u8> {
    let encode = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
    let pairs = fields.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&").into_bytes()
}

/// A text as it was before it was put into a page.
fn unescaped(text: &str) -> String {
    let entities =
        [("&#x2f;", "/"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

//! Pages for people: templates inside the binary, one layout, one stylesheet, and no script but where a page says so.
//! Every form is guarded: its hidden field must fit a cookie that only this server sets.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use kernel::{Problem, Result, TokenHash, problem::Denied};
use minijinja::{Environment, Value, context, value::Serde};
use serde::Serialize;

use crate::{
    App, Cx,
    brand::{self, Brand, OwnBrand, brand_of},
    cookies::{Cookie, SameSite},
    db::OrgScope,
    gate,
    input::{Input, RawInput},
    operations::Spec,
    reply::{Reply, ReplySpec, Response},
};

/// The content type of pages.
pub const HTML: &str = "text/html; charset=utf-8";
/// Nothing from elsewhere, no script, or ours alone, and forms to us alone, or to one more place.
fn policy(forms_to: &str, script: bool) -> String {
    let script = if script { " script-src 'self';" } else { "" };
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self';{script} form-action 'self'{forms_to}; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}
/// The cookie that forms are bound to.
const FORM_COOKIE: &str = "latchkey_form";
/// The hidden field that must fit it.
pub const FORM_FIELD: &str = "csrf";

/// A template: its name and its text.
pub type Template = (&'static str, &'static str);
/// A script: its name and its text.
pub type Script = (&'static str, &'static str);

const TEMPLATES: [Template; 3] = [
    ("layout.html", include_str!("../templates/layout.html")),
    ("components.html", include_str!("../templates/components.html")),
    ("error.html", include_str!("../templates/error.html")),
];

const STYLE: &str = include_str!("../templates/style.css");
const MARK: &str = include_str!("../templates/mark.svg");
/// Where the colour stands in either.
const COLOR: &str = "%BRAND%";

/// All pages, ready to be filled.
pub struct Pages {
    environment: Environment<'static>,
    brand: Brand,
    scripts: &'static [Script],
    /// Changes with the stylesheet and the scripts, so that browsers can keep them for good.
    version: String,
}

impl Pages {
    /// Reads the templates; fails on one that is faulty.
    pub fn new(brand: Brand, templates: &[Template], scripts: &'static [Script]) -> Result<Self, String> {
        let mut environment = Environment::new();
        // A name that a page does not get is a mistake, not an empty text.
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        for (name, text) in TEMPLATES.iter().chain(templates) {
            environment.add_template(name, text).map_err(|error| format!("the page {name}: {error}"))?;
        }
        let texts: String = scripts.iter().map(|(_, text)| *text).chain([STYLE, MARK]).collect();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, texts.as_bytes());
        let version = BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..6]);
        Ok(Self { environment, brand, scripts, version })
    }

    /// The installation's name.
    pub fn brand_name(&self) -> &str {
        &self.brand.name
    }

    fn render(&self, template: &str, title: &str, csrf: &str, own: &OwnBrand, more: Value) -> Result<String> {
        let fault = |error: minijinja::Error| Problem::internal(format!("the page {template}: {error:#}"));
        let Brand { name, color } = own.over(&self.brand);
        let color = color.trim_start_matches('#');
        let base = context! { title, csrf, brand => name, color, version => &*self.version };
        let template = self.environment.get_template(template).map_err(fault)?;
        template.render(context! { ..more, ..base }).map_err(|error| Problem::internal(format!("{error:#}")))
    }

    /// A script, or in any colour the stylesheet or the mark; `None` for any other path.
    pub fn asset(&self, path: &str) -> Option<(&'static str, Cow<'static, str>)> {
        let name = path.strip_prefix("/assets/")?.split_once('/')?.1;
        if let Some((_, text)) = self.scripts.iter().find(|(script, _)| *script == name) {
            return Some(("text/javascript; charset=utf-8", Cow::Borrowed(text)));
        }
        let (color, name) = name.split_once('/').filter(|(color, _)| brand::is_hex(color))?;
        let (content_type, text) = match name {
            "style.css" => ("text/css; charset=utf-8", STYLE),
            "mark.svg" => ("image/svg+xml", MARK),
            _ => return None,
        };
        Some((content_type, text.replace(COLOR, &format!("#{color}")).into()))
    }

    /// The page for what went wrong: what it is, and what to do next.
    pub fn error(&self, problem: &Problem, trace: u64, own: &OwnBrand) -> Result<String> {
        let (title, advice, link, link_text) = match problem {
            Problem::NotFound(_) | Problem::NoRoute => (
                "There is no such page",
                "The link may be old, or was copied only in part.".to_owned(),
                "/account",
                "Go to my account",
            ),
            Problem::Gone(why) => {
                ("This link works no more", (*why).to_owned(), "/account", "Go to my account")
            }
            Problem::Forbidden(Denied::Because(why)) => ("That is not possible", why.clone(), "/account", "Go to my account"),
            Problem::Forbidden(_) | Problem::Unauthenticated => {
                ("Please sign in", "This page is for people who are signed in.".to_owned(), "/login", "Sign in")
            }
            Problem::Invalid(_) | Problem::InvalidBecause(..) | Problem::OAuth(..) => (
                "That could not be read",
                "Something in the address or the form is not as it should be. Go back and try again.".to_owned(),
                "/account",
                "Go to my account",
            ),
            Problem::Conflict(why) => ("That is not possible now", why.clone(), "/account", "Go to my account"),
            Problem::TooManyRequests(wait) => (
                "Too many attempts",
                format!("Wait {} seconds, then try again.", wait.as_secs().max(1)),
                "/login",
                "Go to the sign-in page",
            ),
            Problem::Unavailable(_) | Problem::Again => (
                "Too much is going on",
                "Wait a moment, then load the page again.".to_owned(),
                "/account",
                "Go to my account",
            ),
            _ => (
                "Something went wrong here",
                "It is not your fault. Try again; if it stays so, tell whoever runs this service the reference below."
                    .to_owned(),
                "/account",
                "Go to my account",
            ),
        };
        let more = context! { advice, link, link_text, trace => trace.to_string() };
        self.render("error.html", title, "", own, more)
    }
}

/// The headers of every page.
pub fn headers() -> [(HeaderName, HeaderValue); 3] {
    headers_with("", false)
}

fn headers_with(forms_to: &str, script: bool) -> [(HeaderName, HeaderValue); 3] {
    let policy = HeaderValue::from_str(&policy(forms_to, script));
    [
        (header::CONTENT_SECURITY_POLICY, policy.unwrap_or(HeaderValue::from_static("default-src 'none'"))),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    ]
}

/// A visit of a browser: what its forms are bound to, and whose pages it is shown.
pub struct Visit {
    app: App,
    cookie: String,
    fresh: bool,
    brand: Mutex<OwnBrand>,
}

fn form_cookie(headers: &HeaderMap) -> Option<&str> {
    gate::cookie(headers, FORM_COOKIE).filter(|text| text.len() == 43)
}

fn guard(app: &App, cookie: &str) -> String {
    let hash = TokenHash::of(&format!("form {cookie}"), app.vault.token_key());
    BASE64_URL_SAFE_NO_PAD.encode(&hash.0[..18])
}

/// Refuses a form that another site may have made.
pub fn check_form(
    app: &App,
    spec: &Spec,
    headers: &HeaderMap,
    body: Option<&serde_json::Value>,
) -> Result<()> {
    let sent = body.and_then(|body| body[FORM_FIELD].as_str()).unwrap_or_default();
    let good = form_cookie(headers).is_some_and(|cookie| {
        verify_slices_are_equal(guard(app, cookie).as_bytes(), sent.as_bytes()).is_ok()
    });
    // At a portal the gate has looked where it came from.
    if good && (spec.portal || gate::from_our_pages(&app.settings.public_url, headers)) {
        return Ok(());
    }
    let why = "The page was open for too long, or the form came from elsewhere. Go back, load the page again, and repeat it.";
    Err(Problem::Forbidden(Denied::Because(why.to_owned())))
}

impl Input for Visit {
    fn describe(spec: &mut Spec) {
        spec.headers = true;
    }

    fn take(cx: &Cx, input: &mut RawInput) -> Result<Self> {
        let known = input.headers.as_deref().and_then(form_cookie).map(str::to_owned);
        let fresh = known.is_none();
        let cookie = known.unwrap_or_else(|| BASE64_URL_SAFE_NO_PAD.encode(cx.app().random_key()));
        let brand = Mutex::new(input.brand.clone());
        Ok(Self { app: cx.app().clone(), cookie, fresh, brand })
    }
}

impl Visit {
    /// Something that only this browser knows, to bind other things to.
    pub fn secret(&self) -> &str {
        &self.cookie
    }

    /// Shows pages of this organization from here on, whoever is signed in.
    pub async fn within(&self, db: &OrgScope) -> Result<()> {
        let own = brand_of(db).await?;
        *self.brand.lock().unwrap_or_else(PoisonError::into_inner) = own;
        Ok(())
    }

    /// A page.
    pub fn page(&self, template: &str, title: &str, more: impl Serialize) -> Result<Page> {
        let pages = self.app.part::<Arc<Pages>>()?;
        let more = Value::from(Serde(more));
        let own = self.brand.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let html = pages.render(template, title, &guard(&self.app, &self.cookie), &own, more)?;
        Ok(Page { status: 200, html, headers: self.keep()?, forms_to: String::new(), script: false })
    }

    /// The header that lets the browser be known again, if it was not known yet.
    pub fn keep(&self) -> Result<Vec<(HeaderName, HeaderValue)>> {
        if !self.fresh {
            return Ok(Vec::new());
        }
        let cookie = Cookie {
            name: FORM_COOKIE,
            value: &self.cookie,
            path: "/",
            max_age: 24 * 3600,
            same_site: SameSite::Lax,
        };
        Ok(vec![cookie.header(&self.app.settings)?])
    }
}

/// A page, or another place to look.
pub struct Page {
    status: u16,
    html: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// A place beside ours to which its forms may go.
    forms_to: String,
    /// Whether scripts of ours run on it.
    script: bool,
}

impl Page {
    /// Leads to another page of ours (303).
    pub fn see_other(path: &str, mut headers: Vec<(HeaderName, HeaderValue)>) -> Result<Self> {
        let location =
            HeaderValue::from_str(path).map_err(|_| Problem::internal("a place that cannot be written"))?;
        headers.push((header::LOCATION, location));
        Ok(Self { status: 303, html: String::new(), headers, forms_to: String::new(), script: false })
    }

    /// The same page with another status.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same page, whose forms may also go to this origin.
    #[must_use]
    pub fn with_forms_to(self, origin: &str) -> Self {
        Self { forms_to: format!(" {origin}"), ..self }
    }

    /// The same page, on which scripts of ours may run.
    #[must_use]
    pub fn with_script(self, script: bool) -> Self {
        Self { script, ..self }
    }

    /// The same page, setting more cookies.
    #[must_use]
    pub fn with(mut self, headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        self.headers.extend(headers);
        self
    }
}

impl Reply for Page {
    fn spec() -> ReplySpec {
        ReplySpec { status: 200, schema: None, content_type: HTML }
    }
    fn respond(self) -> Result<Response> {
        let Self { status, html, mut headers, forms_to, script } = self;
        headers.extend(headers_with(&forms_to, script));
        let body = (status != 303).then(|| (HTML, html.into_bytes()));
        Ok(Response { status, body, headers })
    }
}

/// A text as the value of a query parameter.
pub fn encode(text: &str) -> String {
    percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Where to go after signing in: a path of ours, never another site.
pub fn return_to(text: Option<&str>) -> &str {
    let ours = |text: &&str| {
        text.starts_with('/')
            && !text.starts_with("//")
            && !text.contains('\\')
            && text.bytes().all(|byte| (0x21..0x7f).contains(&byte))
            && text.len() <= 2000
    };
    text.filter(ours).unwrap_or("/account")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_ours_are_returned_to() {
        for good in ["/account", "/device-activate?user_code=WDJB-MJHT", "/a/b#c"] {
            assert_eq!(return_to(Some(good)), good);
        }
        for bad in [
            "",
            "//evil.test",
            "/\\evil.test",
            "https://evil.test",
            "javascript:x",
            "account",
            "/a b",
            "/a\nb",
            "/ü",
        ] {
            assert_eq!(return_to(Some(bad)), "/account", "{bad}");
        }
        assert_eq!(return_to(None), "/account");
    }

    #[test]
    fn a_page_escapes_what_it_shows() {
        let brand = Brand { name: "<b>&\"".to_owned(), color: "#000000".to_owned() };
        let pages = Pages::new(brand, &[], &[]).unwrap();
        let problem = Problem::Conflict("<script>x</script>".to_owned());
        let html = pages.error(&problem, 7, &OwnBrand::default()).unwrap();
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
        assert!(html.contains("&lt;script&gt;") && html.contains("<code>7</code>"));
        let own = OwnBrand { name: Some("<i>".to_owned()), color: None };
        let html = pages.error(&problem, 7, &own).unwrap();
        assert!(
            html.contains("&lt;i&gt;") && !html.contains("&lt;b&gt;") && html.contains("/000000/style.css")
        );
    }

    #[test]
    fn assets_come_in_any_colour_and_nothing_else() {
        let brand = Brand { name: "Acme".to_owned(), color: "#000000".to_owned() };
        let pages = Pages::new(brand, &[], &[("x.js", "1")]).unwrap();
        for name in ["style.css", "mark.svg"] {
            let (_, text) = pages.asset(&format!("/assets/v/00aA55/{name}")).unwrap();
            assert!(text.contains("#00aA55") && !text.contains(COLOR), "{text}");
        }
        assert!(pages.asset("/assets/v/x.js").is_some());
        for strange in
            ["style.css", "00aa5/style.css", "red;}a/style.css", "00aa55/x.js", "00aa55/", "00aa55"]
        {
            assert!(pages.asset(&format!("/assets/v/{strange}")).is_none(), "{strange}");
        }
    }
}

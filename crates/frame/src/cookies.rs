//! Cookies that the server sets (RFC 6265).

use http::{HeaderName, HeaderValue, header};
use kernel::{Problem, Result};

use crate::Settings;

/// Where a browser sends a cookie from other sites.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SameSite {
    /// When a person follows a link.
    Lax,
    /// Never.
    Strict,
}

/// A cookie to be set; no script of a page sees it.
pub struct Cookie<'c> {
    /// Its name.
    pub name: &'c str,
    /// Its value, of characters that need no quoting.
    pub value: &'c str,
    /// The path below which it is sent.
    pub path: &'c str,
    /// For how many seconds it is kept; nothing removes it.
    pub max_age: u64,
    /// Where it is sent from other sites.
    pub same_site: SameSite,
}

impl Cookie<'_> {
    /// The header that sets it.
    pub fn header(&self, settings: &Settings) -> Result<(HeaderName, HeaderValue)> {
        let Self { name, value, path, max_age, same_site } = self;
        let secure = if settings.secure_cookies() { "; Secure" } else { "" };
        let text = format!(
            "{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly{secure}; SameSite={same_site:?}"
        );
        let mut header =
            HeaderValue::from_str(&text).map_err(|_| Problem::internal("a cookie that cannot be written"))?;
        header.set_sensitive(true);
        Ok((header::SET_COOKIE, header))
    }
}

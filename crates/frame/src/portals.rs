//! Portals, as far as every operation of developers needs them: a request comes in at a portal's own host, and
//! belongs to that portal and its organization.

use http::{HeaderMap, Uri, header};
use kernel::{DeveloperId, OrgId, PortalId, Result};

use crate::{Settings, access::BoxFuture};

/// The cookie that holds a developer's access token.
pub const DEVELOPER_COOKIE: &str = "portalaccesstoken";

/// The portal at whose host a request came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Site {
    /// The portal.
    pub portal: PortalId,
    /// Its organization.
    pub org: OrgId,
    /// Whether developers can register and sign in there.
    pub authentication: bool,
}

/// Finds portals by host; implemented where they are kept.
pub trait Portals: Send + Sync {
    /// The portal of a host name, if its organization is active.
    fn at<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Option<Site>>>;
}

/// A signed-in, approved developer, and the portal that it is one of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Developer {
    /// The portal.
    pub portal: PortalId,
    /// The developer.
    pub developer: DeveloperId,
}

/// The host that a request was sent to, as it was written: with a port, if there is one.
pub fn authority<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> &'r str {
    let written = || headers.get(header::HOST).and_then(|value| value.to_str().ok());
    uri.authority().map(http::uri::Authority::as_str).or_else(written).unwrap_or_default()
}

/// The host's name alone, in the form in which names are compared.
pub fn host_name(authority: &str) -> String {
    let host = match authority.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// The address of a portal: its host, with the scheme and the port under which clients reach this server.
pub fn address(settings: &Settings, host: &str) -> String {
    address_beside(&settings.public_url, host)
}

fn address_beside(public_url: &str, host: &str) -> String {
    let (scheme, rest) = public_url.split_once("://").unwrap_or(("https", public_url));
    let authority = rest.split('/').next().unwrap_or_default();
    let port = match authority.rsplit_once(':') {
        Some((_, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!(":{port}")
        }
        _ => String::new(),
    };
    format!("{scheme}://{host}{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portal_is_reached_as_the_server_is() {
        let host = "acme.portal.test";
        for (public, portal) in [
            ("https://api.test", "https://acme.portal.test"),
            ("https://api.test:8443/base", "https://acme.portal.test:8443"),
            ("http://127.0.0.1:8080", "http://acme.portal.test:8080"),
            ("http://[::1]:8080", "http://acme.portal.test:8080"),
            ("http://[::1]", "http://acme.portal.test"),
        ] {
            assert_eq!(address_beside(public, host), portal, "{public}");
        }
    }

    #[test]
    fn a_host_is_compared_by_its_name() {
        for (written, name) in [
            ("acme.example.com", "acme.example.com"),
            ("ACME.Example.com:8443", "acme.example.com"),
            ("acme.example.com.", "acme.example.com"),
            ("acme.example.com.:80", "acme.example.com"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(host_name(written), name, "{written}");
        }
    }
}

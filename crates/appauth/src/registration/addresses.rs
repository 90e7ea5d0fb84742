//! Addresses: those that a provider is configured with, and those that it hands out, which nobody here chose.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::Fault;

const DISCOVERY: &str = "/.well-known/openid-configuration";
/// What stays as it is in a segment of a path (RFC 3986 section 2.3). A lone dot or two are no names.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An issuer without what people paste along: the document's place, or a slash.
pub fn base(issuer: &str) -> Result<String, Fault> {
    let url = parse(issuer)?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Fault::configuration("the issuer has a user or a fragment in its address"));
    }
    let text = issuer.strip_suffix(DISCOVERY).unwrap_or(issuer);
    Ok(text.trim_end_matches('/').to_owned())
}

/// Scheme, host and port of an address.
pub fn origin(address: &str) -> Result<String, Fault> {
    Ok(parse(address)?.origin().ascii_serialization())
}

/// Whether two addresses have one origin. What is no address has none.
pub fn same_origin(one: &str, other: &str) -> bool {
    matches!((Url::parse(one), Url::parse(other)), (Ok(one), Ok(other))
        if one.origin().is_tuple() && one.origin() == other.origin())
}

/// What somebody calls something, as one segment of a path: a client's id may be `../x`.
pub fn segment(name: &str) -> String {
    match name {
        // These mean a place whichever way they are written.
        "" | "." | ".." => "%00".to_owned(),
        name => utf8_percent_encode(name, SEGMENT).to_string(),
    }
}

fn parse(address: &str) -> Result<Url, Fault> {
    let url = Url::parse(address).ok().filter(|url| url.host_str().is_some_and(|host| !host.is_empty()));
    url.ok_or_else(|| Fault::configuration("the issuer is no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_taken_as_people_paste_it() {
        for (pasted, meant) in [
            ("https://id.test/oauth2/default", "https://id.test/oauth2/default"),
            ("https://id.test/", "https://id.test"),
            ("https://id.test/a/.well-known/openid-configuration", "https://id.test/a"),
        ] {
            assert_eq!(base(pasted).ok().as_deref(), Some(meant));
        }
        for bad in ["https://user@id.test", "https://id.test/#x", "id.test", "mailto:me"] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert!(same_origin("https://id.test/a", "https://id.test:443/b"));
        for other in ["http://id.test/", "https://id.test:8443/", "https://id.test.evil/", "not", "data:x"] {
            assert!(!same_origin("https://id.test/", other), "{other}");
        }
        assert!(!same_origin("data:x", "data:x"));
    }

    #[test]
    fn a_name_is_one_segment_whatever_it_is() {
        for (name, written) in [("abc-1_2.3~", "abc-1_2.3~"), ("../x", "..%2Fx"), ("a b?#", "a%20b%3F%23")] {
            assert_eq!(segment(name), written);
        }
        for special in ["", ".", ".."] {
            let url = Url::parse(&format!("https://id.test/clients/{}", segment(special))).unwrap();
            assert!(url.path().starts_with("/clients/%00"), "{url}");
        }
    }
}

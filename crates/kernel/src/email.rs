//! E-mail addresses.

use serde::Serialize;

/// An address that a mail could reach: one `@`, no blanks or control characters, a dotted or
/// single-label domain, 250 bytes at most (contract: `User.email`). Kept as written; compared folded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The longest address that the contract takes.
    pub const MAX: usize = 250;

    /// Reads an address.
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"@,;:<>()[]\"\\".contains(c);
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let good = text.len() <= Self::MAX
            && !local.is_empty()
            && local.len() <= 64
            && local.chars().all(plain)
            && local.split('.').all(|part| !part.is_empty())
            && domain.split('.').all(label);
        good.then(|| Self(text.to_owned()))
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two addresses are the same: lower case. (Local parts are case-sensitive by
    /// RFC 5321, but no provider that people use makes two mailboxes of one spelling.)
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// The part behind the `@`, folded.
    pub fn domain(&self) -> String {
        self.0.rsplit_once('@').map_or_else(String::new, |(_, domain)| domain.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_refuses_the_rest() {
        for good in
            ["a@b.co", "James.Woods+x@Example.com", "o'neil@example.com", "root@localhost", "ü@exämple.de"]
        {
            assert!(Email::parse(good).is_some(), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(240));
        for bad in [
            "",
            "a",
            "@b.co",
            "a@",
            "a b@c.de",
            "a@b..co",
            "a@-b.co",
            "a..b@c.de",
            "a@b@c.de",
            "a\0@b.co",
            &long,
        ] {
            assert!(Email::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn folds_case() {
        assert_eq!(Email::parse("Ann@Example.COM").unwrap().folded(), "ann@example.com");
    }
}

//! Access tokens: `<prefix>_`, 256 random bits in 43 base-62 digits, and a CRC-32 of all that
//! stands before it in 6 more, so that a scanner can tell a real token from noise without asking.
//!
//! Regular expression: `\b(kpat|spat|kclt)_[0-9A-Za-z]{49}\b`; then the last six digits must be the
//! CRC-32 (IEEE) of everything before them, in base 62, most significant digit first.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BODY: usize = 43;
const CHECK: usize = 6;

/// Who a token speaks for; its prefix says so.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenKind {
    /// A user's personal access token.
    Personal,
    /// A system account's access token.
    System,
    /// A platform service's client token.
    Client,
    /// The one-time link of an invite; no credential.
    Invite,
    /// What keeps a session going.
    Refresh,
    /// The one-time link that sets a password; no credential.
    Reset,
    /// The one-time link that shows whose an address is that registered; no credential.
    Registration,
    /// What a device polls with while its person signs in; no credential.
    Device,
    /// What a signed-in developer shows at a portal.
    Developer,
    /// What keeps a developer's session going.
    DeveloperRefresh,
    /// A key of the bridge that is served in front of a DCR provider.
    Bridge,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Personal,
        Self::System,
        Self::Client,
        Self::Invite,
        Self::Refresh,
        Self::Reset,
        Self::Registration,
        Self::Device,
        Self::Developer,
        Self::DeveloperRefresh,
        Self::Bridge,
    ];

    /// The text in front of the underscore.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Personal => "kpat",
            Self::System => "spat",
            Self::Client => "kclt",
            Self::Invite => "kinv",
            Self::Refresh => "kref",
            Self::Reset => "krst",
            Self::Registration => "kreg",
            Self::Device => "kdev",
            Self::Developer => "kdat",
            Self::DeveloperRefresh => "kdrt",
            Self::Bridge => "kdbk",
        }
    }
}

/// A token in clear: shown once when it is made, read from a request, never stored.
pub struct Token {
    kind: TokenKind,
    text: Zeroizing<String>,
}

impl Token {
    /// A new token from 256 random bits.
    pub fn new(kind: TokenKind, random: [u8; 32]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(5 + BODY + CHECK));
        text.push_str(kind.prefix());
        text.push('_');
        push_base62(&mut text, random);
        let check = checksum(&text);
        text.push_str(&check);
        Self { kind, text }
    }

    /// Reads a token that somebody presents; `None` unless prefix, length, alphabet and checksum
    /// are right, so that noise costs no look-up.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once('_')?;
        let kind = TokenKind::ALL.into_iter().find(|kind| kind.prefix() == prefix)?;
        if rest.len() != BODY + CHECK || !rest.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let (head, check) = text.split_at(text.len() - CHECK);
        (checksum(head) == check).then(|| Self { kind, text: Zeroizing::new(text.to_owned()) })
    }

    /// The random bits that it was made of, for whoever must make it again; `None` for a number that 256 bits do not
    /// hold, which [`Token::new`] never makes.
    pub fn random(&self) -> Option<[u8; 32]> {
        let (_, rest) = self.text.split_once('_')?;
        let mut number = [0_u8; 32];
        for byte in rest.bytes().take(BODY) {
            let mut carry = u32::try_from(DIGITS.iter().position(|&digit| digit == byte)?).ok()?;
            for place in number.iter_mut().rev() {
                carry += u32::from(*place) * 62;
                *place = u8::try_from(carry & 0xff).ok()?;
                carry >>= 8;
            }
            if carry != 0 {
                return None;
            }
        }
        Some(number)
    }

    /// Who it speaks for.
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The token itself, for the one reply that shows it.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is stored and looked up instead of the token.
    pub fn hash(&self, key: &hmac::Key) -> TokenHash {
        TokenHash::of(&self.text, key)
    }
}

/// HMAC-SHA-256 of a token under a key that the database does not hold in clear.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a credential's text.
    pub fn of(text: &str, key: &hmac::Key) -> Self {
        let tag = hmac::sign(key, text.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(tag.as_ref());
        Self(hash)
    }

    /// In hexadecimal, for marks that travel.
    pub fn to_text(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Appends a 256-bit number as 43 base-62 digits (62^43 is a little more than 2^256).
fn push_base62(text: &mut String, mut number: [u8; 32]) {
    let mut digits = [0_u8; BODY];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = (rest << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(0);
            rest = value % 62;
        }
        *digit = DIGITS[rest as usize];
    }
    text.extend(digits.iter().map(|&digit| char::from(digit)));
}

fn checksum(text: &str) -> String {
    let mut crc = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(crc % 62) as usize];
        crc /= 62;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_format_is_stable() {
        // Written down, so that a scanner's rule made for one version holds for the next.
        let token = Token::new(TokenKind::Personal, [0; 32]);
        assert_eq!(token.reveal(), "kpat_000000000000000000000000000000000000000000039F9R4");
        let token = Token::new(TokenKind::System, [255; 32]);
        assert_eq!(token.reveal().len(), 54);
        assert!(Token::parse(token.reveal()).is_some());
    }

    proptest! {
        #[test]
        fn what_is_made_is_read(random: [u8; 32]) {
            let token = Token::new(TokenKind::Personal, random);
            prop_assert!(Token::parse(token.reveal()).is_some());
            prop_assert_eq!(token.random(), Some(random));
        }

        #[test]
        fn one_wrong_character_is_noticed(random: [u8; 32], at in 5_usize..54) {
            let token = Token::new(TokenKind::System, random);
            let mut text = token.reveal().as_bytes().to_vec();
            text[at] = if text[at] == b'x' { b'y' } else { b'x' };
            prop_assert!(Token::parse(std::str::from_utf8(&text).unwrap()).is_none());
        }

        #[test]
        fn anything_can_be_read_without_panic(text: String) {
            let _ = Token::parse(&text);
        }
    }
}

//! What an authenticator says of itself and of the person before it (WebAuthn, section 6.1).

use minicbor::Decoder;

use super::{cbor, cose::PublicKey};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

/// The parts of authenticator data.
pub struct AuthenticatorData<'d> {
    /// SHA-256 of the relying party that it was asked for.
    pub rp_id_hash: &'d [u8],
    /// How often it has signed; zero if it does not count.
    pub sign_count: u32,
    /// A credential that it has just made.
    pub made: Option<Made<'d>>,
    flags: u8,
}

/// A credential that an authenticator has made.
pub struct Made<'d> {
    /// Its id.
    pub credential_id: &'d [u8],
    /// Its public key.
    pub key: PublicKey,
    /// The same as it came.
    pub public_key: &'d [u8],
}

impl<'d> AuthenticatorData<'d> {
    /// Takes it apart; nothing may be left.
    pub fn read(bytes: &'d [u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_at_checked(32)?;
        let (&flags, rest) = rest.split_first()?;
        let (count, mut rest) = rest.split_first_chunk()?;
        let mut made = None;
        if flags & ATTESTED != 0 {
            let (_model, after) = rest.split_at_checked(16)?;
            let (length, after) = after.split_first_chunk()?;
            let (credential_id, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            if !(1..=1023).contains(&credential_id.len()) {
                return None;
            }
            let mut reader = Decoder::new(after);
            let key = PublicKey::read(&mut reader)?;
            let (public_key, after) = after.split_at_checked(reader.position())?;
            made = Some(Made { credential_id, key, public_key });
            rest = after;
        }
        if flags & EXTENSIONS != 0 {
            let mut reader = Decoder::new(rest);
            cbor::map(&mut reader, |_: &str, reader| cbor::skip(reader))?;
            rest = rest.get(reader.position()..)?;
        }
        let data = Self { rp_id_hash, sign_count: u32::from_be_bytes(*count), made, flags };
        // What is not eligible for a backup cannot have one.
        (rest.is_empty() && (data.eligible() || data.flags & BACKED_UP == 0)).then_some(data)
    }

    /// Whether somebody was there.
    pub const fn present(&self) -> bool {
        self.flags & PRESENT != 0
    }

    /// Whether it was the authenticator's owner: by fingerprint, face, PIN.
    pub const fn verified(&self) -> bool {
        self.flags & VERIFIED != 0
    }

    /// Whether the credential may be backed up or synchronized.
    pub const fn eligible(&self) -> bool {
        self.flags & ELIGIBLE != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The data of an assertion with these flags and this behind them.
    fn data(flags: u8, rest: &[u8]) -> Vec<u8> {
        [&[7; 32][..], &[flags, 0, 0, 1, 2], rest].concat()
    }

    #[test]
    fn every_part_is_read_and_nothing_is_left() {
        let bytes = data(PRESENT | VERIFIED | ELIGIBLE | BACKED_UP, b"");
        let read = AuthenticatorData::read(&bytes).unwrap();
        assert_eq!((read.rp_id_hash, read.sign_count), (&[7; 32][..], 258));
        assert!(read.present() && read.verified() && read.eligible() && read.made.is_none());
        assert!(AuthenticatorData::read(&data(EXTENSIONS, b"\xa1\x61k\xf5")).is_some());
        for (flags, rest) in [
            (PRESENT, &b"\0"[..]),
            (BACKED_UP, b""),
            (EXTENSIONS, b""),
            (EXTENSIONS, b"\xa1\x61k\xf5\0"),
            (EXTENSIONS, b"\xa1\x01\xf5"),
            (ATTESTED, b""),
            (ATTESTED, &[0; 18]),
            (ATTESTED, &[0xff; 60]),
        ] {
            assert!(AuthenticatorData::read(&data(flags, rest)).is_none(), "{flags} {rest:x?}");
        }
        assert!(AuthenticatorData::read(&data(0, b"")[..36]).is_none());
    }

    proptest! {
        #[test]
        fn never_panics(flags: u8, rest: Vec<u8>) {
            let _ = AuthenticatorData::read(&data(flags, &rest));
            let _ = AuthenticatorData::read(&rest);
        }
    }
}

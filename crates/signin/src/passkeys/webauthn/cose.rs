//! Public keys as authenticators write them (COSE, RFC 9052 and 9053): ES256, EdDSA over Ed25519, RS256. A key says
//! its kind, its algorithm and itself, and nothing more (WebAuthn, section 6.5.1.1).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use minicbor::Decoder;

use super::cbor;

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;
/// The algorithms that are taken, the best first.
pub const ALGORITHMS: [i64; 3] = [EDDSA, ES256, RS256];

const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const OCTETS: i64 = 1;
const POINT: i64 = 2;
const RSA: i64 = 3;
const P256_CURVE: i64 = 1;
const ED25519_CURVE: i64 = 6;

/// A public key that can be one: its point is on its curve, its modulus long enough.
pub struct PublicKey {
    /// Its algorithm's number.
    pub algorithm: i64,
    key: ParsedPublicKey,
}

/// A parameter of a key that is a number with one kind and bytes with another.
#[derive(Default)]
enum First<'b> {
    #[default]
    Missing,
    Curve(i64),
    Modulus(&'b [u8]),
}

impl PublicKey {
    /// Reads the key that comes next.
    pub fn read(reader: &mut Decoder<'_>) -> Option<Self> {
        let (mut kind, mut algorithm) = (None, None);
        let (mut first, mut second, mut third) = (First::default(), None, None);
        cbor::map(reader, |label: i64, reader| {
            match label {
                KEY_TYPE => kind = Some(reader.i64().ok()?),
                ALGORITHM => algorithm = Some(reader.i64().ok()?),
                -1 if reader.datatype().ok()? == minicbor::data::Type::Bytes => {
                    first = First::Modulus(reader.bytes().ok()?);
                }
                -1 => first = First::Curve(reader.i64().ok()?),
                -2 => second = Some(reader.bytes().ok()?),
                -3 => third = Some(reader.bytes().ok()?),
                _ => return None,
            }
            Some(())
        })?;
        let algorithm = algorithm?;
        let key = match (algorithm, kind?, first, second?, third) {
            (ES256, POINT, First::Curve(P256_CURVE), x, Some(y)) if x.len() == 32 && y.len() == 32 => {
                let point = [&[4], x, y].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            }
            (EDDSA, OCTETS, First::Curve(ED25519_CURVE), x, None) if x.len() == 32 => {
                ParsedPublicKey::new(&ED25519, x)
            }
            (RS256, RSA, First::Modulus(n), e, None) if (256..=1024).contains(&n.len()) => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            }
            _ => return None,
        };
        Some(Self { algorithm, key: key.ok()? })
    }

    /// Whether this key has signed that.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

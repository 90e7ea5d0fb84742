//! Keys and what they protect: secrets at rest, token hashes, signatures of audit entries.
//!
//! The master key comes from outside the database and encrypts two things in it: the secrets of
//! resources ([`Sealed`]) and this installation's own keys (`platform_keys`). Changing the master key
//! seals both anew and leaves tokens and signatures valid.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest, hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use kernel::{Problem, Result, Sealed, Secret, Timestamp};
use zeroize::Zeroizing;

use crate::{
    args,
    db::{Db, PlatformScope, RowKey, SealedColumn},
    from_row,
    runtime::Entropy,
};

/// The master keys: the first seals, all of them open.
pub struct Keyring {
    keys: Vec<MasterKey>,
}

struct MasterKey {
    id: [u8; 4],
    key: LessSafeKey,
}

const VERSION: u8 = 1;
const HEAD: usize = 1 + 4 + 12;

impl Keyring {
    /// Reads one or more keys of 32 bytes in base64, separated by commas or line breaks.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut keys = Vec::new();
        for part in text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
            let bytes = Zeroizing::new(BASE64_STANDARD.decode(part).map_err(|_| "must be base64")?);
            if bytes.len() != 32 {
                return Err("must be 32 bytes in base64");
            }
            let digest = digest::digest(&digest::SHA256, &bytes);
            let mut id = [0; 4];
            id.copy_from_slice(&digest.as_ref()[..4]);
            let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| "must be 32 bytes in base64")?;
            keys.push(MasterKey { id, key: LessSafeKey::new(key) });
        }
        if keys.is_empty() { Err("must hold at least one key") } else { Ok(Self { keys }) }
    }

    /// A new key, in the form that [`Keyring::parse`] reads.
    pub fn generate(entropy: &dyn Entropy) -> Zeroizing<String> {
        let mut key = Zeroizing::new([0; 32]);
        entropy.fill(&mut *key);
        Zeroizing::new(BASE64_STANDARD.encode(*key))
    }

    /// Encrypts; `place` (table, column, row) is bound to the ciphertext, so that it cannot be moved.
    pub fn seal<T>(&self, entropy: &dyn Entropy, place: &str, secret: &[u8]) -> Result<Sealed<T>> {
        let mut nonce = [0; 12];
        entropy.fill(&mut nonce);
        let master = &self.keys[0];
        let mut bytes = secret.to_vec();
        let aad = Aad::from(place.as_bytes());
        master
            .key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes)
            .map_err(|_| Problem::internal("sealing a secret failed"))?;
        let mut sealed = Vec::with_capacity(HEAD + bytes.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&master.id);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut bytes);
        Ok(Sealed::from_bytes(sealed))
    }

    /// Decrypts what was sealed for this place.
    pub fn open<T>(&self, place: &str, sealed: &Sealed<T>) -> Result<Secret<Vec<u8>>> {
        let fault = |why: &str| Problem::internal(format!("a secret at [{place}] cannot be opened: {why}"));
        let bytes = sealed.bytes();
        if bytes.len() < HEAD || bytes[0] != VERSION {
            return Err(fault("it is damaged"));
        }
        let master = self
            .keys
            .iter()
            .find(|key| key.id == bytes[1..5])
            .ok_or_else(|| fault("its master key is not configured"))?;
        let nonce = Nonce::try_assume_unique_for_key(&bytes[5..HEAD]).map_err(|_| fault("it is damaged"))?;
        let mut secret = bytes[HEAD..].to_vec();
        let length = {
            let opened = master.key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut secret);
            opened.map_err(|_| fault("it is damaged or was moved"))?.len()
        };
        secret.truncate(length);
        Ok(Secret::new(secret))
    }
}

/// The keys of a running Latchkey.
pub struct Vault {
    ring: Keyring,
    tokens: hmac::Key,
    audit: Ed25519KeyPair,
}

const TOKENS: &str = "token-hash";
const AUDIT: &str = "audit-signature";

struct KeyRow {
    name: String,
    sealed: Sealed<Vec<u8>>,
}
from_row!(KeyRow { name, sealed });

async fn keys(scope: &PlatformScope) -> Result<Vec<KeyRow>> {
    Ok(scope.all("SELECT name, sealed FROM platform_keys", args![]).await?)
}

/// Where this installation's keys are.
pub static KEYS: SealedColumn = SealedColumn {
    table: "platform_keys",
    column: "sealed",
    key: RowKey::Text("name"),
    prefix: "platform_keys",
};

impl Vault {
    /// Opens the keys in the database, making them at the first start.
    pub async fn open(ring: Keyring, db: &Db, entropy: &dyn Entropy, now: Timestamp) -> Result<Self> {
        let mut rows = keys(&PlatformScope::new(db.read())).await?;
        if rows.is_empty() {
            let session = db.write();
            let scope = PlatformScope::new(session.clone());
            for name in [TOKENS, AUDIT] {
                let mut key = Zeroizing::new([0; 32]);
                entropy.fill(&mut *key);
                let sealed: Sealed<Vec<u8>> = ring.seal(entropy, &KEYS.place(name), &*key)?;
                // Of several nodes that start at once, one makes them.
                let sql = "INSERT INTO platform_keys (name, sealed, created_at) VALUES ($1, $2, $3) \
                           ON CONFLICT (name) DO NOTHING";
                scope.execute(sql, args![name, &sealed, now]).await?;
            }
            rows = keys(&scope).await?;
            session.commit().await?;
        }
        let key = |name: &str| {
            let row = rows.iter().find(|row| row.name == name);
            let row = row.ok_or_else(|| Problem::internal(format!("the key [{name}] is missing")))?;
            ring.open(&KEYS.place(name), &row.sealed)
        };
        let tokens = hmac::Key::new(hmac::HMAC_SHA256, key(TOKENS)?.reveal());
        let audit = Ed25519KeyPair::from_seed_unchecked(key(AUDIT)?.reveal())
            .map_err(|_| Problem::internal("the audit key is damaged"))?;
        Ok(Self { ring, tokens, audit })
    }

    /// The master keys.
    pub const fn ring(&self) -> &Keyring {
        &self.ring
    }

    /// The key under which tokens are hashed.
    pub const fn token_key(&self) -> &hmac::Key {
        &self.tokens
    }

    /// An Ed25519 signature in base64url, as audit entries carry it.
    pub fn sign_audit(&self, text: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.audit.sign(text.as_bytes()))
    }

    /// The public half of the audit key, in base64url, and its id.
    pub fn audit_key(&self) -> (String, String) {
        let public = self.audit.public_key().as_ref();
        let digest = digest::digest(&digest::SHA256, public);
        (BASE64_URL_SAFE_NO_PAD.encode(public), BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::SystemEntropy;

    #[test]
    fn a_secret_opens_only_where_it_was_sealed() {
        let entropy = SystemEntropy;
        let old = Keyring::generate(&entropy);
        let ring = Keyring::parse(&old).ok().unwrap();
        let sealed: Sealed<String> = ring.seal(&entropy, "a/1", b"hunter2").unwrap();
        assert!(!sealed.bytes().windows(7).any(|part| part == b"hunter2"));
        assert_eq!(ring.open("a/1", &sealed).unwrap().reveal(), b"hunter2");
        assert!(ring.open("a/2", &sealed).is_err());

        let new = Keyring::generate(&entropy);
        let both = Keyring::parse(&format!("{},{}", *new, *old)).ok().unwrap();
        assert_eq!(both.open("a/1", &sealed).unwrap().reveal(), b"hunter2");
        assert!(Keyring::parse(&new).ok().unwrap().open("a/1", &sealed).is_err());
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        for bad in ["", "x", "AAAA", "not base64!"] {
            assert!(Keyring::parse(bad).is_err(), "{bad}");
        }
    }
}

//! A device that holds passkeys, and the browser in front of it, in software: written by hand for the tests, on nothing
//! of what checks it. It does what real ones do, and lies as told. `cargo xtask browser` has another one, which is
//! Chromium's own.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Somebody was there.
pub const PRESENT: u8 = 1;
/// It was the owner.
pub const VERIFIED: u8 = 1 << 2;
/// The passkey may be backed up.
pub const ELIGIBLE: u8 = 1 << 3;
/// It has been.
pub const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
/// The authenticator adds something.
pub const EXTENSIONS: u8 = 1 << 7;

/// Bytes as WebAuthn writes them.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Back again.
#[track_caller]
pub fn bytes(value: &Value) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(value.as_str().expect("a text")).expect("base64url")
}

/// The beginning of a CBOR item: its kind, and its length or number.
fn head(kind: u8, number: usize) -> Vec<u8> {
    match u8::try_from(number) {
        Ok(small @ ..24) => vec![kind << 5 | small],
        Ok(byte) => vec![kind << 5 | 24, byte],
        Err(_) => [&[kind << 5 | 25][..], &u16::try_from(number).expect("short").to_be_bytes()].concat(),
    }
}

/// A number.
pub fn cbor_number(number: i64) -> Vec<u8> {
    let size = |number: i64| usize::try_from(number).expect("a size");
    if number < 0 { head(1, size(-1 - number)) } else { head(0, size(number)) }
}

/// Bytes.
pub fn cbor_bytes(bytes: &[u8]) -> Vec<u8> {
    [&head(2, bytes.len()), bytes].concat()
}

/// A text.
pub fn cbor_text(text: &str) -> Vec<u8> {
    [&head(3, text.len()), text.as_bytes()].concat()
}

/// A map of items that are written already.
pub fn cbor_map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut map = head(5, entries.len());
    entries.iter().for_each(|(key, value)| map.extend(key.iter().chain(value)));
    map
}

/// Which signatures a device makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// ECDSA over P-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA, PKCS #1.
    Rs256,
}

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

impl Key {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => {
                Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"))
            }
            Algorithm::EdDsa => Self::EdDsa(Ed25519KeyPair::generate().expect("a key")),
            Algorithm::Rs256 => Self::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
        }
    }

    fn public(&self) -> Vec<u8> {
        let entry = |label, value| (cbor_number(label), value);
        let number = |label, value| entry(label, cbor_number(value));
        cbor_map(&match self {
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (cbor_bytes(&point[1..33]), cbor_bytes(&point[33..]));
                vec![number(1, 2), number(3, -7), number(-1, 1), entry(-2, x), entry(-3, y)]
            }
            Self::EdDsa(pair) => {
                let x = cbor_bytes(pair.public_key().as_ref());
                vec![number(1, 1), number(3, -8), number(-1, 6), entry(-2, x)]
            }
            Self::Rs256(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                let n = cbor_bytes(n.big_endian_without_leading_zero());
                let e = cbor_bytes(e.big_endian_without_leading_zero());
                vec![number(1, 3), number(3, -257), entry(-1, n), entry(-2, e)]
            }
        })
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair.sign(&random, message).expect("signed").as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signed");
                signature
            }
        }
    }
}

struct Held {
    id: Vec<u8>,
    key: Key,
    user_handle: Vec<u8>,
    count: u32,
}

/// A device with passkeys, at a page of `origin`.
pub struct PasskeyDevice {
    algorithm: Algorithm,
    /// Where its browser is.
    origin: String,
    held: Vec<Held>,
    /// Whether it counts what it signs.
    pub counts: bool,
    /// What it says of its owner and its passkeys.
    pub flags: u8,
}

/// What a browser and a device say; a test changes it to lie.
pub struct Says {
    /// What the browser was asked.
    pub kind: &'static str,
    /// By which page.
    pub origin: String,
    /// With which challenge.
    pub challenge: String,
    /// What else the browser says.
    pub more: Vec<(&'static str, Value)>,
    /// For whom the device answers.
    pub rp_id: String,
    /// What it says of its owner and its passkey.
    pub flags: u8,
    /// How often it has signed.
    pub count: u32,
    /// The passkey's id.
    pub id: Vec<u8>,
    /// Whose it is.
    pub user_handle: Option<Vec<u8>>,
    /// The public key of a new one.
    pub public_key: Vec<u8>,
    /// What follows the device's data.
    pub tail: Vec<u8>,
    /// What it says of its make: the format, and whether it signs with the new key.
    pub format: &'static str,
    /// Whether its statement is signed by the new key.
    pub self_signed: bool,
}

impl Says {
    fn client_data(&self) -> Vec<u8> {
        let mut data = json!({
            "type": self.kind, "challenge": self.challenge, "origin": self.origin, "crossOrigin": false,
        });
        for (name, value) in &self.more {
            data[*name] = value.clone();
        }
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, made: bool) -> Vec<u8> {
        let mut data = digest(&SHA256, self.rp_id.as_bytes()).as_ref().to_vec();
        data.push(self.flags | if made { ATTESTED } else { 0 });
        data.extend(self.count.to_be_bytes());
        if made {
            data.extend([0; 16]);
            data.extend(u16::try_from(self.id.len()).expect("short").to_be_bytes());
            data.extend(&self.id);
            data.extend(&self.public_key);
        }
        data.extend(&self.tail);
        data
    }
}

impl PasskeyDevice {
    /// One without passkeys that knows its owner.
    pub fn new(algorithm: Algorithm, origin: &str) -> Self {
        let flags = PRESENT | VERIFIED | ELIGIBLE | BACKED_UP;
        Self { algorithm, origin: origin.to_owned(), held: Vec::new(), counts: true, flags }
    }

    fn says(&self, kind: &'static str, options: &Value) -> Says {
        Says {
            kind,
            origin: self.origin.clone(),
            challenge: options["challenge"].as_str().expect("a challenge").to_owned(),
            more: Vec::new(),
            rp_id: String::new(),
            flags: self.flags,
            count: 0,
            id: Vec::new(),
            user_handle: None,
            public_key: Vec::new(),
            tail: Vec::new(),
            format: "none",
            self_signed: false,
        }
    }

    /// Makes a passkey as a page asks.
    pub fn create(&mut self, options: &Value) -> Value {
        self.create_lying(options, |_| {})
    }

    /// Makes one, and says something else about it.
    pub fn create_lying(&mut self, options: &Value, lie: impl FnOnce(&mut Says)) -> Value {
        let kinds = options["pubKeyCredParams"].as_array().expect("algorithms");
        let number = match self.algorithm {
            Algorithm::Es256 => -7,
            Algorithm::EdDsa => -8,
            Algorithm::Rs256 => -257,
        };
        assert!(kinds.iter().any(|kind| kind["alg"] == number), "{options}");
        let held = |excluded: &Value| self.held.iter().any(|held| held.id == bytes(&excluded["id"]));
        let excluded = options["excludeCredentials"].as_array().expect("a list");
        assert!(!excluded.iter().any(held), "a browser would refuse to make another one");
        let (key, user_handle) = (Key::new(self.algorithm), bytes(&options["user"]["id"]));
        let mut id = vec![0; 32];
        aws_lc_rs::rand::fill(&mut id).expect("random bytes");
        let mut says = self.says("webauthn.create", options);
        says.rp_id = options["rp"]["id"].as_str().expect("an id").to_owned();
        says.id.clone_from(&id);
        says.public_key = key.public();
        self.held.push(Held { id, key, user_handle, count: 0 });
        lie(&mut says);
        let (client, data) = (says.client_data(), says.authenticator_data(true));
        let mut statement = Vec::new();
        if says.self_signed {
            let key = &self.held.last().expect("the new one").key;
            let signature = key.sign(&[&*data, digest(&SHA256, &client).as_ref()].concat());
            statement.push((cbor_text("alg"), cbor_number(number)));
            statement.push((cbor_text("sig"), cbor_bytes(&signature)));
        }
        let attestation = cbor_map(&[
            (cbor_text("fmt"), cbor_text(says.format)),
            (cbor_text("attStmt"), cbor_map(&statement)),
            (cbor_text("authData"), cbor_bytes(&data)),
        ]);
        json!({
            "id": base64url(&says.id), "type": "public-key",
            "response": { "clientDataJSON": base64url(client), "attestationObject": base64url(attestation) },
        })
    }

    /// Uses the newest passkey that a page takes.
    pub fn get(&mut self, options: &Value) -> Value {
        self.get_lying(options, |_| {})
    }

    /// Uses one, and says something else about it.
    pub fn get_lying(&mut self, options: &Value, lie: impl FnOnce(&mut Says)) -> Value {
        let allowed: Vec<Vec<u8>> = options["allowCredentials"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|allowed| bytes(&allowed["id"]))
            .collect();
        let mut says = self.says("webauthn.get", options);
        let fits = |held: &&mut Held| allowed.is_empty() || allowed.contains(&held.id);
        let held = self.held.iter_mut().rfind(fits).expect("a passkey for this page");
        if self.counts {
            held.count += 1;
        }
        says.rp_id = options["rpId"].as_str().expect("an id").to_owned();
        (says.id, says.count) = (held.id.clone(), held.count);
        says.user_handle = Some(held.user_handle.clone());
        lie(&mut says);
        let (client, data) = (says.client_data(), says.authenticator_data(false));
        let signature = held.key.sign(&[&*data, digest(&SHA256, &client).as_ref()].concat());
        json!({
            "id": base64url(&says.id), "type": "public-key",
            "response": {
                "clientDataJSON": base64url(client), "authenticatorData": base64url(data),
                "signature": base64url(signature), "userHandle": says.user_handle.map(base64url),
            },
        })
    }
}

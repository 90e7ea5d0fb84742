//! Web Authentication (level 3): what browsers say about passkeys, and whether it is true. Registration is section 7.1
//! of the specification, authentication section 7.2. Who issued the challenge, and to whom the passkey belongs, is
//! for the callers.

mod cbor;
pub mod cose;
mod data;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use minicbor::Decoder;
use serde_json::Value;
use url::{Host, Url};

use self::{cose::PublicKey, data::AuthenticatorData};

/// Why something is not believed; for the log, not for whoever tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal(pub &'static str);

/// For whom passkeys are: this server, as browsers know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RelyingParty {
    /// The host.
    pub id: String,
    /// Where its pages are.
    pub origin: String,
}

impl RelyingParty {
    /// The one at a URL, if there can be one: it takes a name, for an address is no relying party, and https, but
    /// on the machine itself.
    pub fn at(public_url: &str) -> Option<Self> {
        let url = Url::parse(public_url).ok()?;
        let Some(Host::Domain(host)) = url.host() else { return None };
        let local = host == "localhost" || host.ends_with(".localhost");
        let secure = url.scheme() == "https" || local && url.scheme() == "http";
        secure.then(|| Self { id: host.to_owned(), origin: url.origin().ascii_serialization() })
    }

    fn hash(&self) -> impl AsRef<[u8]> {
        digest(&SHA256, self.id.as_bytes())
    }
}

/// What a browser was asked to do.
#[derive(Clone, Copy)]
enum Ceremony {
    Create,
    Get,
}

/// What the browser itself says: what it was asked, by whom, with which challenge.
struct ClientData {
    bytes: Vec<u8>,
    says: Value,
    challenge: Vec<u8>,
}

impl ClientData {
    fn read(response: &Value) -> Result<Self, Refusal> {
        let bytes = bytes_of(&response["clientDataJSON"]).ok_or(Refusal("there is no client data"))?;
        let says = kernel::json::parse(&bytes).map_err(|_| Refusal("the client data is no JSON"))?;
        let challenge = bytes_of(&says["challenge"]).ok_or(Refusal("there is no challenge"))?;
        Ok(Self { bytes, says, challenge })
    }

    fn check(&self, party: &RelyingParty, ceremony: Ceremony) -> Result<(), Refusal> {
        let says = &self.says;
        let wanted = match ceremony {
            Ceremony::Create => "webauthn.create",
            Ceremony::Get => "webauthn.get",
        };
        if says["type"] != wanted {
            return Err(Refusal("the browser was asked for something else"));
        }
        if says["origin"] != *party.origin {
            return Err(Refusal("a page of another origin asked"));
        }
        if says["crossOrigin"] == true || !says["topOrigin"].is_null() {
            return Err(Refusal("a page inside another one asked"));
        }
        Ok(())
    }

    fn hash(&self) -> impl AsRef<[u8]> {
        digest(&SHA256, &self.bytes)
    }
}

fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(value.as_str()?).ok()
}

/// The id and the members of a browser's answer (`PublicKeyCredential.toJSON()`).
fn answer(text: &str) -> Result<(Vec<u8>, Value), Refusal> {
    let mut answer = kernel::json::parse(text.as_bytes()).map_err(|_| Refusal("the answer is no JSON"))?;
    if answer["type"] != "public-key" {
        return Err(Refusal("the answer is of another type"));
    }
    let id = bytes_of(&answer["id"]).ok_or(Refusal("the answer has no id"))?;
    Ok((id, answer["response"].take()))
}

/// Checks what both kinds of answers have: for whom, and in whose presence.
fn check(data: &AuthenticatorData<'_>, party: &RelyingParty) -> Result<(), Refusal> {
    if data.rp_id_hash != party.hash().as_ref() {
        return Err(Refusal("it is for another relying party"));
    }
    if !data.present() {
        return Err(Refusal("nobody was there"));
    }
    Ok(())
}

/// The answer to making a passkey.
pub struct Registration {
    id: Vec<u8>,
    client: ClientData,
    attestation: Vec<u8>,
}

/// A passkey that was made.
#[derive(Debug)]
pub struct Made {
    /// Its id.
    pub credential_id: Vec<u8>,
    /// Its public key.
    pub public_key: Vec<u8>,
    /// How often it has signed.
    pub sign_count: u32,
    /// Whether it may be backed up.
    pub eligible: bool,
}

impl Registration {
    /// Reads what a browser sent.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let (id, response) = answer(text)?;
        let attestation = bytes_of(&response["attestationObject"]);
        let attestation = attestation.ok_or(Refusal("there is no attestation object"))?;
        Ok(Self { id, client: ClientData::read(&response)?, attestation })
    }

    /// What was answered to.
    pub fn challenge(&self) -> &[u8] {
        &self.client.challenge
    }

    /// Checks it. Nobody is asked which make the authenticator is, so its statement is empty, or its new key's
    /// own signature, which browsers leave in place.
    pub fn check(&self, party: &RelyingParty) -> Result<Made, Refusal> {
        const MALFORMED: Refusal = Refusal("the attestation object is malformed");
        self.client.check(party, Ceremony::Create)?;
        let (mut format, mut statement, mut authenticator) = (None, None, None);
        let mut reader = Decoder::new(&self.attestation);
        cbor::map(&mut reader, |name: &str, reader| {
            match name {
                "fmt" => format = Some(reader.str().ok()?),
                "attStmt" => statement = Some(Statement::read(reader)?),
                "authData" => authenticator = Some(reader.bytes().ok()?),
                _ => return None,
            }
            Some(())
        })
        .ok_or(MALFORMED)?;
        let (Some(format), Some(statement), Some(authenticator)) = (format, statement, authenticator) else {
            return Err(MALFORMED);
        };
        if reader.position() != self.attestation.len() {
            return Err(MALFORMED);
        }
        let data =
            AuthenticatorData::read(authenticator).ok_or(Refusal("the authenticator data is malformed"))?;
        check(&data, party)?;
        let made = data.made.as_ref().ok_or(Refusal("no passkey was made"))?;
        if made.credential_id != self.id {
            return Err(Refusal("another passkey was made"));
        }
        let signed = || [authenticator, self.client.hash().as_ref()].concat();
        let believed = match (format, statement) {
            ("none", Statement { algorithm: None, signature: None }) => true,
            ("packed", Statement { algorithm: Some(algorithm), signature: Some(signature) }) => {
                algorithm == made.key.algorithm && made.key.verifies(&signed(), signature)
            }
            _ => false,
        };
        if !believed {
            return Err(Refusal("the attestation is not believed"));
        }
        Ok(Made {
            credential_id: self.id.clone(),
            public_key: made.public_key.to_vec(),
            sign_count: data.sign_count,
            eligible: data.eligible(),
        })
    }
}

/// What an authenticator adds about itself: nothing, or its new key's signature.
struct Statement<'a> {
    algorithm: Option<i64>,
    signature: Option<&'a [u8]>,
}

impl<'a> Statement<'a> {
    fn read(reader: &mut Decoder<'a>) -> Option<Self> {
        let mut statement = Self { algorithm: None, signature: None };
        cbor::map(reader, |name: &str, reader| {
            match name {
                "alg" => statement.algorithm = Some(reader.i64().ok()?),
                "sig" => statement.signature = Some(reader.bytes().ok()?),
                _ => return None,
            }
            Some(())
        })?;
        Some(statement)
    }
}

/// The answer to using a passkey.
pub struct Assertion {
    /// Which one.
    pub id: Vec<u8>,
    /// Whose, as the authenticator has it; it may leave that out where it was told which to use.
    pub user_handle: Option<Vec<u8>>,
    client: ClientData,
    authenticator: Vec<u8>,
    signature: Vec<u8>,
}

/// What an assertion is held against.
pub struct Known<'k> {
    /// The passkey's public key.
    pub public_key: &'k [u8],
    /// Whether it may be backed up, which does not change.
    pub eligible: bool,
    /// Whether its owner must have been recognized, and not just somebody been there.
    pub verification: bool,
}

impl Assertion {
    /// Reads what a browser sent.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let (id, response) = answer(text)?;
        let part = |name: &str| bytes_of(&response[name]).ok_or(Refusal("a part of the answer is missing"));
        let user_handle = match &response["userHandle"] {
            Value::Null => None,
            _ => Some(part("userHandle")?),
        };
        Ok(Self {
            id,
            user_handle,
            client: ClientData::read(&response)?,
            authenticator: part("authenticatorData")?,
            signature: part("signature")?,
        })
    }

    /// What was answered to.
    pub fn challenge(&self) -> &[u8] {
        &self.client.challenge
    }

    /// Checks it; how often the passkey has signed.
    pub fn check(&self, party: &RelyingParty, known: &Known<'_>) -> Result<u32, Refusal> {
        self.client.check(party, Ceremony::Get)?;
        let data = AuthenticatorData::read(&self.authenticator);
        let data = data.ok_or(Refusal("the authenticator data is malformed"))?;
        check(&data, party)?;
        if known.verification && !data.verified() {
            return Err(Refusal("its owner was not recognized"));
        }
        if data.eligible() != known.eligible {
            return Err(Refusal("whether it may be backed up has changed"));
        }
        let key = PublicKey::read(&mut Decoder::new(known.public_key));
        let key = key.ok_or(Refusal("the key that is kept is malformed"))?;
        let signed = [&*self.authenticator, self.client.hash().as_ref()].concat();
        if !key.verifies(&signed, &self.signature) {
            return Err(Refusal("the signature is wrong"));
        }
        Ok(data.sign_count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_names_that_browsers_trust_are_relying_parties() {
        let party = |url| RelyingParty::at(url).map(|party| (party.id, party.origin));
        for (url, id, origin) in [
            ("https://id.example.com", "id.example.com", "https://id.example.com"),
            ("https://ID.example.com:443/below", "id.example.com", "https://id.example.com"),
            ("https://id.example.com:8443", "id.example.com", "https://id.example.com:8443"),
            ("http://localhost:8080", "localhost", "http://localhost:8080"),
            ("http://acme.localhost:8080", "acme.localhost", "http://acme.localhost:8080"),
        ] {
            assert_eq!(party(url), Some((id.to_owned(), origin.to_owned())), "{url}");
        }
        for none in [
            "http://127.0.0.1:8080",
            "https://192.0.2.1",
            "https://[2001:db8::1]",
            "http://id.example.com",
            "http://localhost.example.com",
            "id.example.com",
            "",
        ] {
            assert_eq!(party(none), None, "{none}");
        }
    }

    /// An answer with this client data and these parts.
    fn answer(client: &[u8], parts: &[(&str, &[u8])]) -> String {
        let encode = |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut response = serde_json::json!({ "clientDataJSON": encode(client) });
        for (name, bytes) in parts {
            response[*name] = encode(bytes).into();
        }
        serde_json::json!({ "id": "AAAA", "type": "public-key", "response": response }).to_string()
    }

    proptest! {
        #[test]
        fn whatever_is_sent_does_not_panic(text: String, client: Vec<u8>, first: Vec<u8>, second: Vec<u8>) {
            let party = RelyingParty::at("https://id.example.com").unwrap();
            let good = br#"{"type":"webauthn.create","origin":"https://id.example.com","challenge":"AAAA"}"#;
            for text in [text, answer(&client, &[]), answer(good, &[("attestationObject", &first)])] {
                if let Ok(registration) = Registration::read(&text) {
                    prop_assert!(registration.check(&party).is_err());
                }
            }
            let good = br#"{"type":"webauthn.get","origin":"https://id.example.com","challenge":"AAAA"}"#;
            let text = answer(good, &[("authenticatorData", &first), ("signature", &second)]);
            let known = Known { public_key: &client, eligible: false, verification: false };
            prop_assert!(Assertion::read(&text).unwrap().check(&party, &known).is_err());
        }
    }
}

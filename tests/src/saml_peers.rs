//! SAML identity providers of two makes, and the answers that they give.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::{
    Browser, Client, node_peers,
    peers::{Peer, python},
};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Make {
    /// The npm package samlify, which signs by xml-crypto.
    Samlify,
    /// The Python package pysaml2, which signs by xmlsec1.
    Pysaml2,
}

/// A key and its certificate, in files that go with it.
pub struct KeyPair {
    folder: PathBuf,
}

impl KeyPair {
    /// A new RSA pair, as SAML providers have.
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key");
        let parameters = rcgen::CertificateParams::new(vec!["idp.test".to_owned()]).expect("parameters");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("latchkey_saml_{}_{number}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let pair = Self { folder };
        std::fs::write(pair.key(), key.serialize_pem()).expect("written");
        std::fs::write(pair.certificate(), certificate.pem()).expect("written");
        pair
    }

    /// Where the key is.
    pub fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    /// Where the certificate is.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }
}

impl Default for KeyPair {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for KeyPair {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A SAML identity provider.
pub struct SamlProvider {
    _peer: Peer,
    _pair: KeyPair,
    /// Where it is.
    pub address: String,
}

impl SamlProvider {
    /// Starts one; `None` where it cannot run.
    pub fn start(make: Make) -> Option<Self> {
        let pair = KeyPair::new();
        let mut command = match make {
            Make::Samlify => {
                let mut command = Command::new("node");
                command.current_dir(node_peers()?).arg("saml.mjs");
                command
            }
            Make::Pysaml2 => {
                let mut command = Command::new(python()?);
                command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/saml_idp.py"));
                command
            }
        };
        command.arg(pair.key()).arg(pair.certificate()).stderr(Stdio::inherit());
        let mut peer = Peer::start(&mut command);
        let address = peer.line().trim().to_owned();
        assert!(address.starts_with("http"), "the provider did not start");
        Some(Self { _peer: peer, _pair: pair, address })
    }

    fn client(&self) -> Client {
        Client::new(&*self.address).unchecked()
    }

    /// Its metadata.
    pub async fn metadata(&self) -> String {
        let answer = self.client().get("/metadata").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text
    }

    /// Changes it; see its script for what can be changed.
    pub async fn tell(&self, what: Value) {
        self.client().post("/__test", what).await.expect(200);
    }
}

/// An answer that a browser is about to send on.
#[derive(Clone)]
pub struct SamlAnswer {
    /// Where to.
    pub path: String,
    /// Which sign-in it answers.
    pub relay_state: String,
    /// What it says.
    pub xml: String,
}

impl SamlAnswer {
    /// Reads it off the page of a provider.
    #[track_caller]
    pub fn on(browser: &Browser) -> Self {
        let page = &browser.page;
        let value = |name: &str| {
            let field = page.split("<input").find(|input| input.contains(&format!("name=\"{name}\"")));
            let value = field.and_then(|field| field.split("value=\"").nth(1)?.split('"').next());
            value
                .unwrap_or_else(|| panic!("no {name} at {}{}: {page}", browser.site, browser.path))
                .to_owned()
        };
        let action = page
            .split("action=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_else(|| panic!("no form: {page}"));
        let path = action.replace("&#x2F;", "/").replace(crate::PUBLIC_URL, "");
        let xml = BASE64_STANDARD.decode(value("SAMLResponse")).expect("base64");
        Self { path, relay_state: value("RelayState"), xml: String::from_utf8(xml).expect("text") }
    }

    /// Lets the browser send it on.
    pub async fn send<'b>(&self, browser: &'b mut Browser) -> &'b mut Browser {
        let response = BASE64_STANDARD.encode(&self.xml);
        let fields = [("SAMLResponse", response.as_str()), ("RelayState", self.relay_state.as_str())];
        browser.post_from_elsewhere(&self.path, &fields).await
    }
}

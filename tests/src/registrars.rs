//! Places where clients are registered, and what is told of them: real servers, and fakes of what runs nowhere here.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use appauth::{
    application_registrations::{Stored as Registration, store::registration_insert, targets::OfVersion},
    applications::keys::{self, Key, store::key_insert},
    clients::{Registered, State, store::client_insert},
    dcr_providers::{OpenProvider, config::DcrConfig},
    registration::{Context, Registrar, Settings, Wanted},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use frame::{
    db::OrgScope,
    outbound::{Allowed, Outbound},
    runtime::{SystemClock, SystemEntropy},
    telemetry::Calls,
};
use http::Method;
use kernel::{ApplicationId, DcrProviderId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Answer, Client, PUBLIC_URL, TestApp, lasting::Lasting, node_peers, python};

/// What forms leave as it is.
const KEPT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A certificate for this machine, of an authority of its own, in files that go with it.
pub struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    /// A new one.
    pub fn new() -> Self {
        let key = || rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key");
        let parameters = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            rcgen::CertificateParams::new(names).expect("parameters")
        };
        let mut authority = parameters(&[]);
        // Whoever verifies it takes a certificate that names itself as its issuer for one without an authority.
        authority.distinguished_name.push(rcgen::DnType::CommonName, "Authority of a test");
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = rcgen::CertifiedIssuer::self_signed(authority, key()).expect("an authority");
        let own = key();
        let certificate =
            parameters(&["localhost", "127.0.0.1"]).signed_by(&own, &authority).expect("signed");
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("latchkey_tls_{}_{number}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let made = Self { folder };
        std::fs::write(made.key(), own.serialize_pem()).expect("written");
        std::fs::write(made.certificate(), certificate.pem()).expect("written");
        std::fs::write(made.authority(), authority.pem()).expect("written");
        made
    }

    /// Where the key is.
    pub fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    /// Where the certificate is.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    /// Where the certificate of its authority is.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Where a fake of it keeps what it has.
    fn storage(&self) -> PathBuf {
        self.folder.join("storage.json")
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A place where clients are registered.
pub struct Registry {
    _peer: Lasting,
    certificate: Certificate,
    /// Where it is.
    pub base: String,
    /// A caller of it, in clear: what it has is asked here.
    pub client: Client,
    /// Its administrator's cookie, if it has one.
    cookie: String,
}

impl Registry {
    /// The npm package oidc-provider, with registration; `None` where it cannot run.
    pub fn oidc_provider() -> Option<Self> {
        Some(Self::node("dcr_oidc.mjs", &node_peers()?))
    }

    /// Glewlwyd, set up as Curity would be; `None` where it cannot run.
    pub fn glewlwyd() -> Option<Self> {
        let there = Path::new("/usr/bin/glewlwyd").exists();
        let mut command = Command::new(python().filter(|_| there)?);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/glewlwyd.py"));
        Some(Self::run(command))
    }

    /// A fake of this name; `None` where it cannot run.
    pub fn fake(name: &str) -> Option<Self> {
        Some(Self::node(&format!("dcr_{name}.mjs"), &node_peers()?))
    }

    /// A fake of a gateway's Admin API; `None` where it cannot run.
    pub fn gateway() -> Option<Self> {
        Some(Self::node("kong_admin.mjs", &node_peers()?))
    }

    fn node(script: &str, folder: &Path) -> Self {
        let mut command = Command::new("node");
        command.current_dir(folder).arg(script);
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let certificate = Certificate::new();
        command.arg(certificate.key()).arg(certificate.certificate()).arg(certificate.storage());
        command.stderr(Stdio::inherit());
        let (peer, line) = Lasting::start(command);
        let mut words = line.split_whitespace();
        let base = words.next().expect("an address").to_owned();
        let second = words.next().unwrap_or_default();
        // What is asked of a peer is asked below its origin.
        let origin = base.split("/api").next().unwrap_or_default();
        let plain = if second.starts_with("http") { second } else { origin };
        let client = Client::new(plain).unchecked();
        Self { _peer: peer, certificate, client, cookie: second.to_owned(), base }
    }

    /// The authority that its certificate is of.
    pub fn authority(&self) -> PathBuf {
        self.certificate.authority()
    }

    /// What reaches it, waiting so long for each answer.
    pub fn registrar_waiting(&self, timeout: Duration) -> Registrar {
        let allowed = Allowed {
            http: true,
            networks: vec!["127.0.0.0/8".parse().expect("a network")],
            authorities: Some(std::fs::read(self.authority()).expect("its authority")),
        };
        let outbound = Outbound::new(allowed, Calls::default()).expect("a client");
        let settings = Settings { azure_login: self.base.clone(), azure_graph: self.base.clone(), timeout };
        let (wall, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        Registrar::new(&outbound, settings, PUBLIC_URL.to_owned(), wall, entropy)
    }

    /// What reaches it.
    pub fn registrar(&self) -> Registrar {
        self.registrar_waiting(Duration::from_secs(10))
    }

    /// It, as a provider that is configured so, below its address.
    pub fn provider(&self, path: &str, config: DcrConfig) -> OpenProvider {
        OpenProvider {
            id: DcrProviderId::from_uuid(Uuid::from_u128(7)),
            issuer: format!("{}{path}", self.base),
            config,
        }
    }

    /// What it has.
    pub async fn state(&self) -> Value {
        self.ask(Method::GET, Value::Null).await
    }

    /// Asks it beside what a provider is asked, as soon as it runs: it may have been killed.
    async fn ask(&self, method: Method, what: Value) -> Value {
        for _ in 0..200 {
            if let Some(answer) = self.client.attempt(method.clone(), "/__test", what.clone()).await {
                return answer.expect(200);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the peer is gone");
    }

    /// Its clients.
    pub async fn clients(&self) -> Vec<Value> {
        self.state().await["clients"].as_array().expect("clients").clone()
    }

    /// Changes it; see its script for what can be changed.
    pub async fn tell(&self, what: Value) -> Value {
        self.ask(Method::POST, what).await
    }

    /// Lets a request go wrong.
    pub async fn trouble(&self, method: &str, path: &str, mut how: Value) {
        how["method"] = method.into();
        how["path"] = path.into();
        self.tell(json!({ "trouble": [how], "forget": true })).await;
    }

    /// The requests to a path, since it was told to forget.
    pub async fn seen(&self, method: &str, path: &str) -> Vec<Value> {
        let state = self.state().await;
        let seen = state["seen"].as_array().expect("requests");
        seen.iter().filter(|one| one["method"] == method && one["path"] == path).cloned().collect()
    }

    /// What it answers to a request of its administrator.
    pub async fn as_administrator(&self, path: &str) -> Answer {
        self.client.send(Method::GET, path, &[("cookie", &self.cookie)], Vec::new()).await
    }

    /// Whether it hands out a token to a client with this secret.
    pub async fn lets_in(&self, path: &str, id: &str, secret: &str, more: &str) -> bool {
        // As forms encode (RFC 6749 section 2.3.1).
        let encode = |text: &str| percent_encoding::utf8_percent_encode(text, KEPT).to_string();
        let basic = BASE64_STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
        let headers = [
            ("authorization", &*format!("Basic {basic}")),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let form = format!("grant_type=client_credentials{more}");
        self.client.send(Method::POST, path, &headers, form.into_bytes()).await.status == 200
    }

    /// The same, where clients prove themselves in the form.
    pub async fn lets_in_by_form(&self, path: &str, id: &str, secret: &str, more: &[(&str, &str)]) -> bool {
        let mut fields =
            vec![("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        fields.extend_from_slice(more);
        self.client.form(path, &fields).await.status == 200
    }

    /// Runs a vendor's client against it, and reads what that saw.
    pub fn driven_by(&self, script: &str, arguments: &[&str]) -> Value {
        let mut command = Command::new("node");
        command.current_dir(node_peers().expect("peers")).arg(script).arg(&self.base).args(arguments);
        command.env("NODE_EXTRA_CA_CERTS", self.authority());
        let output = command.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&said)
            .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// A client of an application, as somebody could want it.
pub fn wanted(name: &str) -> Wanted {
    let id = |n: u128| Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + n);
    let number = u128::from(NEXT.fetch_add(1, Ordering::SeqCst));
    Wanted {
        application: id(100 + number),
        name: name.to_owned(),
        description: "What it is for".to_owned(),
        redirect_uris: vec!["https://app.test/callback".to_owned()],
        auth_methods: vec!["client_credentials".to_owned(), "bearer".to_owned()],
        scopes: Vec::new(),
        chosen_scopes: Vec::new(),
        audience: None,
        secret_in_form: false,
        context: Context { organization: id(1), portal: id(2), owner: id(3), strategy: id(4) },
    }
}

/// Notes a client of a provider of which nobody knows whether it was made; its application's id. A real one takes
/// a provider that answers nobody.
pub async fn unconfirmed_client(app: &TestApp, provider: DcrProviderId, name: &str) -> String {
    let mut wanted = wanted(name);
    wanted.application = app.app.new_id::<()>(app.org).uuid();
    wanted.context.organization = app.org.uuid();
    let mut client = Registered::intended(&app.app, provider, wanted).expect("an intent");
    client.state = State::CreationUnconfirmed;
    client.client_id = Some(name.to_owned());
    client.due_at = None;
    let session = app.app.db.write();
    let db = OrgScope::new(session.clone(), app.org);
    client_insert(&db, &client).await.expect("it is kept");
    session.commit().await.expect("it is kept");
    client.id.to_string()
}

/// Makes a key of an application, as its developer would; its id.
pub async fn key_of(app: &TestApp, application: &str, name: &str) -> String {
    let id: ApplicationId = application.parse().expect("an application");
    let key = Key {
        id: app.app.new_id(app.org),
        application_id: id,
        display_name: name.to_owned(),
        created_at: app.app.clock.now(app.org),
        expires_at: None,
    };
    let session = app.app.db.write();
    let db = OrgScope::new(session.clone(), app.org);
    key_insert(&db, &key, &keys::hash(&app.app, name), None).await.expect("it is kept");
    session.commit().await.expect("it is kept");
    key.id.to_string()
}

/// Registers an application for a version of a product, as its developer would; the registration's id.
pub async fn registration_of(app: &TestApp, portal: &str, application: &str, version: &str) -> String {
    let now = app.app.clock.now(app.org);
    let it = Registration {
        id: app.app.new_id(app.org),
        status: "pending".to_owned(),
        portal_id: portal.parse().expect("a portal"),
        application_id: application.parse().expect("an application"),
        application_name: String::new(),
        scopes: Vec::new(),
        target: OfVersion {
            id: version.parse().expect("a version"),
            name: String::new(),
            product_id: app.app.new_id(app.org),
            product_name: String::new(),
        },
        created_at: now,
        updated_at: now,
    };
    let session = app.app.db.write();
    let db = OrgScope::new(session.clone(), app.org);
    registration_insert(&db, &it).await.expect("it is kept");
    session.commit().await.expect("it is kept");
    it.id.to_string()
}

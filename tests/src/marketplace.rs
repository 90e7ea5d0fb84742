//! AWS Marketplace for tests: a server of others, and a stand-in for tests that go through all operations.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    process::{Command, Stdio},
};

use axum::{Router, routing::post};
use serde_json::json;

use crate::{Client, peers::Peer};

/// The access key that tests have with AWS: its id and its secret.
pub const AWS_KEY: (&str, &str) = ("AKIDLATCHKEYTEST", "a-secret-access-key-of-nobody");

/// The region that tests sell in.
const REGION: &str = "us-east-1";

/// The settings that lead to the service at a URL.
fn leading_to(url: &str) -> [(&'static str, &str); 2] {
    [("AWS_MARKETPLACE_REGION", REGION), ("AWS_MARKETPLACE_ENDPOINT", url)]
}

/// AWS Marketplace: the Python package moto, with ResolveCustomer added by hand. `peers/marketplace.py` has the
/// tokens that it knows.
pub struct Marketplace {
    _peer: Peer,
    url: String,
}

impl Marketplace {
    /// Starts it.
    pub fn start(python: &Path) -> Self {
        let mut command = Command::new(python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/marketplace.py"));
        command.args([REGION, AWS_KEY.0, AWS_KEY.1]).stderr(Stdio::inherit());
        let mut peer = Peer::start(&mut command);
        let url = peer.line().trim().to_owned();
        assert!(url.starts_with("http"), "the marketplace did not start");
        Self { _peer: peer, url }
    }

    /// The settings that lead to it.
    pub fn settings(&self) -> [(&'static str, &str); 2] {
        leading_to(&self.url)
    }

    /// The tokens that it was asked about, in order.
    pub async fn asked(&self) -> Vec<String> {
        let asked = Client::new(&*self.url).unchecked().get("/__test").await.expect(200);
        serde_json::from_value(asked).expect("a list of texts")
    }
}

/// Something that takes every token for a customer of its own. It is written by hand, and looks at nothing else.
pub struct Resolver {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Resolver {
    /// Serves it.
    pub async fn serve() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let answer = |body: String| async move {
            // One token, one account.
            let mut hasher = DefaultHasher::new();
            body.hash(&mut hasher);
            let account = format!("{:012}", hasher.finish() % 1_000_000_000_000);
            json!({ "CustomerAWSAccountId": account, "ProductCode": "product" }).to_string()
        };
        let service = Router::new().route("/", post(answer));
        let task = tokio::spawn(async move { axum::serve(listener, service).await.expect("it serves") });
        Self { url, task }
    }

    /// The settings that lead to it.
    pub fn settings(&self) -> [(&'static str, &str); 2] {
        leading_to(&self.url)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

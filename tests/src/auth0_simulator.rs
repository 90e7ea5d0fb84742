//! A tenant of Auth0: the npm package @simulacrum/auth0-simulator.

use std::{path::Path, process::Command};

use frame::{
    outbound::{Allowed, Outbound, read_json},
    telemetry::Calls,
};
use serde_json::{Value, json};

use crate::{Certificate, peers::Peer};

/// A tenant, whose people are Ann and Bob.
pub struct Auth0Simulator {
    _peer: Peer,
    certificate: Certificate,
    outbound: Outbound,
    /// Its issuer, with its slash.
    pub issuer: String,
}

impl Auth0Simulator {
    /// Starts one.
    pub fn start(folder: &Path) -> Self {
        let certificate = Certificate::new();
        let mut command = Command::new("node");
        command.current_dir(folder).arg("auth0_simulator.mjs");
        command.arg(certificate.key()).arg(certificate.certificate());
        let mut peer = Peer::start(&mut command);
        let issuer = loop {
            let line = peer.line();
            assert!(!line.is_empty(), "the tenant did not start");
            if line.starts_with("http") {
                break line.trim().to_owned();
            }
        };
        let allowed = Allowed {
            http: false,
            networks: vec!["127.0.0.0/8".parse().expect("a network")],
            authorities: Some(std::fs::read(certificate.authority()).expect("its authority")),
        };
        let outbound = Outbound::new(allowed, Calls::default()).expect("a client");
        Self { _peer: peer, certificate, outbound, issuer }
    }

    /// The authority that its certificate is of.
    pub fn authority(&self) -> std::path::PathBuf {
        self.certificate.authority()
    }

    /// What its token endpoint answers.
    pub async fn tokens(&self, asked: &Value) -> Value {
        let request = self.outbound.post(&format!("{}oauth/token", self.issuer)).expect("an address");
        read_json(request.json(asked)).await.expect("tokens")
    }

    /// What somebody gets who signs in with a password, for this audience, by this client.
    pub async fn sign_in(&self, email: &str, audience: &str, client: &str) -> Value {
        let asked = json!({
            "grant_type": "password", "username": email, "password": "Correct-Horse-7", "audience": audience,
            "client_id": client,
        });
        self.tokens(&asked).await
    }
}

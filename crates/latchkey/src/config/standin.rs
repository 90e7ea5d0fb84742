//! What is set about encryption and about the stand-in.

use std::{net::SocketAddr, path::PathBuf};

use super::{Origin, Sources};
use frame::db::DatabaseUrl;

/// How connections are encrypted.
pub enum Tls {
    /// With these files: a chain of certificates and the key of the first, in PEM.
    Files(PathBuf, PathBuf),
    /// With a certificate made at the start.
    SelfSigned,
}

/// What is set about the stand-in.
pub struct StandIn {
    /// Where its proxy listens.
    pub proxy: SocketAddr,
    /// What it begins with.
    pub seed: Option<PathBuf>,
    /// The published document whose literal role descriptions it takes.
    pub roles: Option<PathBuf>,
    /// The number that ids and secrets follow from.
    pub random: Option<u64>,
    /// The fault profile that is in force from the start: the name of one that comes with the program, or a file.
    pub faults: Option<String>,
}

impl Sources {
    /// How connections are encrypted, if they are.
    pub(super) fn tls(&mut self) -> Option<Tls> {
        let certificate = self.read("tls-cert", |text| Ok(PathBuf::from(text)));
        let key = self.read("tls-key", |text| Ok(PathBuf::from(text)));
        let self_signed = self.boolean("tls-self-signed").unwrap_or(false);
        match (certificate, key) {
            (Some(certificate), Some(key)) if !self_signed => Some(Tls::Files(certificate, key)),
            (None, None) => self_signed.then_some(Tls::SelfSigned),
            (Some(_), Some(_)) => {
                self.faults.push("tls-self-signed cannot go with tls-cert and tls-key".to_owned());
                None
            }
            _ => {
                self.faults.push("tls-cert and tls-key are only good together".to_owned());
                None
            }
        }
    }

    /// The stand-in, if this is one.
    pub(super) fn standin(&mut self) -> Option<StandIn> {
        let proxy =
            self.read("stand-in-proxy", |text| text.parse().map_err(|_| "must be ADDRESS:PORT".to_owned()));
        let seed = self.read("stand-in-seed", |text| Ok(PathBuf::from(text)));
        let roles = self.read("stand-in-roles", |text| Ok(PathBuf::from(text)));
        let random = self
            .read("stand-in-random", |text| text.parse().map_err(|_| "must be a whole number".to_owned()));
        let faults = self.read("stand-in-faults", |text| Ok(text.to_owned()));
        if !self.boolean("stand-in").unwrap_or(false) {
            if seed.is_some() || roles.is_some() || random.is_some() || faults.is_some() {
                self.faults.push(
                    "stand-in-seed, stand-in-roles, stand-in-random and stand-in-faults are only good with stand-in"
                        .to_owned(),
                );
            }
            return None;
        }
        Some(StandIn { proxy: proxy?, seed, roles, random, faults })
    }

    /// Whether nobody set this.
    pub(super) fn is_unset(&self, name: &str) -> bool {
        self.get(name).origin == Origin::Default
    }
}

/// Where a stand-in's data is unless somebody says otherwise.
pub const DATABASE: DatabaseUrl = DatabaseUrl::SqliteMemory;

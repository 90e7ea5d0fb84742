//! A certificate authority for a day. It can speak for the names of the service's API and for nothing else: clients
//! that check name constraints (all do that matter) refuse whatever else it would sign. Its key never leaves the
//! memory of the process, and with the process it is gone.

use std::sync::Arc;

use kernel::{Duration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
};
use tokio_rustls::rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};

/// The domains under which the service's API is, one name below each.
pub const DOMAINS: [&str; 2] = ["api.konghq.com", "api.konghq.tech"];

/// Why there is no certificate.
pub type Fault = String;

/// The authority and what it has signed.
pub struct Authority {
    /// Its certificate, as PEM.
    pub certificate: String,
    /// How the proxy proves that it is one of the names.
    pub tls: Arc<ServerConfig>,
}

/// An authority for a set of domains, which signs nothing yet.
fn issuer(now: Timestamp) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Latchkey stand-in, for one day");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let everywhere = [CidrSubnet::V4([0; 4], [0; 4]), CidrSubnet::V6([0; 16], [0; 16])];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: DOMAINS
            .iter()
            .map(|domain| GeneralSubtree::DnsName((*domain).to_owned()))
            .collect(),
        // A constraint on names says nothing of addresses.
        excluded_subtrees: everywhere.into_iter().map(GeneralSubtree::IpAddress).collect(),
    });
    for_a_day(&mut params, now);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// A little before now, for clocks that are a little behind, to a day from now.
fn for_a_day(params: &mut CertificateParams, now: Timestamp) {
    let date = |at: Timestamp| {
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_micros(u64::try_from(at.micros()).unwrap_or(0))
    };
    params.not_before = date(now.minus(Duration::from_secs(600)));
    params.not_after = date(now.plus(Duration::from_secs(24 * 3600)));
}

/// A certificate for names, signed by an authority.
fn leaf(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    names: Vec<String>,
    now: Timestamp,
) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = named("Latchkey stand-in");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for_a_day(&mut params, now);
    Ok((params.signed_by(&key, issuer)?, key))
}

impl Authority {
    /// Makes an authority, and a certificate for every name that the proxy serves.
    pub fn new(now: Timestamp) -> Result<Self, Fault> {
        let fault = |error: rcgen::Error| format!("the stand-in's certificates cannot be made: {error}");
        let issuer = issuer(now).map_err(fault)?;
        let names = DOMAINS.iter().map(|domain| format!("*.{domain}")).collect();
        let (certificate, key) = leaf(&issuer, names, now).map_err(fault)?;
        Ok(Self { certificate: issuer.pem(), tls: server_config(vec![certificate.der().clone()], &key)? })
    }
}

/// A certificate that nobody has signed but itself, for the names under which a server is reached.
pub fn self_signed(names: Vec<String>, now: Timestamp) -> Result<Authority, Fault> {
    let fault = |error: rcgen::Error| format!("a certificate cannot be made: {error}");
    let key = KeyPair::generate().map_err(fault)?;
    let mut params = CertificateParams::new(names).map_err(fault)?;
    params.distinguished_name = named("Latchkey");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for_a_day(&mut params, now);
    params.not_after = params.not_before + std::time::Duration::from_secs(365 * 24 * 3600);
    let certificate = params.self_signed(&key).map_err(fault)?;
    Ok(Authority {
        certificate: certificate.pem(),
        tls: server_config(vec![certificate.der().clone()], &key)?,
    })
}

fn server_config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Result<Arc<ServerConfig>, Fault> {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    frame::listener::tls(chain, key.into())
}

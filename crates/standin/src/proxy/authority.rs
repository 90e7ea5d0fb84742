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

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, process::Command};

    use frame::runtime::SystemClock;
    use kernel::WallClock;

    use super::*;

    /// What OpenSSL says of a certificate for this name, signed by this authority.
    fn verified(
        directory: &Path,
        issuer: &CertifiedIssuer<'static, KeyPair>,
        name: &str,
    ) -> Result<(), String> {
        let now = WallClock::now(&SystemClock);
        let (certificate, _) = leaf(issuer, vec![name.to_owned()], now).expect("a certificate");
        let (ca, leaf) = (directory.join("ca.pem"), directory.join("leaf.pem"));
        fs::write(&ca, issuer.pem()).expect("a file");
        fs::write(&leaf, certificate.pem()).expect("a file");
        let output = Command::new("openssl")
            .args(["verify", "-purpose", "sslserver", "-CAfile"])
            .arg(&ca)
            .arg(&leaf)
            .output();
        let output = output.expect("OpenSSL is needed for this test: install `openssl`");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(()) } else { Err(said) }
    }

    #[test]
    fn openssl_takes_the_services_names_from_it_and_no_other() {
        let directory = std::env::temp_dir().join(format!("latchkey-authority-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let issuer = issuer(WallClock::now(&SystemClock)).expect("an authority");
        for good in ["global.api.konghq.com", "us.api.konghq.com", "*.api.konghq.com", "eu.api.konghq.tech"] {
            assert_eq!(verified(&directory, &issuer, good), Ok(()), "{good}");
        }
        for bad in [
            "example.com",
            "konghq.com",
            "cloud.konghq.com",
            "api.konghq.com.evil.test",
            "evilapi.konghq.com",
            "localhost",
        ] {
            let said = verified(&directory, &issuer, bad).expect_err(bad);
            assert!(said.contains("permitted subtree violation"), "{bad}: {said}");
        }
        for address in ["127.0.0.1", "::1", "10.0.0.1"] {
            let said = verified(&directory, &issuer, address).expect_err(address);
            assert!(said.contains("excluded subtree violation"), "{address}: {said}");
        }
        fs::remove_dir_all(&directory).expect("it goes");
    }

    #[test]
    fn it_is_good_for_a_day_and_signs_no_other_authority() {
        let directory = std::env::temp_dir().join(format!("latchkey-authority-day-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let file = directory.join("ca.pem");
        fs::write(
            &file,
            issuer("2030-01-01T12:00:00Z".parse().expect("a time")).expect("an authority").pem(),
        )
        .expect("a file");
        let text = Command::new("openssl")
            .args(["x509", "-noout", "-text", "-in"])
            .arg(&file)
            .output()
            .expect("OpenSSL");
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        for line in [
            "Not Before: Jan  1 11:50:00 2030 GMT",
            "Not After : Jan  2 12:00:00 2030 GMT",
            "CA:TRUE, pathlen:0",
            "X509v3 Name Constraints: critical",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        fs::remove_dir_all(&directory).expect("it goes");
    }
}

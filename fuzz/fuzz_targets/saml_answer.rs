//! Any text as a SAML answer: it is refused, since nothing here is signed with the provider's key.
#![no_main]

use std::sync::LazyLock;

use kernel::{IdentityProviderId, Timestamp};
use libfuzzer_sys::fuzz_target;
use saml_rs::{IdpDescriptor, MetadataTrustPolicy};
use signin::sso::{
    saml::{Here, Request},
    saml_keys::Pair,
};

static PROVIDER: LazyLock<IdentityProviderId> =
    LazyLock::new(|| "01a21b90-0000-7000-8000-000000000000".parse().expect("an id"));
static PAIR: LazyLock<Pair> = LazyLock::new(|| Pair::generate(*PROVIDER).expect("a key"));
static IDP: LazyLock<IdpDescriptor> = LazyLock::new(|| {
    let pair = Pair::generate(*PROVIDER).expect("a key");
    let certificate: String = pair.certificate.lines().filter(|line| !line.starts_with('-')).collect();
    let xml = format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"https://idp.test\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor use=\"signing\"><KeyInfo \
         xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data>\
         </KeyInfo></KeyDescriptor><SingleSignOnService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.test/sso\"/>\
         </IDPSSODescriptor></EntityDescriptor>"
    );
    IdpDescriptor::from_metadata_xml(&xml, MetadataTrustPolicy::UnsignedForCompatibility).expect("metadata")
});

fuzz_target!(|xml: &[u8]| {
    let here = Here { public_url: "https://id.test", provider: *PROVIDER, login_path: "acme", pair: &PAIR };
    let request = Request { id: "_request".to_owned(), entity_id: "https://idp.test".to_owned() };
    let response = signin::sso::saml::encoded(xml);
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    assert!(here.accept(&IDP, &request, "state", &response, now).is_err());
});

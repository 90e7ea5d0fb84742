//! What makes a SAML answer believable, without anything that has to be asked first.

use std::time::{Duration, SystemTime};

use base64::{Engine, prelude::BASE64_STANDARD};
use kernel::{IdentityProviderId, Timestamp};
use saml_rs::{
    AcsEndpoint, Attributes, AudienceValidationPolicy, BrowserInput, CertificatePem, Credentials, EntityId,
    FormField, IdpDescriptor, MessageId, NameIdCreationPolicy, PendingAuthnRequest, PrivateKeyPem,
    RelayStateParam, ReplayPolicy, Saml, SamlError, SamlValidationContext, Sp, SpConfig, SpValidationPolicy,
    SsoRequestBinding, SsoResponse, SsoResponseBinding, XmlEncryptionPolicy, XmlPolicy, XmlSignatureProfile,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::{
    arrival::{Arrival, Groups},
    saml_keys::Pair,
};

/// What is asked of an answer: its assertion is signed, or itself, by RSA with SHA-2; it is for us.
pub fn policy() -> SpValidationPolicy {
    SpValidationPolicy {
        xml_signatures: XmlSignatureProfile::StrictRsaSha2,
        audience: AudienceValidationPolicy::Validate,
        name_id_creation: NameIdCreationPolicy::AllowCreate,
        ..SpValidationPolicy::recommended()
    }
}

/// What has to be remembered of a request.
#[derive(Serialize, Deserialize)]
pub struct Request {
    /// Its id.
    pub id: String,
    /// Whom it asked.
    pub entity_id: String,
}

/// This installation towards a provider.
pub struct Here<'h> {
    /// The URL under which it is reached.
    pub public_url: &'h str,
    /// The provider.
    pub provider: IdentityProviderId,
    /// The provider's login path.
    pub login_path: &'h str,
    /// The key towards it.
    pub pair: &'h Pair,
}

impl Here<'_> {
    fn acs(&self) -> Result<AcsEndpoint, SamlError> {
        AcsEndpoint::post(format!("{}/v2/authenticate/{}/saml/acs", self.public_url, self.login_path))
    }

    /// As the library has it.
    pub fn service_provider(
        &self,
        policy: SpValidationPolicy,
        encrypted: bool,
    ) -> Result<Saml<Sp>, SamlError> {
        let entity_id = EntityId::try_new(format!("{}/sp/{}", self.public_url, self.provider))?;
        let key = PrivateKeyPem::new(self.pair.key.reveal());
        let certificate = CertificatePem::new(&*self.pair.certificate);
        let encryption = match encrypted {
            true => XmlEncryptionPolicy::encrypt_assertions(),
            false => XmlEncryptionPolicy::default(),
        };
        let credentials = Credentials {
            signing_key: Some(key.clone()),
            signing_certificate: Some(certificate.clone()),
            decryption_key: Some(key),
            encryption_certificate: Some(certificate),
            ..Credentials::default()
        };
        Saml::sp(
            SpConfig::builder(entity_id)
                .acs_endpoint(self.acs()?)
                .credentials(credentials)
                .xml(XmlPolicy { encryption, ..XmlPolicy::default() })
                .validation(policy)
                .build()?,
        )
    }

    /// Who arrives with the answer to a request.
    pub fn accept(
        &self,
        idp: &IdpDescriptor,
        request: &Request,
        state: &str,
        response: &str,
        now: Timestamp,
    ) -> Result<Arrival, SamlError> {
        let relay = RelayStateParam::try_from_option(Some(state))?;
        let (id, entity_id) = (MessageId::try_new(&*request.id)?, EntityId::try_new(&*request.entity_id)?);
        let binding = SsoResponseBinding::Post;
        let pending = PendingAuthnRequest::try_new(id, relay, self.acs()?, binding, entity_id)?
            .with_request_binding(SsoRequestBinding::Redirect);
        let now = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(now.micros()).unwrap_or(0));
        // The request is used up with its first answer, which leaves nothing to be replayed.
        let context = SamlValidationContext::new(now, ReplayPolicy::DisabledForCompatibility);
        // Decides only which way is tried, not what is believed: the library takes either kind, when told which.
        let plain = BASE64_STANDARD.decode(response.split_ascii_whitespace().collect::<String>());
        let encrypted = plain.is_ok_and(|xml| String::from_utf8_lossy(&xml).contains("EncryptedAssertion"));
        let fields = vec![FormField::new("SAMLResponse", response), FormField::new("RelayState", state)];
        let input = BrowserInput::<SsoResponse>::post(fields);
        let session =
            self.service_provider(policy(), encrypted)?.finish_sso(idp, &pending, input, context)?;
        let name_id = session.name_id();
        let format = name_id.format().map_or("", |format| format.as_uri());
        Ok(arrival(session.issuer().as_str(), name_id.value(), format, session.attributes()))
    }
}

/// An answer as a form carries it.
pub fn encoded(xml: &[u8]) -> String {
    BASE64_STANDARD.encode(xml)
}

/// Reads attributes by the names of the contract, in any case: providers differ in it.
fn arrival(issuer: &str, name_id: &str, format: &str, attributes: &Attributes) -> Arrival {
    let values = |wanted: &str| -> Option<Vec<&str>> {
        let mut all = attributes.as_slice().iter();
        let found = all.find(|attribute| attribute.name().eq_ignore_ascii_case(wanted))?;
        Some(
            found
                .values()
                .iter()
                .map(|value| value.as_str().trim())
                .filter(|value| !value.is_empty())
                .collect(),
        )
    };
    let one =
        |wanted: &str| values(wanted).and_then(|values| values.first().map(|value| (*value).to_owned()));
    let is = |kind: &str| format.ends_with(&format!(":{kind}"));
    let parts: Vec<String> = [one("firstName"), one("lastName")].into_iter().flatten().collect();
    let elsewhere = values("http://schemas.microsoft.com/claims/groups.link").is_some();
    let groups = match values("groups") {
        Some(groups) => Groups::Told(groups.into_iter().map(str::to_owned).collect()),
        None if elsewhere => Groups::Elsewhere,
        None => Groups::Untold,
    };
    let mut claims = Map::new();
    claims.insert("NameID".to_owned(), Value::from(name_id));
    claims.insert("NameID Format".to_owned(), Value::from(format));
    for attribute in attributes.as_slice() {
        let values: Vec<Value> = attribute.values().iter().map(|value| Value::from(value.as_str())).collect();
        claims.insert(attribute.name().to_owned(), Value::from(values));
    }
    Arrival {
        issuer: issuer.to_owned(),
        // Others may be another one each time, or follow the address.
        subject: (is("persistent") && !name_id.contains(char::is_control)).then(|| name_id.to_owned()),
        email: one("email").or_else(|| is("emailAddress").then(|| name_id.to_owned())),
        name: parts.join(" "),
        groups,
        claims,
    }
}

/// Why an answer is refused, in words that hold nothing of it.
pub fn told(error: &SamlError) -> &'static str {
    match error {
        SamlError::IssuerMismatch { .. } | SamlError::UnmatchIssuer => "another issuer made it",
        SamlError::DestinationMismatch { .. } | SamlError::UnmatchDestination => "it is for another place",
        SamlError::InResponseToMismatch { .. } | SamlError::InvalidInResponseTo => {
            "it answers another sign-in"
        }
        SamlError::AudienceMismatch { .. } | SamlError::UnmatchAudience => "it is for another service",
        SamlError::TimeWindowInvalid { .. } | SamlError::ExpiredSession => {
            "it is not valid at this time; perhaps a clock is wrong"
        }
        SamlError::SubjectConfirmationInvalid { .. } => "it does not confirm who signed in",
        SamlError::StatusNotSuccess { .. } | SamlError::FailedStatus { .. } => {
            "it says that signing in failed"
        }
        SamlError::Xml(_) | SamlError::Base64(_) | SamlError::Invalid(_) | SamlError::ProtocolProfile(_) => {
            "it cannot be read"
        }
        SamlError::Crypto(_) | SamlError::Unsupported(_) => "it cannot be decrypted or verified",
        _ => "its signature is not right",
    }
}

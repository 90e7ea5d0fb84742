//! SAML 2.0, the Web Browser SSO profile, as the service provider of an organization's identity provider. Every
//! answer must be to a request of ours; a request is answered once, so no answer is good twice.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use frame::{App, outbound::read};
use identity::identity_providers::{Provider, config::Saml as Config};
use kernel::{OrgId, Timestamp, WallClock};
use quick_cache::sync::Cache;
use saml_rs::{
    AcsEndpoint, AssertionSignaturePolicy, Attributes, AudienceValidationPolicy, AuthnRequestSigningPolicy,
    BrowserInput, CertificatePem, Credentials, EntityId, FormField, IdpDescriptor, MessageId,
    MetadataTrustPolicy, NameIdCreationPolicy, PendingAuthnRequest, PrivateKeyPem, RelayStateParam,
    ReplayPolicy, Saml, SamlError, SamlValidationContext, Sp, SpConfig, SpValidationPolicy,
    SsoRequestBinding, SsoResponse, SsoResponseBinding, StartSso, XmlEncryptionPolicy, XmlPolicy,
    XmlSignatureProfile, constants::Binding,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Asked, Halt, Onward,
    arrival::{Arrival, Groups},
    refused,
    saml_keys::{self, Pair},
    unreachable,
};
use crate::part;

/// How long metadata that was fetched is believed.
const FRESH: Duration = Duration::from_secs(3600);
/// How often it is fetched again because its certificates do not fit.
const SEEK: Duration = Duration::from_secs(30);
/// How many providers' metadata is remembered.
const MOST: usize = 256;

/// What is asked of an answer: its assertion is signed, or itself, by RSA with SHA-2; it is for us.
fn policy() -> SpValidationPolicy {
    SpValidationPolicy {
        xml_signatures: XmlSignatureProfile::StrictRsaSha2,
        audience: AudienceValidationPolicy::Validate,
        name_id_creation: NameIdCreationPolicy::AllowCreate,
        ..SpValidationPolicy::recommended()
    }
}

/// What is known of providers.
pub struct Known(Cache<String, Arc<Metadata>>);

impl Default for Known {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

struct Metadata {
    idp: IdpDescriptor,
    fetched_at: Timestamp,
    /// When it was fetched because certificates did not fit.
    sought_at: Option<Timestamp>,
}

/// What has to be remembered of a request.
#[derive(Serialize, Deserialize)]
struct Request {
    id: String,
    entity_id: String,
}

fn parsed(xml: &str) -> Result<IdpDescriptor, Halt> {
    // Metadata is trusted for where it comes from: an administrator, or an address that one named.
    IdpDescriptor::from_metadata_xml(xml, MetadataTrustPolicy::UnsignedForCompatibility).or_else(|error| {
        tracing::warn!(%error, "metadata cannot be used");
        refused("The metadata of your company's sign-in page cannot be used. Ask your administrator.")
    })
}

/// The provider's metadata: as configured, else from its address, fetched when the last is too old.
async fn metadata(app: &App, config: &Config, again: bool) -> Result<Arc<Metadata>, Halt> {
    let now = WallClock::now(&*app.wall);
    if let Some(xml) = &config.idp_metadata_xml {
        return Ok(Arc::new(Metadata { idp: parsed(xml)?, fetched_at: now, sought_at: Some(now) }));
    }
    let url = config.idp_metadata_url.as_deref().unwrap_or_default();
    let part = part(app)?;
    let known = part.saml.0.get(url);
    let fresh = known.as_ref().filter(|known| {
        let seeks = again && known.sought_at.is_none_or(|at| now.since(at) > SEEK);
        now.since(known.fetched_at) < FRESH && !seeks
    });
    if let Some(known) = fresh {
        return Ok(Arc::clone(known));
    }
    let fetched = async {
        let request = part.outbound.get(url).map_err(|error| unreachable(url, &error))?;
        let xml = read(request).await.map_err(|error| unreachable(url, &error))?;
        parsed(&String::from_utf8_lossy(&xml))
    };
    match (fetched.await, known) {
        (Ok(idp), _) => {
            let metadata = Arc::new(Metadata { idp, fetched_at: now, sought_at: again.then_some(now) });
            part.saml.0.insert(url.to_owned(), Arc::clone(&metadata));
            Ok(metadata)
        }
        // What was good an hour ago is better than nobody signing in.
        (Err(_), Some(known)) => Ok(known),
        (Err(halt), None) => Err(halt),
    }
}

fn acs(app: &App, provider: &Provider) -> Result<AcsEndpoint, SamlError> {
    let public_url = &app.settings.public_url;
    AcsEndpoint::post(format!("{public_url}/v2/authenticate/{}/saml/acs", provider.login_path))
}

/// This installation towards a provider.
fn service_provider(
    app: &App,
    provider: &Provider,
    pair: &Pair,
    policy: SpValidationPolicy,
    encrypted: bool,
) -> Result<Saml<Sp>, Halt> {
    let made = || {
        let entity_id = EntityId::try_new(format!("{}/sp/{}", app.settings.public_url, provider.id))?;
        let (key, certificate) =
            (PrivateKeyPem::new(pair.key.reveal()), CertificatePem::new(&*pair.certificate));
        let encryption = match encrypted {
            true => XmlEncryptionPolicy::encrypt_assertions(),
            false => XmlEncryptionPolicy::default(),
        };
        let xml = XmlPolicy { encryption, ..XmlPolicy::default() };
        let credentials = Credentials {
            signing_key: Some(key.clone()),
            signing_certificate: Some(certificate.clone()),
            decryption_key: Some(key),
            encryption_certificate: Some(certificate),
            ..Credentials::default()
        };
        Saml::sp(
            SpConfig::builder(entity_id)
                .acs_endpoint(acs(app, provider)?)
                .credentials(credentials)
                .xml(xml)
                .validation(policy.clone())
                .build()?,
        )
    };
    made().map_err(|error: SamlError| Halt::Problem(kernel::Problem::Internal(Box::new(error))))
}

/// This installation's metadata towards a provider. It asks for signed assertions, which some providers only
/// send to who asks; an assertion inside a signed answer is as good.
pub(super) async fn own_metadata(app: &App, org: OrgId, provider: &Provider) -> Result<String, Halt> {
    let pair = saml_keys::pair(app, org, provider.id).await?;
    let asking = SpValidationPolicy { assertions: AssertionSignaturePolicy::RequireSigned, ..policy() };
    Ok(service_provider(app, provider, &pair, asking, false)?.metadata_xml().to_owned())
}

/// How a browser is sent to sign in.
pub(super) async fn begin(
    app: &App,
    org: OrgId,
    provider: &Provider,
    config: &Config,
    state: &str,
) -> Result<Asked, Halt> {
    let metadata = metadata(app, config, false).await?;
    let pair = saml_keys::pair(app, org, provider.id).await?;
    let fault = |error: SamlError| {
        tracing::warn!(%error, "a SAML request cannot be made");
        Halt::Refused(
            403,
            "The metadata of your company's sign-in page cannot be used. Ask your administrator.".to_owned(),
        )
    };
    let relay = RelayStateParam::try_from_option(Some(state)).map_err(fault)?;
    let redirects = metadata.idp.metadata().get_single_sign_on_service(Binding::Redirect).is_some();
    let options = if redirects { StartSso::redirect() } else { StartSso::post() };
    let authn_requests = match metadata.idp.metadata().is_want_authn_requests_signed() {
        true => AuthnRequestSigningPolicy::Sign,
        false => AuthnRequestSigningPolicy::DoNotSignForCompatibility,
    };
    let asking = SpValidationPolicy { authn_requests, ..policy() };
    let started = service_provider(app, provider, &pair, asking, false)?
        .start_sso(&metadata.idp, options.relay_state(relay))
        .map_err(fault)?;
    let request = Request {
        id: started.pending.request_id().as_str().to_owned(),
        entity_id: metadata.idp.entity_id().as_str().to_owned(),
    };
    let place = if redirects {
        started.outbound.redirect_url().map_err(fault)?
    } else {
        started.outbound.post_form().map_err(fault)?.action().as_str()
    };
    let outbound = &part(app)?.outbound;
    let url = outbound.link(place).map_err(|error| unreachable(metadata.idp.entity_id().as_str(), &error))?;
    let onward = if redirects {
        Onward::Link(url.into())
    } else {
        let form = started.outbound.post_form().map_err(fault)?;
        let fields = form.fields().iter().map(|field| (field.name().to_owned(), field.value().to_owned()));
        Onward::Form { action: url, fields: fields.collect() }
    };
    let request =
        serde_json::to_string(&request).map_err(|error| kernel::Problem::Internal(Box::new(error)))?;
    Ok(Asked { onward, request: Some(request) })
}

/// Finds out who arrives with an answer; also with one that was signed by a new certificate of the provider.
pub(super) async fn finish(
    app: &App,
    org: OrgId,
    provider: &Provider,
    config: &Config,
    request: &str,
    state: &str,
    response: &str,
) -> Result<Arrival, Halt> {
    let known = metadata(app, config, false).await?;
    let pair = saml_keys::pair(app, org, provider.id).await?;
    let error = match accept(app, provider, &pair, &known.idp, request, state, response) {
        Err(Refusal::Saml(error)) => error,
        Err(Refusal::Halt(halt)) => return Err(halt),
        Ok(arrival) => return Ok(arrival),
    };
    let newer = metadata(app, config, true).await?;
    let error = match newer.fetched_at == known.fetched_at {
        true => error,
        false => match accept(app, provider, &pair, &newer.idp, request, state, response) {
            Err(Refusal::Saml(error)) => error,
            Err(Refusal::Halt(halt)) => return Err(halt),
            Ok(arrival) => return Ok(arrival),
        },
    };
    tracing::warn!(provider = %provider.id, %error, "a SAML answer was refused");
    refused(format!("Your company's sign-in page sent an answer that cannot be accepted: {}.", told(&error)))
}

enum Refusal {
    Saml(SamlError),
    Halt(Halt),
}
impl From<SamlError> for Refusal {
    fn from(error: SamlError) -> Self {
        Self::Saml(error)
    }
}
impl From<Halt> for Refusal {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

fn accept(
    app: &App,
    provider: &Provider,
    pair: &Pair,
    idp: &IdpDescriptor,
    request: &str,
    state: &str,
    response: &str,
) -> Result<Arrival, Refusal> {
    let request: Request = serde_json::from_str(request)
        .map_err(|error| Halt::Problem(kernel::Problem::Internal(Box::new(error))))?;
    let relay = RelayStateParam::try_from_option(Some(state))?;
    let (id, entity_id) = (MessageId::try_new(request.id)?, EntityId::try_new(request.entity_id)?);
    let binding = SsoResponseBinding::Post;
    let pending = PendingAuthnRequest::try_new(id, relay, acs(app, provider)?, binding, entity_id)?
        .with_request_binding(SsoRequestBinding::Redirect);
    let micros = u64::try_from(WallClock::now(&*app.wall).micros()).unwrap_or(0);
    let now = SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
    // The request is used up with its first answer, which leaves nothing to be replayed.
    let context = SamlValidationContext::new(now, ReplayPolicy::DisabledForCompatibility);
    // Decides only which way is tried, not what is believed: the library takes either kind, when told which.
    let encrypted = BASE64_STANDARD.decode(response.split_ascii_whitespace().collect::<String>());
    let encrypted = encrypted.is_ok_and(|xml| String::from_utf8_lossy(&xml).contains("EncryptedAssertion"));
    let fields = vec![FormField::new("SAMLResponse", response), FormField::new("RelayState", state)];
    let session = service_provider(app, provider, pair, policy(), encrypted)?.finish_sso(
        idp,
        &pending,
        BrowserInput::<SsoResponse>::post(fields),
        context,
    )?;
    let name_id = session.name_id();
    let format = name_id.format().map_or("", |format| format.as_uri());
    Ok(arrival(session.issuer().as_str(), name_id.value(), format, session.attributes()))
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
fn told(error: &SamlError) -> &'static str {
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

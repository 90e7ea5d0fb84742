//! SAML 2.0, the Web Browser SSO profile, as the service provider of an organization's identity provider. Every
//! answer must be to a request of ours; a request is answered once, so no answer is good twice.

mod answer;

use std::{sync::Arc, time::Duration};

use frame::{App, outbound::read};
use identity::identity_providers::{Provider, config::Saml as Config};
use kernel::{OrgId, Problem, Result, Timestamp, WallClock};
use quick_cache::sync::Cache;
use saml_rs::{
    AssertionSignaturePolicy, AuthnRequestSigningPolicy, IdpDescriptor, MetadataTrustPolicy, RelayStateParam,
    SamlError, SpValidationPolicy, StartSso, constants::Binding,
};

use super::{
    Asked, Halt, Onward,
    arrival::Arrival,
    refused,
    saml_keys::{self, Pair},
    unreachable,
};
use crate::part;
pub use answer::{Here, Request, encoded};
use answer::{policy, told};

/// How long metadata that was fetched is believed.
const FRESH: Duration = Duration::from_secs(3600);
/// How often it is fetched again because its certificates do not fit.
const SEEK: Duration = Duration::from_secs(30);
/// How many providers' metadata is remembered.
const MOST: usize = 256;

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

fn here<'h>(app: &'h App, provider: &'h Provider, pair: &'h Pair) -> Here<'h> {
    Here {
        public_url: &app.settings.public_url,
        provider: provider.id,
        login_path: &provider.login_path,
        pair,
    }
}

fn internal(error: SamlError) -> Halt {
    Halt::Problem(Problem::Internal(Box::new(error)))
}

/// This installation's metadata towards a provider. It asks for signed assertions, which some providers only
/// send to who asks; an assertion inside a signed answer is as good.
pub(super) async fn own_metadata(app: &App, org: OrgId, provider: &Provider) -> Result<String, Halt> {
    let pair = saml_keys::pair(app, org, provider.id).await?;
    let asking = SpValidationPolicy { assertions: AssertionSignaturePolicy::RequireSigned, ..policy() };
    let asking = here(app, provider, &pair).service_provider(asking, false).map_err(internal)?;
    Ok(asking.metadata_xml().to_owned())
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
    let started = here(app, provider, &pair)
        .service_provider(asking, false)
        .map_err(fault)?
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
    let request = serde_json::to_string(&request).map_err(|error| Problem::Internal(Box::new(error)))?;
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
    let (here, now) = (here(app, provider, &pair), WallClock::now(&*app.wall));
    let request: Request =
        serde_json::from_str(request).map_err(|error| Problem::Internal(Box::new(error)))?;
    let error = match here.accept(&known.idp, &request, state, response, now) {
        Ok(arrival) => return Ok(arrival),
        Err(error) => error,
    };
    let newer = metadata(app, config, true).await?;
    let error = match newer.fetched_at == known.fetched_at {
        true => error,
        false => match here.accept(&newer.idp, &request, state, response, now) {
            Ok(arrival) => return Ok(arrival),
            Err(error) => error,
        },
    };
    tracing::warn!(provider = %provider.id, %error, "a SAML answer was refused");
    refused(format!("Your company's sign-in page sent an answer that cannot be accepted: {}.", told(&error)))
}

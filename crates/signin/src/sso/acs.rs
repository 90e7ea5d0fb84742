//! Where SAML providers send their answers, and where they learn about this installation. An answer comes as a
//! form of another site, with which no browser sends our cookies; so it is judged here, kept sealed for some
//! minutes, and used where the browser is led next.

use frame::{
    App, Cx,
    db::PlatformScope,
    input::Segment,
    pages::encode,
    reply::{Leave, SamlMetadata},
};
use identity::identity_providers::{self, config::Config, store::Door};
use kernel::{Body, Draft, Fields, Problem, Result, Sealed, rules::text};
use serde::{Deserialize, Serialize};

use super::{
    CLOSED, Halt,
    arrival::Arrival,
    now, refused, saml, state_hash,
    store::{self, Attempt},
};

/// The form that a provider sends (SAML Bindings section 3.5.4).
pub struct AnswerForm {
    response: String,
    state: String,
}

impl Body for AnswerForm {
    const NAME: &'static str = "SamlAnswer";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let response = fields.required("SAMLResponse", text(1, 1_000_000));
        // Without it nobody here began this sign-in.
        let state = fields.required("RelayState", text(1, 80));
        Some(Self { response: response?, state: state? })
    }
}

/// What became of an answer.
#[derive(Serialize, Deserialize)]
enum Judged {
    Believed(Arrival),
    Refused(u16, String),
}

fn place(state: &str) -> String {
    format!("sso_attempts/answer/{state}")
}

/// Takes an answer in, and leads on to where its browser is known.
pub(super) async fn answer_take(cx: Cx, Segment(path): Segment, draft: Draft<AnswerForm>) -> Result<Leave> {
    let AnswerForm { response, state } = draft.parse()?;
    let app = cx.app();
    let judged = match judge(app, &path, &state, &response).await {
        Ok(Some(arrival)) => Some(Judged::Believed(arrival)),
        Ok(None) => None,
        Err(Halt::Refused(status, why)) => Some(Judged::Refused(status, why)),
        Err(Halt::Problem(problem)) => return Err(problem),
    };
    if let Some(judged) = judged {
        let text = serde_json::to_vec(&judged).map_err(|error| Problem::Internal(Box::new(error)))?;
        let sealed = app.vault.ring().seal(&*app.entropy, &place(&state), &text)?;
        // A second answer changes nothing.
        store::attempt_answer(&cx.platform(), state_hash(app, &state), &sealed).await?;
    }
    Ok(Leave { location: format!("/login?state={}", encode(&state)), headers: Vec::new() })
}

/// Who arrives; `None` if nobody here waits for this answer.
async fn judge(app: &App, path: &str, state: &str, response: &str) -> Result<Option<Arrival>, Halt> {
    let read = PlatformScope::new(app.db.read());
    let attempt = store::attempt_get(&read, state_hash(app, state), now(app)).await?;
    let Some(Attempt { org_id, identity_provider_id, request: Some(request), answer: None, .. }) = attempt
    else {
        return Ok(None);
    };
    let provider = identity_providers::store::provider_get(&read.org(org_id), identity_provider_id).await?;
    drop(read);
    let Some(provider) = provider.filter(|provider| provider.login_path == path) else {
        return refused(CLOSED);
    };
    let Config::Saml(config) = &provider.config else { return refused(CLOSED) };
    saml::finish(app, org_id, &provider, config, &request, state, response).await.map(Some)
}

/// What an answer said that was judged before.
pub(super) fn answered(app: &App, state: &str, attempt: &Attempt) -> Result<Arrival, Halt> {
    let Some(sealed) = &attempt.answer else {
        return refused("Your company's sign-in page has not answered.");
    };
    let sealed: &Sealed<String> = sealed;
    let text = app.vault.ring().open(&place(state), sealed)?;
    match serde_json::from_slice(text.reveal()).map_err(|error| Problem::Internal(Box::new(error)))? {
        Judged::Believed(arrival) => Ok(arrival),
        Judged::Refused(status, why) => Err(Halt::Refused(status, why)),
    }
}

/// This installation's metadata towards the provider with a login path, which need not be enabled yet.
pub(super) async fn metadata(cx: Cx, Segment(path): Segment) -> Result<SamlMetadata> {
    let missing = || Problem::NotFound("identity provider");
    let read = cx.platform();
    let Door { org_id, identity_provider_id } =
        identity_providers::store::door_find(&read, &path).await?.ok_or_else(missing)?;
    let provider = identity_providers::store::provider_get(&read.org(org_id), identity_provider_id)
        .await?
        .ok_or_else(missing)?;
    match (&provider.config, saml::own_metadata(cx.app(), org_id, &provider).await) {
        (Config::Oidc(_), _) => Err(missing()),
        (_, Ok(xml)) => Ok(SamlMetadata(xml)),
        (_, Err(Halt::Problem(problem))) => Err(problem),
        (_, Err(Halt::Refused(_, why))) => Err(Problem::Conflict(why)),
    }
}

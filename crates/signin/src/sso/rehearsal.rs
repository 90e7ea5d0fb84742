//! A rehearsal: a sign-in through a provider that grants nothing, and shows what was said and what would
//! change. Its link is good for one browser, once.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use frame::{
    App, Cx,
    db::PlatformScope,
    input::{At, Query},
    pages::{Page, Visit},
    reply::Created,
};
use identity::identity_providers::{self, Provider};
use kernel::{Action, IdentityProviderId, OrgId, Problem, Result, Timestamp};
use minijinja::{Value, context};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    Asked, Halt, LIFE, Onward,
    arrival::{Arrival, Groups},
    ask, browser_hash, halted, keep, now,
    people::{self, Plan, Team, Who},
    place, state_hash,
    store::{self, Attempt},
};

/// Where a rehearsal begins.
#[derive(Serialize, JsonSchema)]
pub struct Rehearsal {
    /// To be opened once, in the browser of whoever is to sign in.
    #[schemars(extend("format" = "uri"))]
    pub url: String,
    /// Until when.
    pub expires_at: Timestamp,
    /// Where the provider is, for people to read.
    #[serde(skip)]
    pub host: String,
}

/// Prepares a rehearsal (our extension).
pub(super) async fn rehearse(cx: Cx, At(id): At<IdentityProviderId>) -> Result<Created<Rehearsal>> {
    prepare(&cx, id).await.map(Created)
}

/// Prepares the rehearsal of a provider of the caller's organization, enabled or not.
pub(crate) async fn prepare(cx: &Cx, id: IdentityProviderId) -> Result<Rehearsal> {
    let provider = identity_providers::provider_require(cx, id).await?;
    let app = cx.app();
    let expires_at = now(app).plus(LIFE);
    let attempt = Attempt {
        org_id: cx.org(),
        identity_provider_id: provider.id,
        browser_hash: None,
        rehearsal: true,
        return_to: String::new(),
        request: None,
        answer: None,
        expires_at,
    };
    let state = BASE64_URL_SAFE_NO_PAD.encode(app.random_key());
    keep(cx, &state, &attempt).await?;
    cx.audit(Action::Read, format!("identity-providers/{id}/test"), json!({ "reason": "a rehearsal" }))
        .await?;
    Ok(Rehearsal {
        url: format!("{}/rehearsals?ticket={state}", app.settings.public_url),
        expires_at,
        host: place(&provider),
    })
}

/// Binds a rehearsal to this browser, and sends it to the provider.
pub(super) async fn rehearsal_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    match begun(&cx, &visit, query.get("ticket").unwrap_or_default()).await {
        Ok(onward) => onward.page(&visit),
        Err(halt) => halted(&visit, halt, Some("/account".to_owned())),
    }
}

async fn begun(cx: &Cx, visit: &Visit, state: &str) -> Result<Onward, Halt> {
    let app = cx.app();
    let gone = || {
        Halt::Refused(400, "This rehearsal was begun already, or took too long. Prepare another.".to_owned())
    };
    let hash = state_hash(app, state);
    let (org, provider) = prepared(app, visit, state).await?.ok_or_else(gone)?;
    let Asked { onward, request } = ask(app, org, &provider, state).await?;
    match store::attempt_bind(&cx.platform(), hash, browser_hash(app, visit), request.as_deref()).await? {
        0 => Err(gone()),
        _ => Ok(onward),
    }
}

/// The provider of a rehearsal that nobody has begun; pages are its organization's from here on.
async fn prepared(app: &App, visit: &Visit, state: &str) -> Result<Option<(OrgId, Provider)>> {
    let read = PlatformScope::new(app.db.read());
    let attempt = store::attempt_get(&read, state_hash(app, state), now(app)).await?;
    match attempt.filter(|attempt| attempt.rehearsal && attempt.browser_hash.is_none()) {
        Some(attempt) => {
            let db = read.org(attempt.org_id);
            visit.within(&db).await?;
            let provider = identity_providers::store::provider_get(&db, attempt.identity_provider_id).await?;
            Ok(provider.map(|provider| (attempt.org_id, provider)))
        }
        None => Ok(None),
    }
}

/// Shows what was said, and what a sign-in would do.
pub(super) async fn show(
    cx: &Cx,
    visit: &Visit,
    attempt: &Attempt,
    provider: &Provider,
    arrival: &Arrival,
) -> Result<Page> {
    let db = PlatformScope::new(cx.app().db.read()).org(attempt.org_id);
    let (verdict, good, changes) = match people::plan(&db, provider, arrival).await {
        Ok(plan) => match plan.refusal {
            Some(why) => (why.to_owned(), false, changes(&plan)),
            None => ("This person would be signed in.".to_owned(), true, changes(&plan)),
        },
        Err(Halt::Refused(_, why)) => (why, false, Vec::new()),
        Err(Halt::Problem(problem)) => return Err(problem),
    };
    let groups = match &arrival.groups {
        Groups::Told(groups) if groups.is_empty() => "an empty list".to_owned(),
        Groups::Told(groups) => groups.join(", "),
        Groups::Untold => "nothing was said about groups".to_owned(),
        Groups::Elsewhere => "too many to be listed".to_owned(),
    };
    let claims: Vec<Value> = arrival
        .claims
        .iter()
        .map(|(name, value)| context! { name, value => value.as_str().map_or_else(|| value.to_string(), str::to_owned) })
        .collect();
    let more = context! {
        verdict, good, changes, claims, groups,
        email => arrival.email.as_deref().unwrap_or("not told"),
        name => if arrival.name.is_empty() { "not told" } else { arrival.name.as_str() },
        subject => arrival.subject.as_deref().unwrap_or("another one each time"),
        issuer => arrival.issuer.as_str(),
        enabled => provider.enabled,
    };
    visit.page("rehearsal.html", "Rehearsal", more)
}

/// What a sign-in would do, in sentences.
fn changes(plan: &Plan) -> Vec<String> {
    let names = |teams: &[Team]| teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut changes = Vec::new();
    match &plan.who {
        Who::User(user) if user.active => {
            changes.push(format!("It is the user {} ({}).", user.full_name, user.email))
        }
        Who::User(user) => {
            changes.push(format!("The user {} ({}) would become active.", user.full_name, user.email))
        }
        Who::Person(_) => changes
            .push("Somebody who is known elsewhere in this installation would become a user.".to_owned()),
        Who::New => changes.push(format!("A new user {} would be made.", plan.email.as_str())),
    }
    for (teams, what) in
        [(&plan.joins, "Would join"), (&plan.leaves, "Would leave"), (&plan.stays, "Would stay in")]
    {
        if !teams.is_empty() {
            changes.push(format!("{what}: {}.", names(teams)));
        }
    }
    if plan.deactivates {
        changes.push("The user would be made inactive, and its sessions would end.".to_owned());
    }
    changes
}

/// Whether a caller may rehearse, which whoever may change a provider may.
pub(crate) fn may(cx: &Cx) -> bool {
    cx.caller().permissions.allows(Action::Edit, "*", "identity-providers/*")
}

/// The providers that a caller may rehearse, for the account page.
pub(crate) async fn choices(cx: &Cx) -> Result<Vec<Value>, Problem> {
    if !may(cx) {
        return Ok(Vec::new());
    }
    let providers = identity_providers::store::provider_all(cx.db()).await?;
    Ok(providers
        .iter()
        .map(|provider| {
            context! {
                id => provider.id.to_string(), kind => if provider.kind == "oidc" { "OpenID Connect" } else { "SAML" },
                name => if provider.login_path.is_empty() { "without a login path" } else { provider.login_path.as_str() },
                enabled => provider.enabled,
            }
        })
        .collect())
}

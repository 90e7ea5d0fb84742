//! For gateways that ask: whether a key or a client may call an API now.

use frame::{Cx, db::OrgScope, reply::Found};
use kernel::{
    Action, ApiId, ApplicationId, Body, Draft, Fault, Fields, Invalid, Problem, Result, Secret, StrategyId,
    Timestamp,
    rules::{id, secret},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::store::{Shown, shown_client, shown_key};
use crate::{
    apis,
    application_registrations::APPROVED,
    applications::{CLIENT_ID, keys::hash},
};

/// What was shown at an API.
pub struct Question {
    api: ApiId,
    proof: Proof,
}

enum Proof {
    Key(Secret<String>),
    Client(String),
}

const API: &str = "api_id";
const KEY: &str = "key";
const CLIENT: &str = "client_id";

impl Body for Question {
    const NAME: &'static str = "GatewayCheckRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let api = fields.required(API, id());
        let key = fields.optional(KEY, secret(1, 255));
        let client = fields.optional(CLIENT, CLIENT_ID);
        fields.exactly_one_of(&[KEY, CLIENT]);
        let proof = match (key?, client?) {
            (Some(key), None) => Proof::Key(key),
            (None, Some(client)) => Proof::Client(client),
            _ => return None,
        };
        Some(Self { api: api?, proof })
    }
}

/// Whether it may.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Answer {
    /// Whether the request may go through.
    allowed: bool,
    /// The application, if it is one that is, or wants to be, registered for the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ApplicationId")]
    application_id: Option<ApplicationId>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Reason")]
    reason: Option<Reason>,
}

/// Why a request may not go through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Reason {
    /// The registration waits for an answer.
    RegistrationPending,
    /// The registration was approved once.
    RegistrationRevoked,
    /// The registration was not approved.
    RegistrationRejected,
    /// The developer whose application it is may not come any more, or not yet.
    DeveloperNotApproved,
    /// The key is over.
    ExpiredKey,
    /// The API is published with another strategy than the application has.
    OtherStrategy,
    /// The application is not registered for the API.
    NotRegistered,
    /// Nobody has this key.
    UnknownKey,
}

/// What follows from what is known.
fn judge(it: &Shown, by_key: bool, now: Timestamp) -> Answer {
    let (Some(application), Some(strategy)) = (it.application_id, it.strategy_id) else {
        let reason = if by_key { Reason::UnknownKey } else { Reason::NotRegistered };
        return Answer { allowed: false, application_id: None, reason: Some(reason) };
    };
    let reason = refusal(it, strategy, now);
    // Whoever may read an API learns nothing of applications that have nothing to do with it.
    let application_id = it.status.is_some().then_some(application);
    Answer { allowed: reason.is_none(), application_id, reason }
}

fn refusal(it: &Shown, strategy: StrategyId, now: Timestamp) -> Option<Reason> {
    let status = match it.status.as_deref() {
        Some(APPROVED) => None,
        Some("pending") => Some(Reason::RegistrationPending),
        Some("revoked") => Some(Reason::RegistrationRevoked),
        Some(_) => Some(Reason::RegistrationRejected),
        None => Some(Reason::NotRegistered),
    };
    if it.expires_at.is_some_and(|at| at <= now) {
        Some(Reason::ExpiredKey)
    } else if status == Some(Reason::NotRegistered) || !it.published {
        Some(Reason::NotRegistered)
    } else if it.published_with != Some(strategy) {
        Some(Reason::OtherStrategy)
    } else if it.developer.as_deref().is_some_and(|said| said != APPROVED) {
        Some(Reason::DeveloperNotApproved)
    } else {
        status
    }
}

/// It asks the database once, for the answer counts at once when something is taken back.
pub(super) async fn gateway_check(cx: Cx, draft: Draft<Question>) -> Result<Found<Answer>> {
    let Question { api, proof } = draft.parse()?;
    let seen = cx.may_here(Action::Read, &format!("{}/{api}", apis::KIND));
    // Nothing is written, so nobody who writes is waited for.
    let db = OrgScope::new(cx.app().db.read(), cx.org());
    let by_key = matches!(proof, Proof::Key(_));
    let found = match proof {
        _ if !seen => Vec::new(),
        Proof::Key(key) => shown_key(&db, api, hash(cx.app(), key.reveal())).await?,
        Proof::Client(client) => shown_client(&db, api, &client).await?,
    };
    let now = cx.now();
    let mut answers: Vec<Answer> = found.iter().map(|it| judge(it, by_key, now)).collect();
    // One application that may is enough; of those that may not, the one that came furthest says why.
    answers.sort_by_key(|it| it.reason);
    let missing = || Problem::Invalid(vec![Invalid::body(API, Fault::MissingReference("API"))]);
    answers.into_iter().next().ok_or_else(missing).map(Found)
}

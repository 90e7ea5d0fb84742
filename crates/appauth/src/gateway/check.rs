//! For gateways that ask: whether a key or a client may call an API, or a version of a product, now.

use frame::{Cx, db::OrgScope, reply::Found};
use kernel::{
    Action, ApiId, ApplicationId, Body, Draft, Fault, Fields, Id, Problem, ProductVersionId, Result, Secret,
    StrategyId, Timestamp,
    rules::{id, secret},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::store::{Shown, shown_client, shown_key};
use crate::{
    apis,
    application_registrations::{
        APPROVED,
        targets::{OfApi, OfVersion, Target},
    },
    applications::{CLIENT_ID, keys::hash},
    products,
};

/// What was shown at an API.
pub struct Question {
    api: ApiId,
    proof: Proof,
}

/// What was shown at a version of a product.
pub struct VersionQuestion {
    version: ProductVersionId,
    proof: Proof,
}

enum Proof {
    Key(Secret<String>),
    Client(String),
}

const KEY: &str = "key";
const CLIENT: &str = "client_id";

impl Proof {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let key = fields.optional(KEY, secret(1, 255));
        let client = fields.optional(CLIENT, CLIENT_ID);
        fields.exactly_one_of(&[KEY, CLIENT]);
        match (key?, client?) {
            (Some(key), None) => Some(Self::Key(key)),
            (None, Some(client)) => Some(Self::Client(client)),
            _ => None,
        }
    }
}

impl Body for Question {
    const NAME: &'static str = "GatewayCheckRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let api = fields.required(OfApi::BY, id());
        let proof = Proof::read(fields);
        Some(Self { api: api?, proof: proof? })
    }
}

impl Body for VersionQuestion {
    const NAME: &'static str = "GatewayVersionCheckRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let version = fields.required(OfVersion::BY, id());
        let proof = Proof::read(fields);
        Some(Self { version: version?, proof: proof? })
    }
}

/// Whether it may.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Answer {
    /// Whether the request may go through.
    allowed: bool,
    /// The application, if it is one that is, or wants to be, registered for it.
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
    /// It is published with another strategy than the application has.
    OtherStrategy,
    /// It is not published in the application's portal any more.
    NotPublished,
    /// The application is not registered for it, or nobody can be.
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
    // Whoever may read what was asked about learns nothing of applications that have nothing to do with it.
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
    } else if status == Some(Reason::NotRegistered) {
        status
    } else if !it.published {
        Some(Reason::NotPublished)
    } else if it.published_with.is_none() {
        Some(Reason::NotRegistered)
    } else if it.published_with != Some(strategy) {
        Some(Reason::OtherStrategy)
    } else if it.developer.as_deref().is_some_and(|said| said != APPROVED) {
        Some(Reason::DeveloperNotApproved)
    } else {
        status
    }
}

/// It asks the database once, for the answer counts at once when something is taken back. Who may not read what is
/// asked about is told that there is no such thing; `place` says where it is, by what it lies in.
async fn answer<T: Target>(
    cx: &Cx,
    target: T::Key,
    proof: Proof,
    place: impl Fn(Id<()>) -> String,
) -> Result<Found<Answer>> {
    // Nothing is written, so nobody who writes is waited for.
    let db = OrgScope::new(cx.app().db.read(), cx.org());
    let by_key = matches!(proof, Proof::Key(_));
    let mut found = match proof {
        Proof::Key(key) => shown_key::<T>(&db, target, hash(cx.app(), key.reveal())).await?,
        Proof::Client(client) => shown_client::<T>(&db, target, &client).await?,
    };
    found.retain(|it| cx.may_here(Action::Read, &place(it.lies_in)));
    let now = cx.now();
    let mut answers: Vec<Answer> = found.iter().map(|it| judge(it, by_key, now)).collect();
    // One application that may is enough; of those that may not, the one that came furthest says why.
    answers.sort_by_key(|it| it.reason);
    let missing = || Problem::invalid(T::BY, Fault::MissingReference(T::TITLE));
    answers.into_iter().next().map(Found).ok_or_else(missing)
}

pub(super) async fn gateway_check(cx: Cx, draft: Draft<Question>) -> Result<Found<Answer>> {
    let Question { api, proof } = draft.parse()?;
    answer::<OfApi>(&cx, api, proof, |api| format!("{}/{api}", apis::KIND)).await
}

pub(super) async fn gateway_version_check(cx: Cx, draft: Draft<VersionQuestion>) -> Result<Found<Answer>> {
    let VersionQuestion { version, proof } = draft.parse()?;
    let place = |product| format!("{}/{product}/versions/{version}", products::KIND);
    answer::<OfVersion>(&cx, version, proof, place).await
}

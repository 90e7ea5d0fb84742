//! Registrations: an application's wish to call what is published in its portal, and what the organization says to
//! it. Only an approved one lets requests through.
//!
//! What is published is an API, or in the older way a version of a product ([`targets`]); the rules of both are here.
//! `admin.rs` and `developer.rs` have the bodies and the replies for APIs, `classic.rs` and `classic_own.rs` those for
//! versions of products.

pub mod admin;
pub mod classic;
pub mod classic_own;
pub mod developer;
pub mod http;
pub mod store;
pub mod targets;

use frame::{
    Cx,
    db::{OnConflict, OrgScope},
};
use kernel::{
    Action, ApplicationId, Body, Draft, Fault, Fields, PortalId, Problem, RegistrationId, Result, Timestamp,
    rules::OneOf,
};
use serde_json::{Map, Value, json};

use crate::{
    applications::{Application, lifecycle::wake},
    clients::store::event_add,
    gateway,
    portals::Portal,
    registration::Event,
};
use targets::{Offer, Target};

/// What was said to a registration.
pub const STATUSES: &[&str] = &["approved", "pending", "revoked", "rejected"];
/// What may be said at first.
const FIRST: &[&str] = &["approved", "pending"];
/// What the organization says who wants nobody to call.
const REFUSED: &[&str] = &["revoked", "rejected"];
/// The one that lets requests through.
pub(crate) const APPROVED: &str = "approved";

/// A registration as it is stored.
#[derive(Clone)]
pub struct Stored<T> {
    /// Its id.
    pub id: RegistrationId,
    /// What was said to it.
    pub status: String,
    /// Its portal.
    pub portal_id: PortalId,
    /// Its application.
    pub application_id: ApplicationId,
    /// The application's name.
    pub application_name: String,
    /// The scopes that the application's developer chose.
    pub scopes: Vec<String>,
    /// What it is for.
    pub target: T,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What the organization says to a registration.
pub struct Decision {
    status: Option<&'static str>,
}

impl Body for Decision {
    const NAME: &'static str = "UpdateApplicationRegistration";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.optional("status", OneOf(STATUSES)).map(|status| Self { status })
    }
}

fn place<T>(it: &Stored<T>) -> String {
    format!("{}/registrations/{}", crate::applications::place(it.portal_id, it.application_id), it.id)
}

/// A registration in the audit log.
fn shown<T: Target>(it: &Stored<T>) -> Value {
    let (name, target) = it.target.told();
    let mut shown = Map::new();
    shown.insert("status".to_owned(), json!(it.status));
    shown.insert(name.to_owned(), target);
    Value::Object(shown)
}

/// How the portal of an application offers something.
async fn offered<T: Target>(db: &OrgScope, application: &Application, key: T::Key) -> Result<Offer<T>> {
    let missing = || Problem::invalid(T::BY, Fault::MissingReference(T::PUBLISHED));
    T::offered(db, application.portal_id, key).await?.ok_or_else(missing)
}

/// Looks that an application can be registered for it: not without a strategy, nor with another than it has.
fn suits<T: Target>(offer: Offer<T>, application: &Application) -> Result<Offer<T>> {
    let why = match offer.strategy {
        None => "needs no registration",
        Some(strategy) if strategy != application.strategy.id => {
            "has another auth strategy than the application"
        }
        Some(_) if !offer.open => "takes no registrations",
        Some(_) => return Ok(offer),
    };
    Err(Problem::invalid(T::BY, Fault::Rule(format!("names {} that {why}", T::ONE))))
}

/// The refusal of a second registration for the same, in the contract's words.
fn already<T: Target>() -> String {
    format!("The {} is already registered to the application", T::NOUN)
}

/// Registers an application. Without a status the publication and the portal say whether that needs anybody's
/// approval.
async fn register<T: Target>(
    cx: &Cx,
    portal: &Portal,
    application: &Application,
    offer: Offer<T>,
    status: Option<&str>,
) -> Result<Stored<T>> {
    let db = cx.db();
    let by_itself = offer.approved_by_itself || portal.auto_approve_applications;
    let status = status.unwrap_or(if by_itself { APPROVED } else { "pending" });
    let now = cx.now();
    let it = Stored {
        id: cx.new_id(),
        status: status.to_owned(),
        portal_id: portal.id,
        application_id: application.id,
        application_name: application.name.clone(),
        scopes: application.scopes.clone(),
        target: offer.target,
        created_at: now,
        updated_at: now,
    };
    store::registration_insert(db, &it).await.on_conflict(already::<T>)?;
    told(cx, &it, "").await?;
    cx.audit(Action::Create, place(&it), json!({ "after": shown(&it) })).await?;
    Ok(it)
}

/// Tells the provider, if there is one, whether the application may call it, where that has changed.
async fn told<T: Target>(cx: &Cx, it: &Stored<T>, before: &str) -> Result<()> {
    let (was, is) = (before == APPROVED, it.status == APPROVED);
    let api = it.target.id().uuid();
    let event = match (was, is) {
        (false, true) => Event::Registered { api },
        (true, false) => {
            let last = store::registration_count(cx.db(), it.application_id, APPROVED).await? == 0;
            Event::Unregistered { api, last }
        }
        _ => return Ok(()),
    };
    gateway::changed(cx.app(), cx.db()).await?;
    let now = kernel::WallClock::now(&*cx.app().wall);
    event_add(cx.db(), it.application_id, &event, now).await?;
    wake(cx)
}

/// Carries out what the organization says to it.
async fn decide<T: Target>(cx: &Cx, before: Stored<T>, draft: Draft<Decision>) -> Result<Stored<T>> {
    let Some(status) = draft.parse()?.status.filter(|status| *status != before.status) else {
        return Ok(before);
    };
    let after = Stored { status: status.to_owned(), updated_at: cx.now(), ..before.clone() };
    store::registration_update(cx.db(), &after).await?;
    told(cx, &after, &before.status).await?;
    let change = json!({ "before": { "status": before.status }, "after": { "status": after.status } });
    cx.audit(Action::GrantApiAccess, place(&after), change).await?;
    Ok(after)
}

async fn remove<T: Target>(cx: &Cx, before: Stored<T>) -> Result<()> {
    store::registration_delete(cx.db(), before.id).await?;
    let gone = Stored { status: String::new(), ..before.clone() };
    told(cx, &gone, &before.status).await?;
    let change = json!({ "before": shown(&before) });
    cx.audit(Action::Delete, place(&before), change).await
}

/// Ends all registrations for something, in all portals or in one: it is not published there any more.
pub(crate) async fn remove_all<T: Target>(cx: &Cx, key: T::Key, portal: Option<PortalId>) -> Result<()> {
    let all: Vec<Stored<T>> = store::registrations_of(cx.db(), key, portal).await?;
    for it in all {
        remove(cx, it).await?;
    }
    Ok(())
}

/// The registration of the application, or 404.
async fn registration_in<T: Target>(
    db: &OrgScope,
    application: &Application,
    id: RegistrationId,
) -> Result<Stored<T>> {
    let found: Option<Stored<T>> = store::registration_get(db, id).await?;
    found.filter(|it| it.application_id == application.id).ok_or(Problem::NotFound("registration"))
}

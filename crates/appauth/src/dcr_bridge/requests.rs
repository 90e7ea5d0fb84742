//! What a caller of the bridge may ask for. Where the provider is asked, what is wanted is committed before, and the
//! outcome after; so none of this uses the request's own transaction.

use std::future::Future;

use frame::{
    Cx,
    db::OrgScope,
    input::{At, Headers},
    reply::{Created, Done, Found, FoundEmpty},
};
use kernel::{
    Action, ApplicationId, DcrProviderId, Draft, Fault as Wrong, Problem, Result, WallClock, problem::Denied,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    Caller,
    bodies::{Hook, NewClient, What},
    caller,
    store::{removed_has, removed_note},
};
use crate::{
    clients::{
        Registered, Spans, State, adapter_of, removal,
        store::{bridged_get, client_forget, client_get, client_insert, event_add},
        transactions::{finished, written},
        turns::{self, Change, Registration, begin},
    },
    dcr_providers::store::provider_get,
    registration::{Event, Fault, Field, Issued, Registrar, Wanted},
};

/// A client and its secret, which nobody sees again (the protocol's `ApplicationResponse`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct BridgedCredentials {
    client_id: String,
    client_secret: String,
    /// When it was made, in seconds since 1970.
    client_id_issued_at: i64,
    /// Until when its secret is good, in seconds since 1970; 0 for ever.
    client_secret_expires_at: i64,
}

/// A client and its new secret (the protocol's `SecretResponse`, which is closed).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct BridgedSecret {
    client_id: String,
    client_secret: String,
}

/// Why there is no new secret where the client itself would be replaced.
const ANOTHER_CLIENT: &str = "The identity provider cannot replace a client's secret, only the client itself, and its id \
                              would be another one. Turn on disable_refresh_secret where this bridge is configured; \
                              make another application in place of one whose secret is lost";
/// Why a client is not changed where that would end its secret.
const LOSES_SECRET: &str = "The identity provider replaces a client's secret whenever its redirect_uris change, and the \
                            new one would reach nobody: make another application";

/// A refusal in the protocol's words: what a caller cannot have is a 400.
fn no(why: impl Into<String>) -> Problem {
    Problem::OAuth("invalid_request", why.into())
}

fn refusal(problem: Problem) -> Problem {
    match problem {
        Problem::Conflict(why) | Problem::Forbidden(Denied::Because(why)) => no(why),
        problem => problem,
    }
}

/// The same of what the provider said. What a developer wrote is named as RFC 7591 names it (section 3.2.2).
fn refused(fault: Fault) -> Problem {
    let why = |what: &str| format!("The identity provider does not take the {what}");
    match fault {
        Fault::Input(Field::RedirectUri) => Problem::OAuth("invalid_redirect_uri", why("redirect_uris")),
        Fault::Input(Field::Name) => Problem::OAuth("invalid_client_metadata", why("client_name")),
        Fault::Input(Field::Scopes) => Problem::OAuth("invalid_client_metadata", why("scopes")),
        fault => refusal(fault.into()),
    }
}

/// A client in the audit log.
fn told(it: &Wanted) -> Value {
    json!({
        "name": it.name,
        "description": it.description,
        "redirect_uris": it.redirect_uris,
        "grant_types": it.auth_methods,
        "scopes": it.scopes,
        "audience": it.audience,
    })
}

/// Does something to the end even if the caller goes away. What was made for a caller who is not there any more to
/// hear of it is undone.
async fn handed_over<T, F>(
    work: impl Future<Output = Result<T>> + Send + 'static,
    undo: impl FnOnce() -> F + Send + 'static,
) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        if let Err(Ok(_)) = tell.send(work.await)
            && let Err(error) = undo().await
        {
            tracing::warn!(%error, "what was made for a caller of the bridge who has gone is still there");
        }
    });
    told.await.map_err(|error| Problem::internal(error.to_string()))?
}

pub(super) async fn client_create(
    cx: Cx,
    At(provider): At<DcrProviderId>,
    headers: Headers,
    draft: Draft<NewClient>,
) -> Result<Created<BridgedCredentials>> {
    let by = caller(&cx, &headers, provider).await?;
    let new = draft.parse()?;
    let owners = new.owners.told();
    let id: ApplicationId = cx.app().new_id(by.org);
    let mut client = Registered::intended(cx.app(), provider, new.wanted(id.uuid()))?;
    client.bridged = true;
    let (work, undo) = (created(cx.clone(), by, client, owners), cx.clone());
    let issued = handed_over(work, move || async move { withdrawn(&undo, by, id).await }).await?;
    Ok(Created(BridgedCredentials {
        client_id: issued.client.id,
        client_secret: issued.secret.reveal().clone(),
        client_id_issued_at: cx.app().clock.now(by.org).micros() / 1_000_000,
        client_secret_expires_at: issued.expires_at.map_or(0, |at| at.micros() / 1_000_000),
    }))
}

async fn created(cx: Cx, by: Caller, client: Registered, owners: Value) -> Result<Issued> {
    let (app, org) = (cx.app(), by.org);
    let (id, turn) = (client.id, client.turn);
    let (cx, intent, owners) = (&cx, &client, &owners);
    written(app, org, |db| async move {
        // Whoever deletes the provider, and with it the key, holds this, too.
        db.serialize("application-auth").await?;
        provider_get(&db, by.provider).await?.ok_or(Problem::Unauthenticated)?;
        client_insert(&db, intent).await?;
        let change = json!({ "after": told(&intent.wanted), "of": owners });
        by.audit(cx, &db, Action::Create, id, change).await
    })
    .await?;
    match turns::register(app, org, client.clone()).await? {
        Registration::Made(issued) => {
            let db = by.look(cx);
            let stays = client_get(&db, id).await?.is_some_and(|it| it.state == State::Live);
            // It took longer than anybody may take, and is being removed.
            if stays { Ok(issued) } else { Err(refused(Fault::Unknown(String::new()))) }
        }
        // The caller will never learn its id. It is found out whether there is one, and removed.
        Registration::Pending(fault) => Err(refused(fault)),
        Registration::Refused(fault) => {
            let why = &fault.told();
            written(app, org, |db| async move {
                if client_forget(&db, id, turn).await? {
                    by.audit(cx, &db, Action::Delete, id, json!({ "because": why })).await?;
                }
                Ok(())
            })
            .await?;
            Err(refused(fault))
        }
    }
}

/// Removes a client whose caller has gone without hearing of it.
async fn withdrawn(cx: &Cx, by: Caller, id: ApplicationId) -> Result<()> {
    let app = cx.app();
    let left = written(app, by.org, |db| async move {
        by.audit(cx, &db, Action::Delete, id, json!({ "because": "the caller did not wait for the answer" }))
            .await?;
        removal::unwanted(app, &db, id).await
    })
    .await?;
    match left {
        Some(client) => removal::remove(app, by.org, client).await,
        None => Ok(()),
    }
}

/// A client of the bridge that its provider has, or has to be asked about.
async fn known(db: &OrgScope, by: Caller, client_id: &str) -> Result<Registered> {
    let found = bridged_get(db, by.provider, client_id).await?.filter(|client| client.state.wanted());
    found.ok_or(Problem::NotFound("client"))
}

/// The same, if nobody is replacing its secret.
async fn quiet(db: &OrgScope, by: Caller, client_id: &str) -> Result<Registered> {
    let client = known(db, by, client_id).await?;
    match client.state {
        State::Live | State::Updating => Ok(client),
        _ => Err(Problem::Unavailable("The client's secret is just being replaced")),
    }
}

pub(super) async fn client_delete(
    cx: Cx,
    At((provider, client_id)): At<(DcrProviderId, String)>,
    headers: Headers,
) -> Result<Done> {
    let by = caller(&cx, &headers, provider).await?;
    finished(async move {
        let (app, cx, client_id) = (cx.app(), &cx, &client_id);
        let left = written(app, by.org, |db| async move {
            let found = bridged_get(&db, by.provider, client_id).await?;
            let Some(client) = found.filter(|client| client.state.wanted()) else {
                // Whoever asks again, since the answer got lost, is told the same again.
                let before = removed_has(&db, by.provider, client_id).await?;
                return if before { Ok(None) } else { Err(Problem::NotFound("client")) };
            };
            removed_note(&db, by.provider, client_id, WallClock::now(&*app.wall)).await?;
            by.audit(cx, &db, Action::Delete, client.id, json!({ "before": told(&client.wanted) })).await?;
            removal::unwanted(app, &db, client.id).await
        })
        .await?;
        match left {
            Some(client) => removal::remove(app, by.org, client).await,
            None => Ok(()),
        }
    })
    .await?;
    Ok(Done)
}

pub(super) async fn client_rotate(
    cx: Cx,
    At((provider, client_id)): At<(DcrProviderId, String)>,
    headers: Headers,
) -> Result<Found<BridgedSecret>> {
    let by = caller(&cx, &headers, provider).await?;
    let app = cx.app().clone();
    let id = quiet(&by.look(&cx), by, &client_id).await?.id;
    if adapter_of(&app, by.org, provider).await?.capabilities().replace {
        return Err(no(ANOTHER_CLIENT));
    }
    let issued = finished(async move {
        let issued = turns::rotate(&app, by.org, id).await.map_err(refusal)?;
        let cx = &cx;
        written(&app, by.org, |db| async move {
            by.audit(cx, &db, Action::Edit, format!("{id}/secret"), json!({})).await
        })
        .await?;
        Ok(issued)
    })
    .await?;
    Ok(Found(BridgedSecret { client_id: issued.client.id, client_secret: issued.secret.reveal().clone() }))
}

pub(super) async fn client_hook(
    cx: Cx,
    At((provider, client_id)): At<(DcrProviderId, String)>,
    headers: Headers,
    draft: Draft<Hook>,
) -> Result<FoundEmpty> {
    let by = caller(&cx, &headers, provider).await?;
    known(&by.look(&cx), by, &client_id).await?;
    let hook = draft.parse()?;
    if hook.client_id != client_id {
        let why = "is not the client that the path names".to_owned();
        return Err(Problem::invalid("client_id", Wrong::Rule(why)));
    }
    finished(async move {
        let of = json!({
            "application_id": hook.application, "application_name": hook.name, "owners": hook.owners.told(),
        });
        match hook.what {
            What::Changed { redirect_uris } => {
                changed(&cx, by, &client_id, of, |wanted| {
                    wanted.name.clone_from(&hook.name);
                    wanted.description.clone_from(&hook.description);
                    wanted.redirect_uris.clone_from(&redirect_uris);
                })
                .await
            }
            What::Registration { event, audience } => {
                registered(&cx, by, &client_id, &of, &event, audience.as_deref()).await
            }
        }
    })
    .await?;
    Ok(FoundEmpty)
}

/// Changes a client, as soon as its provider can be asked.
async fn changed(
    cx: &Cx,
    by: Caller,
    client_id: &str,
    of: Value,
    change: impl Fn(&mut Wanted) + Send + Sync,
) -> Result<()> {
    let (app, org) = (cx.app(), by.org);
    let rotates = adapter_of(app, org, by.provider).await?.capabilities().update_rotates_secret;
    let until = WallClock::now(&*app.wall).plus(Spans::of(app)?.lease);
    let (of, change) = (&of, &change);
    let begun = written(app, org, |db| async move {
        let mut client = quiet(&db, by, client_id).await?;
        let before = client.wanted.clone();
        change(&mut client.wanted);
        if !client.wanted.differs(&before) {
            return Ok(None);
        }
        if rotates && client.wanted.redirect_uris != before.redirect_uris {
            return Err(no(LOSES_SECRET));
        }
        // A name is not worth a secret.
        if !rotates {
            client.state = State::Updating;
            client.attempts = 1;
            client.due_at = Some(until);
        }
        let client = begin(&db, client).await?;
        let change = json!({ "before": told(&before), "after": told(&client.wanted), "of": of });
        by.audit(cx, &db, Action::Edit, client.id, change).await?;
        Ok(Some((client, before)))
    })
    .await?;
    let Some((mut client, before)) = begun.filter(|_| !rotates) else { return Ok(()) };
    if let Change::Refused(fault) = turns::update(app, org, client.clone()).await? {
        let after = std::mem::replace(&mut client.wanted, before);
        client.rest(WallClock::now(&*app.wall), &Spans::of(app)?);
        let (client, after) = (&client, &after);
        written(app, org, |db| async move {
            begin(&db, client.clone()).await?;
            let change = json!({ "before": told(after), "after": told(&client.wanted), "of": of });
            by.audit(cx, &db, Action::Edit, client.id, change).await
        })
        .await?;
        return Err(refused(fault));
    }
    Ok(())
}

/// Notes that a provider is to hear of a registration; it hears of all in their order.
async fn registered(
    cx: &Cx,
    by: Caller,
    client_id: &str,
    of: &Value,
    event: &Event,
    audience: Option<&str>,
) -> Result<()> {
    let app = cx.app();
    let now = WallClock::now(&*app.wall);
    written(app, by.org, |db| async move {
        let mut client = quiet(&db, by, client_id).await?;
        let id = client.id;
        if audience.is_some() && client.wanted.audience.as_deref() != audience {
            client.wanted.audience = audience.map(str::to_owned);
            begin(&db, client).await?;
        }
        event_add(&db, id, event, now).await?;
        by.audit(cx, &db, Action::Edit, id, json!({ "event": event, "audience": audience, "of": of })).await
    })
    .await?;
    Registrar::of(app)?.wake();
    Ok(())
}

//! Clients that nobody wants any more: they go as soon as their provider takes it, and are known until then.

use frame::{App, db::OrgScope};
use kernel::{ApplicationId, OrgId, Result};

use super::{
    Registered, Spans, State, adapter_of,
    store::{client_forget, client_get},
    transactions::kept,
    turns::{begin, now, postpone, reap, settle},
};
use crate::registration::{Adapter, Deleted, Fault};

/// Says in a transaction that a client is not wanted any more. The client, if its provider can be asked at once.
pub async fn unwanted(app: &App, db: &OrgScope, id: ApplicationId) -> Result<Option<Registered>> {
    let Some(mut client) = client_get(db, id).await? else { return Ok(None) };
    // Somebody may be about to make it. When that is over, or nobody answers for it any more, it is removed.
    let being_made = client.state == State::Creating && client.due_at.is_some_and(|due| due > now(app));
    client.doubtful |= client.state == State::CreationUnconfirmed;
    client.state = State::Removing;
    client.attempts = 0;
    client.checked_at = None;
    client.problem = None;
    client.updated_at = now(app);
    if !being_made {
        client.attempts = 1;
        client.due_at = Some(now(app).plus(Spans::of(app)?.lease));
    }
    let client = begin(db, client).await?;
    Ok((!being_made).then_some(client))
}

/// Removes a client, in a turn that was begun. That it cannot be removed now is no fault: it is tried again.
pub async fn remove(app: &App, org: OrgId, client: Registered) -> Result<()> {
    let adapter = adapter_of(app, org, client.provider_id).await?;
    removed(app, org, client, &*adapter).await
}

/// The same for whoever has the adapter.
pub(super) async fn removed(
    app: &App,
    org: OrgId,
    mut client: Registered,
    adapter: &dyn Adapter,
) -> Result<()> {
    if let Some(there) = client.client(app)? {
        match adapter.delete(&there).await {
            Ok(Deleted::Gone) | Err(Fault::Gone) => {}
            Ok(Deleted::Unconfirmed) => {
                let why = "it does not take the client's own token any more, which need not mean that it has removed the client";
                return unconfirmed(app, org, client, adapter, why).await;
            }
            Err(fault) => return postpone(app, org, client, adapter, fault).await,
        }
    }
    if client.doubtful {
        if !adapter.capabilities().find {
            let why = "a request to make it was not answered, and it cannot be asked";
            return unconfirmed(app, org, client, adapter, why).await;
        }
        let found = match adapter.find(&client.wanted).await {
            Ok(found) => found,
            Err(fault) => return postpone(app, org, client, adapter, fault).await,
        };
        if let Err(fault) = reap(adapter, &found).await {
            return postpone(app, org, client, adapter, fault).await;
        }
        // What was sent and not answered may still have an effect.
        let settle_for = Spans::of(app)?.settle;
        let first = *client.checked_at.get_or_insert(now(app));
        if now(app) < first.plus(settle_for) {
            client.due_at = Some(first.plus(settle_for));
            client.problem = None;
            return settle(app, org, &client, adapter).await;
        }
    }
    let (id, turn) = (client.id, client.turn);
    kept(app, org, |db| async move { Ok(client_forget(&db, id, turn).await?) }).await.map(drop)
}

/// Removes a client that was made, or perhaps was, for a caller who has not been told its id and never will be.
pub(super) async fn abandon(
    app: &App,
    org: OrgId,
    mut client: Registered,
    adapter: &dyn Adapter,
) -> Result<()> {
    client.state = State::Removing;
    removed(app, org, client, adapter).await
}

async fn unconfirmed(
    app: &App,
    org: OrgId,
    mut client: Registered,
    adapter: &dyn Adapter,
    why: &str,
) -> Result<()> {
    client.state = State::RemovalUnconfirmed;
    client.due_at = None;
    let known = client.client_id.as_ref().map_or_else(String::new, |id| format!(" with the id [{id}]"));
    client.problem = Some(format!(
        "{why}: look at the provider for a client named [{}]{known}, remove it there, and have it forgotten here",
        client.wanted.name
    ));
    settle(app, org, &client, adapter).await
}

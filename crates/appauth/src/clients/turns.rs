//! The steps of a client: each asks its provider for one thing, in a turn that was begun in the database, and
//! writes down what came of it. No transaction is open while a provider is asked.

use frame::{App, db::OrgScope};
use kernel::{ApplicationId, OrgId, Problem, Result, Timestamp, WallClock};

use super::{
    Drift, Registered, Spans, State, adapter_of,
    store::{client_get, client_insert, client_intend, client_learned, client_settle},
    transactions::{kept, written},
};
use crate::{
    gateway,
    registration::{Adapter, Client, Fault, Issued, Registrar, Wanted},
};

/// What became of a client that somebody waits for.
pub enum Registration {
    /// It is there, with a secret that nobody has seen.
    Made(Issued),
    /// It is not there, and its row is as it was: whoever wrote it takes it back.
    Refused(Fault),
    /// Nobody knows. It will be found out; its application stays.
    Pending(Fault),
}

pub(super) fn now(app: &App) -> Timestamp {
    WallClock::now(&*app.wall)
}

/// Makes a client whose intent was just committed.
pub async fn register(app: &App, org: OrgId, mut client: Registered) -> Result<Registration> {
    let adapter = adapter_of(app, org, client.provider_id).await?;
    match adapter.create(&client.wanted).await {
        Ok(issued) => {
            made(app, &mut client, &issued.client)?;
            settle(app, org, &client, &*adapter).await?;
            Ok(Registration::Made(issued))
        }
        Err(fault @ Fault::Unknown(_)) => {
            client.later(now(app), fault.told(), None);
            settle(app, org, &client, &*adapter).await?;
            Ok(Registration::Pending(fault))
        }
        Err(fault) => Ok(Registration::Refused(fault)),
    }
}

/// The provider has the client, and no other of it.
fn made(app: &App, client: &mut Registered, there: &Client) -> Result<()> {
    client.learn(app, there)?;
    client.doubtful = false;
    client.drift = None;
    client.checked_at = Some(now(app));
    client.rest(now(app), &Spans::of(app)?);
    Ok(())
}

/// Goes on with a client that is wanted and not known to be there.
pub(super) async fn resume(
    app: &App,
    org: OrgId,
    mut client: Registered,
    adapter: &dyn Adapter,
) -> Result<()> {
    if client.doubtful {
        if !adapter.capabilities().find {
            client.state = State::CreationUnconfirmed;
            client.due_at = None;
            client.problem = Some(format!(
                "whether the provider has a client named [{}] is not known, and it cannot be asked: look there, remove \
                 the client if there is one, and have it registered anew",
                client.wanted.name
            ));
            return settle(app, org, &client, adapter).await;
        }
        match adapter.find(&client.wanted).await {
            Err(fault) => return postpone(app, org, client, adapter, fault).await,
            Ok(found) => {
                if let Some((first, others)) = found.split_first() {
                    client.learn(app, first)?;
                    client.secret_lost = true;
                    client.drift = None;
                    if let Err(fault) = reap(adapter, others).await {
                        return postpone(app, org, client, adapter, fault).await;
                    }
                    client.rest(now(app), &Spans::of(app)?);
                    return settle(app, org, &client, adapter).await;
                }
            }
        }
    }
    let doubtful = client.doubtful;
    client.doubtful = true;
    settle(app, org, &client, adapter).await?;
    match adapter.create(&client.wanted).await {
        Ok(issued) => {
            made(app, &mut client, &issued.client)?;
            // Nobody waited for the secret.
            client.secret_lost = true;
            client.doubtful = doubtful;
            client.rest(now(app), &Spans::of(app)?);
            settle(app, org, &client, adapter).await
        }
        Err(fault) => {
            client.doubtful = doubtful || matches!(fault, Fault::Unknown(_));
            postpone(app, org, client, adapter, fault).await
        }
    }
}

/// Begins a turn that replaces a client's secret, and takes it. All older secrets end.
pub async fn rotate(app: &App, org: OrgId, id: ApplicationId) -> Result<Issued> {
    let client = {
        let db = OrgScope::new(app.db.read(), org);
        client_get(&db, id).await?.ok_or(Problem::NotFound("Application"))?
    };
    let adapter = adapter_of(app, org, client.provider_id).await?;
    let can = adapter.capabilities();
    if !can.rotate && !can.replace {
        return Err(Fault::Unsupported("replace a client's secret").into());
    }
    let until = now(app).plus(Spans::of(app)?.lease);
    let (before, mut client) = written(app, org, |db| async move {
        let mut client = live(&db, id).await?;
        let before = client.state;
        client.state = State::Rotating;
        client.attempts = 1;
        client.due_at = Some(until);
        Ok((before, begin(&db, client).await?))
    })
    .await?;
    let there = client.client(app)?.ok_or_else(|| Problem::internal("a live client has no id"))?;
    if can.replace {
        return replaced(app, org, client, &*adapter).await;
    }
    let outcome = adapter.rotate(&there, &client.wanted).await;
    client.rest(now(app), &Spans::of(app)?);
    if before == State::Updating {
        client.state = before;
        client.due_at = Some(now(app));
    }
    match &outcome {
        Ok(issued) => {
            client.learn(app, &issued.client)?;
            client.secret_lost = false;
            client.drift = None;
        }
        Err(fault) => {
            client.problem = Some(fault.told());
            client.secret_lost |= matches!(fault, Fault::Unknown(_));
            if *fault == Fault::Gone {
                client.drift = Some(Drift::Missing);
            }
        }
    }
    settle(app, org, &client, &*adapter).await?;
    Ok(outcome?)
}

/// Makes another client in the place of one whose secret cannot be replaced, and has the old one removed.
async fn replaced(app: &App, org: OrgId, mut client: Registered, adapter: &dyn Adapter) -> Result<Issued> {
    let mut old = client.clone();
    let outcome = adapter.create(&client.wanted).await;
    client.rest(now(app), &Spans::of(app)?);
    let issued = match outcome {
        Ok(issued) => issued,
        Err(fault) => {
            // The old client goes on, with the secret that it has.
            client.problem = Some(match &fault {
                Fault::Unknown(_) => second_client(&client.wanted),
                fault => fault.told(),
            });
            settle(app, org, &client, adapter).await?;
            return Err(fault.into());
        }
    };
    client.learn(app, &issued.client)?;
    client.secret_lost = false;
    client.drift = None;
    // It outlives its application's client under an id of its own.
    let (there, id) = (old.client(app)?, app.new_id(org));
    old.id = id;
    if let Some(there) = there {
        old.learn(app, &there)?;
    }
    old.state = State::Removing;
    old.due_at = Some(now(app));
    old.attempts = 0;
    let (old, new) = (&old, &client);
    let settled = kept(app, org, |db| async move {
        renamed(app, &db, new).await?;
        let settled = client_settle(&db, new).await?;
        if settled {
            client_insert(&db, old).await?;
        }
        Ok(settled)
    })
    .await?;
    if !settled {
        settle(app, org, &client, adapter).await?;
    }
    Registrar::of(app)?.wake();
    Ok(issued)
}

/// What to look for after a request for a second client that nobody answered.
fn second_client(wanted: &Wanted) -> String {
    format!(
        "whether the provider has made a second client named [{}] is not known, and it cannot be asked: look there, and \
         remove the one that has another id",
        wanted.name
    )
}

/// A client that the provider has, as far as is known, and that nobody is replacing the secret of; otherwise what
/// it waits for.
pub async fn live(db: &OrgScope, id: ApplicationId) -> Result<Registered> {
    let client = client_get(db, id).await?.ok_or(Problem::NotFound("Application"))?;
    let why = match client.state {
        State::Live | State::Updating => return Ok(client),
        State::Creating => "The application is still being registered at the identity provider",
        State::Rotating => "The secret of the application's client is just being replaced",
        State::CreationUnconfirmed => {
            "Whether the identity provider has registered the application is not known. An administrator has to look"
        }
        State::Removing | State::RemovalUnconfirmed => return Err(Problem::NotFound("Application")),
    };
    Err(Problem::Conflict(why.to_owned()))
}

/// Begins the turn of a client that was just read in this transaction.
pub async fn begin(db: &OrgScope, mut client: Registered) -> Result<Registered> {
    if client_intend(db, &mut client).await? { Ok(client) } else { Err(Problem::Again) }
}

/// What became of a change that somebody waits for.
pub enum Change {
    /// It is made, or will be.
    Accepted,
    /// The provider does not take it: whoever wrote it takes it back.
    Refused(Fault),
}

/// Changes a client whose row already says how it is to be, in a turn that was begun.
pub async fn update(app: &App, org: OrgId, client: Registered) -> Result<Change> {
    let adapter = adapter_of(app, org, client.provider_id).await?;
    updated(app, org, client, &*adapter, true).await
}

/// The same for whoever has the adapter, and may be alone with it.
pub(super) async fn updated(
    app: &App,
    org: OrgId,
    mut client: Registered,
    adapter: &dyn Adapter,
    waited_for: bool,
) -> Result<Change> {
    let there = client.client(app)?.ok_or_else(|| Problem::internal("a live client has no id"))?;
    match adapter.update(&there, &client.wanted).await {
        Ok(updated) => {
            client.learn(app, &updated.client)?;
            client.secret_lost |= updated.secret.is_some() && adapter.capabilities().update_rotates_secret;
            client.drift = None;
            client.checked_at = Some(now(app));
            client.rest(now(app), &Spans::of(app)?);
        }
        Err(Fault::Gone) => {
            client.rest(now(app), &Spans::of(app)?);
            client.drift = Some(Drift::Missing);
        }
        Err(fault @ Fault::Input(_)) if waited_for => return Ok(Change::Refused(fault)),
        Err(fault) => {
            postpone(app, org, client, adapter, fault).await?;
            return Ok(Change::Accepted);
        }
    }
    settle(app, org, &client, adapter).await?;
    Ok(Change::Accepted)
}

/// Looks whether the provider still has a client as it is to be, and no second one.
pub(super) async fn look(app: &App, org: OrgId, mut client: Registered, adapter: &dyn Adapter) -> Result<()> {
    let there = client.client(app)?.ok_or_else(|| Problem::internal("a live client has no id"))?;
    let can = adapter.capabilities();
    if client.doubtful && can.find {
        let others = match adapter.find(&client.wanted).await {
            Ok(found) => found.into_iter().filter(|found| found.id != there.id).collect::<Vec<_>>(),
            Err(fault) => return postpone(app, org, client, adapter, fault).await,
        };
        if let Err(fault) = reap(adapter, &others).await {
            return postpone(app, org, client, adapter, fault).await;
        }
        client.doubtful = false;
    }
    if can.read {
        match adapter.read(&there).await {
            Ok(found) => {
                client.learn(app, &found.client)?;
                let same = same_name(found.name.as_deref(), &client.wanted)
                    && same_addresses(&found.redirect_uris, &client.wanted);
                client.drift = (!same).then_some(Drift::Differs);
            }
            Err(Fault::Gone) => client.drift = Some(Drift::Missing),
            Err(fault) => return postpone(app, org, client, adapter, fault).await,
        }
    }
    client.doubtful = false;
    client.checked_at = Some(now(app));
    client.rest(now(app), &Spans::of(app)?);
    settle(app, org, &client, adapter).await
}

/// Whether the name is the one that was sent, which some providers shorten and others take signs out of.
fn same_name(there: Option<&str>, wanted: &Wanted) -> bool {
    let plain = |name: &str| -> String { name.chars().filter(|c| c.is_alphanumeric()).collect() };
    there.is_none_or(|there| {
        plain(&wanted.name).starts_with(&plain(there))
            && (!plain(there).is_empty() || plain(&wanted.name).is_empty())
    })
}

/// Whether a client that has users sends them back to where it is to; providers that want an address of every
/// client were sent one that nobody wrote.
fn same_addresses(there: &[String], wanted: &Wanted) -> bool {
    wanted.redirect_uris.is_empty() || {
        let sorted = |all: &[String]| {
            let mut all = all.to_vec();
            all.sort();
            all
        };
        sorted(there) == sorted(&wanted.redirect_uris)
    }
}

/// Removes clients that nobody knows.
pub(super) async fn reap(adapter: &dyn Adapter, clients: &[Client]) -> Result<(), Fault> {
    for client in clients {
        match adapter.delete(client).await {
            Ok(_) | Err(Fault::Gone) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// Something to try again later.
pub(super) async fn postpone(
    app: &App,
    org: OrgId,
    mut client: Registered,
    adapter: &dyn Adapter,
    fault: Fault,
) -> Result<()> {
    let after = match &fault {
        Fault::Transient { after, .. } => *after,
        _ => None,
    };
    client.later(now(app), fault.told(), after);
    settle(app, org, &client, adapter).await
}

/// What came of a turn in which the provider replaced a secret, or did not: whether the old one still works nobody
/// knows. A further rotation gives one that does.
pub(super) async fn forget_secret(
    app: &App,
    org: OrgId,
    mut client: Registered,
    adapter: &dyn Adapter,
) -> Result<()> {
    client.rest(now(app), &Spans::of(app)?);
    if adapter.capabilities().replace {
        client.problem = Some(second_client(&client.wanted));
    } else {
        client.secret_lost = true;
    }
    settle(app, org, &client, adapter).await
}

/// The gateway knows an application by its client's id, so it is to hear of another one.
async fn renamed(app: &App, db: &OrgScope, client: &Registered) -> Result<()> {
    if crate::part(app)?.gateway.is_none() {
        return Ok(());
    }
    let before = client_get(db, client.id).await?.and_then(|it| it.client_id);
    if before == client.client_id { Ok(()) } else { gateway::changed(app, db).await }
}

/// Writes down what came of a turn. If another turn has begun meanwhile, what was learned is added to it; a
/// client that nobody has a place for is removed again.
pub(super) async fn settle(app: &App, org: OrgId, client: &Registered, adapter: &dyn Adapter) -> Result<()> {
    let mut client = client.clone();
    client.updated_at = now(app);
    let client = &client;
    let settled = kept(app, org, |db| async move {
        renamed(app, &db, client).await?;
        let settled = client_settle(&db, client).await?;
        Ok(settled || client.client_id.is_none() || client_learned(&db, client, now(app)).await?)
    })
    .await?;
    let orphan = if settled { None } else { client.client(app)? };
    let Some(orphan) = orphan else { return Ok(()) };
    if matches!(adapter.delete(&orphan).await, Ok(_) | Err(Fault::Gone)) {
        return Ok(());
    }
    let mut left = client.clone();
    left.state = State::Removing;
    left.due_at = Some(now(app));
    let left = &left;
    kept(app, org, |db| async move {
        match client_get(&db, left.id).await? {
            None => Ok(client_insert(&db, left).await?),
            Some(mut other) => {
                other.doubtful = true;
                other.due_at = other.due_at.or(left.due_at);
                begin(&db, other).await.map(drop)
            }
        }
    })
    .await?;
    Registrar::of(app)?.wake();
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_providers_do_to_names_is_no_drift() {
        let mut wanted = crate::registration::probe(Uuid::nil(), Uuid::nil(), "https://a.test/".to_owned());
        wanted.name = "Ann's <best> application".to_owned();
        for (there, same) in [
            (None, true),
            (Some("Ann's <best> application"), true),
            (Some("Ann's best application"), true),
            (Some("Ann's <best> app"), true),
            (Some("Bob's application"), false),
            (Some(""), false),
        ] {
            assert_eq!(same_name(there, &wanted), same, "{there:?}");
        }
        assert!(same_addresses(&["https://a.test/".to_owned()], &wanted));
        assert!(!same_addresses(&[], &wanted));
        wanted.redirect_uris.clear();
        assert!(same_addresses(&["https://unused.invalid/".to_owned()], &wanted));
    }
}

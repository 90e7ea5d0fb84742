//! What happens to applications, whoever wants it. Where a provider is asked, what is wanted is committed before,
//! and the outcome after; so none of this uses the request's own transaction.

use frame::{Cx, db::OrgScope};
use kernel::{
    Action, ApplicationId, Fault, Id, Invalid, OrgId, PortalId, Problem, Result, StrategyId, WallClock,
    problem::Denied,
};
use serde_json::{Value, json};

use super::{
    Application, MOST, NewApplication, Owner,
    keys::store::key_delete_of,
    place,
    store::{
        application_delete, application_get, application_ids, application_insert, application_update,
        client_taken,
    },
    strategy::{CredentialType, StrategyOf},
};
use crate::{
    clients::{
        Registered, Spans, State, adapter_of, removal,
        store::{bridged_get, client_forget, client_insert},
        transactions::{finished, written},
        turns::{self, Change, Registration, begin, live},
    },
    gateway,
    portals::Portal,
    registration::{Client, Issued, Registrar},
    strategies::{
        store::strategy_get,
        uses::{Use, UseKind, use_drop, use_put},
    },
};

/// What a new application is answered with.
pub struct Made {
    /// The application.
    pub application: Application,
    /// The client that was made for it, with a secret that nobody has seen.
    pub issued: Option<Issued>,
}

/// Looks for what a new application may not be, beyond what its body says by itself.
pub fn check(new: &NewApplication, strategy: &StrategyOf) -> Vec<Invalid> {
    let mut faults = Vec::new();
    let mut no = |field: &str, why: &str| faults.push(Invalid::body(field, Fault::Rule(why.to_owned())));
    let kind = strategy.credential_type();
    match (kind, &new.client_id, &new.dcr_client_id) {
        (CredentialType::SelfManagedClientCredentials, None, _) => {
            no(
                "client_id",
                "is needed: the strategy has no DCR provider, so the client is the developer's own",
            );
        }
        (CredentialType::SelfManagedClientCredentials, _, Some(_)) => {
            no("dcr_client_id", "does not fit a strategy without a DCR provider");
        }
        (CredentialType::ClientCredentials, Some(_), _) => {
            no("client_id", "does not fit a strategy with a DCR provider, which gives out the clients");
        }
        (CredentialType::KeyAuth, client, existing) => {
            if client.is_some() {
                no("client_id", "does not fit a strategy with keys");
            }
            if existing.is_some() {
                no("dcr_client_id", "does not fit a strategy with keys");
            }
            if new.redirect_uri.is_some() {
                no("redirect_uri", "does not fit a strategy with keys");
            }
        }
        _ => {}
    }
    faults.extend(check_scopes(strategy, &new.scopes));
    faults
}

/// Looks for what developers may not choose, where they choose at all.
pub fn check_scopes(strategy: &StrategyOf, scopes: &[String]) -> Vec<Invalid> {
    if scopes.is_empty() {
        return Vec::new();
    }
    let no = |field: &str, why: &str| vec![Invalid::body(field, Fault::Rule(why.to_owned()))];
    if !strategy.choice {
        return no("scopes", "cannot be chosen: the strategy does not leave them to developers");
    }
    let offered = strategy.openid_connect().map(|it| &*it.scopes).unwrap_or_default();
    let place = scopes.iter().position(|scope| !offered.contains(scope));
    place.map_or_else(Vec::new, |place| no(&format!("scopes.{place}"), "is not one that the strategy offers"))
}

/// The strategy that is named, or the portal's default.
pub async fn strategy_of(
    db: &OrgScope,
    portal: &Portal,
    named: Option<StrategyId>,
    faults: &mut Vec<Invalid>,
) -> Result<Option<StrategyOf>> {
    let Some(id) = named.or(portal.default_application_auth_strategy_id) else {
        let why = "is needed: the portal has no default strategy";
        faults.push(Invalid::body("auth_strategy_id", Fault::Rule(why.to_owned())));
        return Ok(None);
    };
    let found = strategy_get(db, id).await?;
    if found.is_none() {
        faults.push(Invalid::body("auth_strategy_id", Fault::MissingReference("Application auth strategy")));
    }
    Ok(found.as_ref().map(StrategyOf::from))
}

/// Creates an application, and has its client made if it gets one. Goes on to the end even if nobody waits.
pub async fn create(cx: &Cx, new: NewApplication, strategy: StrategyOf) -> Result<Made> {
    finished(created(cx.clone(), new, strategy)).await
}

async fn created(cx: Cx, new: NewApplication, strategy: StrategyOf) -> Result<Made> {
    let (app, org) = (cx.app(), cx.org());
    let now = cx.now();
    let application = Application {
        id: cx.new_id(),
        portal_id: new.portal,
        name: new.name,
        description: new.description,
        owner: new.owner,
        client_id: new.client_id,
        redirect_uri: new.redirect_uri,
        scopes: new.scopes,
        labels: new.labels,
        registration_count: 0,
        version_registration_count: 0,
        created_at: now,
        updated_at: now,
        strategy,
    };
    let intent = match application.strategy.provider {
        None => None,
        Some(provider) => {
            let wanted = application.strategy.wanted(org, &application);
            let mut client = Registered::intended(app, provider, wanted)?;
            if let Some(existing) = &new.dcr_client_id {
                adopt(&cx, &mut client, existing).await?;
            }
            Some(client)
        }
    };
    let (it, client, cx) = (&application, &intent, &cx);
    written(app, org, |db| async move {
        db.serialize("application-auth").await?;
        // Whoever deleted it meanwhile was first.
        let strategy = strategy_get(&db, it.strategy.id).await?.ok_or(Problem::NotFound("Strategy"))?;
        if strategy.dcr_provider.map(|provider| provider.id) != it.strategy.provider {
            return Err(Problem::Conflict("The strategy was just changed. Try again".to_owned()));
        }
        let taken = match it.client_id.as_ref().or(client.as_ref().and_then(|it| it.client_id.as_ref())) {
            Some(client) => client_taken(&db, it.strategy.id, client, Id::from_uuid(it.id.uuid())).await?,
            None => false,
        };
        if taken {
            let why = "Another application of the strategy has this client already";
            return Err(Problem::Conflict(why.to_owned()));
        }
        if it.owner.developer().is_some()
            && application_ids(&db, it.portal_id, Some(it.owner)).await?.len() >= MOST
        {
            let why = format!("The developer has {MOST} applications already");
            return Err(Problem::Forbidden(Denied::Because(why)));
        }
        application_insert(&db, it).await?;
        used(&db, it).await?;
        if let Some(client) = client {
            client_insert(&db, client).await?;
        }
        cx.audit_in(&db, Action::Create, place(it.portal_id, it.id), json!({ "after": told(it) })).await
    })
    .await?;
    let issued = match intent {
        Some(client) if client.client_id.is_none() => register(cx, &application, client).await?,
        _ => None,
    };
    let client_id = issued.as_ref().map(|it| it.client.id.clone()).or(new.dcr_client_id);
    Ok(Made {
        application: Application { client_id: client_id.or(application.client_id.clone()), ..application },
        issued,
    })
}

/// Takes over a client that the provider has already: it has to be there, as far as one can look.
async fn adopt(cx: &Cx, client: &mut Registered, existing: &str) -> Result<()> {
    let app = cx.app();
    let no = |why: &str| Err(Problem::invalid("dcr_client_id", Fault::Rule(why.to_owned())));
    let adapter = adapter_of(app, cx.org(), client.provider_id).await?;
    let there = Client::with_id(existing);
    if !adapter.capabilities().read {
        return no("cannot be looked up at this kind of provider");
    }
    // Its caller would lose it with the application, or the application with it.
    let db = OrgScope::new(app.db.read(), cx.org());
    if bridged_get(&db, client.provider_id, existing).await?.is_some() {
        return no("is a client that a caller of the provider's bridge had made");
    }
    if !existing.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return no("must be of ASCII characters");
    }
    match adapter.read(&there).await {
        Ok(found) => client.learn(app, &found.client)?,
        Err(crate::registration::Fault::Gone) => return no("is not known to the provider"),
        Err(fault) => return Err(fault.into()),
    }
    client.doubtful = false;
    client.secret_lost = true;
    client.rest(WallClock::now(&*app.wall), &Spans::of(app)?);
    Ok(())
}

/// Notes which strategy an application uses.
async fn used(db: &OrgScope, it: &Application) -> Result<()> {
    let used_by = Id::from_uuid(it.id.uuid());
    let label = it.name.clone();
    let using = Use { kind: UseKind::Application, used_by, published: false, label };
    Ok(use_put(db, it.strategy.id, &using).await?)
}

async fn register(cx: &Cx, application: &Application, client: Registered) -> Result<Option<Issued>> {
    let (app, org) = (cx.app(), cx.org());
    let turn = client.turn;
    match turns::register(app, org, client).await? {
        Registration::Made(issued) => Ok(Some(issued)),
        // It is found out what became of it; until then the application waits.
        Registration::Pending(fault) => Err(fault.into()),
        Registration::Refused(fault) => {
            let why = fault.told();
            let (id, why) = (application.id, &why);
            written(app, org, |db| async move {
                if client_forget(&db, id, turn).await? {
                    gone(cx, &db, application, json!({ "before": told(application), "because": why }))
                        .await?;
                }
                Ok(())
            })
            .await?;
            Err(fault.into())
        }
    }
}

/// Removes the rows of an application.
async fn gone(cx: &Cx, db: &OrgScope, it: &Application, change: Value) -> Result<()> {
    use_drop(db, UseKind::Application, Id::from_uuid(it.id.uuid())).await?;
    key_delete_of(db, it.id).await?;
    application_delete(db, it.id).await?;
    gateway::changed(cx.app(), db).await?;
    cx.audit_in(db, Action::Delete, place(it.portal_id, it.id), change).await
}

/// Deletes an application. Its client is removed at once if the provider can be asked, else as soon as it can.
pub async fn delete(cx: &Cx, application: Application) -> Result<()> {
    let cx = cx.clone();
    finished(async move {
        let (cx, it) = (&cx, &application);
        let left = written(cx.app(), cx.org(), |db| async move { delete_in(cx, &db, it).await }).await?;
        if let Some(client) = left {
            removal::remove(cx.app(), cx.org(), client).await?;
        }
        Ok(())
    })
    .await
}

/// The same in a transaction that is going on; the client that is left to be removed, in a turn that has begun.
async fn delete_in(cx: &Cx, db: &OrgScope, it: &Application) -> Result<Option<Registered>> {
    let client = removal::unwanted(cx.app(), db, it.id).await?;
    gone(cx, db, it, json!({ "before": told(it) })).await?;
    Ok(client)
}

/// Deletes all applications in a portal, or those of one owner, in the request's transaction; their clients are
/// removed soon after it. How many those were.
pub(crate) async fn delete_all(cx: &Cx, portal: PortalId, owner: Option<Owner>) -> Result<usize> {
    let ids = application_ids(cx.db(), portal, owner).await?;
    for id in &ids {
        let Some(application) = application_get(cx.db(), *id).await? else { continue };
        if let Some(mut client) = delete_in(cx, cx.db(), &application).await? {
            client.attempts = 0;
            client.due_at = Some(WallClock::now(&*cx.app().wall));
            begin(cx.db(), client).await?;
        }
    }
    Ok(ids.len())
}

/// Changes an application, and its client if that shows any of it.
pub async fn update(cx: &Cx, before: Application, after: Application) -> Result<Application> {
    let cx = cx.clone();
    finished(async move {
        let (app, org) = (cx.app(), cx.org());
        let wanted = after.strategy.wanted(org, &after);
        let matters = wanted.differs(&before.strategy.wanted(org, &before));
        let adapter = match after.strategy.provider.filter(|_| matters) {
            Some(provider) => Some(adapter_of(app, org, provider).await?),
            None => None,
        };
        let rotates = adapter.as_ref().is_some_and(|it| it.capabilities().update_rotates_secret);
        if rotates && before.redirect_uri != after.redirect_uri {
            let why = "The identity provider replaces an application's secret whenever its redirect URIs change: make another application, or regenerate the secret after an administrator has changed them";
            return Err(Problem::Conflict(why.to_owned()));
        }
        // A name is not worth a secret.
        let asks = adapter.is_some() && !rotates;
        let until = WallClock::now(&*app.wall).plus(Spans::of(app)?.lease);
        let (it, old, wanted, cx) = (&after, &before, &wanted, &cx);
        let client = written(app, org, |db| async move {
            db.serialize("application-auth").await?;
            if application_get(&db, it.id).await?.is_none_or(|now| told(&now) != told(old)) {
                return Ok(None);
            }
            let client = if old.strategy.provider.is_some() && matters {
                let mut client = live(&db, it.id).await?;
                client.wanted = wanted.clone();
                if asks {
                    client.state = State::Updating;
                    client.attempts = 1;
                    client.due_at = Some(until);
                }
                Some(begin(&db, client).await?)
            } else {
                None
            };
            changed(cx, &db, old, it).await?;
            Ok(Some(client))
        })
        .await?;
        // Somebody else has changed it meanwhile, and that is not to be undone: the request begins again.
        let client = client.ok_or(Problem::Again)?;
        if let Some(mut client) = client.filter(|_| asks)
            && let Change::Refused(fault) = turns::update(app, org, client.clone()).await?
        {
            client.wanted = old.strategy.wanted(org, old);
            client.rest(WallClock::now(&*app.wall), &Spans::of(app)?);
            let client = &client;
            written(app, org, |db| async move {
                db.serialize("application-auth").await?;
                begin(&db, client.clone()).await?;
                let Some(now) = application_get(&db, it.id).await? else { return Ok(()) };
                changed(cx, &db, &now, &undone(&now, old)).await
            })
            .await?;
            return Err(fault.into());
        }
        Ok(after)
    })
    .await
}

/// An application without what its provider refused.
fn undone(now: &Application, before: &Application) -> Application {
    Application {
        name: before.name.clone(),
        description: before.description.clone(),
        redirect_uri: before.redirect_uri.clone(),
        scopes: before.scopes.clone(),
        updated_at: before.updated_at,
        ..now.clone()
    }
}

/// Writes the rows of an application that has changed.
pub(super) async fn changed(cx: &Cx, db: &OrgScope, before: &Application, after: &Application) -> Result<()> {
    application_update(db, after).await?;
    used(db, after).await?;
    // Whether requests are let through follows from the owner, too.
    if before.client_id != after.client_id || before.owner != after.owner {
        gateway::changed(cx.app(), db).await?;
    }
    let change = json!({ "before": told(before), "after": told(after) });
    cx.audit_in(db, Action::Edit, place(after.portal_id, after.id), change).await
}

/// The application of a portal, or 404.
pub async fn application_in(db: &OrgScope, portal: PortalId, id: ApplicationId) -> Result<Application> {
    let found = application_get(db, id).await?.filter(|it| it.portal_id == portal);
    found.ok_or(Problem::NotFound("application"))
}

/// A further secret for an application that has one client with one secret: the old one ends.
pub async fn regenerate(cx: &Cx, application: &Application) -> Result<Issued> {
    let (app, org, id) = (cx.app().clone(), cx.org(), application.id);
    if application.strategy.provider.is_none() {
        let why = "The application has no client that an identity provider made for it";
        return Err(Problem::Conflict(why.to_owned()));
    }
    let adapter = adapter_of_application(&app, org, application).await?;
    if adapter.capabilities().multiple_credentials.is_some() {
        let client = {
            let db = OrgScope::new(app.db.read(), org);
            live(&db, id).await?
        };
        let there = client.client(&app)?.ok_or_else(|| Problem::internal("a live client has no id"))?;
        if adapter.credential_list(&there).await?.len() > 1 {
            let why = "The application has more than one client secret: add one and delete one instead";
            return Err(Problem::Conflict(why.to_owned()));
        }
    }
    let issued = finished(async move { turns::rotate(&app, org, id).await }).await?;
    noted(cx, Action::Edit, format!("{}/secret", place(application.portal_id, id)), json!({})).await?;
    Ok(issued)
}

/// Records what a provider was asked for, in a transaction of its own: to run the request's again would be to ask
/// again.
pub(super) async fn noted(cx: &Cx, action: Action, path: String, change: Value) -> Result<()> {
    let (path, change) = (&path, &change);
    written(
        cx.app(),
        cx.org(),
        |db| async move { cx.audit_in(&db, action, path.as_str(), change.clone()).await },
    )
    .await
}

/// What speaks with the provider of an application's client.
pub(super) async fn adapter_of_application(
    app: &frame::App,
    org: OrgId,
    application: &Application,
) -> Result<Box<dyn crate::registration::Adapter>> {
    let provider = application.strategy.provider.ok_or(Problem::NotFound("credential"))?;
    adapter_of(app, org, provider).await
}

/// What is due at providers is looked at when the request is over, rather than within a second.
pub(crate) fn wake(cx: &Cx) -> Result<()> {
    Registrar::of(cx.app())?.wake();
    Ok(())
}

/// An application in the audit log.
fn told(it: &Application) -> Value {
    json!({
        "name": it.name,
        "description": it.description,
        "owner": it.owner,
        "auth_strategy_id": it.strategy.id,
        "client_id": it.client_id,
        "redirect_uri": it.redirect_uri,
        "scopes": it.scopes,
        "labels": it.labels,
    })
}

//! What a handler is given: the request's caller, its transaction, and the program.

use std::sync::{Arc, Mutex};

use kernel::{Action, Id, OrgId, Problem, Reach, Result, Timestamp};
use serde_json::Value;

use crate::{
    App,
    access::BoxFuture,
    audit::{self, Authentication, Event, Origin},
    db::{OrgScope, PlatformScope, Session},
    operations::Spec,
    portals::{Developer, Site},
    principal::{Principal, User},
};

/// What whoever creates an entity gets on it; implemented where roles are kept.
pub trait Creators: Send + Sync {
    /// The caller has created an entity of this type, as assignments name types, in this server's region.
    fn created<'a>(&'a self, cx: &'a Cx, kind: &'a str, entity: Id<()>) -> BoxFuture<'a, Result<()>>;
}

/// The context of one request. Cheap to clone; all clones share one transaction.
#[derive(Clone)]
pub struct Cx(Arc<Parts>);

struct Parts {
    app: App,
    spec: Arc<Spec>,
    principal: Arc<Principal>,
    site: Option<Site>,
    origin: Arc<Origin>,
    scope: OrgScope,
    session: Session,
    access_changed: Mutex<Vec<OrgId>>,
}

impl Cx {
    /// The context of a request. At a portal, its organization is the portal's; elsewhere a caller without one
    /// gets a scope in which nothing is.
    pub fn new(
        app: App,
        spec: Arc<Spec>,
        principal: Arc<Principal>,
        site: Option<Site>,
        origin: Arc<Origin>,
        session: Session,
    ) -> Self {
        let org = site.map(|site| site.org).or(principal.org);
        let org = org.unwrap_or(OrgId::from_uuid(uuid::Uuid::nil()));
        let scope = OrgScope::new(session.clone(), org);
        Self(Arc::new(Parts {
            app,
            spec,
            principal,
            site,
            origin,
            scope,
            session,
            access_changed: Mutex::new(Vec::new()),
        }))
    }

    /// The program.
    pub fn app(&self) -> &App {
        &self.0.app
    }

    /// The operation that was called.
    pub fn spec(&self) -> &Spec {
        &self.0.spec
    }

    /// The caller.
    pub fn caller(&self) -> &Principal {
        &self.0.principal
    }

    /// The calling user.
    pub fn user(&self) -> Result<&User> {
        self.0.principal.user().ok_or(Problem::Unauthenticated)
    }

    /// The portal at whose host the request came in, for an operation that is served there
    /// ([`crate::operations::Declared::at_portal`]). [`Self::db`] is bound to its organization, whoever calls.
    pub fn site(&self) -> Result<Site> {
        self.0.site.ok_or_else(|| Problem::internal("this operation is not served at portals"))
    }

    /// The calling developer: signed in, approved, and one of the portal at whose host the request came in.
    pub fn developer(&self) -> Result<Developer> {
        self.0.principal.developer().ok_or(Problem::Unauthenticated)
    }

    /// The organization: the caller's, or the portal's.
    pub fn org(&self) -> OrgId {
        self.0.scope.org()
    }

    /// That organization's tables, in this request's transaction.
    pub fn db(&self) -> &OrgScope {
        &self.0.scope
    }

    /// The directory tables, in this request's transaction.
    pub fn platform(&self) -> PlatformScope {
        self.0.scope.platform()
    }

    /// Where the request came from.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// Whether the caller may do this to something that lies in this server's region.
    pub fn may_here(&self, action: Action, path: &str) -> bool {
        self.caller().permissions.allows(action, &self.app().settings.region, path)
    }

    /// The entities of a kind in this server's region that the caller may do this to.
    pub fn reach(&self, action: Action, kind: &str) -> Reach<'_> {
        self.caller().permissions.reach(action, &self.app().settings.region, kind)
    }

    /// Gives the caller what the role catalogue has for whoever creates an entity of this type.
    pub async fn created<T>(&self, kind: &str, entity: Id<T>) -> Result<()> {
        let entity = Id::from_uuid(entity.uuid());
        self.app().part::<Arc<dyn Creators>>()?.created(self, kind, entity).await
    }

    /// Now, for that organization.
    pub fn now(&self) -> Timestamp {
        self.0.app.clock.now(self.org())
    }

    /// A new id.
    pub fn new_id<T>(&self) -> Id<T> {
        self.0.app.new_id(self.org())
    }

    /// Records what was done, in this request's transaction. `change` never holds a secret.
    pub async fn audit(&self, action: Action, path: impl Into<String>, change: Value) -> Result<()> {
        self.audit_in(self.db(), action, path, change).await
    }

    /// Records what was done in an organization that is not the caller's, which only platform
    /// services reach.
    pub async fn audit_in(
        &self,
        scope: &OrgScope,
        action: Action,
        path: impl Into<String>,
        change: Value,
    ) -> Result<()> {
        let event = Event {
            principal: self.caller(),
            origin: self.origin(),
            action,
            home: self.spec().home(&self.app().settings),
            path: path.into(),
            granted: true,
            change,
        };
        audit::record(scope, &self.0.app.vault, self.0.app.clock.now(scope.org()), event).await
    }

    /// Records an attempt to sign in to an organization.
    pub async fn audit_authentication(&self, scope: &OrgScope, attempt: Authentication) -> Result<()> {
        let now = self.0.app.clock.now(scope.org());
        audit::record_authentication(scope, &self.0.app.vault, now, self.origin(), attempt).await
    }

    /// Who may do what in the organization has changed: every process must look again. Announced in
    /// the transaction, in force here when it commits.
    pub async fn access_changed(&self) -> Result<()> {
        self.access_changed_in(self.org()).await
    }

    /// The same for an organization that is not the caller's.
    pub async fn access_changed_in(&self, org: OrgId) -> Result<()> {
        let known = self.0.access_changed.lock().map(|mut orgs| {
            let known = orgs.contains(&org);
            orgs.push(org);
            known
        });
        if !known.unwrap_or(false) {
            crate::changes::announce(&self.0.session, org, self.0.app.clock.now(org)).await?;
        }
        Ok(())
    }

    /// Keeps what was written.
    pub(crate) async fn commit(&self) -> Result<()> {
        self.0.session.commit().await?;
        let changed =
            self.0.access_changed.lock().map(|mut orgs| std::mem::take(&mut *orgs)).unwrap_or_default();
        for org in changed {
            self.0.app.access.changed(Some(org));
        }
        Ok(())
    }

    /// Gives up what was written.
    pub(crate) async fn rollback(&self) {
        self.0.session.rollback().await;
    }
}

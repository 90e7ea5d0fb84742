//! What a portal tells of itself, and a developer's own account.

use std::collections::BTreeSet;

use frame::{
    Cx,
    access::BoxFuture,
    db::{Db, PlatformScope},
    portals::{Portals, Site},
    reply::Found,
};
use kernel::{DcrProviderId, DeveloperId, OrgId, PortalId, Problem, Result, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::{PortalDeveloper, developer_require, home_require, store};
use crate::{applications::store::strategies_of_portal, strategies::store::strategy_map};

/// Finds portals by host in the database.
pub struct PortalHosts {
    /// The database.
    pub db: Db,
}

impl Portals for PortalHosts {
    fn at<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Option<Site>>> {
        Box::pin(async move { Ok(store::site_find(&PlatformScope::new(self.db.read()), host).await?) })
    }
}

/// The portal, for an operation that makes no sense where nobody can sign in.
pub(super) fn site_with_sign_in(cx: &Cx) -> Result<Site> {
    Some(cx.site()?).filter(|site| site.authentication).ok_or(Problem::NotFound("portal"))
}

/// What the portal is (contract: `PortalContext`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PortalContext {
    /// The portal.
    portal_id: PortalId,
    /// Its organization.
    org_id: OrgId,
    /// Whether developers sign in with e-mail and password.
    basic_auth_enabled: bool,
    /// Whether they sign in through an OpenID Connect provider: portals here have none.
    oidc_auth_enabled: bool,
    /// Whether they sign in through a SAML provider: portals here have none.
    saml_auth_enabled: bool,
    /// Whether developers can register and sign in at all.
    authentication_enabled: bool,
    /// Whether developers need roles.
    rbac_enabled: bool,
    /// Its name for developers.
    name: String,
    /// Its host.
    canonical_domain: String,
}

pub(super) async fn context_get(cx: Cx) -> Result<Found<PortalContext>> {
    let home = home_require(&cx, cx.site()?.portal).await?;
    Ok(Found(PortalContext {
        portal_id: home.id,
        org_id: cx.org(),
        basic_auth_enabled: home.authentication,
        oidc_auth_enabled: false,
        saml_auth_enabled: false,
        authentication_enabled: home.authentication,
        rbac_enabled: home.rbac,
        name: home.name,
        canonical_domain: home.host,
    }))
}

/// What the portal is, in the words of the older API.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClassicPortalContext {
    /// The portal.
    portal_id: PortalId,
    /// Its organization.
    org_id: OrgId,
    /// Whether there are no developers in it that sign in.
    is_public: bool,
    /// Whether developers sign in with e-mail and password.
    basic_auth_enabled: bool,
    /// Whether they sign in through an OpenID Connect provider: portals here have none.
    oidc_auth_enabled: bool,
    /// Which features it has for whom: there is one set of them here, without a name.
    featureset_id: &'static str,
    /// How far analytics go back: there are none here.
    allowed_time_period: &'static str,
    /// Whether developers need roles.
    rbac_enabled: bool,
    /// What makes clients for applications with the strategies that developers can choose.
    dcr_provider_ids: BTreeSet<DcrProviderId>,
    /// Its name for developers.
    name: String,
    /// Its host.
    canonical_domain: String,
}

pub(super) async fn classic_context_get(cx: Cx) -> Result<Found<ClassicPortalContext>> {
    let home = home_require(&cx, cx.site()?.portal).await?;
    let offered = strategy_map(cx.db(), strategies_of_portal(cx.db(), home.id).await?).await?;
    let providers = offered.into_values().filter_map(|strategy| strategy.dcr_provider);
    Ok(Found(ClassicPortalContext {
        portal_id: home.id,
        org_id: cx.org(),
        is_public: !home.authentication,
        basic_auth_enabled: home.authentication,
        oidc_auth_enabled: false,
        featureset_id: "",
        allowed_time_period: "",
        rbac_enabled: home.rbac,
        dcr_provider_ids: providers.map(|provider| provider.id).collect(),
        name: home.name,
        canonical_domain: home.host,
    }))
}

/// A developer as it sees itself (contract: `Developer`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Developer {
    /// Its id.
    id: DeveloperId,
    /// The e-mail address.
    #[schemars(extend("format" = "email"), length(max = 250))]
    email: String,
    /// The full name.
    #[schemars(length(max = 256))]
    full_name: String,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

frame::from_row!(Developer { id, email, full_name, created_at, updated_at });

pub(super) async fn account_get(cx: Cx) -> Result<Found<Developer>> {
    let me = cx.developer()?;
    let PortalDeveloper { id, email, full_name, created_at, updated_at, .. } =
        developer_require(&cx, me.portal, me.developer).await?;
    Ok(Found(Developer { id, email, full_name, created_at, updated_at }))
}

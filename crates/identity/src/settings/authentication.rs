//! How members sign in, and who decides their teams.

use frame::{Cx, from_row, reply::Found};
use kernel::{Action, Body, Draft, Fault, Fields, Invalid, Patch, Problem, Result, rules::Boolean};
use serde::Serialize;
use serde_json::json;

use super::store;
use crate::identity_providers;

/// The authentication settings (contract: `AuthenticationSettings`).
#[derive(Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct AuthenticationSettings {
    /// Whether members sign in with a password.
    pub basic_auth_enabled: bool,
    /// Whether members sign in through an OpenID Connect provider.
    pub oidc_auth_enabled: bool,
    /// Whether members sign in through a SAML provider.
    pub saml_auth_enabled: bool,
    /// Whether the provider's groups decide teams.
    pub idp_mapping_enabled: bool,
    /// Whether administrators decide teams.
    pub konnect_mapping_enabled: bool,
}

from_row!(AuthenticationSettings {
    basic_auth_enabled,
    oidc_auth_enabled,
    saml_auth_enabled,
    idp_mapping_enabled,
    konnect_mapping_enabled
});

/// A change of [`AuthenticationSettings`].
pub struct AuthenticationPatch([Patch<bool>; 5]);

impl Body for AuthenticationPatch {
    const NAME: &'static str = "UpdateAuthenticationSettings";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let basic = fields.patch("basic_auth_enabled", Boolean);
        let oidc = fields.patch("oidc_auth_enabled", Boolean);
        let saml = fields.patch("saml_auth_enabled", Boolean);
        let idp = fields.patch("idp_mapping_enabled", Boolean);
        let konnect = fields.patch("konnect_mapping_enabled", Boolean);
        Some(Self([basic?, oidc?, saml?, idp?, konnect?]))
    }
}

pub(super) async fn authentication_get(cx: Cx) -> Result<Found<AuthenticationSettings>> {
    Ok(Found(store::authentication_get(cx.db()).await?))
}

pub(super) async fn authentication_update(
    cx: Cx,
    draft: Draft<AuthenticationPatch>,
) -> Result<Found<AuthenticationSettings>> {
    cx.db().serialize("sign-in").await?;
    let before = store::authentication_get(cx.db()).await?;
    let AuthenticationPatch([basic, oidc, saml, idp, konnect]) = draft.parse()?;
    let after = AuthenticationSettings {
        basic_auth_enabled: basic.or(before.basic_auth_enabled),
        oidc_auth_enabled: oidc.or(before.oidc_auth_enabled),
        saml_auth_enabled: saml.or(before.saml_auth_enabled),
        idp_mapping_enabled: idp.or(before.idp_mapping_enabled),
        konnect_mapping_enabled: konnect.or(before.konnect_mapping_enabled),
    };
    check(&cx, after).await?;
    store::authentication_update(cx.db(), after, cx.now()).await?;
    cx.audit(Action::Edit, "authentication-settings", json!({ "before": before, "after": after })).await?;
    Ok(Found(after))
}

/// The texts are the contract's, its spelling included; clients compare them.
async fn check(cx: &Cx, settings: AuthenticationSettings) -> Result<()> {
    let fault = |field: &str, reason: &str| Invalid::body(field, Fault::Rule(reason.to_owned()));
    if !settings.basic_auth_enabled && !settings.oidc_auth_enabled && !settings.saml_auth_enabled {
        return Err(Problem::InvalidBecause(
            "Atleast one of the authentication schemes from basic, oidc or saml needs to be enabled",
            vec![
                fault(
                    "oidc_auth_enabled",
                    "cannot be disabled when both basic auth and SAML are also disabled",
                ),
                fault("basic_auth_enabled", "cannot be disabled when both OIDC and SAML are also disabled"),
                fault(
                    "saml_auth_enabled",
                    "cannot be disabled when both OIDC and basic auth are also disabled",
                ),
            ],
        ));
    }
    let mut faults = Vec::new();
    if settings.oidc_auth_enabled && settings.saml_auth_enabled {
        faults.push(fault("saml_auth_enabled", "cannot be enabled together with OIDC"));
    }
    for (on, field, kind) in [
        (settings.oidc_auth_enabled, "oidc_auth_enabled", "oidc"),
        (settings.saml_auth_enabled, "saml_auth_enabled", "saml"),
    ] {
        if on && identity_providers::store::provider_count(cx.db(), kind).await? == 0 {
            faults.push(fault(field, "cannot be set before configuring an identity provider"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::Invalid(faults)) }
}

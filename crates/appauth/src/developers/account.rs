//! How a developer comes by an account: registering, verifying the address, setting a password. Nobody learns from
//! any answer whether somebody else has an account; that is told by mail, to whoever reads it.

use frame::{
    App, Cx,
    db::OrgScope,
    passwords::{LONGEST, faults},
    portals::Site,
    reply::{Accepted, CreatedEmpty, Done, FoundEmpty},
    throttle::{self, Subjects},
};
use kernel::{
    Action, Body, DeveloperId, Draft, Email, Fields, Problem, Result, Secret,
    rules::{EmailAddress, secret, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Status,
    context::site_with_sign_in,
    developer_insert, home_require,
    links::{self, LinkToken, Purpose},
    path, serialize,
    store::{self, Home},
};

/// Registrations from one address, behind which many people may sit, that come without waiting.
const FREE_REGISTRATIONS: i64 = 50;
/// Mails to one developer that come without waiting.
const FREE_MAILS: i64 = 3;

/// Who wants to be a developer.
pub struct RegisterPayload {
    email: Email,
    full_name: String,
}

impl Body for RegisterPayload {
    const NAME: &'static str = "RegisterPayload";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let email = fields.required("email", EmailAddress);
        let full_name = fields.required("full_name", text(1, 256));
        Some(Self { email: email?, full_name: full_name? })
    }
}

/// Whether one more mail to this developer is in order. Who asks again and again learns nothing by that either.
async fn may_mail(app: &App, site: Site, email: &Email) -> Result<bool> {
    let who = format!("{} {}", site.portal, email.folded());
    match throttle::take(app, &Subjects::guess(app, "developer mails to", &who, FREE_MAILS)).await {
        Ok(()) => Ok(true),
        Err(Problem::TooManyRequests(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

pub(super) async fn developer_register(cx: Cx, draft: Draft<RegisterPayload>) -> Result<CreatedEmpty> {
    let site = site_with_sign_in(&cx)?;
    let RegisterPayload { email, full_name } = draft.parse()?;
    let app = cx.app();
    let from = cx.origin().ip.to_string();
    throttle::take(app, &Subjects::guess(app, "registrations from", &from, FREE_REGISTRATIONS)).await?;
    let mails = may_mail(app, site, &email).await?;
    let home = home_require(&cx, site.portal).await?;
    let made = developer_insert(&cx, site.portal, &email, full_name, home.status_of_new()).await?;
    match made {
        _ if !mails => {}
        Some(new) => {
            links::send(&cx, &home, new.id, &email, Purpose::Verify, "developer_verify.txt").await?;
        }
        None => known_mail(&cx, &home, &email).await?,
    }
    Ok(CreatedEmpty)
}

/// Tells somebody who registers again what is already there.
async fn known_mail(cx: &Cx, home: &Home, email: &Email) -> Result<()> {
    let known = store::known_find(cx.db(), home.id, email).await?;
    let Some(known) = known.filter(|known| known.status.may_come()) else { return Ok(()) };
    if known.verified_at.is_none() {
        return links::send(cx, home, known.id, email, Purpose::Verify, "developer_verify.txt").await;
    }
    links::send(cx, home, known.id, email, Purpose::Reset, "developer_known.txt").await
}

/// An address, and nothing else.
pub struct ResetPasswordPayload {
    email: Email,
}

impl Body for ResetPasswordPayload {
    const NAME: &'static str = "ResetPasswordPayload";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { email: fields.required("email", EmailAddress)? })
    }
}

pub(super) async fn password_forgot(cx: Cx, draft: Draft<ResetPasswordPayload>) -> Result<FoundEmpty> {
    let site = site_with_sign_in(&cx)?;
    let ResetPasswordPayload { email } = draft.parse()?;
    if may_mail(cx.app(), site, &email).await? {
        let home = home_require(&cx, site.portal).await?;
        let known = store::known_find(cx.db(), home.id, &email).await?;
        if let Some(known) = known.filter(|known| known.status.may_come()) {
            links::send(&cx, &home, known.id, &email, Purpose::Reset, "developer_reset.txt").await?;
        }
    }
    Ok(FoundEmpty)
}

/// The token of a mail.
pub struct VerifyEmailRequest {
    token: Secret<String>,
}

impl Body for VerifyEmailRequest {
    const NAME: &'static str = "VerifyEmailRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { token: fields.required("token", LinkToken)? })
    }
}

/// Whose address it is, and what sets the password (contract: `VerifyEmailResponse`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VerifyEmailResponse {
    /// The address.
    #[schemars(extend("format" = "email"))]
    email: String,
    /// A one-time token for `reset-password`.
    #[schemars(extend("format" = "uuid"))]
    token: String,
}

pub(super) async fn email_verify(
    cx: Cx,
    draft: Draft<VerifyEmailRequest>,
) -> Result<Accepted<VerifyEmailResponse>> {
    let site = site_with_sign_in(&cx)?;
    let VerifyEmailRequest { token } = draft.parse()?;
    let link = links::find(&cx, cx.db(), site.portal, &token, &[Purpose::Verify]).await?;
    serialize(&cx, link.developer_id).await?;
    links::spend(&cx, &token).await?;
    store::developer_verified(cx.db(), link.developer_id, cx.now()).await?;
    let token = links::make(&cx, link.developer_id, Purpose::Reset).await?;
    let change = json!({ "verified": true });
    cx.audit(Action::Edit, path(site.portal, link.developer_id), change).await?;
    Ok(Accepted(VerifyEmailResponse { email: link.email, token: token.reveal().clone() }))
}

/// A new password, and the token that lets it be set.
pub struct ResetPasswordRequest {
    password: Secret<String>,
    token: Secret<String>,
}

impl Body for ResetPasswordRequest {
    const NAME: &'static str = "ResetPasswordRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let password = fields.required("password", secret(1, LONGEST));
        let token = fields.required("token", LinkToken);
        Some(Self { password: password?, token: token? })
    }
}

pub(super) async fn password_reset(cx: Cx, draft: Draft<ResetPasswordRequest>) -> Result<Done> {
    let site = site_with_sign_in(&cx)?;
    let ResetPasswordRequest { password, token } = draft.parse()?;
    let new = password_prepare(&cx, site, &token, password, &[Purpose::Reset]).await?;
    password_put(&cx, site, &token, new).await?;
    Ok(Done)
}

/// A password that may be set, hashed, and whose it is.
pub(super) struct Prepared {
    developer: DeveloperId,
    hash: String,
}

/// Looks whether a link and a password are good, and hashes the password. Nothing is written: this takes long, and
/// must not hold up those who write.
pub(super) async fn password_prepare(
    cx: &Cx,
    site: Site,
    token: &Secret<String>,
    password: Secret<String>,
    purposes: &[Purpose],
) -> Result<Prepared> {
    // In a scope of its own, which ends before the password is hashed.
    let link =
        links::find(cx, &OrgScope::new(cx.app().db.read(), site.org), site.portal, token, purposes).await?;
    let faults = faults("password", password.reveal());
    if !faults.is_empty() {
        return Err(Problem::InvalidBecause("Password does not meet complexity requirements.", faults));
    }
    let hash = crate::part(cx.app())?.hasher.hash(password).await?;
    Ok(Prepared { developer: link.developer_id, hash })
}

/// Sets a developer's password, using up the link. Whoever has the mail has shown that the address is its own. All
/// sessions of the developer end.
pub(super) async fn password_put(
    cx: &Cx,
    site: Site,
    token: &Secret<String>,
    Prepared { developer, hash }: Prepared,
) -> Result<Status> {
    serialize(cx, developer).await?;
    links::spend(cx, token).await?;
    links::drop_all(cx, developer).await?;
    let now = cx.now();
    store::developer_verified(cx.db(), developer, now).await?;
    store::password_set(cx.db(), developer, &hash, now).await?;
    if store::session_drop_all(cx.db(), developer).await? > 0 {
        cx.access_changed().await?;
    }
    let path = format!("{}/password", path(site.portal, developer));
    cx.audit(Action::Edit, path, Value::Null).await?;
    let known = store::known_get(cx.db(), site.portal, developer).await?;
    known.map(|known| known.status).ok_or(Problem::NotFound("developer"))
}

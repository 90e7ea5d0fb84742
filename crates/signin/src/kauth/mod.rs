//! What the published sign-in elements call, beside signing in itself: the pages' rules without the pages. What a link's
//! token is not good for is a bad parameter, since that is what the elements show.

pub mod http;

use frame::{
    Cx,
    passwords::LONGEST,
    reply::{AcceptedEmpty, Created, Done, Found, FoundEmpty},
};
use identity::{invites::Names, persons};
use kernel::{
    Body, Draft, Email, Fault, Fields, OrgId, Problem, Result, Secret,
    rules::{EmailAddress, OneOf, secret, text},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    joining::invited,
    pages::visitor,
    passwords::{
        password_check, password_prepare, password_put,
        resets::{reset_ask, reset_carry_out, reset_person},
    },
    registration::{
        REGIONS, Registration, email_verify, region_check, registration_allowed, registration_begin,
    },
};

/// The longest token that is looked at.
const LONGEST_TOKEN: usize = 200;

fn over() -> Problem {
    let reason = "was used, replaced by a newer one, or has expired".to_owned();
    Problem::invalid("token", Fault::Rule(reason))
}

/// Whose address it is.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VerifiedEmail")]
pub struct Verified {
    /// The address.
    email: String,
}

/// Whose password is to be set.
pub struct PasswordResetRequest(Email);

impl Body for PasswordResetRequest {
    const NAME: &'static str = "PasswordResetRequest";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("email", EmailAddress).map(Self)
    }
}

/// Says the same whether there is such a person or not.
async fn password_forgot(cx: Cx, draft: Draft<PasswordResetRequest>) -> Result<FoundEmpty> {
    let PasswordResetRequest(email) = draft.parse()?;
    reset_ask(&cx, &email).await.map(|()| FoundEmpty)
}

/// A new password, and the token that lets it be set.
pub struct PasswordReset {
    password: Secret<String>,
    token: Secret<String>,
}

impl Body for PasswordReset {
    const NAME: &'static str = "PasswordReset";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let password = fields.required("password", secret(1, LONGEST));
        let token = fields.required("token", secret(1, LONGEST_TOKEN));
        Some(Self { password: password?, token: token? })
    }
}

async fn password_reset(cx: Cx, draft: Draft<PasswordReset>) -> Result<Found<Verified>> {
    let PasswordReset { password, token } = draft.parse()?;
    let person = reset_person(&cx, token.reveal()).await?.ok_or_else(over)?;
    let new = password_prepare(&cx, person, "password", password).await?;
    reset_carry_out(&cx, person, new).await?.ok_or_else(over)?;
    let email = persons::person_email(&cx.platform(), person).await?;
    Ok(Found(Verified { email: email.unwrap_or_default() }))
}

/// Who registers, and the organization.
pub struct Register(Registration);

impl Body for Register {
    const NAME: &'static str = "RegisterOrganization";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let email = fields.required("email", EmailAddress);
        let full_name = fields.required("fullName", text(1, 250));
        let organization = fields.required("organization", text(1, 250));
        let password = fields.required("password", secret(1, LONGEST));
        let region = fields.optional("defaultRegion", OneOf(&REGIONS));
        Some(Self(Registration {
            organization: organization?,
            email: email?,
            full_name: full_name?,
            password: password?,
            region: region?,
        }))
    }
}

/// The organization that was made.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RegisteredOrganization")]
pub struct Registered {
    /// Its id.
    #[serde(rename = "organizationID")]
    organization_id: OrgId,
}

async fn organization_register(cx: Cx, draft: Draft<Register>) -> Result<Created<Registered>> {
    registration_allowed(cx.app())?;
    let Register(registration) = draft.parse()?;
    if let Some(region) = registration.region {
        region_check(cx.app(), "defaultRegion", region)?;
    }
    let organization_id = registration_begin(&cx, registration).await?;
    Ok(Created(Registered { organization_id }))
}

/// The token of a mail.
pub struct EmailVerification {
    token: Secret<String>,
}

impl Body for EmailVerification {
    const NAME: &'static str = "EmailVerification";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("token", secret(1, LONGEST_TOKEN)).map(|token| Self { token })
    }
}

async fn registration_verify(cx: Cx, draft: Draft<EmailVerification>) -> Result<Found<Verified>> {
    let EmailVerification { token } = draft.parse()?;
    let email = email_verify(&cx, token.reveal()).await?.ok_or_else(over)?;
    Ok(Found(Verified { email }))
}

/// Who accepts an invite.
pub struct AcceptInvite {
    token: Secret<String>,
    full_name: String,
    preferred_name: Option<String>,
    password: Secret<String>,
}

impl Body for AcceptInvite {
    const NAME: &'static str = "AcceptInvite";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let token = fields.required("token", secret(1, LONGEST_TOKEN));
        let full_name = fields.required("full_name", text(1, 250));
        let preferred_name = fields.optional("preferred_name", text(0, 250));
        let password = fields.required("password", secret(1, LONGEST));
        Some(Self {
            token: token?,
            full_name: full_name?,
            preferred_name: preferred_name?,
            password: password?,
        })
    }
}

async fn invite_join(cx: Cx, draft: Draft<AcceptInvite>) -> Result<Done> {
    let AcceptInvite { token, full_name, preferred_name, password } = draft.parse()?;
    let invited = invited(&cx, token.reveal()).await?.ok_or_else(over)?;
    let new = invited.prove(&cx, password).await?;
    let names = Names { full: &full_name, preferred: preferred_name.as_deref().unwrap_or_default() };
    invited.join(&cx, Some(names), new).await?.ok_or_else(over)?;
    Ok(Done)
}

/// A change of the password by who knows it.
pub struct PasswordChange {
    old_password: Secret<String>,
    new_password: Secret<String>,
}

impl Body for PasswordChange {
    const NAME: &'static str = "PasswordChange";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let old_password = fields.required("old_password", secret(1, LONGEST));
        let new_password = fields.required("new_password", secret(1, LONGEST));
        Some(Self { old_password: old_password?, new_password: new_password? })
    }
}

async fn password_change(cx: Cx, draft: Draft<PasswordChange>) -> Result<AcceptedEmpty> {
    let PasswordChange { old_password, new_password } = draft.parse()?;
    let visitor = visitor(&cx).ok_or(Problem::Unauthenticated)?;
    match password_check(&cx, &visitor.user.email, old_password).await {
        Ok(_) => {}
        // The session is good; a 401 would say that it is not. What was written about the failure stays.
        Err(Problem::Kept(inner)) if matches!(*inner, Problem::Unauthenticated) => {
            let reason = "is not your present password".to_owned();
            return Err(Problem::invalid("old_password", Fault::Rule(reason)).kept());
        }
        Err(other) => return Err(other),
    }
    let new = password_prepare(&cx, visitor.person, "new_password", new_password).await?;
    password_put(&cx, visitor.person, new, Some(visitor.session)).await?;
    Ok(AcceptedEmpty)
}

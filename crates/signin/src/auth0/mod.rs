//! For people whom an Auth0 tenant signs in, and who have no session here: they found organizations, and see
//! theirs. The credential is the tenant's access token.

pub mod http;
mod store;

use frame::{
    Cx,
    db::Paged,
    input::Headers,
    reply::{Created, Found},
};
use identity::{
    organizations::{Beginning, organization_begin},
    persons,
};
use kernel::{
    Action, Body, Draft, Email, Fields, OrgId, PersonId, Problem, Result, Secret, WallClock,
    rules::{Boolean, OneOf, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    part,
    registration::{REGIONS, region_check},
    sso::{Halt, oidc},
};

/// The tenant whose tokens are taken.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its issuer, e.g. `https://acme.eu.auth0.com/`.
    pub issuer: String,
    /// The audience that its tokens must be for.
    pub audience: String,
}

/// Who calls.
struct Caller {
    subject: String,
    email: Option<Email>,
    verified: bool,
    name: Option<String>,
}

/// Auth0 lets a token carry claims of one's own under a URL only.
fn claim<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    let named = |key: &str| key == name || (key.contains("://") && key.rsplit('/').next() == Some(name));
    claims.iter().find(|(key, _)| named(key)).map(|(_, value)| value)
}

/// Checks the token, and asks the tenant for what it does not say, if that is needed.
async fn caller(cx: &Cx, headers: &Headers, whole: bool) -> Result<Caller> {
    let app = cx.app();
    let token = headers.bearer().ok_or(Problem::Unauthenticated)?;
    let Some(Tenant { issuer, audience }) = &part(app)?.settings.auth0 else {
        return Err(Problem::Unauthenticated);
    };
    let (mut claims, userinfo) = oidc::access_token(app, issuer, audience, token).await.map_err(refusal)?;
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
    if whole
        && claim(&claims, "email").is_none()
        && let Some(place) = userinfo
    {
        let token = Secret::new(token.to_owned());
        let told = oidc::userinfo(app, issuer, &place, &token, &subject).await.map_err(refusal)?;
        for (name, value) in told {
            claims.entry(name).or_insert(value);
        }
    }
    let text =
        |name: &str| claim(&claims, name).and_then(Value::as_str).map(str::trim).filter(|it| !it.is_empty());
    Ok(Caller {
        email: text("email").and_then(Email::parse),
        verified: claim(&claims, "email_verified").is_some_and(|it| it == true || it == "true"),
        name: text("name").map(|name| name.chars().filter(|c| !c.is_control()).take(250).collect()),
        subject,
    })
}

fn refusal(halt: Halt) -> Problem {
    match halt {
        Halt::Refused(502, _) => Problem::Unavailable("The issuer of the token cannot be reached"),
        Halt::Refused(..) => Problem::Unauthenticated,
        Halt::Problem(problem) => problem,
    }
}

/// An organization to be founded.
pub struct Registration {
    organization_name: String,
    default_region: &'static str,
    mfa_enabled: Option<bool>,
}

impl Body for Registration {
    const NAME: &'static str = "Auth0RegisterRequest";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let organization_name = fields.required("organization_name", text(1, 250));
        let default_region = fields.required("default_region", OneOf(&REGIONS));
        let mfa_enabled = fields.optional("mfa_enabled", Boolean);
        Some(Self {
            organization_name: organization_name?,
            default_region: default_region?,
            mfa_enabled: mfa_enabled?,
        })
    }
}

/// The organization that was founded.
#[derive(Serialize, JsonSchema)]
pub struct Registered {
    /// Its id.
    organization_id: OrgId,
    /// Where its people sign in; blank until it has a provider.
    login_path: String,
}

/// Founds an organization, whose owner is the caller.
async fn register(cx: Cx, headers: Headers, draft: Draft<Registration>) -> Result<Created<Registered>> {
    let caller = caller(&cx, &headers, true).await?;
    let Registration { organization_name: name, default_region, mfa_enabled } = draft.parse()?;
    let app = cx.app();
    region_check(app, "default_region", default_region)?;
    let email = caller.email.clone().ok_or(Problem::NotFound("user"))?;
    let person = person(&cx, &caller, &email).await?;
    let beginning = Beginning {
        name,
        person,
        email,
        full_name: caller.name,
        region: Some(default_region.to_owned()),
        mfa_enabled: mfa_enabled.unwrap_or(true),
        verified: true,
    };
    let organization = organization_begin(app, &cx.platform(), beginning).await?;
    let db = cx.platform().org(organization.id);
    cx.audit_in(&db, Action::Create, "", json!({ "after": organization, "subject": caller.subject })).await?;
    Ok(Created(Registered { organization_id: organization.id, login_path: organization.login_path }))
}

/// The person that a subject means: known by it, or from now on, if the tenant vouches for the address.
async fn person(cx: &Cx, caller: &Caller, email: &Email) -> Result<PersonId> {
    let db = cx.platform();
    if let Some(person) = store::subject_person(&db, &caller.subject).await? {
        return Ok(person);
    }
    if !caller.verified {
        let why = "The issuer of the token has not verified the e-mail address".to_owned();
        return Err(Problem::Forbidden(kernel::problem::Denied::Because(why)));
    }
    let now = WallClock::now(&*cx.app().wall);
    let new = cx.app().new_id(OrgId::from_uuid(uuid::Uuid::nil()));
    let person = persons::person_ensure(&db, new, email, now).await?;
    store::subject_insert(&db, &caller.subject, person).await?;
    Ok(person)
}

/// An organization of the caller.
#[derive(Serialize, JsonSchema)]
pub struct Listed {
    /// Its name.
    name: String,
    /// Where to sign in to it: a path, with the organization in its query.
    login_path: String,
}

/// Every organization that the caller has a user in.
async fn organizations(cx: Cx, headers: Headers) -> Result<Found<Paged<Listed>>> {
    let caller = caller(&cx, &headers, false).await?;
    let person =
        store::subject_person(&cx.platform(), &caller.subject).await?.ok_or(Problem::NotFound("user"))?;
    let named = store::organization_list(&cx.platform(), person).await?;
    let listed = named
        .into_iter()
        .map(|(id, name)| Listed { name, login_path: format!("/v2/authenticate/federated?org_id={id}") });
    Ok(Found(Paged::whole(listed.collect())))
}

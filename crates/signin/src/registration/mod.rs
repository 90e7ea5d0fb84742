//! Registering an organization of one's own, where the operator lets everybody. Nobody gets in until the link of a mail
//! shows that the address is the registrant's: until then the organization is inactive, and if it never comes to that, it
//! goes again. Who has an account already signs in as ever, and nobody but the reader of the mail learns of it.

mod store;

use frame::{
    App, Cx,
    db::PlatformScope,
    mail,
    pages::Template,
    throttle::{self, Subjects},
};
use identity::{
    organizations::{self, Beginning, organization_begin},
    persons, users,
};
use kernel::{
    Action, Duration, Email, Fault, OrgId, PersonId, Problem, Result, Secret, Token, TokenHash, TokenKind,
    WallClock, problem::Denied,
};
use serde_json::json;

use crate::{
    part,
    passwords::{self, Prepared, password_fit, password_hash, password_put},
};

/// What somebody gets who registers.
pub const LETTER: Template = ("register.txt", include_str!("../../templates/register.txt"));
/// Who registers may look into the mail tomorrow.
const LIFE: Duration = Duration::from_secs(3 * 24 * 3600);
/// What is over for so long goes: no node takes it for good any more, whatever its clock says.
const GRACE: Duration = Duration::from_secs(3600);
/// Registrations from one address, behind which many people may sit, that come without waiting.
const FREE_REGISTRATIONS: i64 = 50;
/// Mails to one address that come without waiting.
const FREE_MAILS: i64 = 3;
/// The organization whose clock is asked before there is one.
const NOWHERE: OrgId = OrgId::from_uuid(uuid::Uuid::nil());

/// The regions that there can be.
pub const REGIONS: [&str; 6] = ["us", "eu", "au", "me", "in", "sg"];

/// Refuses a region that is none of this installation's.
pub fn region_check(app: &App, field: &str, region: &str) -> Result<()> {
    if app.settings.regions.iter().any(|known| known == region) {
        return Ok(());
    }
    Err(Problem::invalid(field, Fault::Rule("is no region of this installation".to_owned())))
}

/// An organization that somebody wants, and who that is.
pub struct Registration {
    /// Its name.
    pub organization: String,
    /// The owner's address.
    pub email: Email,
    /// The owner's name.
    pub full_name: String,
    /// The password that the owner chose.
    pub password: Secret<String>,
    /// The owner's region, if it is known.
    pub region: Option<&'static str>,
}

/// Refuses everybody where the operator has not switched registering on.
pub fn registration_allowed(app: &App) -> Result<()> {
    if part(app)?.settings.registration {
        return Ok(());
    }
    let why = "Nobody registers an organization here: the operator has not switched that on".to_owned();
    Err(Problem::Forbidden(Denied::Because(why)))
}

/// Makes the organization, in which nobody gets in yet, and mails the link that changes that. It goes the same way
/// whether anybody has the address.
pub async fn registration_begin(cx: &Cx, registration: Registration) -> Result<OrgId> {
    let app = cx.app();
    let Registration { organization: name, email, full_name, password, region } = registration;
    password_fit("password", &password)?;
    let from = cx.origin().ip.to_string();
    throttle::take(app, &Subjects::guess(app, "organizations from", &from, FREE_REGISTRATIONS)).await?;
    throttle::take(app, &Subjects::guess(app, "organizations of", &email.folded(), FREE_MAILS)).await?;
    let password_hash = password_hash(app, password).await?;

    let (platform, now) = (cx.platform(), WallClock::now(&*app.wall));
    let person = persons::person_ensure(&platform, app.new_id(NOWHERE), &email, now).await?;
    let beginning = Beginning {
        name,
        person,
        email: email.clone(),
        full_name: Some(full_name),
        region: region.map(str::to_owned),
        mfa_enabled: false,
        verified: false,
    };
    let organization = organization_begin(app, &platform, beginning).await?;
    let db = platform.org(organization.id);
    let token = Token::new(TokenKind::Registration, app.random_key());
    let expires_at = now.plus(LIFE);
    store::registration_insert(&db, token.hash(app.vault.token_key()), &password_hash, expires_at).await?;
    let url = &app.settings.public_url;
    let context = json!({
        "email": email, "organization": organization.name, "url": url, "before": expires_at.for_people(),
        "link": format!("{url}/email-verifications?token={}", token.reveal()),
        "known": known(&platform, person, organization.id).await?,
    });
    mail::post(app, &db, &email, LETTER.0, context).await?;
    cx.audit_in(&db, Action::Create, "", json!({ "after": organization })).await?;
    Ok(organization.id)
}

/// Whether a person has an account beside this organization. A password that somebody chose for its address must not
/// open that account, even if the person opens the link.
async fn known(db: &PlatformScope, person: PersonId, org: OrgId) -> Result<bool> {
    let elsewhere = store::elsewhere_count(db, person, org).await?;
    Ok(elsewhere > 0 || passwords::store::password_of(db, person).await?.is_some())
}

fn hash(app: &App, token: &str) -> Option<TokenHash> {
    let token = Token::parse(token).filter(|token| token.kind() == TokenKind::Registration)?;
    Some(token.hash(app.vault.token_key()))
}

/// What a link would verify: the organization's name, and its owner's address.
pub struct Unverified {
    /// The organization.
    pub org: OrgId,
    /// Its name.
    pub organization: String,
    /// The address.
    pub email: String,
}

/// What is behind a link; `None` if the link is not good, or no more.
pub async fn registration_find(cx: &Cx, token: &str) -> Result<Option<Unverified>> {
    let Some(hash) = hash(cx.app(), token) else { return Ok(None) };
    let db = PlatformScope::new(cx.app().db.read());
    let kept = store::registration_get(&db, hash, WallClock::now(&*cx.app().wall)).await?;
    let Some(kept) = kept else { return Ok(None) };
    let db = db.org(kept.org_id);
    let organization = organizations::store::organization_get(&db).await?;
    let owner = users::store::user_get(&db, organization.owner_id).await?;
    let owner = owner.ok_or_else(|| Problem::internal("an organization without its owner"))?;
    Ok(Some(Unverified { org: kept.org_id, organization: organization.name, email: owner.email }))
}

/// The address is its owner's: the organization becomes active, and the password that was chosen the person's, unless
/// it has an account already. Returns the address; `None` if the link is not good, or no more.
pub async fn email_verify(cx: &Cx, token: &str) -> Result<Option<String>> {
    let app = cx.app();
    let (Some(hash), platform) = (hash(app, token), cx.platform()) else { return Ok(None) };
    let Some(kept) = store::registration_get(&platform, hash, WallClock::now(&*app.wall)).await? else {
        return Ok(None);
    };
    let db = platform.org(kept.org_id);
    // Of two who open the link at once, one verifies.
    if store::registration_delete(&db, hash).await? == 0 {
        return Ok(None);
    }
    let now = app.clock.now(db.org());
    organizations::store::organization_set_state(&db, "active", now).await?;
    let organization = organizations::store::organization_get(&db).await?;
    users::store::user_activate(&db, organization.owner_id, now).await?;
    let person = store::owner_person(&db).await?;
    let person = person.ok_or_else(|| Problem::internal("an organization without its owner"))?;
    if !known(&platform, person, kept.org_id).await? {
        password_put(cx, person, Prepared::earlier(kept.password_hash), None).await?;
    }
    cx.access_changed_in(db.org()).await?;
    let change = json!({ "before": { "state": "inactive" }, "after": { "state": "active" } });
    cx.audit_in(&db, Action::Edit, "", change).await?;
    Ok(persons::person_email(&platform, person).await?)
}

/// Takes organizations away again whose owner's address nobody has shown to be its own.
pub async fn registration_sweep(app: &App) -> Result<()> {
    let before = WallClock::now(&*app.wall).minus(GRACE);
    let over = store::registration_over(&PlatformScope::new(app.db.read()), before).await?;
    for org in over {
        app.db.organization_purge(org).await?;
    }
    Ok(())
}

//! Second factors of people who sign in with a password: an authenticator app, passkeys ([`crate::passkeys`]), and
//! recovery codes for the day on which these are lost. They are the person's, in all of its organizations.

pub mod http;
pub mod store;
pub mod totp;

use frame::{
    App, Cx,
    audit::Outcome,
    db::PlatformScope,
    input::At,
    reply::{Done, Found},
    throttle::{self, Subjects},
};
use kernel::{
    Action, Body, Draft, Email, Fields, PersonId, Problem, Result, Sealed, Secret, TokenHash, UserId,
    WallClock,
    rules::{EmailAddress, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{passkeys, passwords, sessions::session_end_all};

/// Wrong codes that cost nothing.
const FREE_GUESSES: i64 = 5;
/// How many recovery codes a person gets.
const RECOVERY_CODES: usize = 10;
/// Letters and digits that are told apart when read aloud or from paper.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Whether a person has a second factor.
pub async fn factor_has(db: &PlatformScope, person: PersonId) -> Result<bool> {
    Ok(totp_has(db, person).await? || passkeys::store::passkey_count(db, person).await? > 0)
}

/// Whether a person has an authenticator app.
pub async fn totp_has(db: &PlatformScope, person: PersonId) -> Result<bool> {
    Ok(store::totp_get(db, person).await?.is_some_and(|totp| totp.confirmed_at.is_some()))
}

/// How many recovery codes are left.
pub async fn recovery_left(db: &PlatformScope, person: PersonId) -> Result<i64> {
    Ok(store::recovery_count(db, person).await?)
}

/// An app that a person is about to add.
pub struct Adding {
    /// The secret as it is typed.
    pub written: Secret<String>,
    /// The same for an app's camera (the `otpauth` scheme).
    pub uri: Secret<String>,
}

/// Begins to add an app: another secret each time, until a code of one is shown.
pub async fn totp_begin(cx: &Cx, person: PersonId, account: &str) -> Result<Adding> {
    let app = cx.app();
    let secret = Secret::new(app.random_key());
    let secret = &secret.reveal()[..totp::SECRET];
    let sealed: Sealed<Vec<u8>> =
        app.vault.ring().seal(&*app.entropy, &store::TOTP_SECRETS.place(person), secret)?;
    if store::totp_begin(&cx.platform(), person, &sealed, WallClock::now(&*app.wall)).await? == 0 {
        return Err(Problem::Conflict("There is an authenticator app already".to_owned()));
    }
    shown(app, secret, account)
}

/// The app that a person has begun to add.
pub async fn totp_begun(cx: &Cx, person: PersonId, account: &str) -> Result<Option<Adding>> {
    let found = store::totp_get(&cx.platform(), person).await?;
    let Some(found) = found.filter(|totp| totp.confirmed_at.is_none()) else { return Ok(None) };
    let secret = cx.app().vault.ring().open(&store::TOTP_SECRETS.place(person), &found.sealed)?;
    shown(cx.app(), secret.reveal(), account).map(Some)
}

fn shown(app: &App, secret: &[u8], account: &str) -> Result<Adding> {
    let pages = app.part::<std::sync::Arc<frame::pages::Pages>>()?;
    let encode = frame::pages::encode;
    let (issuer, account, written) = (encode(pages.brand_name()), encode(account), totp::written(secret));
    let uri = format!("otpauth://totp/{issuer}:{account}?secret={written}&issuer={issuer}");
    Ok(Adding { written: Secret::new(written), uri: Secret::new(uri) })
}

/// An attempt at a code that was counted. It has to be before the request's transaction begins, which would hold
/// up the counting, and be held up by it.
pub struct Attempt(pub(crate) Subjects);

/// Counts an attempt at a person's code, or refuses it.
pub async fn attempt(cx: &Cx, person: PersonId) -> Result<Attempt> {
    let guesses = Subjects::guess(cx.app(), "second factor", &person.to_string(), FREE_GUESSES);
    throttle::take(cx.app(), &guesses).await?;
    Ok(Attempt(guesses))
}

/// Adds the app of which a code is shown; the recovery codes, which are shown once, if they are new. `None` if the
/// code is wrong.
pub async fn totp_confirm(
    cx: &Cx,
    person: PersonId,
    Attempt(guesses): &Attempt,
    code: &str,
) -> Result<Option<Vec<String>>> {
    let db = cx.platform();
    if !totp_fits(cx, person, code, false).await? {
        return Ok(None);
    }
    throttle::clear(&db, guesses).await?;
    if store::totp_confirm(&db, person, WallClock::now(&*cx.app().wall)).await? == 0 {
        return Err(Problem::Again);
    }
    tell(cx, person, Action::Create, json!({ "after": "an authenticator app" })).await?;
    recovery_ensure(cx, person).await.map(Some)
}

/// Takes a person's app away.
pub async fn totp_remove(cx: &Cx, person: PersonId) -> Result<()> {
    if store::totp_delete(&cx.platform(), person).await? > 0 {
        tell(cx, person, Action::Delete, json!({ "before": "an authenticator app" })).await?;
        recovery_tidy(cx, person).await?;
    }
    Ok(())
}

/// Makes recovery codes for who has none left; no codes for who has.
pub async fn recovery_ensure(cx: &Cx, person: PersonId) -> Result<Vec<String>> {
    if recovery_left(&cx.platform(), person).await? > 0 {
        return Ok(Vec::new());
    }
    recovery_renew(cx, person).await
}

/// Takes the recovery codes of whoever has nothing left that they could stand for.
pub async fn recovery_tidy(cx: &Cx, person: PersonId) -> Result<()> {
    let db = cx.platform();
    if !factor_has(&db, person).await? {
        store::recovery_clear(&db, person).await?;
    }
    Ok(())
}

/// Makes new recovery codes; the old ones are good no more.
pub async fn recovery_renew(cx: &Cx, person: PersonId) -> Result<Vec<String>> {
    let db = cx.platform();
    store::recovery_clear(&db, person).await?;
    let mut codes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let random = cx.app().random_key();
        let letters: String =
            random[..10].iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect();
        let code = format!("{}-{}", &letters[..5], &letters[5..]);
        store::recovery_insert(&db, person, recovery_hash(cx, &code)).await?;
        codes.push(code);
    }
    tell(cx, person, Action::Edit, json!({ "after": "new recovery codes" })).await?;
    Ok(codes)
}

fn recovery_hash(cx: &Cx, code: &str) -> TokenHash {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    TokenHash::of(&format!("recovery code {plain}"), cx.app().vault.token_key())
}

/// Checks a code, of the app or for recovery, and uses it up.
pub async fn factor_check(cx: &Cx, person: PersonId, Attempt(guesses): &Attempt, code: &str) -> Result<bool> {
    let db = cx.platform();
    let right = totp_fits(cx, person, code, true).await?
        || store::recovery_use(&db, person, recovery_hash(cx, code)).await? > 0;
    if right {
        throttle::clear(&db, guesses).await?;
        return Ok(true);
    }
    passwords::failed(cx, person, Outcome::InvalidPassword).await?;
    Ok(false)
}

/// Whether a code is one of the app's, and was not used before.
async fn totp_fits(cx: &Cx, person: PersonId, code: &str, confirmed: bool) -> Result<bool> {
    let (app, db) = (cx.app(), cx.platform());
    let found = store::totp_get(&db, person).await?;
    let Some(found) = found.filter(|totp| totp.confirmed_at.is_some() == confirmed) else { return Ok(false) };
    let secret = app.vault.ring().open(&store::TOTP_SECRETS.place(person), &found.sealed)?;
    match totp::fitting(secret.reveal(), code, WallClock::now(&*app.wall)) {
        Some(step) => Ok(store::totp_use(&db, person, step).await? > 0),
        None => Ok(false),
    }
}

/// Takes all of a person's second factors away.
pub async fn factor_remove(cx: &Cx, person: PersonId) -> Result<()> {
    let passkeys = passkeys::store::passkey_clear(&cx.platform(), person).await?;
    if store::factor_clear(&cx.platform(), person).await? + passkeys > 0 {
        tell(cx, person, Action::Delete, json!({ "before": "second factors" })).await?;
    }
    Ok(())
}

/// Writes it down in each organization of the person.
async fn tell(cx: &Cx, person: PersonId, action: Action, change: Value) -> Result<()> {
    for account in identity::users::store::account_list(&cx.platform(), person).await? {
        let path = format!("users/{}/mfa", account.user_id);
        cx.audit_in(&cx.platform().org(account.org_id), action, path, change.clone()).await?;
    }
    Ok(())
}

/// Takes a user's second factors away, for who lost them. Its sessions end, whoever has them.
async fn user_mfa_delete(cx: Cx, At(id): At<UserId>) -> Result<Done> {
    let person = identity::users::store::user_person(cx.db(), id).await?.ok_or(Problem::NotFound("user"))?;
    if !store::person_is_ours_alone(cx.db(), id).await? {
        let why = format!(
            "The user [{id}] belongs to other organizations, too, whose second factors these are as well"
        );
        return Err(Problem::Conflict(why));
    }
    if crate::passwords::store::password_of(&cx.platform(), person).await?.is_none() {
        let why = format!(
            "The user [{id}] signs in without a password, and has its second factors where it signs in"
        );
        return Err(Problem::Conflict(why));
    }
    factor_remove(&cx, person).await?;
    session_end_all(&cx, person, None).await?;
    Ok(Done)
}

/// Somebody whom an Auth0 tenant knows.
pub struct Auth0User {
    email: Email,
    auth0id: String,
}

impl Body for Auth0User {
    const NAME: &'static str = "Auth0UserMfaSettingsRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let email = fields.required("email", EmailAddress);
        let auth0id = fields.required("auth0id", text(1, 1000));
        Some(Self { email: email?, auth0id: auth0id? })
    }
}

/// Whether somebody has to show a second factor.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MfaSettings {
    /// Whether an organization of that person asks for one.
    mfa_enabled: bool,
}

/// For whoever signs people in elsewhere: whether one has to show a second factor. The address comes in the
/// body, which no log has.
async fn mfa_settings(cx: Cx, draft: Draft<Auth0User>) -> Result<Found<MfaSettings>> {
    let Auth0User { email, auth0id } = draft.parse()?;
    let wants = store::subject_wants(&cx.platform(), &auth0id, &email.folded()).await?;
    Ok(Found(MfaSettings { mfa_enabled: wants.ok_or(Problem::NotFound("user"))? }))
}

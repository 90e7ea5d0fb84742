//! Passkeys: a key that lies in a person's device, which signs what this server asks (WebAuthn). One stands for the
//! second factor beside a password; if the device has recognized its owner, for both. They are the person's, in all
//! of its organizations. Why the checks are our own: decision 0014.

pub mod challenge;
pub mod store;
pub mod webauthn;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use frame::{
    Cx,
    audit::Outcome,
    db::PlatformScope,
    pages::{Pages, Visit},
    throttle::{self, Subjects},
};
use kernel::{Action, Id, PersonId, Problem, Result, Timestamp, WallClock};
use serde_json::{Value, json};

use self::{
    challenge::Purpose,
    webauthn::{Assertion, Known, Refusal, Registration, RelyingParty, cose::ALGORITHMS},
};
use crate::{
    factors::{self, Attempt},
    part,
    passwords::{self, Proof, Proven},
};

/// Marks the id of a passkey.
pub enum PasskeyMarker {}
/// The id of a passkey here; authenticators have one of their own.
pub type PasskeyId = Id<PasskeyMarker>;

/// How many passkeys a person may have.
const MOST: i64 = 20;
/// How long a browser waits for its person, and how old a page may be that still begins: together less than a
/// challenge is good for.
const WAIT_SECONDS: u32 = 180;
const FRESH_SECONDS: u32 = 110;

/// A passkey of a person.
pub struct Passkey {
    /// Its id here.
    pub id: PasskeyId,
    /// Whose.
    pub person_id: PersonId,
    /// Its id at its authenticator.
    pub credential_id: Vec<u8>,
    /// Its public key (COSE).
    pub public_key: Vec<u8>,
    /// Whether it may be backed up, and so be on several devices.
    pub eligible: bool,
    /// What its person calls it.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was used last.
    pub last_used_at: Option<Timestamp>,
}

/// For whom passkeys are; `None` where the public URL allows none.
pub fn party(cx: &Cx) -> Result<Option<&RelyingParty>> {
    Ok(part(cx.app())?.passkeys.as_ref())
}

fn party_require(cx: &Cx) -> Result<&RelyingParty> {
    party(cx)?.ok_or(Problem::NotFound("passkey"))
}

fn listed(passkeys: &[Passkey]) -> Vec<Value> {
    let one = |passkey: &Passkey| json!({ "type": "public-key", "id": BASE64_URL_SAFE_NO_PAD.encode(&passkey.credential_id) });
    passkeys.iter().map(one).collect()
}

/// What the script of a page needs to ask for a passkey: one of these, or any that it knows if there are none.
pub fn asking(cx: &Cx, visit: &Visit, purpose: Purpose, passkeys: &[Passkey]) -> Result<Option<String>> {
    let Some(party) = party(cx)? else { return Ok(None) };
    let verification = if purpose == Purpose::SignIn { "required" } else { "preferred" };
    let options = json!({
        "challenge": challenge::issue(cx.app(), visit, purpose), "rpId": party.id, "timeout": WAIT_SECONDS * 1000,
        "allowCredentials": listed(passkeys), "userVerification": verification,
    });
    Ok(Some(json!({ "what": "get", "fresh": FRESH_SECONDS, "publicKey": options }).to_string()))
}

/// Whose passkey is made.
pub struct Owner<'o> {
    /// The person.
    pub person: PersonId,
    /// Its address, by which it tells its accounts apart.
    pub email: &'o str,
    /// Its name.
    pub full_name: &'o str,
}

/// What the script of a page needs to have a passkey made, by an authenticator that has none of these.
pub fn making(
    cx: &Cx,
    visit: &Visit,
    purpose: Purpose,
    owner: &Owner<'_>,
    have: &[Passkey],
) -> Result<Option<String>> {
    let Some(party) = party(cx)? else { return Ok(None) };
    let name = cx.app().part::<std::sync::Arc<Pages>>()?.brand_name();
    let kinds = ALGORITHMS.map(|algorithm| json!({ "type": "public-key", "alg": algorithm }));
    let options = json!({
        "rp": { "id": party.id, "name": name },
        "user": {
            "id": BASE64_URL_SAFE_NO_PAD.encode(owner.person.uuid()), "name": owner.email, "displayName": owner.full_name,
        },
        "challenge": challenge::issue(cx.app(), visit, purpose), "pubKeyCredParams": kinds,
        "timeout": WAIT_SECONDS * 1000, "excludeCredentials": listed(have), "attestation": "none",
        "authenticatorSelection": {
            "residentKey": "required", "requireResidentKey": true, "userVerification": "preferred",
        },
    });
    Ok(Some(json!({ "what": "create", "fresh": FRESH_SECONDS, "publicKey": options }).to_string()))
}

/// What came of what a browser sent.
pub enum Checked<T> {
    /// It is good.
    Good(T),
    /// It came too late, or twice, or to another browser; or none came, since its page was open for too long.
    Stale,
    /// It is not believed.
    Refused,
}

/// Tells the operator; whoever tried learns nothing.
fn refused<T>(refusal: Refusal) -> Checked<T> {
    tracing::info!(why = refusal.0, "a passkey is refused");
    Checked::Refused
}

/// Whether a person may have one more.
pub async fn room(db: &PlatformScope, person: PersonId) -> Result<()> {
    if store::passkey_count(db, person).await? >= MOST {
        return Err(Problem::Conflict(format!("You have {MOST} passkeys. Remove one that you do not use.")));
    }
    Ok(())
}

/// Adds a passkey that a browser has made. With the first factor of a person come its recovery codes, which are shown
/// once.
pub async fn passkey_add(
    cx: &Cx,
    visit: &Visit,
    purpose: Purpose,
    person: PersonId,
    name: &str,
    answer: &str,
) -> Result<Checked<Vec<String>>> {
    let (app, db, party) = (cx.app(), cx.platform(), party_require(cx)?);
    if answer.is_empty() {
        return Ok(Checked::Stale);
    }
    let registration = match Registration::read(answer) {
        Ok(registration) => registration,
        Err(refusal) => return Ok(refused(refusal)),
    };
    let Some(answered) = challenge::look(app, visit, purpose, registration.challenge()) else {
        return Ok(Checked::Stale);
    };
    if !challenge::spend(&db, &answered).await? {
        return Ok(Checked::Stale);
    }
    let made = match registration.check(party) {
        Ok(made) => made,
        Err(refusal) => return Ok(refused(refusal)),
    };
    room(&db, person).await?;
    let passkey = Passkey {
        id: cx.new_id(),
        person_id: person,
        credential_id: made.credential_id,
        public_key: made.public_key,
        eligible: made.eligible,
        name: name.to_owned(),
        created_at: WallClock::now(&*app.wall),
        last_used_at: None,
    };
    if store::passkey_insert(&db, &passkey, made.sign_count).await? == 0 {
        return Ok(refused(Refusal("its id is known already")));
    }
    tell(cx, person, Action::Create, passkey.id, json!({ "after": { "name": name } })).await?;
    factors::recovery_ensure(cx, person).await.map(Checked::Good)
}

/// Calls a passkey something else; `false` if the person has no such passkey.
pub async fn passkey_rename(cx: &Cx, person: PersonId, id: PasskeyId, name: &str) -> Result<bool> {
    let done = store::passkey_rename(&cx.platform(), person, id, name).await? > 0;
    if done {
        tell(cx, person, Action::Edit, id, json!({ "after": { "name": name } })).await?;
    }
    Ok(done)
}

/// Takes a passkey away; `false` if the person has no such passkey.
pub async fn passkey_remove(cx: &Cx, person: PersonId, id: PasskeyId) -> Result<bool> {
    let done = store::passkey_delete(&cx.platform(), person, id).await? > 0;
    if done {
        tell(cx, person, Action::Delete, id, Value::Null).await?;
        factors::recovery_tidy(cx, person).await?;
    }
    Ok(done)
}

/// Writes it down in each organization of the person.
async fn tell(cx: &Cx, person: PersonId, action: Action, id: PasskeyId, change: Value) -> Result<()> {
    for account in identity::users::store::account_list(&cx.platform(), person).await? {
        let path = format!("users/{}/passkeys/{id}", account.user_id);
        cx.audit_in(&cx.platform().org(account.org_id), action, path, change.clone()).await?;
    }
    Ok(())
}

/// Checks the passkey of whoever signs in with nothing else. A passkey that nobody has is refused like one that has
/// signed something else.
pub async fn passkey_sign_in(cx: &Cx, visit: &Visit, answer: &str) -> Result<Checked<Proven>> {
    let (app, party) = (cx.app(), party_require(cx)?);
    if answer.is_empty() {
        return Ok(Checked::Stale);
    }
    let assertion = match Assertion::read(answer) {
        Ok(assertion) => assertion,
        Err(refusal) => return Ok(refused(refusal)),
    };
    let Some(answered) = challenge::look(app, visit, Purpose::SignIn, assertion.challenge()) else {
        return Ok(Checked::Stale);
    };
    let known = store::passkey_find(&PlatformScope::new(app.db.read()), &assertion.id).await?;
    let whose = match &known {
        Some(passkey) => passkey.person_id.to_string(),
        None => BASE64_URL_SAFE_NO_PAD.encode(&assertion.id),
    };
    let subjects = Subjects::passkey(app, &whose, cx.origin().ip);
    throttle::take(app, &subjects).await?;
    if !challenge::spend(&cx.platform(), &answered).await? {
        return Ok(Checked::Stale);
    }
    let Some(passkey) = known else { return Ok(refused(Refusal("nobody has it"))) };
    let handle = passkey.person_id.uuid();
    if assertion.user_handle.as_deref() != Some(handle.as_bytes()) {
        passwords::failed(cx, passkey.person_id, Outcome::InvalidPassword).await?;
        return Ok(refused(Refusal("its authenticator says that it is somebody else's")));
    }
    if !agrees(cx, party, &assertion, &passkey, true).await? {
        return Ok(Checked::Refused);
    }
    throttle::clear(&cx.platform(), &subjects).await?;
    Ok(Checked::Good(Proven { person: passkey.person_id, by: Proof::Passkey(passkey.id) }))
}

/// Checks the passkey of somebody who has proven to know the password.
pub async fn passkey_factor(
    cx: &Cx,
    visit: &Visit,
    person: PersonId,
    Attempt(guesses): &Attempt,
    answer: &str,
) -> Result<Checked<()>> {
    let (app, db, party) = (cx.app(), cx.platform(), party_require(cx)?);
    if answer.is_empty() {
        return Ok(Checked::Stale);
    }
    let assertion = match Assertion::read(answer) {
        Ok(assertion) => assertion,
        Err(refusal) => return Ok(refused(refusal)),
    };
    let purpose = Purpose::Factor(person);
    let Some(answered) = challenge::look(app, visit, purpose, assertion.challenge()) else {
        return Ok(Checked::Stale);
    };
    if !challenge::spend(&db, &answered).await? {
        return Ok(Checked::Stale);
    }
    let known = store::passkey_find(&db, &assertion.id).await?;
    let theirs = |passkey: &Passkey| {
        let handle = assertion.user_handle.as_deref();
        passkey.person_id == person && handle.is_none_or(|handle| handle == person.uuid().as_bytes())
    };
    let Some(passkey) = known.filter(theirs) else {
        passwords::failed(cx, person, Outcome::InvalidPassword).await?;
        return Ok(refused(Refusal("it is none of this person's")));
    };
    if !agrees(cx, party, &assertion, &passkey, false).await? {
        return Ok(Checked::Refused);
    }
    throttle::clear(&db, guesses).await?;
    Ok(Checked::Good(()))
}

/// Whether an assertion is by this passkey, which is noted, and so is a failure. A passkey that has signed less often
/// than it had before was copied.
async fn agrees(
    cx: &Cx,
    party: &RelyingParty,
    assertion: &Assertion,
    passkey: &Passkey,
    verification: bool,
) -> Result<bool> {
    let known = Known { public_key: &passkey.public_key, eligible: passkey.eligible, verification };
    let now = WallClock::now(&*cx.app().wall);
    let (refusal, outcome) = match assertion.check(party, &known) {
        Ok(count) if store::passkey_use(&cx.platform(), passkey.id, count, now).await? > 0 => {
            return Ok(true);
        }
        Ok(_) => (Refusal("its count went back: it may have been copied"), Outcome::Invalid),
        Err(refusal) => (refusal, Outcome::InvalidPassword),
    };
    tracing::info!(why = refusal.0, passkey = %passkey.id, "a passkey is refused");
    passwords::failed(cx, passkey.person_id, outcome).await?;
    Ok(false)
}

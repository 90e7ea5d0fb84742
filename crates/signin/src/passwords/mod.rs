//! Passwords: hashing them, checking them, what a good one is, and signing in with one.

pub mod http;
pub mod resets;
pub mod store;

use frame::{
    App, Cx,
    audit::{Authentication, Outcome},
    db::{OrgScope, PlatformScope},
    passwords::{LONGEST, faults},
    throttle::{self, Subjects},
};
use kernel::{
    Action, Body, Draft, Email, Fault, Fields, OrgId, PersonId, Problem, Result, Secret, UserId, WallClock,
    problem::Denied, rules::text,
};

use crate::{
    factors::factor_has,
    part,
    passkeys::{self, PasskeyId},
    sessions::{Beginning, Cookies, Method, SessionId, WithCookies, session_begin, session_end_all},
};

/// A name and a password, as older tools send them.
pub struct Credentials {
    username: String,
    password: Secret<String>,
}

impl Body for Credentials {
    const NAME: &'static str = "Credentials";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let username = fields.required("username", text(1, 250));
        let password = fields.required("password", text(1, LONGEST));
        Some(Self { username: username?, password: Secret::new(password?) })
    }
}

/// A person who has shown who it is.
pub struct Proven {
    /// The person.
    pub person: PersonId,
    /// By what.
    pub(crate) by: Proof,
}

/// What showed who a person is. It may be gone until the session begins.
pub(crate) enum Proof {
    /// A password, of which this is the hash.
    Password(String),
    /// A passkey, whose device has recognized its owner.
    Passkey(PasskeyId),
}

impl Proven {
    /// As sessions keep it.
    pub(crate) const fn method(&self) -> Method {
        match self.by {
            Proof::Password(_) => Method::Password,
            Proof::Passkey(_) => Method::Passkey,
        }
    }

    /// Whether it is still so.
    async fn holds(&self, db: &PlatformScope) -> Result<bool> {
        Ok(match &self.by {
            Proof::Password(hash) => store::password_is(db, self.person, hash).await?,
            Proof::Passkey(id) => passkeys::store::passkey_is(db, self.person, *id).await?,
        })
    }
}

/// Checks an address and a password. Who does not exist takes as long as who does, and gets the same answer.
pub async fn password_check(cx: &Cx, username: &str, password: Secret<String>) -> Result<Proven> {
    let app = cx.app();
    let subjects = Subjects::password(app, username, cx.origin().ip);
    throttle::take(app, &subjects).await?;
    let email = Email::parse(username);
    let known = match &email {
        Some(email) => store::password_get(&PlatformScope::new(app.db.read()), email).await?,
        None => None,
    };
    let (person, hash) = known.map_or((None, None), |known| (Some(known.id), known.password_hash));
    let right = part(app)?.hasher.verify(password, hash.clone()).await?;
    let (Some(person), Some(hash), true) = (person, hash, right) else {
        if let Some(person) = person {
            failed(cx, person, Outcome::InvalidPassword).await?;
        }
        return Err(Problem::Unauthenticated.kept());
    };
    throttle::clear(&cx.platform(), &subjects).await?;
    Ok(Proven { person, by: Proof::Password(hash) })
}

/// Writes the failure into the audit log of every organization that the person is in.
pub(crate) async fn failed(cx: &Cx, person: PersonId, outcome: Outcome) -> Result<()> {
    for account in identity::users::store::account_list(&cx.platform(), person).await? {
        let attempt = Authentication { kind: "basic", outcome, principal: account.user_id.to_string() };
        cx.audit_authentication(&cx.platform().org(account.org_id), attempt).await?;
    }
    Ok(())
}

/// A user that a person can sign in as.
pub struct Candidate {
    /// Its organization.
    pub org: OrgId,
    /// The user.
    pub user: UserId,
}

/// The users that the person can sign in as with a password or a passkey: active, in an organization that is active
/// and takes passwords. The one that was used last comes first.
pub async fn candidates(cx: &Cx, proven: &Proven) -> Result<Vec<Candidate>> {
    if proven.holds(&cx.platform()).await? {
        store::candidate_list(&cx.platform(), proven.person).await.map_err(Problem::from)
    } else {
        Err(Problem::Unauthenticated)
    }
}

/// Begins the session of somebody who signed in as a person, and writes it down.
pub async fn sign_in(cx: &Cx, db: &OrgScope, user: UserId, method: Method) -> Result<Cookies> {
    let beginning = Beginning { user, method, client: None, origin: cx.origin() };
    let session = session_begin(cx.app(), db, &beginning).await?;
    let attempt = Authentication { kind: "basic", outcome: Outcome::Success, principal: user.to_string() };
    cx.audit_authentication(db, attempt).await?;
    Cookies::of_new(cx.app(), db, &session).await
}

/// For tools that sign in by themselves: they get the organization that the person used last.
async fn password_authenticate(cx: Cx, draft: Draft<Credentials>) -> Result<WithCookies> {
    let Credentials { username, password } = draft.parse()?;
    let proven = password_check(&cx, &username, password).await?;
    let candidates = candidates(&cx, &proven).await?;
    let Some(Candidate { org, user }) = candidates.into_iter().next() else {
        let why = "No organization of this person takes a password".to_owned();
        return Err(Problem::Forbidden(Denied::Because(why)).kept());
    };
    let wants = identity::organizations::store::organization_get(&cx.platform().org(org)).await?.mfa_enabled;
    if wants || factor_has(&cx.platform(), proven.person).await? {
        let why =
            "A second factor is needed: sign in with a browser, or with a personal access token".to_owned();
        return Err(Problem::Forbidden(Denied::Because(why)).kept());
    }
    sign_in(&cx, &cx.platform().org(org), user, proven.method()).await.map(WithCookies)
}

/// A password that may be set, hashed.
pub struct Prepared(String);

impl Prepared {
    /// The hash of one that was prepared earlier, for somebody who had none yet.
    pub(crate) const fn earlier(hash: String) -> Self {
        Self(hash)
    }
}

/// How many passwords do not come back.
const REMEMBERED: usize = 13;

/// Looks whether anybody may have this password.
pub fn password_fit(field: &str, password: &Secret<String>) -> Result<()> {
    let faults = faults(field, password.reveal());
    if faults.is_empty() {
        return Ok(());
    }
    Err(Problem::InvalidBecause("Password does not meet complexity requirements.", faults))
}

/// Looks whether a person may have this password, and hashes it. Nothing is written: this takes long, and
/// must not hold up those who write.
pub async fn password_prepare(
    cx: &Cx,
    person: PersonId,
    field: &str,
    password: Secret<String>,
) -> Result<Prepared> {
    password_fit(field, &password)?;
    let hasher = &part(cx.app())?.hasher;
    for old in store::password_list(&PlatformScope::new(cx.app().db.read()), person, REMEMBERED).await? {
        if hasher.verify(password.clone(), Some(old)).await? {
            let reason = format!("must not be one of the last {REMEMBERED} passwords");
            return Err(Problem::invalid(field, Fault::Rule(reason)));
        }
    }
    hasher.hash(password).await.map(Prepared)
}

/// Sets a person's password. All of the person's sessions end, but for the one that stays; links to set a
/// password are good no more.
pub async fn password_put(
    cx: &Cx,
    person: PersonId,
    Prepared(hash): Prepared,
    but: Option<SessionId>,
) -> Result<()> {
    let now = WallClock::now(&*cx.app().wall);
    store::password_replace(&cx.platform(), person, &hash, now, REMEMBERED).await?;
    store::reset_drop(&cx.platform(), person).await?;
    session_end_all(cx, person, but).await?;
    for account in identity::users::store::account_list(&cx.platform(), person).await? {
        let path = format!("users/{}/password", account.user_id);
        cx.audit_in(&cx.platform().org(account.org_id), Action::Edit, path, serde_json::Value::Null).await?;
    }
    Ok(())
}

/// The hash of a new password, for whoever sets one from outside.
pub async fn password_hash(app: &App, password: Secret<String>) -> Result<String> {
    part(app)?.hasher.hash(password).await
}

//! The device grant (RFC 8628): a command line shows a code, its person enters the code in a browser, and
//! the command line, which has polled meanwhile, gets a session.

pub mod http;
pub mod store;

use frame::{
    Cx,
    principal::User,
    reply::{Created, Done, Found},
    throttle::{self, Subjects},
};
use kernel::{
    Action, Body, Draft, Duration, Fault, Fields, OrgId, Problem, Result, Timestamp, Token, TokenHash,
    TokenKind, UserId, WallClock, problem::Denied, rules::text,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use self::store::{Grant, State};
use crate::{
    part,
    sessions::{Beginning, Method, access_issue, refresh_issue, session_begin},
};

/// How often a device asks.
const INTERVAL: i64 = 5;
/// By how much it is slowed down (RFC 8628 section 3.5).
const SLOWER: i64 = 5;
/// Clocks and networks differ: so much too early is not early.
const SLACK: Duration = Duration::from_secs(1);
/// Most codes that one address has waiting.
const MOST_WAITING: i64 = 100;
/// Wrong codes that cost a guesser nothing.
const FREE_GUESSES: i64 = 10;
/// Letters that are told apart when read aloud or from a screen, and that make no words (RFC 8628
/// section 6.1). Eight of them are 25 thousand million codes.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A device that asks for a code.
pub struct NewDevice {
    client_id: String,
    scope: Option<String>,
}

impl Body for NewDevice {
    const NAME: &'static str = "DeviceAuthorizationRequest";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let client_id = fields.required("client_id", text(1, 250));
        let scope = fields.optional("scope", text(0, 1000));
        Some(Self { client_id: client_id?, scope: scope? })
    }
}

/// What a device shows and polls with (RFC 8628 section 3.2).
#[derive(Serialize, JsonSchema)]
pub struct DeviceAuthorization {
    /// What it polls with.
    device_code: String,
    /// What its person enters.
    user_code: String,
    /// Where.
    verification_uri: String,
    /// Where, with the code.
    verification_uri_complete: String,
    /// For how many seconds the codes are good.
    expires_in: u64,
    /// How many seconds lie between two polls.
    interval: i64,
}

/// The name of a public client.
fn client_name<'c>(cx: &'c Cx, id: &str) -> Result<&'c str> {
    let known = part(cx.app())?.settings.device_clients.iter().find(|(known, _)| known == id);
    known
        .map(|(_, name)| name.as_str())
        .ok_or_else(|| Problem::OAuth("invalid_client", format!("The client [{id}] is not known")))
}

fn now(cx: &Cx) -> Timestamp {
    WallClock::now(&*cx.app().wall)
}

async fn device_authorize(cx: Cx, draft: Draft<NewDevice>) -> Result<Found<DeviceAuthorization>> {
    let NewDevice { client_id, scope } = draft.parse()?;
    client_name(&cx, &client_id)?;
    let (app, db, now) = (cx.app(), cx.platform(), now(&cx));
    if store::grant_count_waiting(&db, cx.origin(), now).await? >= MOST_WAITING {
        return Err(Problem::TooManyRequests(Duration::from_secs(60)));
    }
    let life = part(app)?.settings.device_code_life;
    let device = Token::new(TokenKind::Device, app.random_key());
    let user_code = new_user_code(&cx);
    let grant = store::NewGrant {
        device: device.hash(app.vault.token_key()),
        user_code: code_hash(&cx, &user_code),
        client_id: &client_id,
        scope: scope.as_deref().unwrap_or_default(),
        origin: cx.origin(),
        requested_at: now,
        expires_at: now.plus(life),
        interval_seconds: INTERVAL,
    };
    store::grant_insert(&db, &grant).await?;
    let verification_uri = format!("{}/device-activate", app.settings.public_url);
    Ok(Found(DeviceAuthorization {
        device_code: device.reveal().to_owned(),
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        verification_uri,
        user_code,
        expires_in: life.as_secs(),
        interval: INTERVAL,
    }))
}

/// `WDJB-MJHT`. Bytes beyond the last whole multiple of twenty are thrown away, so that no letter is likelier.
fn new_user_code(cx: &Cx) -> String {
    let mut code = String::with_capacity(9);
    while code.len() < 9 {
        for byte in cx.app().random_key() {
            if code.len() == 4 {
                code.push('-');
            }
            if byte < 240 && code.len() < 9 {
                code.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
            }
        }
    }
    code
}

/// The hash of a code as people type it: in any case, with or without the hyphen.
fn code_hash(cx: &Cx, code: &str) -> TokenHash {
    TokenHash::of(&format!("user code {}", plain_code(code)), cx.app().vault.token_key())
}

/// What counts of a code as people type it.
pub fn plain_code(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// A device that polls.
pub struct Poll {
    grant_type: String,
    device_code: String,
    client_id: String,
}

impl Body for Poll {
    const NAME: &'static str = "DeviceTokenRequest";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let grant_type = fields.required("grant_type", text(1, 250));
        let device_code = fields.required("device_code", text(1, 250));
        let client_id = fields.required("client_id", text(1, 250));
        Some(Self { grant_type: grant_type?, device_code: device_code?, client_id: client_id? })
    }
}

/// A session, for a device (RFC 6749 section 5.1).
#[derive(Serialize, JsonSchema)]
pub struct DeviceToken {
    /// The access token.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// For how many seconds it is good.
    expires_in: u64,
    /// What refreshes it, at both places where sessions are refreshed.
    refresh_token: String,
    /// The scope that was asked for.
    scope: String,
}

fn refused(error: &'static str, why: &str) -> Problem {
    Problem::OAuth(error, why.to_owned())
}

async fn device_token(cx: Cx, draft: Draft<Poll>) -> Result<Found<DeviceToken>> {
    let Poll { grant_type, device_code, client_id } = draft.parse()?;
    if grant_type != GRANT_TYPE {
        return Err(refused("unsupported_grant_type", "Only the device grant is served here"));
    }
    client_name(&cx, &client_id)?;
    let unknown =
        || refused("invalid_grant", "The device code is not known, was used, or is another client's");
    let token = Token::parse(&device_code).filter(|token| token.kind() == TokenKind::Device);
    let hash = token.ok_or_else(unknown)?.hash(cx.app().vault.token_key());
    let (db, now) = (cx.platform(), now(&cx));
    // Polls of one device at a time: one of them gets the session.
    db.session().serialize(&format!("device/{:?}", &hash.0[..8])).await?;
    let grant = store::grant_get(&db, hash).await?.filter(|grant| grant.client_id == client_id);
    let grant = grant.ok_or_else(unknown)?;
    if grant.expires_at <= now {
        return Err(refused("expired_token", "The device code has expired"));
    }
    match grant.state()? {
        State::Pending | State::Authorized(..) => Err(wait(&cx, hash, &grant, now).await?.kept()),
        State::Denied => Err(refused("access_denied", "The request was refused")),
        State::Confirmed(org, user) => session_for_device(&cx, hash, grant, org, user).await.map(Found),
    }
}

/// What a device is told that has to wait. Once it may ask too early; the second time in a row it is slowed
/// down, for good.
async fn wait(cx: &Cx, hash: TokenHash, grant: &Grant, now: Timestamp) -> Result<Problem> {
    let interval = Duration::from_secs(u64::try_from(grant.interval_seconds).unwrap_or(0));
    let early = grant.polled_at.is_some_and(|last| now.since(last) + SLACK < interval);
    let slow = early && grant.early > 0;
    let (early, seconds) = match (early, slow) {
        (_, true) => (0, grant.interval_seconds + SLOWER),
        (true, false) => (1, grant.interval_seconds),
        (false, false) => (0, grant.interval_seconds),
    };
    store::grant_polled(&cx.platform(), hash, now, early, seconds).await?;
    Ok(if slow {
        refused("slow_down", "The device asks too often; it must add 5 seconds to its interval")
    } else {
        refused("authorization_pending", "The person has not confirmed yet")
    })
}

async fn session_for_device(
    cx: &Cx,
    hash: TokenHash,
    grant: Grant,
    org: OrgId,
    user: UserId,
) -> Result<DeviceToken> {
    let (app, db) = (cx.app(), cx.platform().org(org));
    // A code is good for one session.
    store::grant_delete(&cx.platform(), hash).await?;
    let active = identity::users::store::user_get(&db, user).await?.is_some_and(|user| user.active);
    let organization = identity::organizations::store::organization_get(&db).await;
    if !active || !organization.is_ok_and(|organization| organization.state == "active") {
        return Err(refused("access_denied", "The user or the organization is not active").kept());
    }
    let client = Some(grant.client_id.as_str());
    let beginning = Beginning { user, method: Method::Device, client, origin: cx.origin() };
    let session = session_begin(app, &db, &beginning).await?;
    let access = access_issue(app, org, &session)?;
    let refresh = refresh_issue(app, &db, &session).await?;
    let change = json!({ "after": { "method": "device", "client_id": grant.client_id } });
    cx.audit_in(&db, Action::Create, format!("users/{user}/sessions/{}", session.id), change).await?;
    Ok(DeviceToken {
        access_token: access.token.reveal().clone(),
        token_type: "Bearer",
        expires_in: access.seconds,
        refresh_token: refresh.token.reveal().to_owned(),
        scope: grant.scope,
    })
}

/// A code that a signed-in user enters.
pub struct Entered {
    user_code: String,
}

impl Body for Entered {
    const NAME: &'static str = "DeviceUserCode";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("user_code", text(1, 100)).map(|user_code| Self { user_code })
    }
}

/// Who asks, and who would let it in (contract: `post-oauth-device-authorize-user`).
#[derive(Serialize, JsonSchema)]
pub struct Asking {
    /// The organization that the device would get into.
    pub organization_name: String,
    /// The user that it would act as.
    pub user: User,
    /// The device.
    pub metadata: Metadata,
}

/// A device as it presented itself.
#[derive(Serialize, JsonSchema)]
pub struct Metadata {
    /// The name of its client.
    pub client_name: String,
    /// Its `User-Agent`.
    pub user_agent: String,
    /// Its address.
    pub source_ip: String,
    /// When it asked.
    pub requested_at: Timestamp,
}

/// The grant behind a code, for a user who may guess ten times.
async fn entered(cx: &Cx, code: &str) -> Result<(TokenHash, Grant)> {
    let user = cx.user()?.id;
    let guess = Subjects::guess(cx.app(), "user code of", &user.to_string(), FREE_GUESSES);
    throttle::take(cx.app(), &guess).await?;
    let hash = code_hash(cx, code);
    let grant = store::grant_get_by_code(&cx.platform(), hash).await?;
    let Some(grant) = grant.filter(|grant| grant.expires_at > now(cx)) else {
        let why = "is not known, was used, or has expired".to_owned();
        return Err(Problem::invalid("user_code", Fault::Rule(why)));
    };
    throttle::clear(&cx.platform(), &guess).await?;
    Ok((hash, grant))
}

/// Binds the device that shows this code to the calling user, who then sees who asks.
pub async fn grant_authorize(cx: &Cx, code: &str) -> Result<Asking> {
    let (hash, grant) = entered(cx, code).await?;
    let user = cx.user()?.clone();
    match grant.state()? {
        State::Pending => store::grant_bind(&cx.platform(), hash, cx.org(), user.id).await?,
        State::Authorized(bound) | State::Confirmed(_, bound) if bound == user.id => {}
        State::Authorized(..) | State::Confirmed(..) | State::Denied => return Err(somebody_elses()),
    }
    let organization = identity::organizations::store::organization_get(cx.db()).await?;
    Ok(Asking {
        organization_name: organization.name,
        user,
        metadata: Metadata {
            client_name: client_name(cx, &grant.client_id).unwrap_or(&grant.client_id).to_owned(),
            user_agent: grant.user_agent,
            source_ip: grant.ip,
            requested_at: grant.requested_at,
        },
    })
}

fn somebody_elses() -> Problem {
    Problem::Forbidden(Denied::Because("This code was entered by somebody else, or refused".to_owned()))
}

/// Lets the device in, or refuses it.
pub async fn grant_decide(cx: &Cx, code: &str, confirm: bool) -> Result<()> {
    let (hash, grant) = entered(cx, code).await?;
    let user = cx.user()?.id;
    match grant.state()? {
        State::Pending => {
            let why = "must be entered first".to_owned();
            Err(Problem::invalid("user_code", Fault::Rule(why)))
        }
        State::Authorized(bound) | State::Confirmed(_, bound) if bound == user => {
            store::grant_decide(&cx.platform(), hash, confirm).await?;
            let action = if confirm { Action::Create } else { Action::Revoke };
            let change = json!({ "after": { "client_id": grant.client_id, "source_ip": grant.ip } });
            cx.audit(action, format!("users/{user}/device-grants"), change).await
        }
        State::Authorized(..) | State::Confirmed(..) | State::Denied => Err(somebody_elses()),
    }
}

async fn device_authorize_user(cx: Cx, draft: Draft<Entered>) -> Result<Created<Asking>> {
    let Entered { user_code } = draft.parse()?;
    grant_authorize(&cx, &user_code).await.map(Created)
}

async fn device_confirm(cx: Cx, draft: Draft<Entered>) -> Result<Done> {
    let Entered { user_code } = draft.parse()?;
    grant_decide(&cx, &user_code, true).await?;
    Ok(Done)
}

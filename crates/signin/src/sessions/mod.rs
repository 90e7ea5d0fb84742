//! Sessions: from signing in until signing out. A session is carried by a signed access token, good for
//! half an hour, and kept going by refresh tokens, each good for one use.

mod authenticator;
pub mod http;
pub mod notice;
pub mod store;

pub use authenticator::SessionAuthenticator;

use ::http::{HeaderName, HeaderValue};
use frame::{
    App, Cx, args,
    audit::Origin,
    cookies::{Cookie, SameSite},
    db::OrgScope,
    gate::ACCESS_COOKIE,
    input::Headers,
    org_sql,
    refresh::Spent,
    reply::{JSON, Reply, ReplySpec, Response},
};
use kernel::{Action, Id, OrgId, PersonId, Problem, Result, Secret, Timestamp, Token, TokenKind, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{keys::Claims, part};

/// Marks the id of a session.
pub enum SessionMarker {}
/// The id of a session.
pub type SessionId = Id<SessionMarker>;

/// The cookie that holds a refresh token.
pub const REFRESH_COOKIE: &str = "konnectrefreshtoken";
/// Where a session can be refreshed. Each has a cookie, and so a chain of tokens, of its own.
pub const REFRESH_PATHS: [&str; 3] = ["/v3/refresh", "/kauth/api/v1/refresh", PAGE_REFRESH];
/// The place that pages lead to.
pub const PAGE_REFRESH: &str = "/session/refresh";

/// How somebody signed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// With a password.
    Password,
    /// With a passkey.
    Passkey,
    /// By a code that was shown on another device.
    Device,
    /// Through the organization's OpenID Connect provider.
    Oidc,
    /// Through the organization's SAML provider.
    Saml,
}

impl Method {
    /// As it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::Device => "device",
            Self::Oidc => "oidc",
            Self::Saml => "saml",
        }
    }
}

/// A session that is about to begin.
pub struct Beginning<'b> {
    /// Whose.
    pub user: UserId,
    /// How the user signed in.
    pub method: Method,
    /// The client that was let in by code; `None` for a browser.
    pub client: Option<&'b str>,
    /// Where from.
    pub origin: &'b Origin,
}

/// A session as it is kept.
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// How the user signed in, by name.
    pub method: String,
    /// When it ends, however often it is refreshed.
    pub expires_at: Timestamp,
}

frame::from_row!(Session { id, user_id, method, expires_at });

impl Session {
    /// By what the person signed in, if the session speaks for it in every organization, and not just for what an
    /// organization's provider said about it.
    pub fn persons_method(&self) -> Option<Method> {
        [Method::Password, Method::Passkey].into_iter().find(|method| method.name() == self.method)
    }
}

/// An access token.
pub struct Access {
    /// The token.
    pub token: Secret<String>,
    /// For how many seconds it is good.
    pub seconds: u64,
}

/// A refresh token.
pub struct Refresh {
    /// The token.
    pub token: Token,
    /// For how many seconds it is good.
    pub seconds: u64,
}

/// Begins a session.
pub async fn session_begin(app: &App, db: &OrgScope, beginning: &Beginning<'_>) -> Result<Session> {
    let now = app.clock.now(db.org());
    let session = Session {
        id: app.new_id(db.org()),
        user_id: beginning.user,
        method: beginning.method.name().to_owned(),
        expires_at: now.plus(part(app)?.settings.session_life),
    };
    store::session_insert(db, &session, beginning, now).await?;
    notice::notice(app, db, beginning, now).await?;
    Ok(session)
}

/// Signs an access token for a session; it never outlives the session.
pub fn access_issue(app: &App, org: OrgId, session: &Session) -> Result<Access> {
    let part = part(app)?;
    let now = app.clock.now(org);
    let expires_at = now.plus(part.settings.access_life).min(session.expires_at);
    let (iat, exp) = (seconds(now), seconds(expires_at));
    let mut random = [0; 9];
    app.entropy.fill(&mut random);
    let claims = Claims {
        iss: part.keys.issuer().to_owned(),
        sub: session.user_id,
        aud: part.keys.issuer().to_owned(),
        org_id: org,
        sid: session.id,
        iat,
        exp,
        jti: base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, random),
    };
    Ok(Access { token: part.keys.sign(&claims)?.0, seconds: u64::try_from(exp - iat).unwrap_or(0) })
}

/// Makes a refresh token for a session.
pub async fn refresh_issue(app: &App, db: &OrgScope, session: &Session) -> Result<Refresh> {
    let now = app.clock.now(db.org());
    let expires_at = now.plus(part(app)?.settings.refresh_life).min(session.expires_at);
    let token = Token::new(TokenKind::Refresh, app.random_key());
    store::refresh_insert(db, token.hash(app.vault.token_key()), session.id, expires_at).await?;
    Ok(Refresh { token, seconds: expires_at.since(now).as_secs() })
}

pub(crate) const fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000_000)
}

/// The cookies of a session that a browser keeps.
pub struct Cookies(Vec<(HeaderName, HeaderValue)>);

impl Cookies {
    /// The cookies of a new session: one refresh token for each place to refresh.
    pub async fn of_new(app: &App, db: &OrgScope, session: &Session) -> Result<Self> {
        let mut cookies = vec![access_cookie(app, &access_issue(app, db.org(), session)?)?];
        for path in REFRESH_PATHS {
            cookies.push(refresh_cookie(app, path, &refresh_issue(app, db, session).await?)?);
        }
        Ok(Self(cookies))
    }

    /// The headers that set them.
    pub fn into_headers(self) -> Vec<(HeaderName, HeaderValue)> {
        self.0
    }

    /// No cookies any more.
    pub fn cleared(app: &App) -> Result<Self> {
        let nothing = |name, path, same_site| {
            Cookie { name, value: "", path, max_age: 0, same_site }.header(&app.settings)
        };
        let mut cookies = vec![nothing(ACCESS_COOKIE, "/", SameSite::Lax)?];
        for path in REFRESH_PATHS {
            cookies.push(nothing(REFRESH_COOKIE, path, SameSite::Strict)?);
        }
        Ok(Self(cookies))
    }
}

/// Signing in through a provider ends with a visit from elsewhere, which a strict cookie would miss.
fn access_cookie(app: &App, access: &Access) -> Result<(HeaderName, HeaderValue)> {
    let (value, max_age) = (access.token.reveal().as_str(), access.seconds);
    Cookie { name: ACCESS_COOKIE, value, path: "/", max_age, same_site: SameSite::Lax }.header(&app.settings)
}

fn refresh_cookie(app: &App, path: &str, refresh: &Refresh) -> Result<(HeaderName, HeaderValue)> {
    let (value, max_age) = (refresh.token.reveal(), refresh.seconds);
    // A link from elsewhere leads to a page, and a page to where its session is kept going.
    let same_site = if path == PAGE_REFRESH { SameSite::Lax } else { SameSite::Strict };
    Cookie { name: REFRESH_COOKIE, value, path, max_age, same_site }.header(&app.settings)
}

/// 204 with new cookies.
pub struct Refreshed(Cookies);

impl Reply for Refreshed {
    fn spec() -> ReplySpec {
        ReplySpec::EMPTY
    }
    fn respond(self) -> Result<Response> {
        Ok(Response { headers: self.0.0, ..Response::empty(204) })
    }
}

/// Nothing; the cookies say it all.
#[derive(Serialize, JsonSchema)]
pub struct Nothing {}

/// 200 with cookies, as older clients want it.
pub struct WithCookies(pub Cookies);

impl Reply for WithCookies {
    fn spec() -> ReplySpec {
        let schema = |generator: &mut schemars::SchemaGenerator| generator.subschema_for::<Nothing>();
        ReplySpec { status: 200, schema: Some(schema), content_type: JSON }
    }
    fn respond(self) -> Result<Response> {
        Ok(Response { headers: self.0.0, ..Response::with_body(200, JSON, b"{}".to_vec()) })
    }
}

async fn session_refresh(cx: Cx, headers: Headers) -> Result<Refreshed> {
    refreshed(&cx, &headers, REFRESH_PATHS[0]).await.map(Refreshed)
}

async fn session_refresh_older(cx: Cx, headers: Headers) -> Result<WithCookies> {
    refreshed(&cx, &headers, REFRESH_PATHS[1]).await.map(WithCookies)
}

/// Uses a refresh token and makes the next one, for the place where it was used.
pub async fn refreshed(cx: &Cx, headers: &Headers, path: &str) -> Result<Cookies> {
    let text = headers.cookie(REFRESH_COOKIE).or_else(|| headers.bearer());
    let token = text.and_then(Token::parse).filter(|token| token.kind() == TokenKind::Refresh);
    let token = token.ok_or(Problem::Unauthenticated)?;
    let app = cx.app();
    let hash = token.hash(app.vault.token_key());
    let found = store::refresh_get(&cx.platform(), hash).await?.ok_or(Problem::Unauthenticated)?;
    let db = cx.platform().org(found.org_id);
    let now = app.clock.now(db.org());
    let session = store::session_get_live(&db, found.session_id, now).await?;
    let session = session.filter(|_| found.expires_at > now).ok_or(Problem::Unauthenticated)?;
    if store::REFRESH_TOKENS.spend(&db, hash, now).await? == Spent::Replayed {
        let change = json!({ "reason": "a refresh token was used twice" });
        session_end(cx, &db, session.id, session.user_id, change).await?;
        return Err(Problem::Unauthenticated.kept());
    }
    store::session_touch(&db, session.id, now).await?;
    let access = access_issue(app, db.org(), &session)?;
    let refresh = refresh_issue(app, &db, &session).await?;
    Ok(Cookies(vec![access_cookie(app, &access)?, refresh_cookie(app, path, &refresh)?]))
}

/// Ends a session: its tokens stop working with the next request here, and within a second elsewhere.
pub async fn session_end(
    cx: &Cx,
    db: &OrgScope,
    session: SessionId,
    user: UserId,
    change: serde_json::Value,
) -> Result<()> {
    store::session_delete(db, session).await?;
    cx.access_changed_in(db.org()).await?;
    cx.audit_in(db, Action::Delete, format!("users/{user}/sessions/{session}"), change).await
}

/// Ends every session of a person, in all organizations, but for the one that stays.
pub async fn session_end_all(cx: &Cx, person: PersonId, but: Option<SessionId>) -> Result<()> {
    let accounts = identity::users::store::account_list(&cx.platform(), person).await?;
    for account in accounts {
        let db = cx.platform().org(account.org_id);
        let sql =
            org_sql!("DELETE FROM sessions WHERE org_id = $1 AND user_id = $2 AND ($3 IS NULL OR id <> $3)");
        if db.execute(sql, args![account.user_id, but]).await? > 0 {
            cx.access_changed_in(account.org_id).await?;
        }
    }
    Ok(())
}

/// Where to sign in again.
#[derive(Serialize, JsonSchema)]
pub struct LoggedOut {
    /// The organization's login path; blank without single sign-on.
    login_path: String,
}

/// 201 with the login path, and no cookies any more.
pub struct SignedOut(LoggedOut, Cookies);

impl Reply for SignedOut {
    fn spec() -> ReplySpec {
        let schema = |generator: &mut schemars::SchemaGenerator| generator.subschema_for::<LoggedOut>();
        ReplySpec { status: 201, schema: Some(schema), content_type: JSON }
    }
    fn respond(self) -> Result<Response> {
        let body = serde_json::to_vec(&self.0).map_err(|error| Problem::Internal(Box::new(error)))?;
        Ok(Response { headers: self.1.0, ..Response::with_body(201, JSON, body) })
    }
}

/// Signs out whoever has a session, even one whose access token has expired; says where to sign in again.
async fn session_logout(cx: Cx, headers: Headers) -> Result<SignedOut> {
    let text = headers.bearer().or_else(|| headers.cookie(ACCESS_COOKIE)).unwrap_or_default();
    let mut login_path = String::new();
    if let Some(claims) = part(cx.app())?.keys.verify::<Claims>(text).await? {
        let db = cx.platform().org(claims.org_id);
        if let Some(session) = store::session_get(&db, claims.sid).await? {
            login_path = identity::organizations::store::organization_get(&db).await?.login_path;
            session_end(&cx, &db, session.id, session.user_id, serde_json::Value::Null).await?;
        }
    }
    Ok(SignedOut(LoggedOut { login_path }, Cookies::cleared(cx.app())?))
}

//! A developer's session at a portal: from signing in until signing out. It is carried by an opaque access token in a
//! cookie, good for half an hour, and kept going by refresh tokens, each good for one use. Both are kept as hashes.
//! Why the access token is no JWT: decision 0018.

use ::http::{HeaderName, HeaderValue};
use frame::{
    App, Cx,
    audit::{Authentication, Outcome},
    cookies::{Cookie, SameSite},
    db::OrgScope,
    input::Headers,
    passwords::LONGEST,
    portals::{DEVELOPER_COOKIE, Site},
    refresh::Spent,
    reply::{Reply, ReplySpec, Response},
    throttle::{self, Subjects},
};
use kernel::{
    Action, Body, DeveloperId, Draft, Duration, Email, Fields, Id, Problem, Result, Secret, Timestamp, Token,
    TokenKind,
    rules::{EmailAddress, secret},
};
use serde_json::{Value, json};

use super::{
    Status,
    context::site_with_sign_in,
    path, serialize,
    store::{self, Held, Known},
};
use crate::part;

/// Marks the id of a developer's session.
pub enum SessionMarker {}

/// The cookie that holds a refresh token.
pub const REFRESH_COOKIE: &str = "portalrefreshtoken";
/// Where it is sent: to be used, and to be ended by signing out, in both versions of the API.
const REFRESH_PATHS: [&str; 2] = ["/api/v3/developer", "/api/v2/developer"];

/// A session as it is kept.
pub struct Session {
    pub(super) id: Id<SessionMarker>,
    pub(super) developer: DeveloperId,
    pub(super) expires_at: Timestamp,
}

/// An address and a password.
pub struct AuthenticateRequest {
    username: Email,
    password: Secret<String>,
}

impl Body for AuthenticateRequest {
    const NAME: &'static str = "AuthenticateRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let username = fields.required("username", EmailAddress);
        let password = fields.required("password", secret(1, LONGEST));
        Some(Self { username: username?, password: password? })
    }
}

/// 204 with cookies.
pub struct WithCookies(Vec<(HeaderName, HeaderValue)>);

impl Reply for WithCookies {
    fn spec() -> ReplySpec {
        ReplySpec::EMPTY
    }
    fn respond(self) -> Result<Response> {
        Ok(Response { headers: self.0, ..Response::empty(204) })
    }
}

/// Signs in. Who does not exist takes as long as who does, and gets the same answer.
pub(super) async fn developer_authenticate(cx: Cx, draft: Draft<AuthenticateRequest>) -> Result<WithCookies> {
    let site = site_with_sign_in(&cx)?;
    let AuthenticateRequest { username, password } = draft.parse()?;
    let app = cx.app();
    let subjects = Subjects::developer(app, site.portal, username.as_str(), cx.origin().ip);
    throttle::take(app, &subjects).await?;
    let known = {
        let db = OrgScope::new(app.db.read(), site.org);
        store::known_find(&db, site.portal, &username).await?
    };
    let hash = known.as_ref().and_then(|known| known.password_hash.clone());
    let right = part(app)?.hasher.verify(password, hash.clone()).await?;
    let Some(Known { id, .. }) = known else { return Err(Problem::Unauthenticated.kept()) };
    if !right {
        return refused(&cx, id, Outcome::InvalidPassword).await;
    }
    // It may have changed since it was read.
    serialize(&cx, id).await?;
    let now_known = store::known_get(cx.db(), site.portal, id).await?;
    let Some(now_known) = now_known.filter(|known| known.password_hash == hash) else {
        return Err(Problem::Unauthenticated.kept());
    };
    if now_known.status != Status::Approved {
        return refused(&cx, id, Outcome::Disabled).await;
    }
    throttle::clear(&cx.platform(), &subjects).await?;
    let session = session_begin(&cx, id).await?;
    audit(&cx, id, Outcome::Success).await?;
    Ok(WithCookies(cookies(&cx, &session).await?))
}

/// Writes down why a developer was refused, and tells nobody else.
async fn refused(cx: &Cx, id: DeveloperId, outcome: Outcome) -> Result<WithCookies> {
    audit(cx, id, outcome).await?;
    Err(Problem::Unauthenticated.kept())
}

async fn audit(cx: &Cx, id: DeveloperId, outcome: Outcome) -> Result<()> {
    let attempt = Authentication { kind: "basic", outcome, principal: id.to_string() };
    cx.audit_authentication(cx.db(), attempt).await
}

async fn session_begin(cx: &Cx, developer: DeveloperId) -> Result<Session> {
    let now = cx.now();
    let expires_at = now.plus(part(cx.app())?.settings.session_life);
    let session = Session { id: cx.new_id(), developer, expires_at };
    let from = (cx.origin().ip.to_string(), cx.origin().user_agent.as_str());
    store::session_insert(cx.db(), &session, from, now).await?;
    Ok(session)
}

/// New tokens for a session, in their cookies; none outlives the session.
async fn cookies(cx: &Cx, session: &Session) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let settings = &part(cx.app())?.settings;
    let access = token_issue(cx, session, TokenKind::Developer, settings.access_life).await?;
    let refresh = token_issue(cx, session, TokenKind::DeveloperRefresh, settings.refresh_life).await?;
    let mut cookies = vec![access_cookie(cx.app(), access.0.reveal(), access.1)?];
    cookies.extend(refresh_cookies(cx.app(), refresh.0.reveal(), refresh.1)?);
    Ok(cookies)
}

/// A new token, and for how many seconds it is good.
async fn token_issue(cx: &Cx, session: &Session, kind: TokenKind, life: Duration) -> Result<(Token, u64)> {
    let now = cx.now();
    let expires_at = now.plus(life).min(session.expires_at);
    let token = Token::new(kind, cx.app().random_key());
    store::token_insert(cx.db(), token.hash(cx.app().vault.token_key()), session, expires_at).await?;
    Ok((token, expires_at.since(now).as_secs()))
}

/// Whoever follows a link to the portal is signed in there, so the cookie is sent with that, and with nothing else
/// that another site makes a browser do.
fn access_cookie(app: &App, value: &str, max_age: u64) -> Result<(HeaderName, HeaderValue)> {
    Cookie { name: DEVELOPER_COOKIE, value, path: "/", max_age, same_site: SameSite::Lax }
        .header(&app.settings)
}

/// One token at each of its places: whichever is asked replaces it at all.
fn refresh_cookies(app: &App, value: &str, max_age: u64) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let cookie = |path| {
        Cookie { name: REFRESH_COOKIE, value, path, max_age, same_site: SameSite::Strict }
            .header(&app.settings)
    };
    REFRESH_PATHS.into_iter().map(cookie).collect()
}

/// What a cookie's token is of, if it is of this kind and of a developer of this portal.
async fn held(
    cx: &Cx,
    site: Site,
    headers: &Headers,
    cookie: &str,
    kind: TokenKind,
) -> Result<Option<(Token, Held)>> {
    let token = headers.cookie(cookie).and_then(Token::parse).filter(|token| token.kind() == kind);
    let Some(token) = token else { return Ok(None) };
    let hash = token.hash(cx.app().vault.token_key());
    Ok(store::token_get(cx.db(), site.portal, hash).await?.map(|held| (token, held)))
}

impl Held {
    const fn session(&self) -> Session {
        Session { id: self.session, developer: self.developer, expires_at: self.session_expires_at }
    }
}

/// Uses a refresh token and makes the next ones.
pub(super) async fn session_refresh(cx: Cx, headers: Headers) -> Result<WithCookies> {
    let site = site_with_sign_in(&cx)?;
    let now = cx.now();
    let found = held(&cx, site, &headers, REFRESH_COOKIE, TokenKind::DeveloperRefresh).await?;
    let found = found.filter(|(_, held)| held.expires_at > now && held.session_expires_at > now);
    let (token, held) = found.ok_or(Problem::Unauthenticated)?;
    let session = held.session();
    let hash = token.hash(cx.app().vault.token_key());
    if store::REFRESH_TOKENS.spend(cx.db(), hash, now).await? == Spent::Replayed {
        let why = json!({ "reason": "a refresh token was used twice" });
        session_end(&cx, site, &session, why).await?;
        return Err(Problem::Unauthenticated.kept());
    }
    store::session_touch(cx.db(), &session, now).await?;
    Ok(WithCookies(cookies(&cx, &session).await?))
}

/// Ends a session: its tokens stop working with the next request here, and within a second elsewhere.
async fn session_end(cx: &Cx, site: Site, session: &Session, why: Value) -> Result<()> {
    store::session_drop(cx.db(), session).await?;
    cx.access_changed().await?;
    let path = format!("{}/sessions/{}", path(site.portal, session.developer), session.id);
    cx.audit(Action::Delete, path, why).await
}

/// Signs out whoever has a session, even one whose access token has expired.
pub(super) async fn session_logout(cx: Cx, headers: Headers) -> Result<WithCookies> {
    let site = cx.site()?;
    let mut found = held(&cx, site, &headers, DEVELOPER_COOKIE, TokenKind::Developer).await?;
    if found.is_none() {
        found = held(&cx, site, &headers, REFRESH_COOKIE, TokenKind::DeveloperRefresh).await?;
    }
    if let Some((_, held)) = found {
        session_end(&cx, site, &held.session(), Value::Null).await?;
    }
    let mut cookies = vec![access_cookie(cx.app(), "", 0)?];
    cookies.extend(refresh_cookies(cx.app(), "", 0)?);
    Ok(WithCookies(cookies))
}

//! What others ask about credentials: whether one is good (RFC 7662), and that one stop being so (RFC 7009).

pub mod http;

use frame::{
    Cx,
    access::Presented,
    db::{OrgScope, PlatformScope},
    principal::Who,
    reply::Found,
};
use kernel::{
    Action, Body, Draft, Fields, OrgId, Result, Timestamp, Token, TokenId, TokenKind, WallClock,
    rules::{Text, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{keys, part, services, sessions};

/// A token that somebody asks about.
pub struct Asked {
    token: String,
}

const TOKEN: Text = text(1, 4096);

impl Body for Asked {
    const NAME: &'static str = "Token";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let token = fields.required("token", TOKEN);
        // A hint where to look first; every token says itself what it is.
        fields.optional("token_type_hint", text(0, 100));
        Some(Self { token: token? })
    }
}

/// Whether a token is good, and whose it is (RFC 7662 section 2.2).
#[derive(Default, Serialize, JsonSchema)]
pub struct Introspection {
    /// Whether it is good now.
    active: bool,
    /// `personalAccessToken`, `systemAccountAccessToken`, `konnectAccessToken`, `clientToken`,
    /// `serviceAccessToken`, `refresh_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// The user, the system account or the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The user's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<String>,
    /// When it stops being good, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
}

async fn token_introspect(cx: Cx, draft: Draft<Asked>) -> Result<Found<Introspection>> {
    let Asked { token } = draft.parse()?;
    let inactive = Found(Introspection::default());
    let app = cx.app();
    // A developer's token is good at its portal, of which who asks here knows nothing.
    let presented = Presented::parse(&token).filter(|presented| !presented.is_developers());
    let Some(presented) = presented else { return Ok(inactive) };
    let iss = Some(part(app)?.keys.issuer().to_owned());
    let exp = |at: Timestamp| at.micros().div_euclid(1_000_000);
    if let Presented::Token(token) = &presented
        && token.kind() == TokenKind::Refresh
    {
        let hash = token.hash(app.vault.token_key());
        let found = sessions::store::refresh_get(&cx.platform(), hash).await?;
        let good =
            found.filter(|found| found.used_at.is_none() && found.expires_at > app.clock.now(found.org_id));
        return Ok(good.map_or(inactive, |found| {
            Found(Introspection {
                active: true,
                token_type: Some("refresh_token"),
                org_id: Some(found.org_id.to_string()),
                exp: Some(exp(found.expires_at)),
                iss,
                ..Introspection::default()
            })
        }));
    }
    let hash = presented.hash(app.vault.token_key());
    let now = |org: Option<_>| org.map_or_else(|| WallClock::now(&*app.wall), |org| app.clock.now(org));
    let Some(principal) = app.access.principal(&presented, hash, now).await? else { return Ok(inactive) };
    let personal = matches!(&presented, Presented::Token(token) if token.kind() == TokenKind::Personal);
    if principal.org.is_some() && (!principal.policy.active || personal && !principal.policy.pats_enabled) {
        return Ok(inactive);
    }
    let credential = principal.credential.as_ref();
    Ok(Found(Introspection {
        active: true,
        token_type: credential.map(|credential| credential.kind.scheme()),
        sub: Some(principal.audit_id()),
        username: match &principal.who {
            Who::User(user, _) => Some(user.email.clone()),
            Who::SystemAccount(_, name) => Some(name.clone()),
            Who::Service(_) | Who::Developer(_) | Who::Nobody => None,
        },
        org_id: principal.org.map(|org| org.to_string()),
        exp: credential.and_then(|credential| credential.expires_at).map(exp),
        iss,
    }))
}

/// Nothing, whatever the token was (RFC 7009 section 2.2).
#[derive(Serialize, JsonSchema)]
pub struct Gone {}

/// Who has a token may end it.
async fn token_revoke(cx: Cx, draft: Draft<Asked>) -> Result<Found<Gone>> {
    let Asked { token } = draft.parse()?;
    match Presented::parse(&token) {
        Some(Presented::Signed(text)) => {
            let keys = &part(cx.app())?.keys;
            if let Some(claims) = keys.verify::<keys::Claims>(text.reveal()).await? {
                session_drop(&cx, &cx.platform(), claims.org_id, claims.sid).await?;
            } else if let Some(claims) = keys.verify::<services::Claims>(text.reveal()).await? {
                service_drop(&cx, &cx.platform().org(claims.org_id), claims.jti).await?;
            }
        }
        Some(Presented::Token(token)) => opaque_revoke(&cx, &token).await?,
        None => {}
    }
    Ok(Found(Gone {}))
}

async fn session_drop(cx: &Cx, platform: &PlatformScope, org: OrgId, id: sessions::SessionId) -> Result<()> {
    let db = platform.org(org);
    match sessions::store::session_get(&db, id).await? {
        Some(session) => {
            sessions::session_end(cx, &db, session.id, session.user_id, json!({ "reason": "revoked" })).await
        }
        None => Ok(()),
    }
}

async fn service_drop(cx: &Cx, db: &OrgScope, id: TokenId) -> Result<()> {
    if services::store::service_token_delete(db, id).await? == 0 {
        return Ok(());
    }
    cx.access_changed_in(db.org()).await?;
    let why = json!({ "reason": "given up by its holder" });
    cx.audit_in(db, Action::Revoke, format!("service-tokens/{id}"), why).await
}

async fn opaque_revoke(cx: &Cx, token: &Token) -> Result<()> {
    let hash = token.hash(cx.app().vault.token_key());
    if token.kind() == TokenKind::Refresh {
        return match sessions::store::refresh_get(&cx.platform(), hash).await? {
            Some(found) => session_drop(cx, &cx.platform(), found.org_id, found.session_id).await,
            None => Ok(()),
        };
    }
    let Some((org, path)) =
        identity::tokens::token_give_up(&cx.platform(), cx.app(), token.kind(), hash).await?
    else {
        return Ok(());
    };
    let Some(org) = org else {
        // Services belong to no organization; their tokens are cached under none.
        return cx.access_changed_in(OrgId::from_uuid(uuid::Uuid::nil())).await;
    };
    cx.access_changed_in(org).await?;
    cx.audit_in(&cx.platform().org(org), Action::Revoke, path, json!({ "reason": "given up by its holder" }))
        .await
}

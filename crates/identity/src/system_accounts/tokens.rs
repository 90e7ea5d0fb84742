//! The access tokens of system accounts (`spat_…`).

use frame::{
    Cx, args,
    db::{DbError, Listing, OnConflict, OrgScope, Paged, fold},
    from_row,
    input::At,
    org_sql,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, Draft, Duration, Fault, Fields, Problem, Result, SystemAccountId, Timestamp, Token,
    TokenId, TokenKind,
    query::{Collection, Field, ListQuery, Ops},
    rules::{DateTime, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::account_require;
use crate::tokens::store::{credential_drop, credential_insert};

/// A system account's token (contract: `SystemAccountAccessToken`).
#[derive(Clone, Serialize, JsonSchema)]
pub struct SystemAccountToken {
    /// Its id.
    pub id: TokenId,
    /// Its name, the only one on the account.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Timestamp")]
    pub last_used_at: Option<Timestamp>,
}

from_row!(SystemAccountToken { id, name, created_at, updated_at, expires_at, last_used_at });

/// A new token, with the only sight of its secret.
#[derive(Serialize, JsonSchema)]
pub struct CreatedSystemAccountToken {
    /// The token.
    #[serde(flatten)]
    token_details: SystemAccountToken,
    /// The secret. It is shown once.
    token: String,
}

/// What tokens can be filtered by.
pub static TOKENS: Collection =
    Collection::numbered("system-account-tokens", &[Field::text("name", Ops::EQ_CONTAINS)]);

static OF_ACCOUNT: Listing = Listing {
    collection: &TOKENS,
    columns: "t.id, t.name, t.created_at, t.updated_at, t.expires_at, t.last_used_at",
    table: "system_account_tokens",
    condition: "t.system_account_id = $2",
    large: false,
};

/// The longest that a token may live.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// A token to be created.
pub struct NewToken {
    name: String,
    expires_at: Timestamp,
}

impl Body for NewToken {
    const NAME: &'static str = "CreateSystemAccountAccessToken";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", text(1, 255));
        let expires_at = fields.required("expires_at", DateTime);
        Some(Self { name: name?, expires_at: expires_at? })
    }
}

/// A change of a token.
pub struct TokenPatch {
    name: String,
}

impl Body for TokenPatch {
    const NAME: &'static str = "UpdateSystemAccountAccessToken";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { name: fields.required("name", text(1, 255))? })
    }
}

fn name_taken(name: &str) -> String {
    format!("An access token with the name [{name}] already exists on this system account")
}

async fn token_require(cx: &Cx, account: SystemAccountId, id: TokenId) -> Result<SystemAccountToken> {
    account_require(cx, account).await?;
    token_row(cx.db(), account, id).await?.ok_or(Problem::NotFound("access token"))
}

pub(super) async fn token_list(
    cx: Cx,
    At(account): At<SystemAccountId>,
    query: ListQuery,
) -> Result<Found<Paged<SystemAccountToken>>> {
    account_require(&cx, account).await?;
    cx.db().page(&OF_ACCOUNT, args![account], &query).await.map(Found)
}

pub(super) async fn token_get(
    cx: Cx,
    At((account, id)): At<(SystemAccountId, TokenId)>,
) -> Result<Found<SystemAccountToken>> {
    token_require(&cx, account, id).await.map(Found)
}

pub(super) async fn token_create(
    cx: Cx,
    At(account): At<SystemAccountId>,
    draft: Draft<NewToken>,
) -> Result<Created<CreatedSystemAccountToken>> {
    account_require(&cx, account).await?;
    let NewToken { name, expires_at } = draft.parse()?;
    let now = cx.now();
    if expires_at <= now {
        return Err(Problem::invalid("expires_at", Fault::Rule("must be in the future".to_owned())));
    }
    if expires_at > now.plus(LONGEST) {
        return Err(Problem::invalid("expires_at", Fault::Rule("must be at most 12 months away".to_owned())));
    }
    let token = Token::new(TokenKind::System, cx.app().random_key());
    let details = SystemAccountToken {
        id: cx.new_id(),
        name,
        created_at: now,
        updated_at: now,
        expires_at,
        last_used_at: None,
    };
    token_insert(cx.db(), account, &details).await.on_conflict(|| name_taken(&details.name))?;
    let hash = token.hash(cx.app().vault.token_key());
    credential_insert(cx.db(), TokenKind::System, hash, details.id).await?;
    let path = format!("system-accounts/{account}/access-tokens/{}", details.id);
    cx.audit(Action::Create, path, json!({ "after": details })).await?;
    Ok(Created(CreatedSystemAccountToken { token_details: details, token: token.reveal().to_owned() }))
}

pub(super) async fn token_update(
    cx: Cx,
    At((account, id)): At<(SystemAccountId, TokenId)>,
    draft: Draft<TokenPatch>,
) -> Result<Found<SystemAccountToken>> {
    let before = token_require(&cx, account, id).await?;
    let TokenPatch { name } = draft.parse()?;
    let after = SystemAccountToken { name, updated_at: cx.now(), ..before.clone() };
    let sql = org_sql!(
        "UPDATE system_account_tokens SET name = $3, name_folded = $4, updated_at = $5 WHERE org_id = $1 AND id = $2"
    );
    let updated = cx.db().execute(sql, args![id, &after.name, fold(&after.name), after.updated_at]).await;
    updated.on_conflict(|| name_taken(&after.name))?;
    let path = format!("system-accounts/{account}/access-tokens/{id}");
    cx.audit(Action::Edit, path, json!({ "before": before, "after": after })).await?;
    Ok(Found(after))
}

pub(super) async fn token_delete(cx: Cx, At((account, id)): At<(SystemAccountId, TokenId)>) -> Result<Done> {
    let token = token_require(&cx, account, id).await?;
    credential_drop(cx.db(), id).await?;
    let sql = org_sql!("DELETE FROM system_account_tokens WHERE org_id = $1 AND id = $2");
    cx.db().execute(sql, args![id]).await?;
    cx.access_changed().await?;
    let path = format!("system-accounts/{account}/access-tokens/{id}");
    cx.audit(Action::Delete, path, json!({ "before": token })).await?;
    Ok(Done)
}

async fn token_row(
    db: &OrgScope,
    account: SystemAccountId,
    id: TokenId,
) -> Result<Option<SystemAccountToken>, DbError> {
    let sql = org_sql!(
        "SELECT id, name, created_at, updated_at, expires_at, last_used_at FROM system_account_tokens ",
        "WHERE org_id = $1 AND system_account_id = $2 AND id = $3"
    );
    db.optional(sql, args![account, id]).await
}

async fn token_insert(
    db: &OrgScope,
    account: SystemAccountId,
    token: &SystemAccountToken,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO system_account_tokens (org_id, id, system_account_id, name, name_folded, expires_at, created_at, ",
        "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    );
    let SystemAccountToken { id, name, created_at, updated_at, expires_at, .. } = token;
    db.execute(sql, args![*id, account, name, fold(name), *expires_at, *created_at, *updated_at]).await
}

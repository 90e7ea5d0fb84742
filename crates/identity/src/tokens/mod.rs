//! Personal access tokens (`kpat_…`), and whose any presented token is.

mod authenticator;
mod clients;
mod give_up;
pub mod http;
pub mod reminders;
pub mod store;

pub use authenticator::TokenAuthenticator;
pub use clients::{client_token_create, client_token_list, client_token_revoke};
pub use give_up::token_give_up;

use frame::{
    App, Cx,
    cursor::FlatCursored,
    db::{OnConflict, OrgScope},
    from_row,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, Draft, Duration, Fault, Fields, OrgId, Patch, Problem, Result, Timestamp, Token, TokenId,
    TokenKind, UserId,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{DateTime, Integer, Text, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{settings, users::user_require};

/// Most live tokens of a user.
pub const MOST_LIVE: i64 = 10;
/// A token that nobody used for so long counts as revoked.
pub const UNUSED: Duration = Duration::from_secs(365 * 24 * 3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A personal access token (contract: `PersonalAccessToken`).
#[derive(Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonalAccessToken {
    /// Its id.
    pub id: TokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its name; two tokens may have the same.
    pub name: String,
    /// `ACTIVE`, `REVOKED` or `EXPIRED`.
    #[schemars(extend("enum" = ["ACTIVE", "REVOKED", "EXPIRED"]))]
    pub state: String,
    /// Who revoked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<UserId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

from_row!(PersonalAccessToken {
    id,
    user_id,
    name,
    state,
    revoked_by,
    created_at,
    updated_at,
    last_used_at,
    expires_at,
    revoked_at
});

/// A new token, with the only sight of its secret.
#[derive(Serialize, JsonSchema)]
pub struct CreatedPersonalAccessToken {
    /// The token.
    #[serde(flatten)]
    token: PersonalAccessToken,
    /// The secret. It is shown once.
    konnect_token: String,
}

/// The tokens of a user: flat metadata, no paging.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenList {
    /// How many there are.
    meta: frame::db::PageMeta,
    /// The tokens.
    data: Vec<PersonalAccessToken>,
}

/// What the organization's tokens can be filtered by.
pub static ORGANIZATION_TOKENS: Collection = Collection::cursored(
    "personal-access-tokens",
    &[
        Field::new("state", Kind::Word(&["ACTIVE", "REVOKED", "EXPIRED"]), Ops::EQ),
        Field::new("user_id", Kind::Id, Ops::EQ),
    ],
);

fn name_fits(name: &str) -> bool {
    let mut chars = name.chars();
    let ends = chars.next().is_some_and(char::is_alphanumeric)
        && chars.next_back().is_some_and(char::is_alphanumeric);
    ends && chars.all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '\''))
}

const NAME: Text = text(1, 256).matching(r"^[\p{L}\p{N}][\p{L}\p{N} _\-\.']*[\p{L}\p{N}]$", name_fits);

/// A token to be created, for so long or until then.
pub struct NewToken {
    name: String,
    ttl_seconds: Option<i64>,
    expires_at: Option<Timestamp>,
}

impl Body for NewToken {
    const NAME: &'static str = "CreatePersonalAccessToken";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", NAME);
        let ttl_seconds = fields.optional("ttl_seconds", Integer { least: 86_400, most: 31_536_000 });
        let expires_at = fields.optional("expires_at", DateTime);
        fields.exactly_one_of(&["ttl_seconds", "expires_at"]);
        Some(Self { name: name?, ttl_seconds: ttl_seconds?, expires_at: expires_at? })
    }
}

/// A new name for a token; other properties are of no effect.
pub struct TokenPatch {
    name: Patch<String>,
}

impl Body for TokenPatch {
    const NAME: &'static str = "UpdatePersonalAccessToken";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.not_empty();
        Some(Self { name: fields.patch("name", NAME)? })
    }
}

async fn token_require(cx: &Cx, user: UserId, id: TokenId) -> Result<PersonalAccessToken> {
    user_require(cx, user).await?;
    store::token_get(cx.db(), user, id, cx.now()).await?.ok_or(Problem::NotFound("access token"))
}

async fn token_list(cx: Cx, At(user): At<UserId>) -> Result<Found<TokenList>> {
    user_require(&cx, user).await?;
    let data = store::token_list(cx.db(), user, cx.now()).await?;
    let total = i64::try_from(data.len()).unwrap_or(i64::MAX);
    Ok(Found(TokenList { meta: frame::db::PageMeta { number: 1, size: total, total }, data }))
}

async fn token_get(cx: Cx, At((user, id)): At<(UserId, TokenId)>) -> Result<Found<PersonalAccessToken>> {
    token_require(&cx, user, id).await.map(Found)
}

async fn token_create(
    cx: Cx,
    At(user): At<UserId>,
    draft: Draft<NewToken>,
) -> Result<Created<CreatedPersonalAccessToken>> {
    user_require(&cx, user).await?;
    let new = draft.parse()?;
    let expires_at = expiry(&cx, &new).await?;
    // One at a time, so that two requests do not both find the last place free.
    cx.db().serialize(&format!("personal-access-tokens/{user}")).await?;
    let live = store::token_count_live(cx.db(), user, cx.now()).await?;
    if live >= MOST_LIVE {
        return Err(Problem::Conflict(format!(
            "A user may have [{MOST_LIVE}] live personal access tokens, and [{live}] are live: revoke or delete one first"
        )));
    }
    let token = Token::new(TokenKind::Personal, cx.app().random_key());
    let id = token_issue(cx.app(), cx.db(), user, &new.name, expires_at, &token).await?;
    let details = token_require(&cx, user, id).await?;
    cx.audit(Action::Create, format!("users/{user}/access-tokens/{id}"), json!({ "after": details })).await?;
    Ok(Created(CreatedPersonalAccessToken { token: details, konnect_token: token.reveal().to_owned() }))
}

/// When a new token stops working: at least a day away, at most what the organization allows.
async fn expiry(cx: &Cx, new: &NewToken) -> Result<Timestamp> {
    let now = cx.now();
    let days = settings::store::token_settings_get(cx.db()).await?.max_expiration_period_days;
    let longest = DAY * u32::try_from(days).unwrap_or(365);
    let (field, expires_at) = match (new.ttl_seconds, new.expires_at) {
        (Some(seconds), _) => ("ttl_seconds", now.plus(Duration::from_secs(seconds.unsigned_abs()))),
        (None, Some(at)) => ("expires_at", at),
        (None, None) => ("expires_at", now),
    };
    // A minute's grace: clients compute "a year from now" by clocks and calendars of their own.
    let grace = Duration::from_secs(60);
    let reason = if expires_at < now.plus(DAY).minus(grace) {
        "must be at least 1 day away".to_owned()
    } else if expires_at > now.plus(longest).plus(grace) {
        format!("must be at most [{days}] days away")
    } else {
        return Ok(expires_at);
    };
    Err(Problem::invalid(field, Fault::Rule(reason)))
}

/// Makes a token good: its row, and the directory's entry for its hash.
pub async fn token_issue(
    app: &App,
    db: &OrgScope,
    user: UserId,
    name: &str,
    expires_at: Timestamp,
    token: &Token,
) -> Result<TokenId> {
    let id = app.new_id(db.org());
    store::token_insert(db, id, user, name, expires_at, app.clock.now(db.org())).await?;
    let hash = token.hash(app.vault.token_key());
    let inserted = store::credential_insert(db, TokenKind::Personal, hash, id).await;
    inserted.on_conflict(|| "This token is in use already".to_owned())?;
    Ok(id)
}

async fn token_update(
    cx: Cx,
    At((user, id)): At<(UserId, TokenId)>,
    draft: Draft<TokenPatch>,
) -> Result<Found<PersonalAccessToken>> {
    let before = token_require(&cx, user, id).await?;
    let TokenPatch { name } = draft.parse()?;
    // At least one property must be sent (contract), and the name is the only one that there is.
    let name = name.value().ok_or_else(|| Problem::invalid("name", Fault::Required))?;
    store::token_rename(cx.db(), id, &name, cx.now()).await?;
    let after = token_require(&cx, user, id).await?;
    let change = json!({ "before": before, "after": after });
    cx.audit(Action::Edit, format!("users/{user}/access-tokens/{id}"), change).await?;
    Ok(Found(after))
}

async fn token_delete(cx: Cx, At((user, id)): At<(UserId, TokenId)>) -> Result<Done> {
    let before = token_require(&cx, user, id).await?;
    store::credential_drop(cx.db(), id).await?;
    store::token_delete(cx.db(), id).await?;
    cx.access_changed().await?;
    cx.audit(Action::Delete, format!("users/{user}/access-tokens/{id}"), json!({ "before": before })).await?;
    Ok(Done)
}

/// The tokens of a user.
pub async fn token_list_of(cx: &Cx, user: UserId) -> Result<Vec<PersonalAccessToken>> {
    Ok(store::token_list(cx.db(), user, cx.now()).await?)
}

async fn token_revoke(cx: Cx, At((user, id)): At<(UserId, TokenId)>) -> Result<Found<PersonalAccessToken>> {
    token_revoke_of(&cx, user, id).await
}

/// Revokes a token of a user.
pub async fn token_revoke_of(cx: &Cx, user: UserId, id: TokenId) -> Result<Found<PersonalAccessToken>> {
    let before = token_require(cx, user, id).await?;
    if before.revoked_at.is_some() {
        return Ok(Found(before));
    }
    let by = cx.caller().user().map(|user| user.id);
    store::token_revoke(cx.db(), id, by, cx.now()).await?;
    store::credential_drop(cx.db(), id).await?;
    cx.access_changed().await?;
    let after = token_require(cx, user, id).await?;
    let change = json!({ "before": before, "after": after });
    cx.audit(Action::Revoke, format!("users/{user}/access-tokens/{id}"), change).await?;
    Ok(Found(after))
}

async fn token_list_of_organization(
    cx: Cx,
    At(id): At<OrgId>,
    query: ListQuery,
) -> Result<Found<FlatCursored<PersonalAccessToken>>> {
    settings::own_organization(&cx, id)?;
    let page = store::token_list_of_organization(cx.db(), cx.now(), &query).await?;
    FlatCursored::new(&cx, page).map(Found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_the_contract_wants_them() {
        for good in ["ab", "Development Token", "o'neil-2.0_x", "Ü1", "7 7"] {
            assert!(name_fits(good), "{good}");
        }
        for bad in ["", "a", " ab", "ab ", "a\tb", "a/b", "-a", "a-"] {
            assert!(!name_fits(bad), "{bad}");
        }
    }
}

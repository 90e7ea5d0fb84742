//! The keys that let callers of the bridge in. Each is one provider's, is shown once, and is kept as a keyed hash.

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, BridgeKeyId, DcrProviderId, Draft, Fields, Problem, Result, Timestamp, Token, TokenKind,
    query::{Collection, Field, Kind, ListQuery},
    rules::text,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::store;
use crate::dcr_providers::{KIND, provider_require};

/// Most keys of a provider: the one in use, the one that takes its place, and those of other callers.
const MOST: i64 = 20;

/// What keys can be sorted by.
pub static KEYS: Collection =
    Collection::numbered("dcr-bridge-keys", &[Field::order("created_at", Kind::Time)]);

/// A key of the bridge, without itself.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BridgeKey {
    /// Its id.
    pub id: BridgeKeyId,
    /// Its name: whom it was given to.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

frame::from_row!(BridgeKey { id, name, created_at, last_used_at });

/// A key that was just made: what the caller's provider of the type `http` is configured with.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NewBridgeKey {
    /// Its id.
    id: BridgeKeyId,
    /// Its name.
    name: String,
    /// The key itself, shown this once.
    api_key: String,
    /// Where the bridge is.
    #[schemars(extend("format" = "uri"))]
    dcr_base_url: String,
    /// When it was made.
    created_at: Timestamp,
}

/// What a key is called.
pub struct NewKey {
    name: String,
}

impl Body for NewKey {
    const NAME: &'static str = "CreateDcrBridgeKeyRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("name", text(1, 256)).map(|name| Self { name })
    }
}

fn place(provider: DcrProviderId, id: BridgeKeyId) -> String {
    format!("{KIND}/{provider}/bridge-keys/{id}")
}

pub(super) async fn key_list(
    cx: Cx,
    At(provider): At<DcrProviderId>,
    query: ListQuery,
) -> Result<Found<Paged<BridgeKey>>> {
    provider_require(&cx, provider).await?;
    store::key_list(cx.db(), provider, &query).await.map(Found)
}

pub(super) async fn key_create(
    cx: Cx,
    At(provider): At<DcrProviderId>,
    draft: Draft<NewKey>,
) -> Result<Created<NewBridgeKey>> {
    provider_require(&cx, provider).await?;
    let NewKey { name } = draft.parse()?;
    cx.db().serialize(&format!("bridge-keys/{provider}")).await?;
    if store::key_count(cx.db(), provider).await? >= MOST {
        let why = format!("The provider has {MOST} keys of its bridge already");
        return Err(Problem::Conflict(why));
    }
    let app = cx.app();
    let token = Token::new(TokenKind::Bridge, app.random_key());
    let key = BridgeKey { id: cx.new_id(), name, created_at: cx.now(), last_used_at: None };
    store::key_insert(cx.db(), provider, &key, token.hash(app.vault.token_key())).await?;
    cx.audit(Action::Create, place(provider, key.id), json!({ "after": { "name": key.name } })).await?;
    Ok(Created(NewBridgeKey {
        id: key.id,
        name: key.name,
        api_key: token.reveal().to_owned(),
        dcr_base_url: format!("{}/dcr-bridge/{provider}", app.settings.public_url.trim_end_matches('/')),
        created_at: key.created_at,
    }))
}

pub(super) async fn key_delete(cx: Cx, At((provider, id)): At<(DcrProviderId, BridgeKeyId)>) -> Result<Done> {
    provider_require(&cx, provider).await?;
    let key = store::key_get(cx.db(), provider, id).await?.ok_or(Problem::NotFound("bridge key"))?;
    store::key_delete(cx.db(), id).await?;
    cx.audit(Action::Delete, place(provider, id), json!({ "before": { "name": key.name } })).await?;
    Ok(Done)
}

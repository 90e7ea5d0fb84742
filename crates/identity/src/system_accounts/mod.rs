//! System accounts: identities of automations. They have roles, teams and tokens, but no e-mail and
//! no password. Managed ones belong to a platform service and refuse edits by people.

pub mod http;
pub mod store;
pub mod tokens;

use frame::{
    Cx,
    db::{OnConflict, OrgScope, Paged},
    from_row,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, Draft, Fields, Patch, Problem, Result, SystemAccountId, Timestamp,
    problem::Denied,
    query::{Collection, Field, ListQuery, Ops},
    rules::{Boolean, text},
};
use serde::Serialize;
use serde_json::json;

use crate::teams::Team;

/// A system account (contract: `SystemAccount`).
#[derive(Clone, Serialize, schemars::JsonSchema)]
pub struct SystemAccount {
    /// Its id.
    pub id: SystemAccountId,
    /// Its name, the only one in the organization.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Whether a platform service manages it.
    pub konnect_managed: bool,
}

from_row!(SystemAccount { id, name, description, created_at, updated_at, konnect_managed });

impl SystemAccount {
    /// 403 if a platform service manages it.
    pub fn refuse_managed(&self) -> Result<()> {
        if self.konnect_managed {
            let why = format!(
                "The system account [{}] is managed by the platform and cannot be changed",
                self.name
            );
            return Err(Problem::Forbidden(Denied::Because(why)));
        }
        Ok(())
    }
}

/// What system accounts can be filtered by.
pub static SYSTEM_ACCOUNTS: Collection = Collection::numbered(
    "system-accounts",
    &[
        Field::text("name", Ops::EQ_CONTAINS),
        Field::text("description", Ops::EQ_CONTAINS),
        Field::boolean("konnect_managed"),
    ],
);

/// What the system accounts of a team can be filtered by.
pub static TEAM_ACCOUNTS: Collection =
    Collection::numbered("system-accounts", &[Field::text("name", Ops::EQ_CONTAINS)]);

/// A system account to be created. The contract requires the description, published how-tos leave it
/// out; it is taken for empty then.
pub struct NewSystemAccount {
    name: String,
    description: Option<String>,
    konnect_managed: Option<bool>,
}

impl Body for NewSystemAccount {
    const NAME: &'static str = "CreateSystemAccount";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", text(1, 255));
        let description = fields.optional("description", text(0, 1000));
        let konnect_managed = fields.optional("konnect_managed", Boolean);
        Some(Self { name: name?, description: description?, konnect_managed: konnect_managed? })
    }
}

/// A change of a system account.
pub struct SystemAccountPatch {
    name: Patch<String>,
    description: Patch<String>,
}

impl Body for SystemAccountPatch {
    const NAME: &'static str = "UpdateSystemAccount";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.patch("name", text(1, 255));
        let description = fields.patch("description", text(0, 1000));
        Some(Self { name: name?, description: description? })
    }
}

/// The system account, or 404.
pub async fn account_require(cx: &Cx, id: SystemAccountId) -> Result<SystemAccount> {
    store::account_get(cx.db(), id).await?.ok_or(Problem::NotFound("system account"))
}

/// The organization of a managed system account, for platform services, which belong to none.
pub async fn managed_scope(cx: &Cx, id: SystemAccountId) -> Result<OrgScope> {
    let org = store::managed_account_org(&cx.platform(), id).await?;
    org.map(|org| cx.platform().org(org)).ok_or(Problem::NotFound("system account"))
}

fn name_taken(name: &str) -> String {
    format!("A system account with the name [{name}] already exists")
}

async fn account_list(cx: Cx, query: ListQuery) -> Result<Found<Paged<SystemAccount>>> {
    store::account_list(cx.db(), &query).await.map(Found)
}

async fn account_get(cx: Cx, At(id): At<SystemAccountId>) -> Result<Found<SystemAccount>> {
    account_require(&cx, id).await.map(Found)
}

async fn account_create(cx: Cx, draft: Draft<NewSystemAccount>) -> Result<Created<SystemAccount>> {
    let new = draft.parse()?;
    let now = cx.now();
    let account = SystemAccount {
        id: cx.new_id(),
        name: new.name,
        description: new.description.unwrap_or_default(),
        created_at: now,
        updated_at: now,
        konnect_managed: new.konnect_managed.unwrap_or(false),
    };
    store::account_insert(cx.db(), &account).await.on_conflict(|| name_taken(&account.name))?;
    cx.audit(Action::Create, format!("system-accounts/{}", account.id), json!({ "after": account })).await?;
    Ok(Created(account))
}

async fn account_update(
    cx: Cx,
    At(id): At<SystemAccountId>,
    draft: Draft<SystemAccountPatch>,
) -> Result<Found<SystemAccount>> {
    let before = account_require(&cx, id).await?;
    let patch = draft.parse()?;
    before.refuse_managed()?;
    let account = SystemAccount {
        name: patch.name.or(before.name.clone()),
        description: patch.description.or(before.description.clone()),
        updated_at: cx.now(),
        ..before.clone()
    };
    store::account_update(cx.db(), &account).await.on_conflict(|| name_taken(&account.name))?;
    cx.access_changed().await?;
    cx.audit(Action::Edit, format!("system-accounts/{id}"), json!({ "before": before, "after": account }))
        .await?;
    Ok(Found(account))
}

async fn account_delete(cx: Cx, At(id): At<SystemAccountId>) -> Result<Done> {
    let account = account_require(&cx, id).await?;
    account.refuse_managed()?;
    crate::tokens::store::credential_drop_all(cx.db(), id.uuid()).await?;
    crate::roles::store::role_drop_all(cx.db(), id.uuid()).await?;
    store::account_delete(cx.db(), id).await?;
    cx.access_changed().await?;
    cx.audit(Action::Delete, format!("system-accounts/{id}"), json!({ "before": account })).await?;
    Ok(Done)
}

async fn account_team_list(
    cx: Cx,
    At(id): At<SystemAccountId>,
    query: ListQuery,
) -> Result<Found<Paged<Team>>> {
    account_require(&cx, id).await?;
    crate::teams::store::team_list_of_account(cx.db(), id, &query).await.map(Found)
}

//! Developers: people who use a portal. A developer belongs to one portal; it is no person and no user of identity,
//! and nothing of what it can do reaches past its portal.
//!
//! Here is what the organization does with developers. What developers do themselves is in `account.rs` (registering
//! and setting a password), `sessions.rs` (signing in and out) and `context.rs` (what they see of the portal).
//!
//! Operations for developers are declared with [`DEVELOPERS`](frame::operations::DEVELOPERS) and
//! [`Rule::Developer`](frame::operations::Rule::Developer), and are served at portals (`at_portal()`). Their handlers
//! get portal and developer by [`Cx::developer`], and a [`Cx::db`] that is bound to the portal's organization; they
//! bind the portal themselves.

pub mod account;
mod authenticator;
pub mod classic;
pub mod context;
pub mod http;
pub(crate) mod links;
pub mod pages;
pub mod sessions;
pub mod store;

pub use authenticator::DeveloperAuthenticator;
pub use context::PortalHosts;

use frame::{
    Cx,
    db::Paged,
    input::At,
    mail,
    pages::Template,
    portals,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, DeveloperId, Draft, Email, Fault, Fields, PortalId, Problem, Result, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{Boolean, EmailAddress, Parsed, Text, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::applications::{
    Owner,
    lifecycle::{delete_all, wake},
};
use store::Home;

/// What developers are told by mail.
pub const LETTERS: [Template; 5] = [
    ("developer_verify.txt", include_str!("../../templates/developer_verify.txt")),
    ("developer_known.txt", include_str!("../../templates/developer_known.txt")),
    ("developer_reset.txt", include_str!("../../templates/developer_reset.txt")),
    ("developer_invite.txt", include_str!("../../templates/developer_invite.txt")),
    ("developer_approved.txt", include_str!("../../templates/developer_approved.txt")),
];

/// What a developer may do at the portal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "DeveloperStatus")]
pub enum Status {
    /// Sign in.
    Approved,
    /// Wait for the organization.
    Pending,
    /// Nothing any more.
    Revoked,
    /// Nothing.
    Rejected,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Approved, Self::Pending, Self::Revoked, Self::Rejected];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Pending => "pending",
            Self::Revoked => "revoked",
            Self::Rejected => "rejected",
        }
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        let choices = || Self::ALL.map(|status| status.name().to_owned()).to_vec();
        Self::ALL.into_iter().find(|it| it.name() == text).ok_or_else(|| Fault::NotOneOf(choices()))
    }

    /// Whether the developer may come in, now or once the organization says so.
    const fn may_come(self) -> bool {
        matches!(self, Self::Approved | Self::Pending)
    }
}

impl frame::db::Column for Status {
    type Raw = String;
    fn read(raw: String) -> Result<Self, frame::db::Nonsense> {
        Self::parse(&raw).map_err(|_| format!("[{raw}] is no status of a developer").into())
    }
}

const STATUS: Parsed<Status> = Parsed {
    parse: Status::parse,
    schema: || json!({ "type": "string", "enum": Status::ALL.map(Status::name) }),
};

/// A developer as the organization sees it (contract: `PortalDeveloper`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PortalDeveloper {
    /// Its id.
    pub id: DeveloperId,
    /// The e-mail address; unique in the portal.
    #[schemars(extend("format" = "email"), length(max = 255))]
    pub email: String,
    /// The full name.
    #[schemars(length(max = 256))]
    pub full_name: String,
    /// What it may do.
    pub status: Status,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

frame::from_row!(PortalDeveloper { id, email, full_name, status, created_at, updated_at });

/// What a portal's developers can be filtered and sorted by.
pub static LISTED: Collection = Collection::numbered(
    "developers",
    &[
        Field::text("name", Ops::STRING).column("full_name").sortable(),
        Field::text("status", Ops::STRING).sortable(),
        Field::text("email", Ops::STRING).sortable(),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

const FULL_NAME: Text = text(1, 255);

/// A developer to be created.
pub struct NewDeveloper {
    email: Email,
    full_name: String,
    status: Option<Status>,
    invited: bool,
}

impl Body for NewDeveloper {
    const NAME: &'static str = "CreateDeveloperRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let email = fields.required("email", EmailAddress);
        let full_name = fields.required("full_name", FULL_NAME);
        let status = fields.optional("status", STATUS);
        let invited = fields.optional("send_invitation_email", Boolean);
        let (status, invited) = (status?, invited?.unwrap_or_default());
        if invited && status.is_some_and(|status| !status.may_come()) {
            let why = "must be approved or pending for somebody who is invited";
            fields.fault("status", Fault::Dependent(why, vec!["send_invitation_email"]));
            return None;
        }
        Some(Self { email: email?, full_name: full_name?, status, invited })
    }
}

/// A change of a developer.
pub struct DeveloperPatch {
    status: Option<Status>,
}

impl Body for DeveloperPatch {
    const NAME: &'static str = "UpdateDeveloperRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { status: fields.optional("status", STATUS)? })
    }
}

/// The portal, or 404.
async fn home_require(cx: &Cx, portal: PortalId) -> Result<Home> {
    store::home_get(cx.db(), portal).await?.ok_or(Problem::NotFound("portal"))
}

/// A developer of the portal, or 404.
pub async fn developer_require(cx: &Cx, portal: PortalId, id: DeveloperId) -> Result<PortalDeveloper> {
    store::developer_get(cx.db(), portal, id).await?.ok_or(Problem::NotFound("developer"))
}

/// One at a time who changes what lets a developer in: its status, its password, its links, its sessions. Taken before
/// any of their rows is, so that nobody waits in a circle.
async fn serialize(cx: &Cx, id: DeveloperId) -> Result<()> {
    Ok(cx.db().serialize(&format!("developer/{id}")).await?)
}

/// Where a developer is named in the audit log.
fn path(portal: PortalId, id: DeveloperId) -> String {
    format!("portals/{portal}/developers/{id}")
}

async fn developer_create(
    cx: Cx,
    At(portal): At<PortalId>,
    draft: Draft<NewDeveloper>,
) -> Result<Created<PortalDeveloper>> {
    let home = home_require(&cx, portal).await?;
    let NewDeveloper { email, full_name, status, invited } = draft.parse()?;
    let status = status.unwrap_or_else(|| home.status_of_new());
    let Some(developer) = developer_insert(&cx, portal, &email, full_name, status).await? else {
        let why = format!("The portal has a developer with the email [{}] already", email.as_str());
        return Err(Problem::Conflict(why));
    };
    if invited {
        links::send(&cx, &home, developer.id, &email, links::Purpose::Verify, "developer_invite.txt").await?;
    }
    Ok(Created(developer))
}

/// Enters a developer, and that somebody did; nothing if the portal has one with this address.
async fn developer_insert(
    cx: &Cx,
    portal: PortalId,
    email: &Email,
    full_name: String,
    status: Status,
) -> Result<Option<PortalDeveloper>> {
    let now = cx.now();
    let developer = PortalDeveloper {
        id: cx.new_id(),
        email: email.as_str().to_owned(),
        full_name,
        status,
        created_at: now,
        updated_at: now,
    };
    if store::developer_insert(cx.db(), portal, &developer).await? == 0 {
        return Ok(None);
    }
    cx.audit(Action::Create, path(portal, developer.id), json!({ "after": developer })).await?;
    Ok(Some(developer))
}

async fn developer_list(
    cx: Cx,
    At(portal): At<PortalId>,
    query: ListQuery,
) -> Result<Found<Paged<PortalDeveloper>>> {
    home_require(&cx, portal).await?;
    store::developer_list(cx.db(), portal, &query).await.map(Found)
}

async fn developer_get(
    cx: Cx,
    At((portal, id)): At<(PortalId, DeveloperId)>,
) -> Result<Found<PortalDeveloper>> {
    developer_require(&cx, portal, id).await.map(Found)
}

/// Who is approved no longer is signed out at once; who may not come at all has no link that lets in either.
async fn developer_update(
    cx: Cx,
    At((portal, id)): At<(PortalId, DeveloperId)>,
    draft: Draft<DeveloperPatch>,
) -> Result<Found<PortalDeveloper>> {
    serialize(&cx, id).await?;
    let before = developer_require(&cx, portal, id).await?;
    let status = draft.parse()?.status.unwrap_or(before.status);
    let after = PortalDeveloper { status, updated_at: cx.now(), ..before.clone() };
    store::developer_update(cx.db(), &after).await?;
    if before.status == Status::Approved && status != Status::Approved {
        store::session_drop_all(cx.db(), id).await?;
        cx.access_changed().await?;
    }
    if (before.status == Status::Approved) != (status == Status::Approved) {
        // Requests of the developer's own applications are let through no more, or from now on.
        crate::gateway::changed(cx.app(), cx.db()).await?;
    }
    if !status.may_come() {
        links::drop_all(&cx, id).await?;
    }
    if before.status != Status::Approved && status == Status::Approved {
        approval_send(&cx, portal, &after).await?;
    }
    cx.audit(Action::Edit, path(portal, id), json!({ "before": before, "after": after })).await?;
    Ok(Found(after))
}

/// Tells a developer that it may sign in now.
async fn approval_send(cx: &Cx, portal: PortalId, developer: &PortalDeveloper) -> Result<()> {
    let home = home_require(cx, portal).await?;
    let Some(email) = Email::parse(&developer.email) else { return Ok(()) };
    let portal_url = portals::address(&cx.app().settings, &home.host);
    let context = json!({ "email": email, "portal": home.name, "portal_url": portal_url });
    mail::post(cx.app(), cx.db(), &email, "developer_approved.txt", context).await
}

async fn developer_delete(cx: Cx, At((portal, id)): At<(PortalId, DeveloperId)>) -> Result<Done> {
    crate::serialize(&cx).await?;
    serialize(&cx, id).await?;
    let before = developer_require(&cx, portal, id).await?;
    let applications = delete_all(&cx, portal, Some(Owner::of_developer(id))).await?;
    store::developer_delete(cx.db(), id).await?;
    cx.access_changed().await?;
    let change = json!({ "before": before, "deleted_applications": applications });
    cx.audit(Action::Delete, path(portal, id), change).await?;
    wake(&cx)?;
    Ok(Done)
}

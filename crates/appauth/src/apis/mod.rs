//! APIs of the catalog: what is published in portals.

pub mod at_portal;
pub mod http;
pub mod store;

use frame::{
    Cx,
    db::{OnConflict, Paged},
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, ApiId, Body, Draft, Fault, Fields, Labels, LabelsPatch, Patch, PortalId, Problem, Reach, Result,
    Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{AnyObject, LabelChanges, NewLabels, Text, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::strategies::uses::{Uses, use_drop_all, use_rename_all};
use crate::{
    application_registrations::{
        remove_all,
        targets::{OfApi, Target as _},
    },
    portal_roles::store::role_delete_on,
};

/// An API (contract: `ApiResponseSchema`).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Api {
    /// Its id.
    pub id: ApiId,
    /// Its name; no other has the same together with the same version, whatever the case.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its name in addresses.
    pub slug: Option<String>,
    /// Its newest version that has a document of its own. There are none here.
    pub current_version_summary: (),
    /// Its documents. There are none here.
    pub api_spec_ids: [(); 0],
    /// The portals that it is published in.
    pub portals: Vec<PortalOfApi>,
    /// Its labels.
    pub labels: Labels,
    /// What else is said of it.
    pub attributes: Map<String, Value>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What an API shows of a portal.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PortalOfApi {
    /// Its id.
    pub id: PortalId,
    /// Its name.
    pub name: String,
    /// Its name for developers.
    pub display_name: String,
}

/// The type, as assignments of roles name it.
const TYPE: &str = "APIs";
/// The kind, as permissions name it.
pub(crate) const KIND: &str = "apis";

/// What APIs can be filtered and sorted by.
pub static APIS: Collection = Collection::numbered(
    KIND,
    &[
        Field::new("id", Kind::Id, Ops::UUID),
        Field::text("name", Ops::STRING).sortable(),
        Field::text("version", Ops::STRING).sortable(),
        Field::new("labels", Kind::Labels, Ops::LABEL),
        Field::new("created_at", Kind::Time, Ops::ORDER).sortable(),
        Field::new("updated_at", Kind::Time, Ops::ORDER).sortable(),
    ],
);

const NAME: Text = text(1, 255);
const DESCRIPTION: Text = text(0, 10_000);
const VERSION: Text = text(0, 255);

fn slug_fits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

const SLUG: Text = text(1, 512).matching(r"^[\w-]+$", slug_fits);

/// Longest attributes, written as JSON: no single row grows without bound.
const LONGEST: usize = 64 * 1024;

/// An API to be created.
pub struct NewApi {
    name: String,
    description: Option<String>,
    version: Option<String>,
    slug: Patch<String>,
    labels: Labels,
    attributes: Option<Map<String, Value>>,
}

impl Body for NewApi {
    const NAME: &'static str = "CreateApiRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", NAME);
        let description = fields.optional("description", DESCRIPTION);
        let version = fields.optional("version", VERSION);
        let slug = fields.patch("slug", SLUG);
        let labels = fields.optional("labels", NewLabels);
        let attributes = fields.optional("attributes", AnyObject);
        Some(Self {
            name: name?,
            description: description?,
            version: version?,
            slug: slug?,
            labels: labels?.unwrap_or_default(),
            attributes: attributes?,
        })
    }
}

/// A change of an API.
pub struct ApiPatch {
    name: Patch<String>,
    description: Patch<String>,
    version: Patch<String>,
    slug: Patch<String>,
    labels: Patch<LabelsPatch>,
    attributes: Patch<Map<String, Value>>,
}

impl Body for ApiPatch {
    const NAME: &'static str = "UpdateApiRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.patch("name", NAME);
        let description = fields.patch("description", DESCRIPTION);
        let version = fields.patch("version", VERSION);
        let slug = fields.patch("slug", SLUG);
        let labels = fields.patch("labels", LabelChanges);
        let attributes = fields.patch("attributes", AnyObject);
        Some(Self {
            name: name?,
            description: description?,
            version: version?,
            slug: slug?,
            labels: labels?,
            attributes: attributes?,
        })
    }
}

/// The API, or 404.
pub async fn api_require(cx: &Cx, id: ApiId) -> Result<Api> {
    store::api_get(cx.db(), id).await?.ok_or(Problem::NotFound("API"))
}

/// Name and version as an address can have them; nothing if nothing of them can be had there.
fn slugified(name: &str, version: Option<&str>) -> Option<String> {
    let both = format!("{name} {}", version.unwrap_or_default()).to_lowercase();
    let words = both.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    Some(words.collect::<Vec<_>>().join("-")).filter(|slug| !slug.is_empty())
}

/// The 409 of a name that is taken.
fn taken(api: &Api) -> String {
    match &api.version {
        Some(version) => {
            format!("An API with the name [{}] and the version [{version}] already exists", api.name)
        }
        None => format!("An API with the name [{}] and no version already exists", api.name),
    }
}

fn check_attributes(attributes: &Map<String, Value>) -> Result<()> {
    let length = serde_json::to_vec(attributes).map_or(usize::MAX, |json| json.len());
    if length > LONGEST { Err(Problem::invalid("attributes", Fault::TooLong(LONGEST))) } else { Ok(()) }
}

async fn api_list(cx: Cx, mut query: ListQuery) -> Result<Found<Paged<Api>>> {
    if let Reach::Only(ids) = cx.reach(Action::List, KIND) {
        query.only(ids.iter().filter_map(|id| id.parse::<ApiId>().ok()));
    }
    store::api_list(cx.db(), &query).await.map(Found)
}

async fn api_get(cx: Cx, At(id): At<ApiId>) -> Result<Found<Api>> {
    api_require(&cx, id).await.map(Found)
}

async fn api_create(cx: Cx, draft: Draft<NewApi>) -> Result<Created<Api>> {
    let new = draft.parse()?;
    let attributes = new.attributes.unwrap_or_default();
    check_attributes(&attributes)?;
    let slug = match new.slug {
        Patch::Absent => slugified(&new.name, new.version.as_deref()),
        Patch::Null => None,
        Patch::Value(slug) => Some(slug),
    };
    let now = cx.now();
    let api = Api {
        id: cx.new_id(),
        name: new.name,
        description: new.description,
        version: new.version,
        slug,
        current_version_summary: (),
        api_spec_ids: [],
        portals: Vec::new(),
        labels: new.labels,
        attributes,
        created_at: now,
        updated_at: now,
    };
    store::api_insert(cx.db(), &api).await.on_conflict(|| taken(&api))?;
    cx.created(TYPE, api.id).await?;
    cx.audit(Action::Create, format!("{KIND}/{}", api.id), json!({ "after": api })).await?;
    Ok(Created(api))
}

/// A slug that was made of an older name stays: addresses with it are known.
async fn api_update(cx: Cx, At(id): At<ApiId>, draft: Draft<ApiPatch>) -> Result<Found<Api>> {
    crate::serialize(&cx).await?;
    let before = api_require(&cx, id).await?;
    let patch = draft.parse()?;
    let attributes = patch.attributes.over(Some(before.attributes.clone())).unwrap_or_default();
    check_attributes(&attributes)?;
    let api = Api {
        name: patch.name.or(before.name.clone()),
        description: patch.description.over(before.description.clone()),
        version: patch.version.over(before.version.clone()),
        slug: patch.slug.over(before.slug.clone()),
        labels: before.labels.updated(&patch.labels)?,
        attributes,
        updated_at: cx.now(),
        ..before.clone()
    };
    store::api_update(cx.db(), &api).await.on_conflict(|| taken(&api))?;
    if api.name != before.name {
        crate::publications::store::api_renamed(cx.db(), &api).await?;
        use_rename_all(cx.db(), Uses::OfApi(id)).await?;
    }
    cx.audit(Action::Edit, format!("{KIND}/{id}"), json!({ "before": before, "after": api })).await?;
    Ok(Found(api))
}

/// Its publications and the registrations for it go with it.
async fn api_delete(cx: Cx, At(id): At<ApiId>) -> Result<Done> {
    crate::serialize(&cx).await?;
    let before = api_require(&cx, id).await?;
    remove_all::<OfApi>(&cx, id, None).await?;
    role_delete_on(cx.db(), OfApi::bare(id)).await?;
    use_drop_all(cx.db(), Uses::OfApi(id)).await?;
    crate::publications::store::publication_delete_of(cx.db(), id).await?;
    store::api_delete(cx.db(), id).await?;
    crate::gateway::changed(cx.app(), cx.db()).await?;
    cx.audit(Action::Delete, format!("{KIND}/{id}"), json!({ "before": before })).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use super::slugified;

    #[test]
    fn slugs_are_made_of_what_addresses_can_have() {
        for (name, version, slug) in [
            ("My API", Some("v1"), Some("my-api-v1")),
            ("  Orders & (Returns)_2 ", None, Some("orders-returns-_2")),
            ("Über", Some("1.0"), Some("ber-1-0")),
            ("注文", None, None),
        ] {
            assert_eq!(slugified(name, version).as_deref(), slug, "{name}");
        }
    }
}

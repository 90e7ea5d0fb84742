//! The same as a declarative document, for whoever configures gateways by files. It has the keys of applications in
//! clear, so it is for administrators alone, and who asked for it is in the audit log.

use frame::{Cx, db::OrgScope, input::Query, reply::Found};
use kernel::{
    Action, Fault, Id, Invalid, Problem, Result,
    rules::{Rule, Text, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::wanted::{Wanted, mark_of, marks, wanted};

/// The document, and what could not be put into it.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GatewayConfiguration {
    /// What the gateway is to have, in decK's format.
    configuration: Document,
    /// What could not be put into it, in words.
    warnings: Vec<String>,
}

/// A declarative configuration in decK's format.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Document {
    #[serde(rename = "_format_version")]
    #[schemars(extend("enum" = ["3.0"]))]
    format_version: &'static str,
    #[serde(rename = "_info")]
    info: Info,
    plugins: Vec<DocumentPlugin>,
    consumers: Vec<DocumentConsumer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
struct Info {
    /// What the document is about: whatever else the gateway has is left alone.
    select_tags: Vec<String>,
    /// How the services are found, which are not of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LookedUp")]
    default_lookup_tags: Option<LookedUp>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
struct LookedUp {
    services: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
struct DocumentPlugin {
    id: Id<()>,
    name: &'static str,
    /// The id of the service.
    service: Id<()>,
    enabled: bool,
    config: Map<String, Value>,
    tags: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
struct DocumentConsumer {
    id: Id<()>,
    /// What the gateway finds it by: the application's id, or the id of its client.
    custom_id: String,
    tags: Vec<String>,
    acls: Vec<DocumentAcl>,
    keyauth_credentials: Vec<DocumentKey>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
struct DocumentAcl {
    id: Id<()>,
    group: String,
    tags: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
struct DocumentKey {
    id: Id<()>,
    /// The key, in clear.
    key: String,
    /// How many seconds it is still good; for ever if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    ttl: Option<i64>,
    tags: Vec<String>,
}

impl Document {
    fn new(wanted: &Wanted, service_tag: Option<String>) -> Self {
        let tags = || marks(wanted.org);
        let plugins = wanted.plugins.iter().map(|it| DocumentPlugin {
            id: Id::from_uuid(it.id),
            name: it.name,
            service: Id::from_uuid(it.service),
            enabled: true,
            config: it.config.clone(),
            tags: it.tags.clone(),
        });
        let consumers = wanted.consumers.iter().map(|it| DocumentConsumer {
            id: Id::from_uuid(it.id),
            custom_id: it.custom_id.clone(),
            tags: tags(),
            acls: it
                .acls
                .iter()
                .map(|it| DocumentAcl { id: Id::from_uuid(it.id), group: it.group.clone(), tags: tags() })
                .collect(),
            keyauth_credentials: it
                .keys
                .iter()
                .map(|it| DocumentKey {
                    id: Id::from_uuid(it.id),
                    key: it.key.reveal().clone(),
                    ttl: it.ttl,
                    tags: tags(),
                })
                .collect(),
        });
        Self {
            format_version: "3.0",
            info: Info {
                select_tags: vec![mark_of(wanted.org)],
                default_lookup_tags: service_tag.map(|tag| LookedUp { services: vec![tag] }),
            },
            plugins: plugins.collect(),
            consumers: consumers.collect(),
        }
    }
}

const CONTROL_PLANE: &str = "control_plane_id";
const SERVICE_TAG: &str = "service_tag";

/// The query parameters.
pub(super) const QUERY: &[(&str, &str)] = &[
    (CONTROL_PLANE, "Only services that are configured in this control plane."),
    (SERVICE_TAG, "The tag by which decK finds the services at the gateway."),
];

/// A tag as the gateway takes it, and no longer than decK's command line likes it.
const TAG: Text =
    text(1, 128).matching("^[^,/]+$", |tag| !tag.contains([',', '/']) && !tag.chars().any(char::is_control));

pub(super) async fn configuration_get(cx: Cx, query: Query) -> Result<Found<GatewayConfiguration>> {
    let control_plane = match query.get(CONTROL_PLANE).filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => {
            let bad = |_| Problem::Invalid(vec![Invalid::query(CONTROL_PLANE, Fault::NotAUuid)]);
            Some(text.parse::<Id<()>>().map_err(bad)?)
        }
    };
    let service_tag = match query.get(SERVICE_TAG).filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(TAG.read(&json!(text)).map_err(|faults| {
            let bad = faults.into_iter().map(|(_, fault)| Invalid::query(SERVICE_TAG, fault));
            Problem::Invalid(bad.collect())
        })?),
    };
    // It takes a while to read, which is no reason to keep others from writing.
    let wanted = {
        let db = OrgScope::new(cx.app().db.read(), cx.org());
        wanted(cx.app(), &db, control_plane.map(Id::uuid)).await?
    };
    let keys: usize = wanted.consumers.iter().map(|it| it.keys.len()).sum();
    let told =
        json!({ "consumers": wanted.consumers.len(), "keys_shown": keys, "control_plane_id": control_plane });
    cx.audit(Action::Deploy, "gateway/configuration", told).await?;
    let configuration = Document::new(&wanted, service_tag);
    Ok(Found(GatewayConfiguration { configuration, warnings: wanted.warnings }))
}

//! What the gateway is to have for an organization, in its plain plugins: on each service one that asks for a key or
//! a token, and one that lets through the groups of applications that are registered.
//!
//! An application is a consumer, and each approved registration puts it into the group of what it is for. Keys belong to
//! the consumer. Where applications show tokens, the plugin looks for the consumer whose `custom_id` is what the
//! token says of its client; so the client's id is its `custom_id`, and applications of several strategies that have
//! one client are one consumer. That gains nobody anything: each service takes the tokens of one issuer, or keys, and
//! a group is one API's, or one version's. Consumers have no user names, since the plugin would find them by those, too.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use frame::{App, db::OrgScope};
use kernel::{ApplicationId, Id, OrgId, Result, Secret, StrategyId, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::store::{self, Link, VersionLink, approved_all, key_all, published_all};
use crate::{
    applications::{keys::KEYS, strategy::KEY_NAME},
    product_versions::GatewayService,
    strategies::{
        AuthStrategy,
        config::{Configs, OpenIdConnect},
        store::strategy_map,
    },
};

/// What all entities are marked with that come from here.
pub const MARK: &str = "latchkey";

/// What those of one organization are marked with.
pub fn mark_of(org: OrgId) -> String {
    format!("{MARK}-{org}")
}

/// Both marks.
pub fn marks(org: OrgId) -> Vec<String> {
    vec![MARK.to_owned(), mark_of(org)]
}

/// All that a gateway is to have for an organization.
pub struct Wanted {
    /// Whose it is.
    pub org: OrgId,
    /// The plugins of services.
    pub plugins: Vec<Plugin>,
    /// The applications.
    pub consumers: Vec<Consumer>,
    /// What could not be put into it.
    pub warnings: Vec<String>,
    /// When the first of the keys is over.
    pub expires_at: Option<Timestamp>,
}

/// A plugin of a service.
pub struct Plugin {
    /// Its id.
    pub id: Uuid,
    /// Which plugin it is.
    pub name: &'static str,
    /// The service.
    pub service: Uuid,
    /// What it is told.
    pub config: Map<String, Value>,
    /// What it is marked with.
    pub tags: Vec<String>,
}

/// An application, or several that have one client.
pub struct Consumer {
    /// Its id.
    pub id: Uuid,
    /// What the gateway finds it by.
    pub custom_id: String,
    /// The groups that it is in.
    pub acls: Vec<Acl>,
    /// Its keys.
    pub keys: Vec<GatewayKey>,
}

/// A consumer's place in a group.
pub struct Acl {
    /// Its id.
    pub id: Uuid,
    /// The group.
    pub group: String,
}

/// A key of a consumer.
pub struct GatewayKey {
    /// Its id.
    pub id: Uuid,
    /// Itself.
    pub key: Secret<String>,
    /// How many seconds it is still good; for ever if nothing is said.
    pub ttl: Option<i64>,
}

/// An id that follows from what something is, so that it is the same each time.
fn derived(org: OrgId, parts: &[&str]) -> Uuid {
    // What is inside a part cannot be taken for the border between two.
    let text = json!([org, parts]).to_string();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The group of those who may call an API, or a version of a product.
fn group(target: Id<()>) -> String {
    format!("{MARK}-{target}")
}

/// A mark that changes with what a plugin is told: a gateway fills in what it is not told, so that nothing else would
/// show that something was taken away.
fn revision(name: &str, service: Uuid, config: &Map<String, Value>) -> String {
    let text = json!([name, service, config]).to_string();
    let hash = digest(&SHA256, text.as_bytes());
    let hex: String = hash.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{MARK}-rev-{hex}")
}

/// The plugin that asks for what a strategy wants.
fn authentication(strategy: &AuthStrategy) -> (&'static str, Map<String, Value>) {
    let mut config = Map::new();
    match &strategy.configs {
        Configs::KeyAuth { key_auth } => {
            let names = key_auth.key_names.clone().unwrap_or_else(|| vec![KEY_NAME.to_owned()]);
            config.insert("key_names".to_owned(), json!(names));
            config.insert("hide_credentials".to_owned(), json!(true));
            if strategy.principals.enabled {
                config.insert("principals".to_owned(), json!({ "enabled": true }));
            }
            ("key-auth", config)
        }
        Configs::OpenIdConnect { openid_connect } => {
            let OpenIdConnect { issuer, credential_claim, scopes, auth_methods, more } = openid_connect;
            let claim = if credential_claim.is_empty() { json!(["sub"]) } else { json!(credential_claim) };
            config.clone_from(more);
            // The older word for what follows.
            config.remove("consumer_claim");
            for (name, value) in [
                ("issuer", json!(issuer)),
                ("auth_methods", json!(auth_methods)),
                ("scopes", json!(scopes)),
                ("consumer_claims", json!([claim])),
                ("consumer_by", json!(["custom_id", "username"])),
            ] {
                config.insert(name.to_owned(), value);
            }
            if strategy.principals.enabled && !config.contains_key("principals") {
                config.insert("principals".to_owned(), json!({ "enabled": true }));
            }
            ("openid-connect", config)
        }
    }
}

/// The services that belong to this gateway, and what their publications ask for.
async fn links(
    db: &OrgScope,
    control_plane: Option<Uuid>,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Link>, BTreeMap<Id<()>, Vec<Option<StrategyId>>>)> {
    let mut links = store::link_all(db).await?;
    for VersionLink { id, name, service, guarded } in store::version_link_all(db).await? {
        let GatewayService { id: service, control_plane_id } = service;
        let (Ok(service_id), Ok(control_plane_id)) = (service.parse(), control_plane_id.parse()) else {
            warnings.push(format!(
                "The {name} names a service, or a control plane, that is no UUID: no gateway has it"
            ));
            continue;
        };
        links.push(Link { target: id, name, service_id, control_plane_id, guarded });
    }
    links.retain(|link| control_plane.is_none_or(|known| known == link.control_plane_id));
    let mut strategies: BTreeMap<Id<()>, Vec<Option<StrategyId>>> = BTreeMap::new();
    for published in published_all(db).await? {
        strategies.entry(published.target).or_default().push(published.strategy_id);
    }
    let asks = |link: &Link| strategies.get(&link.target).is_some_and(|all| all.iter().any(Option::is_some));
    Ok((one_by_service(links, asks, warnings), strategies))
}

/// A service is one thing. Of several that name one, whoever guards it has it, so that nobody opens it by naming it, too:
/// first who is published with a strategy, then who was; an API before a version, and the oldest first.
fn one_by_service(links: Vec<Link>, asks: impl Fn(&Link) -> bool, warnings: &mut Vec<String>) -> Vec<Link> {
    let mut by_service: Vec<(Uuid, Vec<Link>)> = Vec::new();
    for link in links {
        match by_service.iter_mut().find(|(service, _)| *service == link.service_id) {
            Some((_, all)) => all.push(link),
            None => by_service.push((link.service_id, vec![link])),
        }
    }
    let mut chosen = Vec::new();
    for (_, mut all) in by_service {
        // Stable: those that are alike keep their order.
        all.sort_by_key(|link| (!asks(link), !link.guarded));
        let mut all = all.into_iter();
        let Some(first) = all.next() else { continue };
        if asks(&first) || first.guarded {
            warnings.extend(all.map(|other| {
                format!("The {} names the service of the {}, which guards it: applications for it are not let through", other.name, first.name)
            }));
        }
        chosen.push(first);
    }
    chosen
}

/// Puts together what the gateway is to have now.
pub async fn wanted(app: &App, db: &OrgScope, control_plane: Option<Uuid>) -> Result<Wanted> {
    let org = db.org();
    let now = app.clock.now(org);
    let mut warnings = Vec::new();
    let (links, published) = links(db, control_plane, &mut warnings).await?;
    let known = strategy_map(db, published.values().flatten().flatten().copied()).await?;
    let mut plugins = Vec::new();
    // By which strategy each that has one is guarded.
    let mut guards: BTreeMap<Id<()>, StrategyId> = BTreeMap::new();
    for link in &links {
        let published = published.get(&link.target).map(Vec::as_slice).unwrap_or_default();
        let mut strategies: Vec<StrategyId> = Vec::new();
        for id in published.iter().flatten() {
            if !strategies.contains(id) {
                strategies.push(*id);
            }
        }
        let guard = strategies.first().and_then(|id| known.get(id));
        if guard.is_none() && !link.guarded {
            continue;
        }
        let mut plugin = |name: &'static str, config: Map<String, Value>| {
            let mut tags = marks(org);
            tags.push(revision(name, link.service_id, &config));
            let id = derived(org, &["plugin", &link.service_id.to_string(), name]);
            plugins.push(Plugin { id, name, service: link.service_id, config, tags });
        };
        let mut acl = Map::new();
        acl.insert("allow".to_owned(), json!([group(link.target)]));
        acl.insert("hide_groups_header".to_owned(), json!(true));
        // The one that lets nobody through by itself stands in front, so that the service is never open in between.
        plugin("acl", acl);
        let name = &link.name;
        let Some(strategy) = guard else {
            let why = if published.is_empty() {
                "is published nowhere"
            } else {
                "was published with a strategy, and the publication that needs none is older than the end of that"
            };
            warnings.push(format!(
                "The {name} {why}; its service stays closed until it is published again, or the link is taken away"
            ));
            continue;
        };
        let (kind, config) = authentication(strategy);
        plugin(kind, config);
        guards.insert(link.target, strategy.id);
        if strategies.len() > 1 {
            let others = strategies.len() - 1;
            warnings.push(format!(
                "The {name} is published with {} strategies, and a service can ask for one: it is [{}], which is the oldest publication's; applications of the other {others} are not let through",
                others + 1,
                strategy.name
            ));
        }
        if published.contains(&None) {
            warnings.push(format!(
                "The {name} needs no strategy in one portal, and one in another: its service asks for it"
            ));
        }
    }

    let mut consumers: BTreeMap<String, Consumer> = BTreeMap::new();
    let mut of_keys: BTreeMap<ApplicationId, String> = BTreeMap::new();
    let mut nameless = BTreeSet::new();
    for it in approved_all(db).await? {
        if guards.get(&it.target) != Some(&it.strategy_id) {
            continue;
        }
        let by_key =
            known.get(&it.strategy_id).is_some_and(|it| matches!(it.configs, Configs::KeyAuth { .. }));
        let custom_id = match (by_key, it.client_id) {
            (true, _) => it.application_id.to_string(),
            (false, Some(client)) => client,
            (false, None) => {
                nameless.insert(it.application_id);
                continue;
            }
        };
        if by_key {
            of_keys.insert(it.application_id, custom_id.clone());
        }
        let id = derived(org, &["consumer", &custom_id]);
        let acl = derived(org, &["acl", &custom_id, &it.target.to_string()]);
        let consumer = consumers.entry(custom_id.clone()).or_insert_with(|| Consumer {
            id,
            custom_id,
            acls: Vec::new(),
            keys: Vec::new(),
        });
        if consumer.acls.iter().all(|known| known.id != acl) {
            consumer.acls.push(Acl { id: acl, group: group(it.target) });
        }
    }
    if !nameless.is_empty() {
        warnings.push(format!(
            "{} applications have no client at their identity provider yet, and are left out until they have",
            nameless.len()
        ));
    }

    let mut unkept = BTreeMap::<ApplicationId, usize>::new();
    let mut expires_at: Option<Timestamp> = None;
    for key in key_all(db, now).await? {
        let consumer = of_keys.get(&key.application_id).and_then(|custom_id| consumers.get_mut(custom_id));
        let Some(consumer) = consumer else { continue };
        let Some(sealed) = key.sealed else {
            *unkept.entry(key.application_id).or_default() += 1;
            continue;
        };
        let opened = app.vault.ring().open(&KEYS.place(key.id), &sealed)?;
        let text = String::from_utf8(opened.reveal().clone())
            .map_err(|_| kernel::Problem::internal("a key is no text"))?;
        if let Some(at) = key.expires_at {
            expires_at = Some(expires_at.map_or(at, |first| first.min(at)));
        }
        let seconds = |at: Timestamp| i64::try_from(at.since(now).as_secs()).unwrap_or(i64::MAX).max(1);
        consumer.keys.push(GatewayKey {
            id: derived(org, &["key", &key.id.to_string()]),
            key: Secret::new(text),
            ttl: key.expires_at.map(seconds),
        });
    }
    if !unkept.is_empty() {
        let (keys, applications) = (unkept.values().sum::<usize>(), unkept.len());
        let why = if crate::part(app)?.gateway.is_some() {
            "made before keys were kept for the gateway, and are left out: their applications have to make new ones"
        } else {
            "not kept, and are left out: new ones are kept while `gateway-admin-url` is set"
        };
        warnings.push(format!("Keys ({keys}, of {applications} applications) were {why}"));
    }
    for consumer in consumers.values_mut() {
        consumer.acls.sort_by(|a, b| a.group.cmp(&b.group));
    }
    Ok(Wanted { org, plugins, consumers: consumers.into_values().collect(), warnings, expires_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_are_the_same_each_time_and_each_ones_own() {
        let org = OrgId::from_uuid(Uuid::from_u128(1));
        let id = derived(org, &["key", "a"]);
        assert_eq!(id, derived(org, &["key", "a"]));
        assert_eq!((id.get_version_num(), id.get_variant()), (8, uuid::Variant::RFC4122));
        let other = OrgId::from_uuid(Uuid::from_u128(2));
        for different in
            [derived(org, &["key", "b"]), derived(other, &["key", "a"]), derived(org, &["key,a"])]
        {
            assert_ne!(id, different);
        }
        assert_ne!(derived(org, &["a\",\"b"]), derived(org, &["a", "b"]));
    }

    #[test]
    fn a_revision_follows_what_a_plugin_is_told() {
        let config = |value: Value| value.as_object().cloned().unwrap_or_default();
        let of = |value: Value| revision("acl", Uuid::from_u128(1), &config(value));
        assert_eq!(of(json!({ "a": 1 })), of(json!({ "a": 1 })));
        assert_ne!(of(json!({ "a": 1 })), of(json!({})));
    }
}

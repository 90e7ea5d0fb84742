//! What differs between what the gateway has and what it is to have, as steps in an order in which nothing is ever
//! open that is to be closed.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{OrgId, Secret};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    admin::{Admin, Fault},
    sync::{Failure, Hold},
    wanted::{Acl, Consumer, GatewayKey, MARK, Plugin, Wanted, mark_of, marks},
};

/// What the gateway has of ours.
pub struct Existing {
    plugins: BTreeMap<Uuid, Value>,
    consumers: BTreeMap<Uuid, Value>,
    acls: BTreeMap<Uuid, Value>,
    keys: BTreeMap<Uuid, Value>,
}

/// Most pages of a list: a gateway that never comes to an end is not waited for.
const PAGES: usize = 10_000;

impl Existing {
    /// Asks it. What does not have our marks is nothing to us, whatever the gateway says that it lists.
    pub async fn read(admin: &Admin, org: OrgId, hold: &mut Hold<'_>) -> Result<Self, Failure> {
        Ok(Self {
            plugins: ours(admin, "/plugins", org, hold).await?,
            consumers: ours(admin, "/consumers", org, hold).await?,
            acls: ours(admin, "/acls", org, hold).await?,
            keys: ours(admin, "/key-auths", org, hold).await?,
        })
    }
}

async fn ours(
    admin: &Admin,
    collection: &str,
    org: OrgId,
    hold: &mut Hold<'_>,
) -> Result<BTreeMap<Uuid, Value>, Failure> {
    let mark = mark_of(org);
    let marked =
        |it: &Value, mark: &str| it["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == mark));
    let mut found = BTreeMap::new();
    let mut offset: Option<String> = None;
    for _ in 0..PAGES {
        hold.keep().await?;
        let (all, next) = admin.page(collection, &mark, offset.as_deref()).await?;
        for it in all.into_iter().filter(|it| marked(it, MARK) && marked(it, &mark)) {
            if let Some(id) = it["id"].as_str().and_then(|id| Uuid::try_parse(id).ok()) {
                found.insert(id, it);
            }
        }
        if next.is_none() {
            return Ok(found);
        }
        offset = next;
    }
    Err(Failure::There(format!("the gateway's list of {collection} does not come to an end")))
}

/// What is done with an entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// It is not there.
    Create,
    /// It is otherwise.
    Update,
    /// It is not to be there.
    Delete,
}

/// One thing to do.
pub struct Step {
    /// What is done.
    pub act: Act,
    /// With what, in words that hold no secret.
    pub what: String,
    /// Where.
    path: String,
    /// What it is to be; nothing if it goes.
    body: Option<Secret<String>>,
}

impl Step {
    /// In a line, for people.
    pub fn line(&self) -> String {
        let sign = match self.act {
            Act::Create => '+',
            Act::Update => '~',
            Act::Delete => '-',
        };
        format!("{sign} {}", self.what)
    }

    /// Does it.
    pub async fn run(&self, admin: &Admin) -> Result<(), Fault> {
        match &self.body {
            Some(body) => admin.put(&self.path, body).await,
            None => admin.delete(&self.path).await,
        }
    }
}

/// What is to be done, in this order, and what could not be put into it.
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What is not as somebody may expect.
    pub warnings: Vec<String>,
}

fn put(act: Act, what: String, path: String, body: &Value) -> Step {
    Step { act, what, path, body: Some(Secret::new(body.to_string())) }
}

fn gone(what: String, path: String) -> Step {
    Step { act: Act::Delete, what, path, body: None }
}

/// How an entity comes to be what it is to be: not at all if it is.
fn act(existing: Option<&Value>, same: impl FnOnce(&Value) -> bool) -> Option<Act> {
    match existing {
        None => Some(Act::Create),
        Some(it) if same(it) => None,
        Some(_) => Some(Act::Update),
    }
}

/// Whether an entity has these tags and no others.
fn tagged(it: &Value, tags: &[String]) -> bool {
    let has: Option<BTreeSet<&str>> =
        it["tags"].as_array().map(|has| has.iter().filter_map(Value::as_str).collect());
    has.is_some_and(|has| has == tags.iter().map(String::as_str).collect())
}

/// Whether what is there says what is wanted; it may say more, which the gateway has filled in.
fn covers(there: &Value, wanted: &Value) -> bool {
    let empty = |it: &Value| match it {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    match (there, wanted) {
        // The gateway's language has one empty table for all of these.
        _ if empty(wanted) => empty(there),
        (Value::Object(there), Value::Object(wanted)) => covered(there, wanted),
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len()
                && there.iter().zip(wanted).all(|(there, wanted)| covers(there, wanted))
        }
        (Value::Number(there), Value::Number(wanted)) => there.as_f64() == wanted.as_f64(),
        (there, wanted) => there == wanted,
    }
}

fn covered(there: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(name, wanted)| covers(there.get(name).unwrap_or(&Value::Null), wanted))
}

fn same_plugin(there: &Value, wanted: &Plugin) -> bool {
    there["name"] == wanted.name
        && there["enabled"] == true
        && there["service"]["id"] == json!(wanted.service)
        && ["route", "consumer", "consumer_group"].iter().all(|scope| there[*scope].is_null())
        && there["config"].as_object().is_some_and(|config| covered(config, &wanted.config))
        && tagged(there, &wanted.tags)
}

/// How far what is left of a key's time may be off: clocks differ, and asking takes time.
const SLACK: i64 = 120;

fn same_key(there: &Value, consumer: &Consumer, wanted: &GatewayKey, tags: &[String]) -> bool {
    let time = match (there["ttl"].as_i64(), wanted.ttl) {
        (None, None) => true,
        (Some(there), Some(wanted)) => (there - wanted).abs() <= SLACK,
        _ => false,
    };
    there["key"] == **wanted.key.reveal()
        && there["consumer"]["id"] == json!(consumer.id)
        && tagged(there, tags)
        && time
}

fn same_acl(there: &Value, consumer: &Consumer, wanted: &Acl, tags: &[String]) -> bool {
    there["group"] == *wanted.group && there["consumer"]["id"] == json!(consumer.id) && tagged(there, tags)
}

/// What is below a consumer that the gateway has, as a path.
fn below(it: &Value, kind: &str, id: Uuid) -> Option<String> {
    let consumer = Uuid::try_parse(it["consumer"]["id"].as_str()?).ok()?;
    Some(format!("/consumers/{consumer}/{kind}/{id}"))
}

impl Plan {
    /// Compares. First goes what lets somebody through who is not to get through any more; then applications come,
    /// with what lets them through; then plugins, the one that lets nobody through by itself in front, and it goes
    /// last where they go; and at last the applications that have nothing any more.
    pub fn new(wanted: &Wanted, existing: &Existing) -> Self {
        let mut steps = Vec::new();
        let tags = marks(wanted.org);
        let all = &wanted.consumers;
        let acls: BTreeSet<Uuid> = all.iter().flat_map(|it| &it.acls).map(|it| it.id).collect();
        let keys: BTreeSet<Uuid> = all.iter().flat_map(|it| &it.keys).map(|it| it.id).collect();
        for (id, it) in existing.acls.iter().filter(|(id, _)| !acls.contains(*id)) {
            let group = it["group"].as_str().unwrap_or_default();
            let path = below(it, "acls", *id);
            steps.extend(path.map(|path| gone(format!("group {group} of {}", owner(it, existing)), path)));
        }
        for (id, it) in existing.keys.iter().filter(|(id, _)| !keys.contains(*id)) {
            let path = below(it, "key-auth", *id);
            steps.extend(path.map(|path| gone(format!("key {id} of {}", owner(it, existing)), path)));
        }
        for consumer in all {
            let Consumer { id, custom_id, .. } = consumer;
            let same = |it: &Value| it["custom_id"] == **custom_id && tagged(it, &tags);
            if let Some(act) = act(existing.consumers.get(id), same) {
                let body = json!({ "custom_id": custom_id, "tags": tags });
                steps.push(put(act, format!("consumer {custom_id}"), format!("/consumers/{id}"), &body));
            }
        }
        for consumer in all {
            let Consumer { id: of, custom_id, acls, keys } = consumer;
            for acl in acls {
                let there = existing.acls.get(&acl.id);
                if let Some(act) = act(there, |it| same_acl(it, consumer, acl, &tags)) {
                    let body = json!({ "group": acl.group, "tags": tags });
                    let what = format!("group {} of consumer {custom_id}", acl.group);
                    steps.push(put(act, what, format!("/consumers/{of}/acls/{}", acl.id), &body));
                }
            }
            for key in keys {
                let there = existing.keys.get(&key.id);
                if let Some(act) = act(there, |it| same_key(it, consumer, key, &tags)) {
                    let mut body = json!({ "key": key.key.reveal(), "tags": tags });
                    if let Some(ttl) = key.ttl {
                        body["ttl"] = ttl.into();
                    }
                    let what = format!("key {} of consumer {custom_id}", key.id);
                    steps.push(put(act, what, format!("/consumers/{of}/key-auth/{}", key.id), &body));
                }
            }
        }
        steps.extend(plugins(wanted, existing));
        let wanted_ids: BTreeSet<Uuid> = all.iter().map(|it| it.id).collect();
        for (id, it) in existing.consumers.iter().filter(|(id, _)| !wanted_ids.contains(*id)) {
            let custom_id = it["custom_id"].as_str().unwrap_or_default();
            steps.push(gone(format!("consumer {custom_id}"), format!("/consumers/{id}")));
        }
        Self { steps, warnings: wanted.warnings.clone() }
    }
}

/// Whose something is that the gateway has, in words.
fn owner(it: &Value, existing: &Existing) -> String {
    let id = it["consumer"]["id"].as_str().unwrap_or_default();
    let known = Uuid::try_parse(id).ok().and_then(|id| existing.consumers.get(&id));
    let named = known.and_then(|it| it["custom_id"].as_str()).unwrap_or(id);
    format!("consumer {named}")
}

/// The id of ours that does this for the service already, under whatever id: a service has one plugin of a name, so that
/// another could not come before this one is gone.
fn id_of(plugin: &Plugin, existing: &Existing) -> Uuid {
    let same = |it: &Value| it["name"] == plugin.name && it["service"]["id"] == json!(plugin.service);
    existing.plugins.iter().find(|(_, it)| same(it)).map_or(plugin.id, |(id, _)| *id)
}

fn plugins(wanted: &Wanted, existing: &Existing) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut ids = BTreeSet::new();
    for plugin in &wanted.plugins {
        let id = id_of(plugin, existing);
        ids.insert(id);
        if let Some(act) = act(existing.plugins.get(&id), |it| same_plugin(it, plugin)) {
            let body = json!({
                "name": plugin.name, "service": { "id": plugin.service }, "config": plugin.config, "enabled": true,
                "tags": plugin.tags,
            });
            let what = format!("plugin {} of service {}", plugin.name, plugin.service);
            steps.push(put(act, what, format!("/plugins/{id}"), &body));
        }
    }
    let mut leaving: Vec<_> = existing.plugins.iter().filter(|(id, _)| !ids.contains(*id)).collect();
    leaving.sort_by_key(|(_, it)| it["name"] == "acl");
    for (id, it) in leaving {
        let (name, service) = (it["name"].as_str().unwrap_or_default(), &it["service"]["id"]);
        let what = format!("plugin {name} of service {}", service.as_str().unwrap_or_default());
        steps.push(gone(what, format!("/plugins/{id}")));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gateway_fills_in_is_no_difference() {
        let there = json!({ "allow": ["a"], "deny": null, "deep": { "a": 1.0, "b": 2 }, "none": {} });
        for (wanted, same) in [
            (json!({ "allow": ["a"] }), true),
            (json!({ "allow": ["a", "b"] }), false),
            (json!({ "allow": [] }), false),
            (json!({ "deny": [] }), true),
            (json!({ "deep": { "a": 1 } }), true),
            (json!({ "deep": { "c": 1 } }), false),
            (json!({ "none": [] }), true),
            (json!({ "other": null }), true),
            (json!({ "other": false }), false),
        ] {
            assert_eq!(covers(&there, &wanted), same, "{wanted}");
        }
    }

    #[test]
    fn other_marks_are_other_entities() {
        let tags = marks(kernel::OrgId::from_uuid(Uuid::from_u128(1)));
        assert!(tagged(&json!({ "tags": [tags[1], tags[0]] }), &tags));
        assert!(!tagged(&json!({ "tags": [tags[0]] }), &tags));
        assert!(!tagged(&json!({ "tags": null }), &tags));
    }
}

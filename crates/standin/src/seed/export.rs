//! From organizations to a seed. What nobody can read again is not in it: tokens come without their text, so that new
//! ones are made, and secrets of providers stand as [`UNKNOWN`].

use std::sync::Arc;

use frame::{db::PlatformScope, principal::Principal, server::Server};
use identity::organizations::store::organization_ids;
use kernel::{OrgId, Result};
use serde_json::{Map, Value, json};

use super::apply::program;
use crate::{StandIn, requests::can_be};

/// What stands for a secret that is written and never read.
const UNKNOWN: &str = "CHANGE_ME_CHANGE_ME";

/// The seed that makes these organizations again; all, unless one is named.
pub async fn export(server: &Arc<Server>, only: Option<OrgId>) -> Result<Value> {
    let all = organization_ids(&PlatformScope::new(server.app().db.read())).await?;
    let mut organizations = Vec::new();
    for org in all.into_iter().filter(|org| only.is_none_or(|only| only == *org)) {
        let reader = Reader { server, program: program(org) };
        organizations.push(reader.organization(org).await?);
    }
    Ok(json!({ "organizations": organizations }))
}

struct Reader<'s> {
    server: &'s Arc<Server>,
    program: Arc<Principal>,
}

impl Reader<'_> {
    async fn get(&self, operation: &str, path: &[&str]) -> Result<Value> {
        let path = path.iter().map(|value| (*value).to_owned()).collect();
        self.server.act(operation, &self.program, path, String::new(), None).await
    }

    /// Everything in a list.
    async fn all(&self, operation: &str, path: &[&str]) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        for number in 1.. {
            let path = path.iter().map(|value| (*value).to_owned()).collect();
            let query = format!("page[size]={PAGE}&page[number]={number}");
            let page = self.server.act(operation, &self.program, path, query, None).await?;
            let items = page.get("data").unwrap_or(&page).as_array().cloned().unwrap_or_default();
            let (found, paged) = (items.len(), page["meta"]["page"]["total"].is_number());
            all.extend(items);
            if found < PAGE || !paged {
                break;
            }
        }
        Ok(all)
    }

    /// What the body of an operation knows of an object, with what stands for its secrets.
    fn body(&self, operation: &str, object: &Value) -> Value {
        let schema = self.server.body_schema(operation).unwrap_or_default();
        let mut body = known(&schema, object);
        body["id"] = object["id"].clone();
        body
    }

    async fn organization(&self, org: OrgId) -> Result<Value> {
        let organization = self.get("get-organizations-me", &[]).await?;
        let owner = organization["owner_id"].as_str().unwrap_or_default().to_owned();
        let mut settings = self.get("get-authentication-settings", &[]).await?;
        let schema = self.server.body_schema("update-authentication-settings").unwrap_or_default();
        settings = known(&schema, &settings);
        let (mut teams, mut users, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
        for team in self.all("list-teams", &[]).await? {
            if team["system_team"] == true {
                continue;
            }
            let mut body = self.body("create-team", &team);
            self.roles(&mut body, "list-team-roles").await?;
            teams.push(body);
        }
        let mut owner_seed = Value::Null;
        for user in self.all("list-users", &[]).await? {
            let its_owner = user["id"] == owner.as_str();
            let mut body = json!({});
            let names = if its_owner {
                &["id", "email"][..]
            } else {
                &["id", "email", "full_name", "preferred_name", "active"]
            };
            for name in names {
                body[name] = user[name].clone();
            }
            self.teams(&mut body, "list-user-teams").await?;
            self.roles(&mut body, "list-user-roles").await?;
            self.tokens(&mut body, "list-users-personal-access-tokens").await?;
            if its_owner {
                // The token and the team that every organization begins with are made by themselves.
                let spare = |it: &Value| *it != "organization-admin" && it["name"] != "First token";
                for list in ["teams", "tokens"] {
                    let left =
                        body[list].as_array().into_iter().flatten().filter(|it| spare(it)).cloned().collect();
                    body[list] = Value::Array(left);
                }
                owner_seed = body;
            } else {
                users.push(body);
            }
        }
        for account in self.all("get-system-accounts", &[]).await? {
            let mut body = self.body("post-system-accounts", &account);
            self.teams(&mut body, "get-system-accounts-accountId-teams").await?;
            self.roles(&mut body, "get-system-accounts-accountId-assigned-roles").await?;
            self.tokens(&mut body, "get-system-account-id-access-tokens").await?;
            accounts.push(body);
        }
        let each = |operation: &'static str, objects: Vec<Value>| -> Vec<Value> {
            objects.iter().map(|object| self.body(operation, object)).collect()
        };
        let identity_providers =
            each("create-identity-provider", self.all("get-identity-providers", &[]).await?);
        let dcr_providers = each("create-dcr-provider", self.all("list-dcr-providers", &[]).await?);
        let mut strategies = Vec::new();
        for strategy in self.all("list-app-auth-strategies", &[]).await? {
            let mut body = self.body("create-app-auth-strategy", &strategy);
            if let Some(body) = body.as_object_mut() {
                body.remove("dcr_provider_id");
                if strategy["dcr_provider"]["id"].is_string() {
                    body.insert("dcr_provider".to_owned(), strategy["dcr_provider"]["id"].clone());
                }
            }
            strategies.push(body);
        }
        let mut seed = Map::new();
        seed.insert("id".to_owned(), org.to_string().into());
        seed.insert("name".to_owned(), organization["name"].clone());
        if let Some(clock) = self.clock(org) {
            seed.insert("clock".to_owned(), clock);
        }
        seed.insert("owner".to_owned(), owner_seed);
        seed.insert("authentication_settings".to_owned(), settings);
        for (name, items) in [
            ("teams", teams),
            ("users", users),
            ("system_accounts", accounts),
            ("identity_providers", identity_providers),
            ("dcr_providers", dcr_providers),
            ("auth_strategies", strategies),
        ] {
            if !items.is_empty() {
                seed.insert(name.to_owned(), items.into());
            }
        }
        Ok(seed.into())
    }

    /// How time runs there, if this is a stand-in and it does not run with the machine's.
    fn clock(&self, org: OrgId) -> Option<Value> {
        let clocks = &self.server.app().part::<Arc<StandIn>>().ok()?.clocks;
        clocks.all().contains_key(&org).then(|| serde_json::to_value(clocks.shown(org)).ok())?
    }

    async fn roles(&self, holder: &mut Value, operation: &str) -> Result<()> {
        let schema = self.server.body_schema("teams-assign-role").unwrap_or_default();
        let roles = self.all(operation, &[holder["id"].as_str().unwrap_or_default()]).await?;
        let roles: Vec<Value> = roles.iter().map(|role| known(&schema, role)).collect();
        put(holder, "roles", roles);
        Ok(())
    }

    /// Teams by id, and by name those that every organization has.
    async fn teams(&self, holder: &mut Value, operation: &str) -> Result<()> {
        let teams = self.all(operation, &[holder["id"].as_str().unwrap_or_default()]).await?;
        let named = |team: &Value| {
            if team["system_team"] == true { team["name"].clone() } else { team["id"].clone() }
        };
        put(holder, "teams", teams.iter().map(named).collect());
        Ok(())
    }

    async fn tokens(&self, holder: &mut Value, operation: &str) -> Result<()> {
        let tokens = self.all(operation, &[holder["id"].as_str().unwrap_or_default()]).await?;
        let alive = tokens.iter().filter(|token| token["state"].is_null() || token["state"] == "ACTIVE");
        let tokens = alive.map(
            |token| json!({ "id": token["id"], "name": token["name"], "expires_at": token["expires_at"] }),
        );
        put(holder, "tokens", tokens.collect());
        Ok(())
    }
}

/// The size of the pages that are read.
const PAGE: usize = 1000;

fn put(holder: &mut Value, name: &str, items: Vec<Value>) {
    if !items.is_empty() {
        holder[name] = items.into();
    }
}

/// The properties of an object that a schema knows and that are set, with what stands for its secrets.
fn known(schema: &Value, object: &Value) -> Value {
    let Some(given) = object.as_object() else { return object.clone() };
    let forms = ["oneOf", "anyOf"].iter().filter_map(|key| schema[key].as_array()).flatten();
    let forms = std::iter::once(schema).chain(forms.filter(|form| can_be(form, given)));
    let properties: Vec<(&String, &Value)> =
        forms.flat_map(|form| form["properties"].as_object().into_iter().flatten()).collect();
    if properties.is_empty() {
        return object.clone();
    }
    let mut kept = Map::new();
    for (name, property) in properties {
        match given.get(name) {
            Some(Value::Null) => {}
            Some(value) => {
                kept.insert(name.clone(), known(property, value));
            }
            None if property["writeOnly"] == true => {
                kept.insert(name.clone(), UNKNOWN.into());
            }
            None => {}
        }
    }
    kept.into()
}

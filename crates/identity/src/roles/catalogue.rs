//! The role catalogue, as data.

use std::collections::BTreeMap;

use frame::App;
use kernel::{Action, Actions, Fault, Grant, Invalid, OrgId, Result, krn::Via};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{AssignedRole, Assignment};

/// The predefined team of the organization's administrators.
pub const ADMIN_TEAM: &str = "organization-admin";

/// A type of entity that roles are assigned on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityType {
    /// Its key in `GET /v3/roles`.
    pub key: String,
    /// Its name there.
    pub name: String,
    /// Its `entity_type_name` in assignments.
    pub assigned_as: String,
    /// Whether its roles hold for the whole organization.
    #[serde(default)]
    pub organization_wide: bool,
    /// Its roles.
    #[serde(default)]
    pub roles: Vec<Role>,
}

/// A role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its key in `GET /v3/roles`.
    pub key: String,
    /// Its `role_name` in assignments.
    pub name: String,
    /// What it allows, in words.
    pub description: String,
    /// Whether `GET /v3/roles` shows it.
    #[serde(default)]
    pub listed: bool,
    /// The role that whoever creates an entity by this role gets on it.
    #[serde(default)]
    pub creator_becomes: Option<String>,
    /// What it allows.
    pub grants: Vec<Allowed>,
}

/// Actions on a kind of resource.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// The kind: `control-planes`, `control-planes/routes`, `control-planes/**`.
    pub on: String,
    /// The actions.
    pub actions: Vec<String>,
}

/// A team that every organization has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredefinedTeam {
    /// Its name, a slug.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// "all" or "read-only", for teams that reach the whole organization.
    #[serde(default)]
    pub root: Option<String>,
    /// Its roles, on every entity in every region.
    pub roles: Vec<TeamRole>,
}

/// A role of a predefined team.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamRole {
    role: String,
    on: String,
}

impl PredefinedTeam {
    /// The assignments that it begins with.
    pub fn assignments<'a>(&'a self, app: &'a App, org: OrgId) -> impl Iterator<Item = Assignment> + 'a {
        self.roles.iter().map(move |TeamRole { role, on }| Assignment {
            role: AssignedRole {
                id: app.new_id(org),
                role_name: role.clone(),
                entity_id: "*".to_owned(),
                entity_type_name: on.clone(),
                entity_region: "*".to_owned(),
            },
            parameters: Map::new(),
        })
    }
}

/// Types, roles and predefined teams.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(default)]
    types: Vec<EntityType>,
    #[serde(default)]
    teams: Vec<PredefinedTeam>,
}

/// Why a catalogue file cannot be used.
pub type Faulty = String;

/// Types that examples and clients name without describing them.
const UNDESCRIBED: [&str; 3] = ["Services", "Control Plane Groups", "AI Gateways"];

impl Catalogue {
    /// The catalogue that comes with the program.
    pub fn builtin() -> Result<Self, Faulty> {
        Self::parse(include_str!("catalogue.toml"))
    }

    fn parse(text: &str) -> Result<Self, Faulty> {
        let catalogue: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for kind in &catalogue.types {
            for role in &kind.roles {
                for action in role.grants.iter().flat_map(|allowed| &allowed.actions) {
                    if Action::from_name(action).is_none() {
                        let known: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
                        return Err(format!(
                            "the role [{}] of [{}] has the action [{action}]; actions are {}",
                            role.name,
                            kind.key,
                            known.join(", ")
                        ));
                    }
                }
            }
        }
        Ok(catalogue)
    }

    /// This catalogue and an operator's: what has the same key is replaced, the rest is added.
    pub fn extended(mut self, text: &str) -> Result<Self, Faulty> {
        let more = Self::parse(text)?;
        if !more.teams.is_empty() {
            return Err(
                "predefined teams cannot be added: organizations that exist would lack them".to_owned()
            );
        }
        for kind in more.types {
            let Some(known) = self.types.iter_mut().find(|known| known.key == kind.key) else {
                self.types.push(kind);
                continue;
            };
            for role in kind.roles {
                match known.roles.iter_mut().find(|known| known.key == role.key) {
                    Some(known) => *known = role,
                    None => known.roles.push(role),
                }
            }
        }
        Ok(self)
    }

    /// The predefined teams.
    pub fn teams(&self) -> &[PredefinedTeam] {
        &self.teams
    }

    /// What `GET /v3/roles` shows.
    pub fn listed(&self) -> impl Iterator<Item = (&EntityType, impl Iterator<Item = &Role>)> {
        let some = |kind: &&EntityType| kind.roles.iter().any(|role| role.listed);
        self.types.iter().filter(some).map(|kind| (kind, kind.roles.iter().filter(|role| role.listed)))
    }

    fn kind(&self, assigned_as: &str) -> Option<&EntityType> {
        self.types.iter().find(|kind| kind.assigned_as == assigned_as)
    }

    /// Whether a role can be assigned: what is unknown or missing, named. Fields that are missing
    /// altogether are the body's own concern.
    pub fn faults(&self, role: Option<&str>, kind: Option<&str>, entity: Option<&str>) -> Vec<Invalid> {
        let (Some(role), Some(kind)) = (role, kind) else { return Vec::new() };
        let fault = |field: &str, fault| Invalid::body(field, fault);
        let names = |types: &mut dyn Iterator<Item = &EntityType>| {
            let mut names: Vec<String> =
                types.flat_map(|kind| kind.roles.iter().map(|role| role.name.clone())).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let mut faults = Vec::new();
        match self.kind(kind) {
            Some(known) => {
                if !known.roles.iter().any(|known| known.name == role) {
                    faults.push(fault("role_name", Fault::NotOneOf(names(&mut std::iter::once(known)))));
                }
                if entity.is_none() && !known.organization_wide {
                    faults.push(fault("entity_id", Fault::Required));
                }
            }
            None if UNDESCRIBED.contains(&kind) => {
                let all = names(&mut self.types.iter());
                if !all.iter().any(|known| known == role) {
                    faults.push(fault("role_name", Fault::NotOneOf(all)));
                }
                if entity.is_none() {
                    faults.push(fault("entity_id", Fault::Required));
                }
            }
            None => {
                let kinds = self.types.iter().map(|kind| kind.assigned_as.clone()).collect();
                faults.push(fault("entity_type_name", Fault::NotOneOf(kinds)));
            }
        }
        faults
    }

    /// The role that whoever creates an entity by this role gets on it.
    pub fn creator_becomes(&self, kind: &str, role: &str) -> Option<&str> {
        self.kind(kind)?.roles.iter().find(|known| known.name == role)?.creator_becomes.as_deref()
    }

    /// What an assignment allows in this organization. Nothing if the catalogue does not know it.
    pub fn grants(&self, role: &AssignedRole, via: &Via, org: OrgId) -> Vec<Grant> {
        let Some(kind) = self.kind(&role.entity_type_name) else { return Vec::new() };
        let Some(known) = kind.roles.iter().find(|known| known.name == role.role_name) else {
            return Vec::new();
        };
        let whole = matches!(role.entity_id.as_str(), "" | "*") || role.entity_id == org.to_string();
        if kind.organization_wide && !whole {
            return Vec::new();
        }
        let entity = if kind.organization_wide { "*" } else { &role.entity_id };
        if entity.is_empty() {
            return Vec::new();
        }
        let mut grants = Vec::new();
        for allowed in &known.grants {
            let actions: Actions =
                allowed.actions.iter().filter_map(|name| Action::from_name(name)).collect();
            for pattern in patterns(&allowed.on, entity, kind.organization_wide) {
                grants.push(Grant {
                    role: format!("{} on {}", role.role_name, role.entity_type_name).into(),
                    via: via.clone(),
                    region: role.entity_region.as_str().into(),
                    pattern: pattern.into(),
                    actions,
                });
            }
        }
        grants
    }

    /// What membership of a predefined team allows beyond its roles.
    pub fn team_grant(&self, name: &str, via: &Via) -> Option<Grant> {
        let root = self.teams.iter().find(|team| team.name == name)?.root.as_deref()?;
        let actions = if root == "all" { Actions::ROOT } else { Actions::ROOT_READONLY };
        Some(Grant { role: name.into(), via: via.clone(), region: "*".into(), pattern: "".into(), actions })
    }
}

/// The resource patterns of a kind for an entity: `users/access-tokens` on `*` is
/// `users/*/access-tokens/*`. A kind that there is one of per organization has no id.
fn patterns(on: &str, entity: &str, organization_wide: bool) -> Vec<String> {
    let (kind, below) = on.split_once('/').unwrap_or((on, ""));
    let mut pattern = format!("{kind}/{entity}");
    match below {
        "" => {}
        "**" => pattern.push_str("/**"),
        below => {
            for kind in below.split('/') {
                pattern.push_str(&format!("/{kind}/*"));
            }
        }
    }
    if organization_wide && below.is_empty() { vec![kind.to_owned(), pattern] } else { vec![pattern] }
}

/// The literal role descriptions in a published OpenAPI document (JSON or YAML): the single values of
/// the description enums, by type key and role key.
pub fn literal_descriptions(text: &str) -> Result<BTreeMap<(String, String), String>, Faulty> {
    let document: Value = serde_norway::from_str(text).map_err(|error| error.to_string())?;
    let mut found = BTreeMap::new();
    collect(&document, &mut found);
    if found.is_empty() { Err("holds no role descriptions".to_owned()) } else { Ok(found) }
}

/// Wherever an object has `properties.<type>.properties.roles.properties.<role>.properties.description.enum`.
fn collect(value: &Value, found: &mut BTreeMap<(String, String), String>) {
    match value {
        Value::Object(map) => {
            for (kind, schema) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let roles = schema.pointer("/properties/roles/properties").and_then(Value::as_object);
                for (role, schema) in roles.into_iter().flatten() {
                    if let Some(text) =
                        schema.pointer("/properties/description/enum/0").and_then(Value::as_str)
                    {
                        found.insert((kind.clone(), role.clone()), text.to_owned());
                    }
                }
            }
            map.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Permissions;

    fn role(name: &str, kind: &str, entity: &str, region: &str) -> AssignedRole {
        AssignedRole {
            id: kernel::Id::from_uuid(uuid::Uuid::nil()),
            role_name: name.into(),
            entity_id: entity.into(),
            entity_type_name: kind.into(),
            entity_region: region.into(),
        }
    }

    fn permissions(role: &AssignedRole) -> Permissions {
        let org = OrgId::from_uuid(uuid::Uuid::nil());
        Permissions::new(Catalogue::builtin().unwrap().grants(role, &Via::Direct, org))
    }

    #[test]
    fn an_identity_admin_manages_people_but_not_the_organizations_policy() {
        let admin = permissions(&role("Admin", "Identity", "*", "*"));
        assert!(admin.allows(Action::Create, "*", "teams/*"));
        assert!(admin.allows(Action::Revoke, "*", "users/1/access-tokens/2"));
        assert!(admin.allows(Action::Edit, "*", "organization"));
        assert!(admin.allows(Action::Edit, "*", "assigned-roles/*"));
        assert!(!admin.allows(Action::Edit, "*", "access-policy"));
        assert!(!admin.allows(Action::Create, "*", "users/1/access-tokens/*"));
    }

    #[test]
    fn an_organization_wide_role_on_one_entity_or_in_one_region_is_not_organization_wide() {
        let elsewhere = permissions(&role("Admin", "Identity", "11111111-1111-4111-8111-111111111111", "*"));
        assert!(!elsewhere.allows(Action::Create, "*", "teams/*"));
        let regional = permissions(&role("Admin", "Identity", "*", "eu"));
        assert!(!regional.allows(Action::Create, "*", "teams/*"));
    }

    #[test]
    fn a_role_on_an_entity_reaches_what_is_below_it_and_nothing_beside_it() {
        let viewer = permissions(&role("Viewer", "Control Planes", "1", "eu"));
        assert!(viewer.allows(Action::Read, "eu", "control-planes/1"));
        assert!(viewer.allows(Action::Read, "eu", "control-planes/1/routes/2"));
        assert!(!viewer.allows(Action::Edit, "eu", "control-planes/1"));
        assert!(!viewer.allows(Action::Read, "eu", "control-planes/2"));
        assert!(!viewer.allows(Action::Read, "us", "control-planes/1"));
    }

    #[test]
    fn an_operators_file_adds_and_replaces() {
        let more = r#"
            [[types]]
            key = "widgets"
            name = "Widgets"
            assigned_as = "Widgets"
            [[types.roles]]
            key = "polisher"
            name = "Polisher"
            description = "Polishes."
            listed = true
            grants = [{ on = "widgets", actions = ["edit"] }]
        "#;
        let catalogue = Catalogue::builtin().unwrap().extended(more).unwrap();
        assert!(catalogue.faults(Some("Polisher"), Some("Widgets"), Some("*")).is_empty());
        assert!(!catalogue.faults(Some("Polisher"), Some("Control Planes"), Some("*")).is_empty());
        let bad = more.replace("\"edit\"", "\"smash\"");
        assert!(Catalogue::builtin().unwrap().extended(&bad).unwrap_err().contains("smash"));
    }

    #[test]
    fn literal_descriptions_are_found_in_a_published_document() {
        let text = "components: {x: {schema: {properties: {control_planes: {properties: {roles: {properties: {admin: \
                    {properties: {description: {enum: [Exactly this.]}}}}}}}}}}}";
        let found = literal_descriptions(text).unwrap();
        assert_eq!(found[&("control_planes".to_owned(), "admin".to_owned())], "Exactly this.");
    }
}

//! The older API: one OpenID Connect provider per organization, and mappings as whole maps. A view of
//! the same providers and mappings.

use frame::{Cx, db::Paged, reply::Found};
use kernel::{
    Body, Draft, Fault, Fields, Problem, Result, Secret, TeamId,
    query::{Collection, ListQuery},
    rules::{List, Url, id, secret, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    LOGIN_PATH, Provider,
    config::{
        CLIENT_ID, ClaimMappings, ClaimMappingsPatch, Config, Oidc, OidcChange, default_scopes, scopes,
        want_openid,
    },
    provider_keep, seal, serialize, store,
};

/// The OpenID Connect provider (contract: `IDP`).
#[derive(Serialize, JsonSchema)]
pub struct LegacyProvider {
    /// The issuer.
    #[schemars(extend("format" = "uri"))]
    issuer: String,
    /// Where people sign in.
    login_path: String,
    /// The client id.
    client_id: String,
    /// The scopes.
    scopes: Vec<String>,
    /// Which claims hold what.
    claim_mappings: ClaimMappings,
}

/// A change of the provider; it is made if there is none.
pub struct LegacyPatch {
    issuer: Option<String>,
    login_path: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret<String>>,
    scopes: Option<Vec<String>>,
    claim_mappings: Option<ClaimMappingsPatch>,
}

impl Body for LegacyPatch {
    const NAME: &'static str = "UpdateIdpConfiguration";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let issuer = fields.optional("issuer", Url(2000));
        let login_path = fields.optional("login_path", LOGIN_PATH);
        let client_id = fields.optional("client_id", CLIENT_ID);
        let client_secret = fields.optional("client_secret", secret(1, 1000));
        let scopes = fields.optional("scopes", scopes());
        want_openid(fields, scopes.as_ref().and_then(Option::as_ref));
        let claim_mappings = fields.object::<ClaimMappingsPatch>("claim_mappings");
        Some(Self {
            issuer: issuer?,
            login_path: login_path?,
            client_id: client_id?,
            client_secret: client_secret?,
            scopes: scopes?,
            claim_mappings: claim_mappings?,
        })
    }
}

fn legacy_view(provider: &Provider) -> Result<LegacyProvider> {
    let Config::Oidc(oidc) = &provider.config else { return Err(Problem::NotFound("identity provider")) };
    let Oidc { issuer_url, client_id, scopes, claim_mappings } = oidc.clone();
    let login_path = provider.login_path.clone();
    Ok(LegacyProvider { issuer: issuer_url, login_path, client_id, scopes, claim_mappings })
}

pub(super) async fn legacy_get(cx: Cx) -> Result<Found<LegacyProvider>> {
    let provider = store::provider_oidc(cx.db()).await?.ok_or(Problem::NotFound("identity provider"))?;
    legacy_view(&provider).map(Found)
}

pub(super) async fn legacy_update(cx: Cx, draft: Draft<LegacyPatch>) -> Result<Found<LegacyProvider>> {
    serialize(&cx).await?;
    let before = store::provider_oidc(cx.db()).await?;
    let LegacyPatch { issuer, login_path, client_id, client_secret, scopes, claim_mappings } =
        draft.parse()?;
    let now = cx.now();
    let provider = match &before {
        Some(known) => {
            let Config::Oidc(oidc) = known.config.clone() else {
                return Err(Problem::NotFound("identity provider"));
            };
            let change = OidcChange { issuer_url: issuer, client_id, scopes, claim_mappings };
            Provider {
                id: known.id,
                kind: known.kind.clone(),
                enabled: known.enabled,
                login_path: login_path.unwrap_or_else(|| known.login_path.clone()),
                config: Config::Oidc(change.over(oidc)),
                client_secret: match client_secret {
                    Some(secret) => Some(seal(&cx, known.id, &secret)?),
                    None => known.client_secret.clone(),
                },
                created_at: known.created_at,
                updated_at: now,
            }
        }
        None => {
            let id = cx.new_id();
            let mut missing = Vec::new();
            for (field, given) in [("issuer", issuer.is_some()), ("client_id", client_id.is_some())] {
                if !given {
                    missing.push(kernel::Invalid::body(field, Fault::Required));
                }
            }
            let (Some(issuer_url), Some(client_id)) = (issuer, client_id) else {
                return Err(Problem::Invalid(missing));
            };
            let mappings = claim_mappings.map(|change| change.over(ClaimMappings::default()));
            Provider {
                id,
                kind: "oidc".to_owned(),
                enabled: false,
                login_path: login_path.unwrap_or_default(),
                config: Config::Oidc(Oidc {
                    issuer_url,
                    client_id,
                    scopes: scopes.unwrap_or_else(default_scopes),
                    claim_mappings: mappings.unwrap_or_default(),
                }),
                client_secret: client_secret.map(|secret| seal(&cx, id, &secret)).transpose()?,
                created_at: now,
                updated_at: now,
            }
        }
    };
    let view = legacy_view(&provider)?;
    provider_keep(&cx, before, provider).await?;
    Ok(Found(view))
}

/// A group and the teams that it leads to.
#[derive(Clone, Serialize, JsonSchema, PartialEq)]
pub struct GroupTeams {
    /// The group, as the provider spells it.
    pub group: String,
    /// The teams.
    pub team_ids: Vec<TeamId>,
}

impl Body for GroupTeams {
    const NAME: &'static str = "GroupTeams";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let group = fields.needed("group", text(1, 1000));
        let team_ids = fields.needed("team_ids", List { item: id(), least: 0, most: 1000, distinct: false });
        Some(Self { group: group?, team_ids: team_ids? })
    }
}

/// A team and the groups that lead to it.
#[derive(Clone, Serialize, JsonSchema, PartialEq)]
pub struct TeamGroups {
    /// The team.
    pub team_id: TeamId,
    /// The groups, as the provider spells them.
    pub groups: Vec<String>,
}

impl Body for TeamGroups {
    const NAME: &'static str = "TeamGroups";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let team_id = fields.needed("team_id", id());
        let groups =
            fields.needed("groups", List { item: text(1, 1000), least: 0, most: 1000, distinct: false });
        Some(Self { team_id: team_id?, groups: groups? })
    }
}

/// All mappings, by group.
pub struct TeamMappings(Vec<GroupTeams>);

impl Body for TeamMappings {
    const NAME: &'static str = "UpdateTeamMappings";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.objects_needed("mappings", 1000).map(Self)
    }
}

/// The mappings of some teams.
pub struct TeamGroupMappings(Vec<TeamGroups>);

impl Body for TeamGroupMappings {
    const NAME: &'static str = "PatchTeamGroupMappings";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.objects_needed("data", 1000).map(Self)
    }
}

/// Pages of mappings are cut from the whole map: neither endpoint's unit is a row.
pub static MAPS: Collection = Collection::numbered("team-mappings", &[]);

async fn provider_or(cx: &Cx, problem: Problem) -> Result<Provider> {
    store::provider_current(cx.db()).await?.ok_or(problem)
}

fn unconfigured() -> Problem {
    Problem::PreconditionFailed("IdP configuration not found")
}

fn unconfigured_data() -> Problem {
    let fault = Fault::Rule("cannot be set before configuring an identity provider".to_owned());
    Problem::InvalidBecause("An IdP configuration is required", vec![kernel::Invalid::body("data", fault)])
}

/// The rows, grouped by one side, in the order in which each group first appears.
fn grouped<K: PartialEq + Clone, V>(rows: impl Iterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let mut groups: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in rows {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    groups
}

async fn by_group(cx: &Cx, provider: &Provider) -> Result<Vec<GroupTeams>> {
    let rows = store::mapping_all(cx.db(), provider.id).await?;
    let groups = grouped(rows.into_iter().map(|row| (row.group, row.team_id)));
    Ok(groups.into_iter().map(|(group, team_ids)| GroupTeams { group, team_ids }).collect())
}

async fn by_team(cx: &Cx, provider: &Provider) -> Result<Vec<TeamGroups>> {
    let rows = store::mapping_all(cx.db(), provider.id).await?;
    let teams = grouped(rows.into_iter().map(|row| (row.team_id, row.group)));
    Ok(teams.into_iter().map(|(team_id, groups)| TeamGroups { team_id, groups }).collect())
}

pub(super) async fn team_mappings_get(cx: Cx, query: ListQuery) -> Result<Found<Paged<GroupTeams>>> {
    let provider = provider_or(&cx, unconfigured()).await?;
    Ok(Found(Paged::cut(by_group(&cx, &provider).await?, &query)))
}

pub(super) async fn team_mappings_put(
    cx: Cx,
    draft: Draft<TeamMappings>,
) -> Result<Found<Paged<GroupTeams>>> {
    serialize(&cx).await?;
    let provider = provider_or(&cx, unconfigured()).await?;
    let TeamMappings(mappings) = draft.parse()?;
    let mut teams = Vec::new();
    for (n, mapping) in mappings.iter().enumerate() {
        for (k, team) in mapping.team_ids.iter().enumerate() {
            teams.push((format!("mappings.{n}.team_ids.{k}"), *team));
        }
    }
    store::teams_exist(cx.db(), teams).await?;
    let before = by_group(&cx, &provider).await?;
    store::mapping_clear(cx.db(), provider.id, None).await?;
    let pairs = mappings
        .iter()
        .flat_map(|mapping| mapping.team_ids.iter().map(|team| (*team, mapping.group.as_str())));
    mappings_add(&cx, &provider, pairs.collect()).await?;
    let after = by_group(&cx, &provider).await?;
    audit_mappings(&cx, &provider, json!({ "before": before, "after": after })).await?;
    Ok(Found(Paged::whole(after)))
}

pub(super) async fn team_group_mappings_get(cx: Cx, query: ListQuery) -> Result<Found<Paged<TeamGroups>>> {
    let provider = provider_or(&cx, unconfigured_data()).await?;
    Ok(Found(Paged::cut(by_team(&cx, &provider).await?, &query)))
}

pub(super) async fn team_group_mappings_patch(
    cx: Cx,
    draft: Draft<TeamGroupMappings>,
) -> Result<Found<Paged<TeamGroups>>> {
    serialize(&cx).await?;
    let provider = provider_or(&cx, unconfigured_data()).await?;
    let TeamGroupMappings(mappings) = draft.parse()?;
    let named = |(n, mapping): (usize, &TeamGroups)| (format!("data.{n}.team_id"), mapping.team_id);
    store::teams_exist(cx.db(), mappings.iter().enumerate().map(named).collect()).await?;
    let before = by_team(&cx, &provider).await?;
    for mapping in &mappings {
        store::mapping_clear(cx.db(), provider.id, Some(mapping.team_id)).await?;
    }
    let pairs = mappings
        .iter()
        .flat_map(|mapping| mapping.groups.iter().map(|group| (mapping.team_id, group.as_str())));
    mappings_add(&cx, &provider, pairs.collect()).await?;
    let after = by_team(&cx, &provider).await?;
    audit_mappings(&cx, &provider, json!({ "before": before, "after": after })).await?;
    Ok(Found(Paged::whole(after)))
}

/// Adds mappings; one that is named twice is one.
async fn mappings_add(cx: &Cx, provider: &Provider, pairs: Vec<(TeamId, &str)>) -> Result<()> {
    for (n, (team, group)) in pairs.iter().enumerate() {
        if !pairs[..n].contains(&(*team, *group)) {
            store::mapping_add(cx, provider.id, *team, group).await?;
        }
    }
    Ok(())
}

async fn audit_mappings(cx: &Cx, provider: &Provider, change: serde_json::Value) -> Result<()> {
    let path = format!("identity-providers/{}/team-group-mappings", provider.id);
    cx.audit(kernel::Action::Edit, path, change).await
}

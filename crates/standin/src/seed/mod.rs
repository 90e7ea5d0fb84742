//! Seeds: organizations written down in a file, with people, teams, roles, accounts, tokens, providers and strategies.
//! What stands in a seed is made by the API's own operations, with the API's own bodies and rules, so a seed knows all
//! that the API knows. Beside those bodies it may give ids and tokens, so that a test knows them beforehand.

mod apply;
mod export;
pub mod http;

use frame::{
    Cx,
    reply::{Created, Found},
};
use kernel::{
    Body, Draft, Email, Fields, Id, Invalid, OrgId, Problem, Result, Secret, Token, TokenKind, UserId,
    id::kinds,
    rules::{AnyObject, Boolean, EmailAddress, Integer, List, id, secret, text},
};
use serde::Serialize;
use serde_json::{Map, Value};

pub use apply::apply;
pub use export::export;

use crate::{
    StandIn,
    clocks::ClockChange,
    organizations::{FreshOrganization, GivenToken},
};

/// Most of anything in one list.
const MOST: usize = 10_000;

/// A whole seed.
pub struct Seed {
    organizations: Vec<SeedOrganization>,
}

/// An organization of a seed.
pub struct SeedOrganization {
    id: Option<OrgId>,
    name: Option<String>,
    random: Option<u64>,
    clock: Option<ClockChange>,
    owner: Option<Owner>,
    settings: Option<Map<String, Value>>,
    teams: Vec<Entry<kinds::Team>>,
    users: Vec<SeedUser>,
    accounts: Vec<Entry<kinds::SystemAccount>>,
    identity_providers: Vec<Entry<kinds::IdentityProvider>>,
    dcr_providers: Vec<Entry<kinds::DcrProvider>>,
    strategies: Vec<Entry<kinds::Strategy>>,
}

/// The owner of an organization of a seed.
pub struct Owner {
    id: Option<UserId>,
    email: Email,
    token: Option<Token>,
    holdings: Holdings,
}

/// What people and accounts have.
struct Holdings {
    teams: Vec<String>,
    roles: Vec<Map<String, Value>>,
    tokens: Vec<SeedToken>,
}

/// A user of a seed.
pub struct SeedUser {
    id: Option<UserId>,
    email: Email,
    full_name: Option<String>,
    preferred_name: String,
    active: bool,
    password: Option<Secret<String>>,
    holdings: Holdings,
}

/// A token of a seed: what it has beside the body by which it is made.
pub struct SeedToken {
    id: Option<Id<kinds::Token>>,
    text: Option<String>,
    expires_in_days: Option<u64>,
    body: Map<String, Value>,
}

/// Anything else: what it has beside the body by which it is made.
pub struct Entry<K> {
    id: Option<Id<K>>,
    /// The DCR provider of a strategy, by name or id.
    provider: Option<String>,
    holdings: Holdings,
    body: Map<String, Value>,
}

impl Holdings {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let teams =
            fields.optional("teams", List { item: text(1, 250), least: 0, most: MOST, distinct: true });
        let roles = fields.optional("roles", List { item: AnyObject, least: 0, most: MOST, distinct: false });
        let tokens = fields.objects("tokens", MOST);
        Some(Self {
            teams: teams?.unwrap_or_default(),
            roles: roles?.unwrap_or_default(),
            tokens: tokens?.unwrap_or_default(),
        })
    }
}

impl Body for Seed {
    const NAME: &'static str = "StandInSeed";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let organizations = fields.objects_needed("organizations", MOST);
        Some(Self { organizations: organizations? })
    }
}

impl Body for SeedOrganization {
    const NAME: &'static str = "StandInSeedOrganization";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let own = fields.optional("id", id());
        let name = fields.optional("name", text(1, 250));
        let random = fields.optional("random", Integer { least: 0, most: i64::MAX });
        let clock = fields.object("clock");
        let owner = fields.object("owner");
        let settings = fields.optional("authentication_settings", AnyObject);
        let teams = fields.objects("teams", MOST);
        let users = fields.objects("users", MOST);
        let accounts = fields.objects("system_accounts", MOST);
        let identity_providers = fields.objects("identity_providers", MOST);
        let dcr_providers = fields.objects("dcr_providers", MOST);
        let strategies = fields.objects("auth_strategies", MOST);
        Some(Self {
            id: own?,
            name: name?,
            random: random?.map(i64::unsigned_abs),
            clock: clock?,
            owner: owner?,
            settings: settings?,
            teams: teams?.unwrap_or_default(),
            users: users?.unwrap_or_default(),
            accounts: accounts?.unwrap_or_default(),
            identity_providers: identity_providers?.unwrap_or_default(),
            dcr_providers: dcr_providers?.unwrap_or_default(),
            strategies: strategies?.unwrap_or_default(),
        })
    }
}

impl Body for Owner {
    const NAME: &'static str = "StandInSeedOwner";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let own = fields.optional("id", id());
        let email = fields.required("email", EmailAddress);
        let token = fields.optional("token", GivenToken(TokenKind::Personal));
        let holdings = Holdings::read(fields);
        Some(Self { id: own?, email: email?, token: token?, holdings: holdings? })
    }
}

impl Body for SeedUser {
    const NAME: &'static str = "StandInSeedUser";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let own = fields.optional("id", id());
        let email = fields.required("email", EmailAddress);
        let full_name = fields.optional("full_name", text(1, 250));
        let preferred_name = fields.optional("preferred_name", text(0, 250));
        let active = fields.optional("active", Boolean);
        let password = fields.optional("password", secret(12, 250));
        let holdings = Holdings::read(fields);
        Some(Self {
            id: own?,
            email: email?,
            full_name: full_name?,
            preferred_name: preferred_name?.unwrap_or_default(),
            active: active?.unwrap_or(true),
            password: password?,
            holdings: holdings?,
        })
    }
}

impl Body for SeedToken {
    const NAME: &'static str = "StandInSeedToken";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let own = fields.optional("id", id());
        let text = fields.optional("token", text(54, 54));
        let days = fields.optional("expires_in_days", Integer { least: 1, most: 36_500 });
        let body = fields.rest();
        Some(Self { id: own?, text: text?, expires_in_days: days?.map(i64::unsigned_abs), body })
    }
}

impl<K> Body for Entry<K> {
    const NAME: &'static str = "StandInSeedEntry";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let own = fields.optional("id", id());
        let provider = fields.optional("dcr_provider", text(1, 250));
        let holdings = Holdings::read(fields);
        let body = fields.rest();
        Some(Self { id: own?, provider: provider?, holdings: holdings?, body })
    }
}

impl Seed {
    /// Reads YAML or JSON.
    pub fn parse(yaml: &str) -> Result<Self> {
        let value: Value = serde_norway::from_str(yaml)
            .map_err(|error| Problem::Invalid(vec![Invalid::unreadable(error.to_string())]))?;
        Draft::<Self>::new(value)?.parse()
    }
}

/// A seed as YAML.
pub fn yaml(seed: &Value) -> Result<String> {
    serde_norway::to_string(seed).map_err(|error| Problem::Internal(Box::new(error)))
}

/// A token that a seed has made. It is shown here and never again.
#[derive(Serialize, schemars::JsonSchema)]
pub struct IssuedToken {
    /// Whose it is: the user's address, or the system account's name.
    pub holder: String,
    /// What it is called.
    pub name: String,
    /// The token.
    pub token: String,
}

/// An organization that a seed has made.
#[derive(Serialize, schemars::JsonSchema)]
pub struct SeededOrganization {
    /// How it is called.
    #[serde(flatten)]
    pub organization: FreshOrganization,
    /// The tokens that were made in it, the owner's first one excepted.
    pub tokens: Vec<IssuedToken>,
}

/// What a seed has made.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Seeded {
    /// The organizations, as the seed has them.
    organizations: Vec<SeededOrganization>,
}

async fn seed_apply(cx: Cx, draft: Draft<Seed>) -> Result<Created<Seeded>> {
    let organizations = apply(StandIn::of(&cx)?, draft.parse()?).await?;
    Ok(Created(Seeded { organizations }))
}

/// A seed, as it is applied.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Exported(#[schemars(with = "Map<String, Value>")] Value);

async fn seed_export(cx: Cx) -> Result<Found<Exported>> {
    let seed = export(&StandIn::of(&cx)?.server()?, None).await?;
    Ok(Found(Exported(seed)))
}

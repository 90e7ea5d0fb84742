//! From a seed to organizations.

use std::{collections::HashMap, sync::Arc};

use frame::{
    App,
    passwords::Hasher,
    principal::{OrgPolicy, Principal, Service, Who},
    server::Server,
};
use identity::users::{NewUser, user_add};
use kernel::{
    Actions, Duration, Fault, Grant, Invalid, OrgId, Permissions, Problem, Result, Token, TokenKind,
    id::kinds, krn::Via,
};
use serde_json::{Map, Value, json};

use super::{
    Entry, Holdings, IssuedToken, Owner, Seed, SeedOrganization, SeedToken, SeedUser, SeededOrganization,
};
use crate::{
    StandIn,
    chance::Given,
    organizations::{NewOrganization, make},
    requests::unknown_fields,
};

/// Somebody who may do everything in an organization: the program itself.
pub(super) fn program(org: OrgId) -> Arc<Principal> {
    let all = Grant {
        role: "seed".into(),
        via: Via::Direct,
        region: "*".into(),
        pattern: "".into(),
        actions: Actions::ROOT,
    };
    Arc::new(Principal {
        who: Who::Service(Service::new("latchkey seed".to_owned(), None)),
        credential: None,
        org: Some(org),
        policy: OrgPolicy { active: true, pats_enabled: true, owner: None, allow_list: None },
        permissions: Permissions::new(vec![all]),
    })
}

/// Makes the organizations of a seed: all of them, or none, whether somebody waits for them or not.
pub async fn apply(standin: &Arc<StandIn>, seed: Seed) -> Result<Vec<SeededOrganization>> {
    let standin = Arc::clone(standin);
    let applying = tokio::spawn(async move { apply_all(&standin, seed).await });
    applying.await.map_err(|error| Problem::Internal(Box::new(error)))?
}

async fn apply_all(standin: &Arc<StandIn>, seed: Seed) -> Result<Vec<SeededOrganization>> {
    let mut made = Vec::with_capacity(seed.organizations.len());
    for (n, organization) in seed.organizations.into_iter().enumerate() {
        let mut begun = None;
        match apply_one(standin, organization, &mut begun).await {
            Ok(seeded) => made.push(seeded),
            Err(problem) => {
                let app = standin.app()?;
                let all = made.iter().map(|it| it.organization.organization_id).chain(begun);
                for org in all {
                    app.db.organization_purge(org).await?;
                    standin.forget(app, org);
                }
                return Err(placed(problem, &format!("organizations.{n}")));
            }
        }
    }
    Ok(made)
}

/// A problem that says where in the seed it is.
fn placed(problem: Problem, place: &str) -> Problem {
    match problem {
        Problem::Invalid(mut faults) | Problem::InvalidBecause(_, mut faults) => {
            for fault in &mut faults {
                fault.field = format!("{place}.{}", fault.field);
            }
            Problem::Invalid(faults)
        }
        Problem::Conflict(why) => Problem::Conflict(format!("{place}: {why}")),
        Problem::Internal(error) => Problem::Internal(error),
        other => {
            let fault = Fault::Rule(format!("is refused: {other}"));
            Problem::Invalid(vec![Invalid::body(place, fault)])
        }
    }
}

async fn apply_one(
    standin: &Arc<StandIn>,
    seed: SeedOrganization,
    begun: &mut Option<OrgId>,
) -> Result<SeededOrganization> {
    let (owner_id, email, token, holdings) = match seed.owner {
        Some(Owner { id, email, token, holdings }) => (id, Some(email), token, Some(holdings)),
        None => (None, None, None, None),
    };
    let new = NewOrganization {
        name: seed.name,
        email,
        password_hash: None,
        token,
        random: seed.random,
        clock: seed.clock,
        ids: (seed.id, owner_id),
    };
    let organization = make(standin, new).await?;
    let org = organization.organization_id;
    *begun = Some(org);
    let mut work = Work {
        app: standin.app()?,
        server: standin.server()?,
        standin,
        org,
        program: program(org),
        teams: HashMap::new(),
        providers: HashMap::new(),
        tokens: Vec::new(),
    };
    work.know_teams().await?;
    for (n, team) in seed.teams.into_iter().enumerate() {
        work.team(team).await.map_err(|problem| placed(problem, &format!("teams.{n}")))?;
    }
    if let Some(holdings) = holdings {
        let (id, email) = (organization.owner_id.to_string(), organization.owner_email.clone());
        work.hold(&OF_USERS, &id, &email, holdings).await.map_err(|problem| placed(problem, "owner"))?;
    }
    for (n, user) in seed.users.into_iter().enumerate() {
        work.user(user).await.map_err(|problem| placed(problem, &format!("users.{n}")))?;
    }
    for (n, account) in seed.accounts.into_iter().enumerate() {
        work.account(account).await.map_err(|problem| placed(problem, &format!("system_accounts.{n}")))?;
    }
    for (n, provider) in seed.identity_providers.into_iter().enumerate() {
        let made = work.plain("create-identity-provider", provider);
        made.await.map_err(|problem| placed(problem, &format!("identity_providers.{n}")))?;
    }
    // They may want a provider that is there.
    if let Some(settings) = seed.settings {
        let done =
            work.act("update-authentication-settings", vec![], Value::Object(settings), Given::default());
        done.await.map_err(|problem| placed(problem, "authentication_settings"))?;
    }
    for (n, provider) in seed.dcr_providers.into_iter().enumerate() {
        let place = format!("dcr_providers.{n}");
        let made =
            work.plain("create-dcr-provider", provider).await.map_err(|problem| placed(problem, &place))?;
        let name = text(&made, "name");
        work.providers.insert(name, text(&made, "id"));
    }
    for (n, strategy) in seed.strategies.into_iter().enumerate() {
        work.strategy(strategy).await.map_err(|problem| placed(problem, &format!("auth_strategies.{n}")))?;
    }
    let tokens = work.tokens;
    Ok(SeededOrganization { organization, tokens })
}

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_default().to_owned()
}

/// What is being made of one organization.
struct Work<'s> {
    app: &'s App,
    server: Arc<Server>,
    standin: &'s Arc<StandIn>,
    org: OrgId,
    program: Arc<Principal>,
    /// Ids of teams by name.
    teams: HashMap<String, Vec<String>>,
    /// Ids of DCR providers by name.
    providers: HashMap<String, String>,
    tokens: Vec<IssuedToken>,
}

/// How roles, tokens and memberships of a kind of holder are made.
struct Operations {
    roles: &'static str,
    tokens: &'static str,
    membership: &'static str,
    kind: TokenKind,
}

const OF_USERS: Operations = Operations {
    roles: "users-assign-role",
    tokens: "create-personal-access-token",
    membership: "add-user-to-team",
    kind: TokenKind::Personal,
};
const OF_ACCOUNTS: Operations = Operations {
    roles: "post-system-accounts-accountId-assigned-roles",
    tokens: "post-system-accounts-id-access-tokens",
    membership: "post-teams-teamId-system-accounts",
    kind: TokenKind::System,
};

impl Work<'_> {
    /// Calls an operation, with ids and a secret that are given. What it does not know is refused, though the API lets
    /// some of it pass: in a seed it is a slip of the pen.
    async fn act(&self, id: &str, path: Vec<String>, body: Value, given: Given) -> Result<Value> {
        let mut unknown = Vec::new();
        unknown_fields(&self.server.body_schema(id).unwrap_or_default(), &body, "", &mut unknown);
        if !unknown.is_empty() {
            let faults = unknown.into_iter().map(|field| Invalid::body(field, Fault::UnknownProperty));
            return Err(Problem::Invalid(faults.collect()));
        }
        let stream = self.standin.chance.stream(self.org);
        let acting = self.server.act(id, &self.program, path, String::new(), Some(body));
        self.standin.chance.drawing(stream, given, acting).await
    }

    async fn know_teams(&mut self) -> Result<()> {
        let query = "page[size]=1000".to_owned();
        let page = self.server.act("list-teams", &self.program, vec![], query, None).await?;
        for team in page["data"].as_array().into_iter().flatten() {
            self.teams.entry(text(team, "name")).or_default().push(text(team, "id"));
        }
        Ok(())
    }

    async fn team(&mut self, entry: Entry<kinds::Team>) -> Result<()> {
        let given = Given::default().with_id(entry.id);
        let team = self.act("create-team", vec![], Value::Object(entry.body), given).await?;
        let id = text(&team, "id");
        self.teams.entry(text(&team, "name")).or_default().push(id.clone());
        self.roles("teams-assign-role", &id, entry.holdings.roles).await
    }

    async fn user(&mut self, seed: SeedUser) -> Result<()> {
        let password_hash = match seed.password {
            Some(password) => Some(self.app.part::<Arc<Hasher>>()?.hash(password).await?),
            None => None,
        };
        let email = seed.email.as_str().to_owned();
        let new = NewUser {
            full_name: seed
                .full_name
                .unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned()),
            email: seed.email,
            preferred_name: seed.preferred_name,
            active: seed.active,
            password_hash,
        };
        let stream = self.standin.chance.stream(self.org);
        let given = Given::default().with_id::<kinds::User>(seed.id);
        let user = self.standin.chance.drawing(stream, given, user_add(self.app, self.org, new)).await?;
        self.hold(&OF_USERS, &user.id.to_string(), &email, seed.holdings).await
    }

    async fn account(&mut self, entry: Entry<kinds::SystemAccount>) -> Result<()> {
        let given = Given::default().with_id(entry.id);
        let account = self.act("post-system-accounts", vec![], Value::Object(entry.body), given).await?;
        let (id, name) = (text(&account, "id"), text(&account, "name"));
        self.hold(&OF_ACCOUNTS, &id, &name, entry.holdings).await
    }

    async fn hold(&mut self, operations: &Operations, id: &str, name: &str, held: Holdings) -> Result<()> {
        for (n, team) in held.teams.iter().enumerate() {
            let team = self
                .team_id(team)
                .map_err(|fault| Problem::Invalid(vec![Invalid::body(format!("teams.{n}"), fault)]))?;
            self.act(operations.membership, vec![team], json!({ "id": id }), Given::default()).await?;
        }
        self.roles(operations.roles, id, held.roles).await?;
        for (n, token) in held.tokens.into_iter().enumerate() {
            let made = self.token(operations, id, name, token).await;
            made.map_err(|problem| placed(problem, &format!("tokens.{n}")))?;
        }
        Ok(())
    }

    async fn roles(&self, operation: &str, id: &str, roles: Vec<Map<String, Value>>) -> Result<()> {
        for (n, role) in roles.into_iter().enumerate() {
            let made = self.act(operation, vec![id.to_owned()], Value::Object(role), Given::default()).await;
            made.map_err(|problem| placed(problem, &format!("roles.{n}")))?;
        }
        Ok(())
    }

    async fn token(
        &mut self,
        operations: &Operations,
        id: &str,
        holder: &str,
        seed: SeedToken,
    ) -> Result<()> {
        let mut given = Given::default().with_id(seed.id);
        if let Some(text) = &seed.text {
            let token = Token::parse(text).filter(|token| token.kind() == operations.kind);
            let secret = token.and_then(|token| token.random());
            let fault = || {
                let prefix = operations.kind.prefix();
                Fault::Rule(format!("must begin with [{prefix}_], and its checksum must fit"))
            };
            given.secret = Some(secret.ok_or_else(|| Problem::invalid("token", fault()))?);
        }
        let mut body = seed.body;
        if let Some(days) = seed.expires_in_days {
            let at = self.app.clock.now(self.org).plus(Duration::from_secs(days * 24 * 3600));
            body.insert("expires_at".to_owned(), at.to_string().into());
        }
        let made = self.act(operations.tokens, vec![id.to_owned()], Value::Object(body), given).await?;
        let token =
            if made["token"].is_string() { text(&made, "token") } else { text(&made, "konnect_token") };
        self.tokens.push(IssuedToken { holder: holder.to_owned(), name: text(&made, "name"), token });
        Ok(())
    }

    async fn plain<K>(&self, operation: &str, entry: Entry<K>) -> Result<Value> {
        let given = Given::default().with_id(entry.id);
        self.act(operation, vec![], Value::Object(entry.body), given).await
    }

    async fn strategy(&self, mut entry: Entry<kinds::Strategy>) -> Result<Value> {
        if let Some(provider) = entry.provider.take() {
            let known = self.providers.get(&provider).cloned();
            let known = known.or_else(|| self.providers.values().find(|id| **id == provider).cloned());
            let fault =
                || Fault::Rule(format!("[{provider}] is no DCR provider of this organization's seed"));
            let known = known.ok_or_else(|| Problem::invalid("dcr_provider", fault()))?;
            entry.body.insert("dcr_provider_id".to_owned(), known.into());
        }
        self.plain("create-app-auth-strategy", entry).await
    }

    /// The one team with a name, or with an id.
    fn team_id(&self, team: &str) -> Result<String, Fault> {
        match self.teams.get(team).map(Vec::as_slice) {
            Some([id]) => Ok(id.clone()),
            Some(_) => Err(Fault::Rule(format!("[{team}] is the name of several teams: name the id"))),
            None if self.teams.values().flatten().any(|id| id == team) => Ok(team.to_owned()),
            None => Err(Fault::Rule(format!("[{team}] is no team of this organization"))),
        }
    }
}

//! Fills the first organization, for benchmarks.

use std::process::ExitCode;

use appauth::strategies::{AuthStrategy, Principals, config::Configs, store::strategy_insert};
use clap::ArgMatches;
use frame::{
    App,
    db::{DbError, OrgScope, PlatformScope},
    principal::User,
};
use identity::{
    organizations, persons,
    teams::{self, Team},
    users,
};
use kernel::{Email, Labels, OrgId, Problem, Secret};
use serde_json::json;
use signin::passwords;

use super::open;
use crate::{assemble::Fault, config::Config};

/// How many are written in one transaction.
const BATCH: u64 = 1000;

/// What those who sign in type; the benchmark knows it.
pub(super) const PASSWORD: &str = "Bench-Passw0rd!";

const FIRST: [&str; 8] = ["Ada", "Alan", "Barbara", "Edsger", "Grace", "Ken", "Leslie", "Niklaus"];
const LAST: [&str; 8] =
    ["Dijkstra", "Hopper", "Lamport", "Liskov", "Lovelace", "Thompson", "Turing", "Wirth"];

/// Fills the first organization.
pub async fn fill_all(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let app = open(&config).await?;
    let count = |name: &str| matches.get_one::<u64>(name).copied().unwrap_or(0);
    let filled = async {
        let all = organizations::store::organization_ids(&PlatformScope::new(app.db.read())).await?;
        let org = *all.first().ok_or(Problem::NotFound("organization"))?;
        fill(&app, org, count("users"), count("teams"), count("signers")).await?;
        strategies(&app, org, count("strategies")).await
    };
    filled.await.map_err(|problem: Problem| problem.to_string())?;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Strategies, every tenth of which has keys.
async fn strategies(app: &App, org: OrgId, count: u64) -> Result<(), Problem> {
    let mut n = 0;
    while n < count {
        let session = app.db.write();
        let db = OrgScope::new(session.clone(), org);
        for n in n..count.min(n + BATCH) {
            let configs = if n.is_multiple_of(10) {
                json!({ "strategy_type": "key_auth", "configs": { "key-auth": {} } })
            } else {
                let openid = json!({
                    "issuer": "https://idp.example.com/", "credential_claim": ["azp"], "scopes": [],
                    "auth_methods": ["bearer"],
                });
                json!({ "strategy_type": "openid_connect", "configs": { "openid-connect": openid } })
            };
            let configs: Configs =
                serde_json::from_value(configs).map_err(|error| Problem::internal(error.to_string()))?;
            let now = app.clock.now(org);
            let word = FIRST[usize::try_from(n % 8).unwrap_or(0)];
            let strategy = AuthStrategy {
                id: app.new_id(org),
                name: format!("{word} {n}"),
                display_name: format!("Strategy {n}"),
                configs,
                active: false,
                dcr_provider: None,
                labels: Labels::default(),
                created_at: now,
                updated_at: now,
                supports_multiple_credentials: false,
                principals: Principals::default(),
            };
            strategy_insert(&db, &strategy).await?;
        }
        session.commit().await?;
        n += BATCH;
    }
    Ok(())
}

async fn fill(app: &App, org: OrgId, users: u64, teams: u64, signers: u64) -> Result<(), Problem> {
    let mut n = 0;
    while n < users {
        let session = app.db.write();
        let db = OrgScope::new(session.clone(), org);
        for n in n..users.min(n + BATCH) {
            user(app, &db, n).await?;
        }
        session.commit().await?;
        n += BATCH;
    }
    let session = app.db.write();
    let db = OrgScope::new(session.clone(), org);
    for n in 0..teams {
        team(app, &db, org, n).await?;
    }
    session.commit().await?;
    if signers == 0 {
        return Ok(());
    }
    // Before the transaction: hashing takes long.
    let hash = passwords::password_hash(app, Secret::new(PASSWORD.to_owned())).await?;
    let session = app.db.write();
    let db = OrgScope::new(session.clone(), org);
    for n in 0..signers {
        signer(app, &db, n, &hash).await?;
    }
    Ok(session.commit().await?)
}

async fn user(app: &App, db: &OrgScope, n: u64) -> Result<(), Problem> {
    let pick = |names: &[&'static str; 8], n: u64| names[usize::try_from(n % 8).unwrap_or(0)];
    let (first, last) = (pick(&FIRST, n), pick(&LAST, n / 8));
    let address = format!("{}.{}.{n}@example.com", first.to_lowercase(), last.to_lowercase());
    let email = Email::parse(&address).ok_or_else(|| Problem::internal("a made-up address is none"))?;
    let now = app.clock.now(db.org());
    let person = persons::person_ensure(&db.platform(), app.new_id(db.org()), &email, now).await?;
    let user = User {
        id: app.new_id(db.org()),
        email: address,
        full_name: format!("{first} {last} {n}"),
        preferred_name: first.to_owned(),
        active: !n.is_multiple_of(10),
        inferred_region: None,
        created_at: now,
        updated_at: now,
    };
    Ok(users::store::user_insert(db, &user, person).await?)
}

/// A user who can sign in with the [`PASSWORD`].
async fn signer(app: &App, db: &OrgScope, n: u64, hash: &str) -> Result<(), Problem> {
    let address = format!("signer.{n}@example.com");
    let email = Email::parse(&address).ok_or_else(|| Problem::internal("a made-up address is none"))?;
    let now = app.clock.now(db.org());
    let person = persons::person_ensure(&db.platform(), app.new_id(db.org()), &email, now).await?;
    persons::person_set_password(&db.platform(), person, hash, now).await?;
    let user = User {
        id: app.new_id(db.org()),
        email: address,
        full_name: format!("Signer {n}"),
        preferred_name: String::new(),
        active: true,
        inferred_region: None,
        created_at: now,
        updated_at: now,
    };
    Ok(users::store::user_insert(db, &user, person).await?)
}

async fn team(app: &App, db: &OrgScope, org: OrgId, n: u64) -> Result<(), DbError> {
    let now = app.clock.now(org);
    let team = Team {
        id: app.new_id(org),
        name: format!("Team {n}"),
        description: Some(format!("The team with the number {n}.")),
        system_team: false,
        labels: Labels::default(),
        created_at: now,
        updated_at: now,
    };
    teams::store::team_insert(db, &team).await
}

//! One caller of each kind: the columns of the table.

use std::time::Duration;

use kernel::{Token, TokenKind};
use serde_json::{Value, json};
use tests::{Client, Member, TestApp};

use crate::requests::{Maker, Subject};

/// A kind of caller.
pub struct Caller {
    /// Its column.
    pub letter: char,
    /// What it is, for messages.
    pub what: &'static str,
    pub client: Client,
    /// Whom its requests are about.
    pub subject: Subject,
}

const HOUR: Duration = Duration::from_secs(3600);

/// One caller of each kind, in the order of the columns. `rival` is another organization of the same
/// server.
pub async fn all(app: &TestApp, rival: &TestApp, maker: &Maker<'_>) -> Vec<Caller> {
    let mut callers = without_a_good_token(app).await;
    callers.extend(users(app).await);
    callers.extend(system_accounts(app).await);
    callers.extend(sessions(app).await);
    callers.push(caller('F', "the owner of another organization", rival.owner.clone()));
    callers.push(caller('c', "a platform service", app.service("a service").await));
    callers.push(caller(
        'v',
        "a platform service in the organization",
        app.service_in("a service", None).await,
    ));
    callers.push(caller('d', "a developer", maker.developer().await.client.clone()));
    let other = app.portal("Another portal", json!({})).await;
    let stranger = app.developer(&other, "stranger@dev.test").await;
    callers.push(caller('e', "a developer of another portal", stranger.client));
    callers
}

fn caller(letter: char, what: &'static str, client: Client) -> Caller {
    Caller { letter, what, client, subject: Subject::Anyone }
}

/// Each of the tokens that stopped being good worked once, so that the server had it in its cache.
async fn without_a_good_token(app: &TestApp) -> Vec<Caller> {
    let unknown = Token::new(TokenKind::Personal, app.app.random_key());

    let late = app.member("late@acme.test").await;
    let expired = app.token_of(late.id, HOUR).await;
    expired.get("/v3/users/me").await.expect(200);
    app.advance(2 * HOUR);

    let revoker = app.member("revoker@acme.test").await;
    let tokens = format!("/v3/users/{}/access-tokens", revoker.id);
    let made =
        revoker.client.post(&tokens, json!({ "name": "Revoked", "ttl_seconds": 86_400 })).await.expect(201);
    let revoked = app.owner.with_token(made["konnect_token"].as_str().expect("a token"));
    revoked.get("/v3/users/me").await.expect(200);
    let token = made["id"].as_str().expect("an id");
    revoker.client.call(http::Method::PATCH, &format!("{tokens}/{token}/revoke"), None).await.expect(200);

    let gone = app.member("gone@acme.test").await;
    gone.client.get("/v3/users/me").await.expect(200);
    app.owner.delete(&format!("/v3/users/{}", gone.id)).await.expect(204);

    vec![
        caller('N', "nobody", app.anonymous()),
        caller('M', "a malformed token", app.owner.with_token("kpat_malformed")),
        caller('U', "a token that was never issued", app.owner.with_token(unknown.reveal())),
        caller('X', "an expired token", expired),
        caller('R', "a revoked token", revoked),
        caller('D', "a deleted user's token", gone.client),
    ]
}

async fn users(app: &TestApp) -> Vec<Caller> {
    let himself = app.member("himself@acme.test").await;
    vec![
        caller('O', "the owner", app.owner.clone()),
        caller('A', "an administrator", in_system_team(app, "admin@acme.test", "organization-admin").await),
        caller(
            'L',
            "a read-only administrator",
            in_system_team(app, "looks@acme.test", "organization-admin-readonly").await,
        ),
        caller(
            'I',
            "an Identity Admin",
            with_role(app, "identity@acme.test", &identity_admin("*", "*")).await.client,
        ),
        caller('T', "an Identity Admin through a team", through_team(app, "through@acme.test").await),
        caller('E', "an Identity Admin on one entity", {
            let entity = app.app.new_id::<()>(app.org).to_string();
            with_role(app, "entity@acme.test", &identity_admin(&entity, "*")).await.client
        }),
        caller('G', "an Identity Admin in one region", {
            with_role(app, "region@acme.test", &identity_admin("*", "eu")).await.client
        }),
        caller(
            'V',
            "an Audit Logs Admin",
            with_role(app, "auditor@acme.test", &admin_on("Audit Logs", "*", "*")).await.client,
        ),
        caller('W', "a member without roles", app.member("without@acme.test").await.client),
        Caller {
            letter: 'S',
            what: "a member without roles, on himself",
            client: himself.client,
            subject: Subject::User(himself.id),
        },
    ]
}

async fn system_accounts(app: &TestApp) -> Vec<Caller> {
    let (_, without) = app.system_account("without roles").await;
    let (id, admin) = app.system_account("with a role").await;
    let roles = format!("/v3/system-accounts/{id}/assigned-roles");
    app.owner.post(&roles, identity_admin("*", "*")).await.expect(201);
    let (itself, client) = app.system_account("on itself").await;
    vec![
        caller('n', "a system account without roles", without),
        caller('i', "a system account that is Identity Admin", admin),
        Caller {
            letter: 's',
            what: "a system account, on itself",
            client,
            subject: Subject::Account(itself),
        },
    ]
}

async fn sessions(app: &TestApp) -> Vec<Caller> {
    let without = app.member("session@acme.test").await;
    let over = app.session_of(without.id).await;
    over.get("/v3/users/me").await.expect(200);
    over.call(http::Method::POST, "/v3/logout", None).await.expect(201);
    vec![
        caller('J', "the owner, signed in", app.session_of(app.owner_id).await),
        caller('j', "a member without roles, signed in", app.session_of(without.id).await),
        caller('K', "a member who signed out", over),
    ]
}

/// The role Identity Admin.
pub fn identity_admin(entity: &str, region: &str) -> Value {
    admin_on("Identity", entity, region)
}

fn admin_on(kind: &str, entity: &str, region: &str) -> Value {
    json!({ "role_name": "Admin", "entity_type_name": kind, "entity_id": entity, "entity_region": region })
}

/// A member with a role of its own.
pub async fn with_role(app: &TestApp, email: &str, role: &Value) -> Member {
    let member = app.member(email).await;
    app.owner.post(&format!("/v3/users/{}/assigned-roles", member.id), role.clone()).await.expect(201);
    member
}

/// A member of a predefined team.
pub async fn in_system_team(app: &TestApp, email: &str, team: &str) -> Client {
    let member = app.member(email).await;
    let team = app.team_id(team).await;
    app.owner.post(&format!("/v3/teams/{team}/users"), json!({ "id": member.id })).await.expect(201);
    member.client
}

async fn through_team(app: &TestApp, email: &str) -> Client {
    let member = app.member(email).await;
    let team = app.owner.post("/v3/teams", json!({ "name": "Identity" })).await.expect(201);
    let team = format!("/v3/teams/{}", team["id"].as_str().expect("an id"));
    app.owner.post(&format!("{team}/assigned-roles"), identity_admin("*", "*")).await.expect(201);
    app.owner.post(&format!("{team}/users"), json!({ "id": member.id })).await.expect(201);
    member.client
}

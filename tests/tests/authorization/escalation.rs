//! How people come by permissions, how they lose them, and how they do not.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both, postgres_is_there, run};

use crate::callers::{identity_admin, in_system_team, with_role};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Something that an Identity Admin may do and others may not, and that changes nothing.
async fn identity_work(client: &Client) -> u16 {
    client.get("/v3/identity-providers").await.status.as_u16()
}

/// Something that organization administrators may do and others may not, and that changes nothing.
async fn administration(app: &TestApp, client: &Client) -> u16 {
    let settings = format!("/v3/organizations/{}/personal-access-token-settings", app.org);
    client.patch(&settings, json!({ "pats_enabled": true })).await.status.as_u16()
}

/// A personal token that is not there yet.
fn new_token() -> Value {
    json!({ "name": "Mine", "ttl_seconds": 86_400 })
}

fn id(made: &Value) -> &str {
    made["id"].as_str().expect("an id")
}

on_both! {
    /// Nobody gets rid of the owner, the owner included, until ownership has passed.
    async fn the_owner_stays(engine: Engine) {
        let app = TestApp::new(engine).await;
        let admins = format!("/v3/teams/{}/users", app.team_id("organization-admin").await);
        let heir = app.member("heir@acme.test").await;
        app.owner.post(&admins, json!({ "id": heir.id })).await.expect(201);
        let identity = with_role(&app, "identity@acme.test", &identity_admin("*", "*")).await;
        let (account, machine) = app.system_account("machine").await;
        let roles = format!("/v3/system-accounts/{account}/assigned-roles");
        app.owner.post(&roles, identity_admin("*", "*")).await.expect(201);

        let owner = format!("/v3/users/{}", app.owner_id);
        for client in [&heir.client, &identity.client, &machine, &app.owner] {
            client.delete(&owner).await.expect(409);
            client.delete(&format!("{admins}/{}", app.owner_id)).await.expect(400);
        }
        for client in [&heir.client, &identity.client, &machine] {
            client.patch("/v3/organizations/me", json!({ "owner_id": heir.id })).await.expect(403);
        }
        // Ownership passes to an administrator, and to nobody else.
        app.owner.patch("/v3/organizations/me", json!({ "owner_id": identity.id })).await.expect(400);
        assert_eq!(administration(&app, &app.owner).await, 200);

        app.owner.patch("/v3/organizations/me", json!({ "owner_id": heir.id })).await.expect(200);
        app.owner.delete(&format!("/v3/users/{}", heir.id)).await.expect(409);
        heir.client.delete(&format!("{admins}/{}", app.owner_id)).await.expect(204);
        assert_eq!(administration(&app, &app.owner).await, 403);
        app.owner.patch("/v3/organizations/me", json!({ "owner_id": app.owner_id })).await.expect(403);
        heir.client.delete(&owner).await.expect(204);
        app.owner.get("/v3/users/me").await.expect(401);
    }
}

on_both! {
    /// No role lets a system account near a personal token, not even all of them.
    async fn system_accounts_never_reach_personal_tokens(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let (account, machine) = app.system_account("machine").await;
        let admins = format!("/v3/teams/{}/system-accounts", app.team_id("organization-admin").await);
        app.owner.post(&admins, json!({ "id": account })).await.expect(201);
        assert_eq!(administration(&app, &machine).await, 200);

        let tokens = format!("/v3/users/{}/access-tokens", ann.id);
        let listed = ann.client.get(&tokens).await.expect(200);
        let token = format!("{tokens}/{}", id(&listed["data"][0]));
        machine.get(&tokens).await.expect(403);
        machine.post(&tokens, new_token()).await.expect(403);
        machine.get(&token).await.expect(403);
        machine.patch(&token, json!({ "name": "Mine" })).await.expect(403);
        machine.call(Method::PATCH, &format!("{token}/revoke"), None).await.expect(403);
        machine.delete(&token).await.expect(403);
        machine.get(&format!("/v3/organizations/{}/personal-access-tokens", app.org)).await.expect(403);
        // Nor by taking its own id for a user's.
        machine.post(&format!("/v3/users/{account}/access-tokens"), new_token()).await.expect(403);
        machine.get("/v3/users/me").await.expect(401);
        assert_eq!(ann.client.get(&tokens).await.expect(200), listed);
    }
}

on_both! {
    /// Those who may almost do it cannot give themselves the rest.
    async fn nobody_raises_himself(engine: Engine) {
        let app = TestApp::new(engine).await;
        let admins = app.team_id("organization-admin").await;
        let account = app.owner.post("/v3/system-accounts", json!({ "name": "powerful" })).await.expect(201);
        let account = format!("/v3/system-accounts/{}", id(&account));
        app.owner.post(&format!("{account}/assigned-roles"), identity_admin("*", "*")).await.expect(201);
        let powerful = app.owner.post("/v3/teams", json!({ "name": "Powerful" })).await.expect(201);
        let powerful = format!("/v3/teams/{}", id(&powerful));
        app.owner.post(&format!("{powerful}/assigned-roles"), identity_admin("*", "*")).await.expect(201);

        let owners_tokens = format!("/v3/users/{}/access-tokens", app.owner_id);
        let elsewhere = app.app.new_id::<()>(app.org).to_string();
        let looks = in_system_team(&app, "looks@acme.test", "organization-admin-readonly").await;
        let region = with_role(&app, "region@acme.test", &identity_admin("*", "eu")).await.client;
        let entity = with_role(&app, "entity@acme.test", &identity_admin(&elsewhere, "*")).await.client;
        let without = app.member("without@acme.test").await.client;
        for client in [&looks, &region, &entity, &without] {
            let me = client.get("/v3/users/me").await.expect(200);
            let roles = format!("/v3/users/{}/assigned-roles", id(&me));
            client.post(&roles, identity_admin("*", "*")).await.expect(403);
            client.post(&format!("/v3/teams/{admins}/users"), json!({ "id": me["id"] })).await.expect(403);
            client.post(&format!("{powerful}/users"), json!({ "id": me["id"] })).await.expect(403);
            let token = json!({ "name": "Mine", "expires_at": app.app.clock.now(app.org).plus(DAY) });
            client.post(&format!("{account}/access-tokens"), token).await.expect(403);
            client.post(&owners_tokens, new_token()).await.expect(403);
            client.patch("/v3/organizations/me", json!({ "owner_id": me["id"] })).await.expect(403);
        }
        // An administrator acts as himself: not even the owner makes a token for somebody else.
        let identity = with_role(&app, "identity@acme.test", &identity_admin("*", "*")).await;
        identity.client.post(&owners_tokens, new_token()).await.expect(403);
        app.owner.post(&format!("/v3/users/{}/access-tokens", identity.id), new_token()).await.expect(403);
    }
}

on_both! {
    /// Roles are in force at the next request, and so is their end.
    async fn roles_come_and_go_at_the_next_request(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let (account, machine) = app.system_account("machine").await;
        let holders = [
            (format!("/v3/users/{}/assigned-roles", ann.id), &ann.client),
            (format!("/v3/system-accounts/{account}/assigned-roles"), &machine),
        ];
        for (roles, client) in &holders {
            assert_eq!(identity_work(client).await, 403);
            let role = app.owner.post(roles, identity_admin("*", "*")).await.expect(201);
            assert_eq!(identity_work(client).await, 200);
            app.owner.delete(&format!("{roles}/{}", id(&role))).await.expect(204);
            assert_eq!(identity_work(client).await, 403);
        }

        // The same when a platform service grants it, to an account of its own.
        let new = json!({ "name": "zone", "konnect_managed": true });
        let zone = app.owner.post("/v3/system-accounts", new).await.expect(201);
        let token = json!({ "name": "zone", "expires_at": app.app.clock.now(app.org).plus(DAY) });
        let path = format!("/v3/system-accounts/{}/access-tokens", id(&zone));
        let token = app.owner.post(&path, token).await.expect(201);
        let client = app.owner.with_token(token["token"].as_str().expect("a token"));
        assert_eq!(identity_work(&client).await, 403);
        let roles = format!("/v3/internal/system-accounts/{}/assigned-roles", id(&zone));
        let role = identity_admin(&app.org.to_string(), "*");
        app.service("mesh").await.post(&roles, role).await.expect(201);
        assert_eq!(identity_work(&client).await, 200);
    }
}

on_both! {
    /// Whatever ends a membership or a team's role ends what came through it.
    async fn what_came_through_a_team_goes_with_it(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let (account, machine) = app.system_account("machine").await;
        let team = app.owner.post("/v3/teams", json!({ "name": "Identity" })).await.expect(201);
        let team = format!("/v3/teams/{}", id(&team));
        let members = [
            (format!("{team}/users"), ann.id.to_string(), &ann.client),
            (format!("{team}/system-accounts"), account.to_string(), &machine),
        ];
        for (members, id, client) in &members {
            app.owner.post(members, json!({ "id": id })).await.expect(201);
            assert_eq!(identity_work(client).await, 403);
        }
        let roles = format!("{team}/assigned-roles");
        let role = app.owner.post(&roles, identity_admin("*", "*")).await.expect(201);
        for (members, id, client) in &members {
            assert_eq!(identity_work(client).await, 200);
            app.owner.delete(&format!("{members}/{id}")).await.expect(204);
            assert_eq!(identity_work(client).await, 403);
            app.owner.post(members, json!({ "id": id })).await.expect(201);
            assert_eq!(identity_work(client).await, 200);
        }
        app.owner.delete(&format!("{roles}/{}", id(&role))).await.expect(204);
        for (_, _, client) in &members {
            assert_eq!(identity_work(client).await, 403);
        }
        app.owner.post(&roles, identity_admin("*", "*")).await.expect(201);
        for (_, _, client) in &members {
            assert_eq!(identity_work(client).await, 200);
        }
        app.owner.delete(&team).await.expect(204);
        for (_, _, client) in &members {
            assert_eq!(identity_work(client).await, 403);
        }

        // The predefined teams: leaving one is felt at once too.
        let admins = format!("/v3/teams/{}/users", app.team_id("organization-admin").await);
        app.owner.post(&admins, json!({ "id": ann.id })).await.expect(201);
        assert_eq!(administration(&app, &ann.client).await, 200);
        app.owner.delete(&format!("{admins}/{}", ann.id)).await.expect(204);
        assert_eq!(administration(&app, &ann.client).await, 403);
    }
}

on_both! {
    /// Whatever ends a token ends it at the next request.
    async fn a_dead_token_is_dead_at_the_next_request(engine: Engine) {
        let app = TestApp::new(engine).await;
        // A personal token: revoked by its user, by an Identity Admin; deleted; gone with its user.
        let ann = app.member("ann@acme.test").await;
        let identity = with_role(&app, "identity@acme.test", &identity_admin("*", "*")).await;
        let tokens = format!("/v3/users/{}/access-tokens", ann.id);
        let (herself, identity, owner) = (&ann.client, &identity.client, &app.owner);
        for (end, by) in [("revoke", herself), ("revoke", identity), ("delete", herself), ("delete", owner)] {
            let token = app.token_of(ann.id, 30 * DAY).await;
            token.get("/v3/users/me").await.expect(200);
            let listed = ann.client.get(&tokens).await.expect(200);
            let newest = listed["data"].as_array().and_then(|tokens| tokens.last()).expect("a token");
            let path = format!("{tokens}/{}", id(newest));
            match end {
                "revoke" => drop(by.call(Method::PATCH, &format!("{path}/revoke"), None).await.expect(200)),
                _ => drop(by.delete(&path).await.expect(204)),
            }
            token.get("/v3/users/me").await.expect(401);
        }
        ann.client.get("/v3/users/me").await.expect(200);
        identity.delete(&format!("/v3/users/{}", ann.id)).await.expect(204);
        ann.client.get("/v3/users/me").await.expect(401);

        // A system account's: deleted; gone with its account.
        let (account, machine) = app.system_account("machine").await;
        let account = format!("/v3/system-accounts/{account}");
        machine.get(&account).await.expect(200);
        let listed = app.owner.get(&format!("{account}/access-tokens")).await.expect(200);
        app.owner.delete(&format!("{account}/access-tokens/{}", id(&listed["data"][0]))).await.expect(204);
        machine.get(&account).await.expect(401);
        let (account, machine) = app.system_account("another machine").await;
        let account = format!("/v3/system-accounts/{account}");
        machine.get(&account).await.expect(200);
        app.owner.delete(&account).await.expect(204);
        machine.get("/v3/teams").await.expect(401);

        // A platform service's: replaced by another.
        let users = "/v3/internal/users?aid=nobody";
        let service = app.service("mesh").await;
        service.get(users).await.expect(200);
        let successor = app.service("mesh").await;
        service.get(users).await.expect(401);
        successor.get(users).await.expect(200);

        // All personal tokens at once, but for those of machines.
        let (account, machine) = app.system_account("a third machine").await;
        let admins = format!("/v3/teams/{}/system-accounts", app.team_id("organization-admin").await);
        app.owner.post(&admins, json!({ "id": account })).await.expect(201);
        let settings = format!("/v3/organizations/{}/personal-access-token-settings", app.org);
        app.owner.patch(&settings, json!({ "pats_enabled": false })).await.expect(200);
        app.owner.get("/v3/users/me").await.expect(401);
        machine.patch(&settings, json!({ "pats_enabled": true })).await.expect(200);
        app.owner.get("/v3/users/me").await.expect(200);
    }
}

/// Asks until the status is this one; fails if it does not come in time.
async fn becomes(client: &Client, path: &str, status: u16) {
    let asking = async {
        while client.get(path).await.status.as_u16() != status {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // The promise is one second; a busy machine may be slow in asking.
    let heard = tokio::time::timeout(Duration::from_secs(5), asking).await;
    assert!(heard.is_ok(), "{path} does not become {status}");
}

/// What one node did, another knows: a token that is dead, a role that was granted or taken.
#[test]
fn another_node_hears_of_it() {
    if !postgres_is_there() {
        return;
    }
    run(async {
        let here = TestApp::new(Engine::Postgres).await;
        let there = here.another_node().await;
        let ann = here.member("ann@acme.test").await;
        let ann_there = there.owner.with_token(ann.client.token());
        let (me, work) = ("/v3/users/me", "/v3/identity-providers");

        assert_eq!(identity_work(&ann_there).await, 403);
        let roles = format!("/v3/users/{}/assigned-roles", ann.id);
        let role = here.owner.post(&roles, identity_admin("*", "*")).await.expect(201);
        becomes(&ann_there, work, 200).await;
        here.owner.delete(&format!("{roles}/{}", id(&role))).await.expect(204);
        becomes(&ann_there, work, 403).await;

        // The token works there, and so is in that node's cache, when it is revoked here.
        ann_there.get(me).await.expect(200);
        let tokens = format!("/v3/users/{}/access-tokens", ann.id);
        let listed = ann.client.get(&tokens).await.expect(200);
        let revoke = format!("{tokens}/{}/revoke", id(&listed["data"][0]));
        ann.client.call(Method::PATCH, &revoke, None).await.expect(200);
        ann.client.get(me).await.expect(401);
        becomes(&ann_there, me, 401).await;
    });
}

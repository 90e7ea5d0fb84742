//! Several nodes on one database: what one does, the others hear of, and limits hold over all of them.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Engine, TestApp, on_both, postgres_is_there, run};

use crate::{at_once, everywhere, id, posting};

/// Asks again until the answer has this status; fails after some seconds.
async fn until(client: &Client, path: &str, status: u16) {
    for _ in 0..200 {
        if client.get(path).await.status.as_u16() == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("[{path}] does not come to answer {status}");
}

/// The same caller at another node.
fn at(node: &TestApp, client: &Client) -> Client {
    node.owner.with_token(client.token())
}

on_both! {
    /// Revocations, sign-outs, roles and switches reach the other node, which had the caller in its cache.
    async fn what_one_node_does_the_other_hears_of(engine: Engine) {
        let app = TestApp::new(engine).await;
        let node = app.another_node().await;
        let ann = app.member("ann@acme.test").await;
        let tokens = format!("/v3/users/{}/access-tokens", ann.id);
        let created =
            ann.client.post(&tokens, json!({ "name": "ab", "ttl_seconds": 86_400 })).await.expect(201);
        let second = app.owner.with_token(created["konnect_token"].as_str().unwrap());
        let (here, there) = (&second, at(&node, &second));
        there.get("/v3/users/me").await.expect(200);
        here.patch(&format!("{tokens}/{}/revoke", id(&created)), json!({})).await.expect(200);
        here.get("/v3/users/me").await.expect(401);
        until(&there, "/v3/users/me", 401).await;

        let session = app.session_of(app.owner_id).await;
        let there = at(&node, &session);
        there.get("/v3/users/me").await.expect(200);
        session.call(Method::POST, "/v3/logout", None).await.expect(201);
        until(&there, "/v3/users/me", 401).await;

        let there = at(&node, &ann.client);
        let providers = "/v3/identity-providers";
        there.get(providers).await.expect(403);
        let role = everywhere("Admin", "Identity");
        let roles = format!("/v3/users/{}/assigned-roles", ann.id);
        let given = app.owner.post(&roles, role).await.expect(201);
        until(&there, providers, 200).await;
        node.owner.delete(&format!("{roles}/{}", id(&given))).await.expect(204);
        there.get(providers).await.expect(403);
        until(&ann.client, providers, 403).await;

        let rules = format!("/v3/organizations/{}/personal-access-token-settings", app.org);
        app.owner.patch(&rules, json!({ "pats_enabled": false })).await.expect(200);
        until(&there, "/v3/users/me", 401).await;
    }
}

/// A node whose connection for listening breaks has missed things, and must not go on as if it had not.
#[test]
fn a_broken_connection_hides_no_revocation() {
    if !postgres_is_there() {
        return;
    }
    run(async {
        let app = TestApp::new(Engine::Postgres).await;
        for n in 0..3 {
            let ann = app.member(&format!("ann{n}@acme.test")).await;
            until(&ann.client, "/v3/users/me", 200).await;
            // In one transaction, so that the announcement comes while nobody listens.
            let sql = format!(
                "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
                 WHERE datname = current_database() AND query LIKE 'LISTEN%'; \
                 DELETE FROM credentials WHERE token_id IN \
                 (SELECT id FROM personal_access_tokens WHERE user_id = '{}'); \
                 SELECT pg_notify('latchkey', '{}')::text",
                ann.id, app.org
            );
            let said = app.database.query(&sql).await;
            assert_eq!(said.first().map(String::as_str), Some("true"), "nobody listened");
            until(&ann.client, "/v3/users/me", 401).await;
        }
    });
}

/// The same POST many times, by turns at two nodes.
fn both_nodes(
    nodes: [&Client; 2],
    path: &str,
    times: usize,
    body: &dyn Fn(usize) -> Value,
) -> Vec<impl Future<Output = Answer> + Send + use<>> {
    (0..times).map(|n| posting(nodes[n % 2], path, body(n))).collect()
}

on_both! {
    /// What there may be ten of, or one, there is not more of because two nodes were asked at once.
    async fn limits_hold_over_all_nodes(engine: Engine) {
        let app = TestApp::new(engine).await;
        let node = app.another_node().await;
        let owners = [&app.owner, &node.owner];
        for owner in owners {
            // Both know the caller, so that they get to the point together.
            owner.get("/v3/users/me").await.expect(200);
        }

        let tokens = format!("/v3/users/{}/access-tokens", app.owner_id);
        let wanted = both_nodes(owners, &tokens, 20, &|_| json!({ "name": "ab", "ttl_seconds": 86_400 }));
        assert_eq!(at_once(wanted).await, [(201, 9), (409, 11)].into());

        let wanted = both_nodes(owners, "/v3/invites", 14, &|_| json!({ "email": "eve@acme.test" }));
        assert_eq!(at_once(wanted).await, [(201, 10), (429, 4)].into());
        let pending = app.owner.get("/v3/users?filter[active]=false").await.expect(200);
        assert_eq!(pending["meta"]["page"]["total"], 1);

        let wanted = both_nodes(owners, "/v3/system-accounts", 10, &|_| json!({ "name": "robot" }));
        assert_eq!(at_once(wanted).await, [(201, 1), (409, 9)].into());

        let config = json!({ "issuer_url": "https://issuer.test", "client_id": "latchkey" });
        let provider = |path: String, on: bool| json!({ "type": "oidc", "login_path": path, "enabled": on, "config": config });
        let wanted = both_nodes(owners, "/v3/identity-providers", 8, &|n| provider(format!("p{n}"), true));
        assert_eq!(at_once(wanted).await, [(201, 1), (409, 7)].into(), "one enabled");
        let wanted = both_nodes(owners, "/v3/identity-providers", 8, &|_| provider("same".to_owned(), false));
        assert_eq!(at_once(wanted).await, [(201, 1), (409, 7)].into(), "one login path");

        let ann = app.member("ann@acme.test").await;
        let team = app.owner.post("/v3/teams", json!({ "name": "Gateway" })).await.expect(201);
        let members = format!("/v3/teams/{}/users", id(&team));
        let wanted = both_nodes(owners, &members, 8, &|_| json!({ "id": ann.id }));
        assert_eq!(at_once(wanted).await, [(201, 1), (409, 7)].into());
        let role = everywhere("Admin", "Identity");
        let wanted =
            both_nodes(owners, &format!("/v3/users/{}/assigned-roles", ann.id), 8, &|_| role.clone());
        assert_eq!(at_once(wanted).await, [(201, 1), (409, 7)].into());
    }
}

on_both! {
    /// However two nodes race, the owner exists and is an administrator.
    async fn the_owner_is_an_administrator_whoever_wins(engine: Engine) {
        const ME: &str = "/v3/organizations/me";
        let app = TestApp::new(engine).await;
        let node = app.another_node().await;
        let admins = format!("/v3/teams/{}/users", app.team_id("organization-admin").await);
        for round in 0..8 {
            let heir = app.member(&format!("heir{round}@acme.test")).await;
            app.owner.post(&admins, json!({ "id": heir.id })).await.expect(201);
            let (giver, taker) = (app.owner.clone(), node.owner.clone());
            let (user, membership) = (format!("/v3/users/{}", heir.id), format!("{admins}/{}", heir.id));
            let against = if round % 2 == 0 { membership.clone() } else { user.clone() };
            let wanted = json!({ "owner_id": heir.id });
            let give =
                tokio::spawn(
                    async move { giver.call(Method::PATCH, ME, Some(wanted)).await.status.as_u16() },
                );
            let take =
                tokio::spawn(async move { taker.call(Method::DELETE, &against, None).await.status.as_u16() });
            let (given, taken) = (give.await.expect("a reply"), take.await.expect("a reply"));
            assert_ne!(given == 200, taken == 204, "round {round}: {given} and {taken}, both or neither");
            if given == 200 {
                until(&heir.client, &user, 200).await;
                heir.client.delete(&membership).await.expect(400);
                heir.client.patch(ME, json!({ "owner_id": app.owner_id })).await.expect(200);
            }
            let owner = app.owner.get(ME).await.expect(200)["owner_id"].clone();
            assert_eq!(owner, json!(app.owner_id));
        }
    }
}

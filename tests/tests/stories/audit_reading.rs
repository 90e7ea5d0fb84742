//! Reading the audit log: refusals, signatures, filters, pages, and how long it is kept.

use std::time::Duration;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use identity::audit_logs;
use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::{all, complaints, days, everywhere, forbidden, hours, id, problem, text};

const LOG: &str = "/v3/audit-logs";

/// Decodes base64url without padding (RFC 4648 section 5).
fn base64url(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text.bytes() {
        let digit = alphabet.iter().position(|known| *known == byte).expect("base64url");
        bits = (bits << 6) | u32::try_from(digit).expect("six bits");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).expect("eight bits"));
        }
    }
    bytes
}

/// Whether an entry is as it was signed: its text without `signature`, the rest in the order served.
fn is_genuine(entry: &Value, keys: &Value) -> bool {
    let key = UnparsedPublicKey::new(&ED25519, base64url(text(&keys["keys"][0], "x")));
    let mut signed = entry.clone();
    let signature = signed.as_object_mut().unwrap().shift_remove("signature").expect("a signature");
    key.verify(signed.to_string().as_bytes(), &base64url(signature.as_str().unwrap())).is_ok()
}

/// The log, once it holds so many refusals: those are written beside the requests.
async fn with_refusals(owner: &Client, count: usize) -> Vec<Value> {
    for _ in 0..200 {
        let log = owner.get(&format!("{LOG}?page[size]=100")).await.expect(200);
        let refused = log["data"].as_array().unwrap().iter().filter(|entry| entry["granted"] == false);
        let refused: Vec<Value> = refused.cloned().collect();
        if refused.len() >= count {
            assert_eq!(refused.len(), count, "{refused:?}");
            return refused;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the refusals do not appear");
}

on_both! {
    /// Who tried what they may not is in the log.
    async fn refusals_are_told_of(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let headers = [("content-type", "application/json"), ("user-agent", "kongctl/1")];
        let body = json!({ "name": "Mine" }).to_string().into_bytes();
        let refused = ann.client.send(http::Method::POST, "/v3/teams?x=1", &headers, body).await;
        let trace = refused.header("x-request-id").to_owned();
        refused.expect(403);
        let [entry] = with_refusals(&app.owner, 1).await.try_into().unwrap();
        let expected = json!({
            "type": "authorization", "service": "identity",
            "resource": format!("krn:identity:reg/*:org/{}:teams/*", app.org), "action": "create",
            "granted": false, "org_id": app.org, "ts": entry["ts"], "principal_id": ann.id, "actor_id": "",
            "client_ip": "127.0.0.1",
            "uri": "/v3/teams?x=1", "user_agent": "kongctl/1", "trace_id": trace,
            "credential": { "type": "personalAccessToken", "id": entry["credential"]["id"] },
            "signature": entry["signature"],
        });
        assert_eq!(entry, expected);

        ann.client.delete(&format!("/v3/users/{}", app.owner_id)).await.expect(403);
        with_refusals(&app.owner, 2).await;
        let (_, robot) = app.system_account("robot").await;
        robot.get(LOG).await.expect(403);
        let refused = with_refusals(&app.owner, 3).await;
        let told: Vec<(&str, &str)> = refused
            .iter()
            .map(|entry| (text(entry, "action"), text(entry, "resource").rsplit(':').next().unwrap()))
            .collect();
        let user = format!("users/{}", app.owner_id);
        assert_eq!(
            told,
            [("list", "audit-logs"), ("delete", user.as_str()), ("create", "teams/*")],
            "newest first"
        );
        assert_eq!(refused[0]["credential"]["type"], "systemAccountAccessToken");
    }
}

on_both! {
    /// Whoever says no, the role, the organization's rules, the state of things or the kind of credential,
    /// it is told of.
    async fn every_kind_of_refusal_is_told_of(engine: Engine) {
        let app = TestApp::with(engine, &[("TRUSTED_PROXIES", "127.0.0.1")]).await;
        let ann = app.member("ann@acme.test").await;
        app.owner
            .post(&format!("/v3/users/{}/assigned-roles", ann.id), everywhere("Admin", "Identity"))
            .await
            .expect(201);
        let managed = json!({ "name": "zone", "konnect_managed": true });
        let managed = app.owner.post("/v3/system-accounts", managed).await.expect(201);
        let mut told: Vec<(String, String)> = Vec::new();
        let mut tell = async |action: &str, resource: String| {
            told.push((action.to_owned(), resource));
            let log = with_refusals(&app.owner, told.len()).await;
            let resource = text(&log[0], "resource").splitn(5, ':').last().unwrap_or_default().to_owned();
            assert_eq!((text(&log[0], "action"), &resource), (action, &told[told.len() - 1].1));
            log[0].clone()
        };

        ann.client.patch("/v3/organizations/me", json!({ "owner_id": ann.id })).await.expect(403);
        let entry = tell("edit", "organization".to_owned()).await;
        assert_eq!(entry["principal_id"], json!(ann.id));
        let tokens = format!("/v3/users/{}/access-tokens", ann.id);
        app.owner.post(&tokens, json!({ "name": "ab", "ttl_seconds": 86_400 })).await.expect(403);
        tell("create", format!("users/{}/access-tokens", ann.id)).await;
        app.owner.delete(&format!("/v3/system-accounts/{}", id(&managed))).await.expect(403);
        tell("delete", format!("system-accounts/{}", id(&managed))).await;
        ann.client.get("/v3/internal/users?aid=auth0|1").await.expect(403);
        tell("read", "internal/users".to_owned()).await;

        let list = format!("/v3/organizations/{}/ip-allow-list", app.org);
        app.owner.put(&list, json!({ "enabled": true, "allowed_ips": ["127.0.0.1"] })).await.expect(201);
        let from = [("x-forwarded-for", "203.0.113.9")];
        ann.client.send(http::Method::GET, "/v3/users", &from, Vec::new()).await.expect(403);
        let entry = tell("read", "users".to_owned()).await;
        assert_eq!((&entry["client_ip"], &entry["principal_id"]), (&json!("203.0.113.9"), &json!(ann.id)));

        // What is refused for other reasons is no refusal of access.
        ann.client.get("/v3/users/x").await.expect(400);
        app.anonymous().get("/v3/users").await.expect(401);
        app.owner.delete(&format!("/v3/users/{}", app.owner_id)).await.expect(409);
        with_refusals(&app.owner, 5).await;
    }
}

on_both! {
    /// Everybody can check who has the entry and the published key; whoever changes an entry is found out.
    async fn entries_are_signed(engine: Engine) {
        let app = TestApp::new(engine).await;
        let name = "Ünïcode \u{2028} \"quoted\" \\ \u{1}";
        app.owner
            .post("/v3/teams", json!({ "name": name, "labels": { "b": "2", "a": "1" } }))
            .await
            .expect(201);
        app.owner.patch("/v3/organizations/me", json!({ "name": "Acme Inc" })).await.expect(200);
        let keys = app.anonymous().get("/v2/audit-log-webhook/jwks.json").await.expect(200);
        let (kid, x) = (&keys["keys"][0]["kid"], &keys["keys"][0]["x"]);
        let key = json!({ "alg": "EdDSA", "crv": "Ed25519", "kid": kid, "kty": "OKP", "x": x });
        assert_eq!(keys, json!({ "keys": [key] }));

        let log = app.owner.get(LOG).await.expect(200);
        let entries = log["data"].as_array().unwrap();
        assert_eq!(all(&log, "action"), ["edit", "create", "create"], "the founding is the oldest");
        for entry in entries {
            assert!(is_genuine(entry, &keys), "{entry}");
            for member in ["action", "principal_id", "ts"] {
                let mut forged = entry.clone();
                forged[member] = "something else".into();
                assert!(!is_genuine(&forged, &keys), "[{member}] can be forged");
            }
        }
        let forge = "UPDATE audit_events SET body = replace(body, '\"granted\":true', '\"granted\":false')";
        app.database.query(forge).await;
        let log = app.owner.get(LOG).await.expect(200);
        assert!(!log["data"].as_array().unwrap().iter().any(|entry| is_genuine(entry, &keys)));
        let node = app.another_node().await;
        assert_eq!(node.anonymous().get("/v2/audit-log-webhook/jwks.json").await.expect(200), keys);
    }
}

on_both! {
    /// Newest first, of the last week unless asked otherwise, by time and type, page by page.
    async fn filters_and_pages(engine: Engine) {
        let app = TestApp::new(engine).await;
        // The founding stands in the log, too; a month later it is out of sight.
        app.advance(days(30));
        let ann = app.member("ann@acme.test").await;
        let now = || app.app.clock.now(app.org);
        for n in 0..3 {
            app.owner.post("/v3/teams", json!({ "name": format!("T{n}") })).await.expect(201);
            app.advance(days(1));
        }
        let names = |log: &Value| {
            let changes = all(log, "change");
            changes.iter().map(|change| text(&change["after"], "name").to_owned()).collect::<Vec<_>>()
        };
        let log = app.owner.get(LOG).await.expect(200);
        assert_eq!(names(&log), ["T2", "T1", "T0"]);
        assert_eq!(log["meta"]["page"]["size"], 20);

        let since = now().minus(hours(60));
        let log = app.owner.get(&format!("{LOG}?filter[ts][gte]={since}")).await.expect(200);
        assert_eq!(names(&log), ["T2", "T1"]);
        let log = app.owner.get(&format!("{LOG}?filter[ts][lte]={since}")).await.expect(200);
        assert_eq!(names(&log), ["T0"]);
        let log = app
            .owner
            .get(&format!("{LOG}?filter[ts][gte]={since}&filter[ts][lte]={}", now().minus(hours(36))))
            .await;
        assert_eq!(names(&log.expect(200)), ["T1"]);
        assert_eq!(
            names(&app.owner.get(&format!("{LOG}?filter[type]=authorization")).await.expect(200)).len(),
            3
        );
        assert!(
            names(&app.owner.get(&format!("{LOG}?filter[type]=authentication")).await.expect(200)).is_empty()
        );

        let first =
            app.owner.get(&format!("{LOG}?page[size]=2&filter[type]=authorization")).await.expect(200);
        assert_eq!(names(&first), ["T2", "T1"]);
        let second = app.owner.get(&format!("/v3{}", text(&first["meta"]["page"], "next"))).await.expect(200);
        assert_eq!((names(&second), &second["meta"]["page"]["next"]), (vec!["T0".to_owned()], &json!(null)));
        let back =
            app.owner.get(&format!("/v3{}", text(&second["meta"]["page"], "previous"))).await.expect(200);
        assert_eq!(back["data"], first["data"]);

        app.advance(days(4));
        assert_eq!(names(&app.owner.get(LOG).await.expect(200)), ["T2", "T1"], "a week back from now");
        let bad = app
            .owner
            .get(&format!("{LOG}?filter[type]=x&filter[ts][eq]=x&filter[action]=create&page[size]=0"))
            .await;
        let fields: Vec<Value> =
            complaints(bad).as_array().unwrap().iter().map(|entry| entry[0].clone()).collect();
        assert_eq!(fields, ["filter[type]", "filter[ts][eq]", "filter[action]", "page[size]"]);
        let turned = app
            .owner
            .get(&format!("{LOG}?filter[ts][gte]={}&filter[ts][lte]={}", now(), now().minus(days(1))))
            .await;
        assert_eq!(complaints(turned), json!([["filter[ts][gte]", "must not be after filter[ts][lte]"]]));

        assert_eq!(problem(ann.client.get(LOG).await), forbidden());
        let role = everywhere("Admin", "Audit Logs");
        app.owner.post(&format!("/v3/users/{}/assigned-roles", ann.id), role).await.expect(201);
        ann.client.get(LOG).await.expect(200);
        let (rival, rival_org) = app.another_organization("owner@rival.test").await;
        let theirs = rival.client.get(LOG).await.expect(200);
        assert_eq!(
            all(&theirs, "resource"),
            [format!("krn:identity:reg/*:org/{rival_org}")],
            "only their founding"
        );
    }
}

on_both! {
    /// Entries are kept as long as the operator says, in each organization, and no longer.
    async fn retention(engine: Engine) {
        let app = TestApp::with(engine, &[("AUDIT_RETENTION_DAYS", "30")]).await;
        let (rival, rival_org) = app.another_organization("owner@rival.test").await;
        let old = app.owner.post("/v3/teams", json!({ "name": "Old" })).await.expect(201);
        rival.client.post("/v3/teams", json!({ "name": "Theirs" })).await.expect(201);
        app.advance(days(29));
        app.owner.post("/v3/teams", json!({ "name": "New" })).await.expect(201);
        assert_eq!(audit_logs::purge(&app.app, app.org).await.expect("purged"), 0);
        app.advance(days(2));
        assert_eq!(
            audit_logs::purge(&app.app, app.org).await.expect("purged"),
            2,
            "the founding and the team"
        );
        let log = app.owner.get(&format!("{LOG}?filter[ts][gte]=2020-01-01T00:00:00Z")).await.expect(200);
        assert_eq!(log["data"][0]["change"]["after"]["name"], "New");
        assert_eq!(log["data"].as_array().unwrap().len(), 1);
        app.owner.get(&format!("/v3/teams/{}", id(&old))).await.expect(200);
        assert_eq!(
            app.database.query("SELECT type FROM audit_events").await.len(),
            3,
            "theirs are still there"
        );
        identity::housekeeping::sweep(&app.app).await.expect("swept");
        assert_eq!(
            audit_logs::purge(&app.app, rival_org).await.expect("purged"),
            0,
            "the sweep was there already"
        );
    }
}

//! Every change leaves one entry in the audit log, or does not happen.

use std::{collections::BTreeSet, sync::Arc};

use frame::operations::Spec;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Beside, Client, Engine, Resolver, TestApp, on_both};

use crate::{id, text};

mod applications;
mod identity;

const ENTRIES: &str = "SELECT body FROM audit_events ORDER BY seq";

/// Does one of everything, each first while the audit log cannot be written, and then for good.
struct Day {
    app: TestApp,
    beside: Beside,
    specs: Vec<Arc<Spec>>,
    done: BTreeSet<&'static str>,
    secrets: Vec<String>,
    _resolver: Resolver,
}

impl Day {
    async fn begin(engine: Engine) -> Self {
        let resolver = Resolver::serve().await;
        let [region, endpoint] = resolver.settings();
        let app = TestApp::with(engine, &[("SHOW_INVITE_LINKS", "true"), region, endpoint]).await;
        let specs = latchkey::operations().iter().map(|operation| Arc::clone(&operation.spec)).collect();
        let secrets = vec![app.owner.token().to_owned()];
        let beside = app.database.beside().await;
        Self { app, beside, specs, done: BTreeSet::new(), secrets, _resolver: resolver }
    }

    /// Makes writing to the audit log fail, or not any more.
    async fn break_log(&mut self, broken: bool) {
        let sql = match (&self.beside, broken) {
            (Beside::Sqlite(_), true) => {
                "CREATE TRIGGER broken BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'the log is full'); END"
            }
            (Beside::Sqlite(_), false) => "DROP TRIGGER broken",
            (Beside::Postgres(_), true) => {
                "CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'the log is full'; END $$; \
                 CREATE TRIGGER broken BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION broken()"
            }
            (Beside::Postgres(_), false) => "DROP TRIGGER broken ON audit_events",
        };
        self.beside.query(sql).await;
    }

    /// The owner does this.
    async fn step(
        &mut self,
        operation: &'static str,
        at: &[&str],
        body: Value,
        entry: (&str, &str),
    ) -> Value {
        let owner = self.app.owner.clone();
        let who = ("personalAccessToken", self.app.owner_id.to_string());
        self.step_as(&owner, who, operation, at, body, entry).await
    }

    /// Somebody does this: nothing comes of it without an entry, and with it exactly one, which says
    /// that the caller did this to that (`{new}` is the id in the reply, `?` one that is not). Returns
    /// the reply.
    async fn step_as(
        &mut self,
        caller: &Client,
        who: (&str, String),
        operation: &'static str,
        at: &[&str],
        body: Value,
        (action, resource): (&str, &str),
    ) -> Value {
        let spec = self.specs.iter().find(|spec| spec.id == operation).expect("an operation").clone();
        let mut values = at.iter();
        let filled = |segment: &str| {
            if segment.starts_with('{') {
                *values.next().expect("a value for each parameter")
            } else {
                segment
            }
            .to_owned()
        };
        let path = spec.path.split('/').map(filled).collect::<Vec<_>>().join("/");
        let body = (spec.method != Method::DELETE).then_some(body);

        let before = self.beside.dump().await;
        self.break_log(true).await;
        let failed = caller.unchecked().call(spec.method.clone(), &path, body.clone()).await;
        assert_eq!(failed.status, 500, "[{operation}] answered {}", failed.text);
        assert!(!failed.text.contains("full"), "the client learns no more than that: {}", failed.text);
        self.break_log(false).await;
        let after = self.beside.dump().await;
        assert!(before == after, "[{operation}] left something behind without an entry in the log");

        let reply = caller.call(spec.method.clone(), &path, body).await;
        assert_eq!(reply.status, spec.reply.status, "[{operation}] answered {}", reply.text);
        let entries = self.beside.query(ENTRIES).await;
        let new = &entries[before["audit_events"].len()..];
        let [entry] = new else { panic!("[{operation}] left {} entries: {new:?}", new.len()) };
        let resource = resource.replace("{new}", reply.body["id"].as_str().unwrap_or_default());
        self.check_entry(&reply, entry, who, &path, action, &resource);
        for member in ["token", "konnect_token", "link", "api_key"] {
            self.secrets.extend(reply.body[member].as_str().map(str::to_owned));
        }
        self.done.insert(operation);
        reply.body
    }

    fn check_entry(
        &self,
        reply: &Answer,
        entry: &str,
        who: (&str, String),
        path: &str,
        action: &str,
        resource: &str,
    ) {
        let entry: Value = serde_json::from_str(entry).expect("JSON");
        let org = self.app.org;
        let colon = if resource.is_empty() { "" } else { ":" };
        let regional =
            ["dcr-providers/", "application-auth-strategies/", "portals/", "apis/", "api-products/"];
        let (service, region) = match regional.iter().any(|kind| resource.starts_with(kind)) {
            true => ("konnect", "us"),
            false => ("identity", "*"),
        };
        let mut krn = format!("krn:{service}:reg/{region}:org/{org}{colon}{resource}");
        if krn.ends_with("/?") {
            krn.truncate(krn.len() - 1);
            krn.push_str(text(&entry, "resource").strip_prefix(&krn).expect("the resource"));
        }
        let expected = json!({
            "type": "authorization", "service": service, "resource": krn, "action": action, "granted": true,
            "org_id": org, "ts": entry["ts"], "principal_id": who.1, "actor_id": "", "client_ip": "127.0.0.1",
            "uri": path, "user_agent": "", "trace_id": reply.header("x-request-id"),
            "credential": { "type": who.0, "id": entry["credential"]["id"] }, "change": entry["change"],
        });
        assert_eq!(entry, expected);
        assert!(entry["change"].is_object(), "{entry}");
        let shown = &entry["change"]["after"];
        if shown["id"] == reply.body["id"] && !shown["id"].is_null() {
            let mut body = reply.body.clone();
            for secret in ["token", "konnect_token"] {
                body.as_object_mut().map(|body| body.remove(secret));
            }
            let mut shown = shown.clone();
            // Of portals, developers and applications the log speaks as the newer API does; what both have is the same.
            if let (Some(old), Some(new)) = (body.as_object_mut(), shown.as_object_mut())
                && (path.starts_with("/v2/portals") || path.starts_with("/api/v2/"))
            {
                new.retain(|name, _| old.contains_key(name));
                old.retain(|name, _| new.contains_key(name));
                assert!(new.len() >= 5, "{new:?}");
            }
            assert_eq!(shown, body, "what the log says became of it is what the client was told");
        }
    }
}

on_both! {
    /// One of every operation that changes something. A new one that is missing here fails the test.
    async fn every_change_leaves_one_entry_or_does_not_happen(engine: Engine) {
        let mut day = Day::begin(engine).await;
        identity::people(&mut day).await;
        identity::machines(&mut day).await;
        identity::rules(&mut day).await;
        identity::providers(&mut day).await;
        applications::application_auth(&mut day).await;
        applications::publishing(&mut day).await;
        applications::applications(&mut day).await;
        applications::version_registrations(&mut day).await;
        applications::products(&mut day).await;
        // What signing in and out leaves behind is told where it is told how that works.
        let elsewhere = [
            "accept-invite",
            "authenticate",
            "authenticate-kauth",
            "check-gateway-access",
            "check-gateway-access-v2",
            "create-password-reset-kauth",
            // So is what callers of the bridge had done, in the story of the bridge.
            "dcr-bridge-create-client",
            "dcr-bridge-delete-client",
            "dcr-bridge-event-hook",
            "dcr-bridge-new-secret",
            "delete-user-mfas",
            "delete-users-me",
            "developer-logout",
            "forgot-password",
            "introspect-token",
            "logout",
            "patch-oauth-device-confirm",
            "patch-password-reset-kauth",
            "patch-users-me-password",
            "post-auth0-register-internal",
            "post-auth0-user-mfa-settings-internal",
            "post-oauth-device-authorize",
            "post-oauth-device-authorize-user",
            "post-oauth-device-token",
            "refresh",
            "refresh-application-token",
            "regenerate-application-secret",
            "refresh-token",
            "refresh-token-kauth",
            "register",
            "register-kauth",
            "reset-password",
            "revoke-token",
            "saml-acs",
            "verify-email",
            "verify-email-kauth",
        ];
        let changing = day.specs.iter().filter(|spec| spec.method != Method::GET && !spec.page).map(|spec| spec.id);
        let changing = changing.filter(|id| !elsewhere.contains(id));
        assert_eq!(day.done, changing.collect::<BTreeSet<_>>());
        for secret in &day.secrets {
            let secret = secret.rsplit('=').next().unwrap_or_default();
            assert_eq!(day.app.database.holding(secret).await, [""; 0], "a secret lies in the database");
        }
    }
}

on_both! {
    /// What changes nothing leaves nothing; what follows from a change is told of as well.
    async fn no_more_and_no_less(engine: Engine) {
        let app = TestApp::new(engine).await;
        let count = async || app.database.query(ENTRIES).await.len();
        let tokens = format!("/v3/users/{}/access-tokens", app.owner_id);
        let token = app.owner.post(&tokens, json!({ "name": "ab", "ttl_seconds": 86_400 })).await.expect(201);
        let revoke = format!("{tokens}/{}/revoke", id(&token));
        app.owner.patch(&revoke, json!({})).await.expect(200);
        let before = count().await;
        app.owner.patch(&revoke, json!({})).await.expect(200);
        app.owner.post("/v3/teams", json!({ "name": "" })).await.expect(400);
        app.owner.post("/v3/invites", json!({ "email": "owner@acme.test" })).await.expect(409);
        app.owner.delete(&format!("/v3/users/{}", app.owner_id)).await.expect(409);
        app.owner.get("/v3/users").await.expect(200);
        assert_eq!(count().await, before);

        let config = json!({ "issuer_url": "https://issuer.test", "client_id": "latchkey" });
        let provider = json!({ "type": "oidc", "config": config });
        let provider = app.owner.post("/v3/identity-providers", provider).await.expect(201);
        let only_oidc = json!({ "oidc_auth_enabled": true, "basic_auth_enabled": false });
        app.owner.patch("/v3/authentication-settings", only_oidc).await.expect(200);
        app.owner.delete(&format!("/v3/identity-providers/{}", id(&provider))).await.expect(204);
        let entries = app.database.query(ENTRIES).await;
        let [.., settings, deletion] = entries.as_slice() else { panic!("{entries:?}") };
        let settings: Value = serde_json::from_str(settings).unwrap();
        assert!(text(&settings, "resource").ends_with(":authentication-settings"));
        assert_eq!(settings["change"]["before"]["basic_auth_enabled"], false);
        assert_eq!(settings["change"]["after"]["basic_auth_enabled"], true);
        assert!(deletion.contains("identity-providers/"));
        assert_eq!(count().await, before + 4);
    }
}

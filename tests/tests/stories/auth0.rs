//! People whom an Auth0 tenant signs in found organizations and see theirs. The tenant is a real OpenID provider
//! of another make: what counts of Auth0 are its signed tokens, which the provider makes by the same standards.

use serde_json::{Value, json};
use tests::{Client, Engine, OpenIdProvider, TestApp, node_peers, on_both};

use crate::{days, sso::PROVIDERS, text};

const AUDIENCE: &str = "https://latchkey.test/api";
const REGISTER: &str = "/v3/internal/auth0/register";
const LIST: &str = "/v3/internal/auth0/organizations";

struct Tenant {
    app: TestApp,
    idp: OpenIdProvider,
}

async fn tenant(engine: Engine) -> Option<Tenant> {
    let idp = OpenIdProvider::start(&node_peers()?);
    let app = TestApp::with(engine, &[("AUTH0_ISSUER", &idp.issuer), ("AUTH0_AUDIENCE", AUDIENCE)]).await;
    Some(Tenant { app, idp })
}

fn ann() -> Value {
    json!({
        "sub": "auth0|ann", "aud": [AUDIENCE, "https://tenant.test/userinfo"],
        "https://latchkey.test/email": "ann@new.test", "https://latchkey.test/email_verified": true, "name": "Ann Lee",
    })
}

impl Tenant {
    /// Somebody with a token of these claims.
    async fn caller(&self, claims: Value) -> Client {
        self.app.anonymous().with_token(&self.idp.mint(claims).await)
    }
}

fn acme() -> Value {
    json!({ "organization_name": "Newcomers", "default_region": "eu" })
}

on_both! {
    /// Registering makes the organization, its owner and its region; the subject is the owner's from then on.
    async fn registering(engine: Engine) {
        let Some(tenant) = tenant(engine).await else { return };
        let ann_calls = tenant.caller(ann()).await;
        ann_calls.get(LIST).await.expect(404);
        let made = ann_calls.post(REGISTER, acme()).await.expect(201);
        assert_eq!(made["login_path"], "");
        let org = text(&made, "organization_id").to_owned();
        let login_path = format!("/v2/authenticate/federated?org_id={org}");
        let page = json!({ "number": 1, "size": 1, "total": 1 });
        let listed = json!({ "meta": { "page": page }, "data": [{ "name": "Newcomers", "login_path": login_path }] });
        assert_eq!(ann_calls.get(LIST).await.expect(200), listed);

        let service = tenant.app.service("portal").await;
        let users = service.get("/v3/internal/users?aid=auth0%7Cann").await.expect(200);
        assert_eq!(users["data"][0]["organization_id"], json!(org));
        let settings = json!({ "email": "ann@new.test", "auth0id": "auth0|ann" });
        let mfa = service.post("/v3/internal/auth0/users/mfa-settings", settings).await.expect(200);
        assert_eq!(mfa, json!({ "mfa_enabled": true }), "it is on unless one says otherwise");
        let owner = "SELECT u.full_name || ' ' || u.inferred_region FROM users u JOIN organizations o \
                     ON o.org_id = u.org_id AND o.owner_id = u.id WHERE o.name = 'Newcomers'";
        assert_eq!(tenant.app.database.beside().await.query(owner).await, ["Ann Lee eu"]);

        let mut other = acme();
        other["organization_name"] = json!("Second");
        other["mfa_enabled"] = json!(false);
        // A known subject needs no address.
        let known = json!({ "sub": "auth0|ann", "aud": AUDIENCE, "email": "ann@new.test" });
        tenant.caller(known).await.post(REGISTER, other).await.expect(201);
        let all = ann_calls.get(LIST).await.expect(200);
        assert_eq!(all["data"].as_array().map(Vec::len), Some(2));

        // Where its link leads: to passwords, or to the organization's provider.
        let nobody = tenant.app.anonymous();
        assert_eq!(nobody.get(&login_path).await.header("location"), "/login?return_to=%2Faccount");
        let config = json!({ "issuer_url": tenant.idp.issuer, "client_id": "latchkey" });
        let provider = json!({ "type": "oidc", "enabled": true, "login_path": "acme", "config": config });
        tenant.app.owner.post(PROVIDERS, provider).await.expect(201);
        tenant.app.owner.patch("/v3/authentication-settings", json!({ "oidc_auth_enabled": true })).await.expect(200);
        let answer = nobody.get(&format!("/v3/authenticate/federated?org_id={}", tenant.app.org)).await;
        assert!(answer.header("location").starts_with(&format!("{}/auth?", tenant.idp.issuer)));
        assert_eq!(nobody.get("/v3/authenticate/federated?org_id=x").await.bad_fields(), ["org_id"]);
    }
}

on_both! {
    /// A token that is not the tenant's, not for us, or not for now is none; and nobody is taken over by an
    /// address that the tenant has not verified.
    async fn who_is_refused(engine: Engine) {
        let Some(tenant) = tenant(engine).await else { return };
        let with = |change: Value| {
            let mut claims = ann();
            claims.as_object_mut().expect("claims").extend(change.as_object().expect("changes").clone());
            claims
        };
        for wrong in [
            json!({ "iss": "https://evil.test/" }),
            json!({ "aud": "https://other.test/api" }),
            json!({ "exp": 1_000_000 }),
            json!({ "iat": 9_999_999_999_u64 }),
            json!({ "sub": "" }),
        ] {
            let caller = tenant.caller(with(wrong.clone())).await;
            assert_eq!(caller.post(REGISTER, acme()).await.status, 401, "{wrong}");
            assert_eq!(caller.get(LIST).await.status, 401, "{wrong}");
        }
        for token in [tenant.app.owner.token(), "x", "eyJhbGciOiJub25lIn0.e30."] {
            tenant.app.anonymous().with_token(token).post(REGISTER, acme()).await.expect(401);
        }
        tenant.app.anonymous().get(LIST).await.expect(401);

        let unverified = with(json!({ "https://latchkey.test/email": "owner@acme.test", "https://latchkey.test/email_verified": false }));
        tenant.caller(unverified).await.post(REGISTER, acme()).await.expect(403);
        let nameless = json!({ "sub": "auth0|x", "aud": AUDIENCE, "https://latchkey.test/email": "none" });
        tenant.caller(nameless).await.post(REGISTER, acme()).await.expect(404);
        let caller = tenant.caller(ann()).await;
        assert_eq!(caller.post(REGISTER, json!({ "default_region": "mars" })).await.bad_fields(), ["organization_name", "default_region"]);
        tenant.app.clock.advance(days(1));
        caller.post(REGISTER, acme()).await.expect(201);

        // Without a tenant there is nobody to believe.
        let other = TestApp::new(engine).await;
        other.anonymous().with_token(caller.token()).get(LIST).await.expect(401);
    }
}

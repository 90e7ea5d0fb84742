//! People whom an Auth0 tenant signs in found organizations and see theirs. The tenant is a simulator of Auth0, and
//! where it takes tokens that no tenant makes, a real OpenID provider of another make: what counts of Auth0 are its
//! signed tokens, which the provider makes by the same standards.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tests::{Auth0Simulator, Client, Engine, OpenIdProvider, TestApp, node_peers, on_both};

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

/// A server that takes the tokens of this tenant.
async fn trusting(engine: Engine, simulator: &Auth0Simulator) -> TestApp {
    let authority = simulator.authority();
    let settings = [
        ("AUTH0_ISSUER", simulator.issuer.as_str()),
        ("AUTH0_AUDIENCE", AUDIENCE),
        ("OUTBOUND_CA_FILE", authority.to_str().expect("a path")),
    ];
    TestApp::with(engine, &settings).await
}

on_both! {
    /// Who signs in at the tenant with a password founds an organization by that and finds it again; the address is
    /// what the tenant says at its userinfo endpoint.
    async fn a_simulated_tenant(engine: Engine) {
        let Some(folder) = node_peers() else { return };
        let simulator = Auth0Simulator::start(&folder);
        let app = trusting(engine, &simulator).await;
        let signs_in = async |email: &str| {
            let tokens = simulator.sign_in(email, AUDIENCE, "portal").await;
            app.anonymous().with_token(text(&tokens, "access_token"))
        };
        let ann = signs_in("ann@new.test").await;
        ann.get(LIST).await.expect(404);
        let made = ann.post(REGISTER, acme()).await.expect(201);
        let login_path = format!("/v2/authenticate/federated?org_id={}", text(&made, "organization_id"));
        let listed = json!([{ "name": "Newcomers", "login_path": login_path }]);
        assert_eq!(ann.get(LIST).await.expect(200)["data"], listed);
        assert_eq!(signs_in("ann@new.test").await.get(LIST).await.expect(200)["data"], listed);
        let owner = "SELECT u.full_name || ' ' || u.email FROM users u JOIN organizations o \
                     ON o.org_id = u.org_id AND o.owner_id = u.id WHERE o.name = 'Newcomers'";
        assert_eq!(app.database.beside().await.query(owner).await, ["Ann Lee ann@new.test"]);

        let bob = signs_in("bob@new.test").await;
        bob.get(LIST).await.expect(404);
        bob.post(REGISTER, json!({ "organization_name": "Bob's", "default_region": "us" })).await.expect(201);
        assert_eq!(bob.get(LIST).await.expect(200)["data"][0]["name"], "Bob's");
        assert_eq!(ann.get(LIST).await.expect(200)["data"], listed);
    }
}

on_both! {
    /// A token that is for somebody else, of somebody else, for nobody, over, or that somebody has worked on is none.
    async fn tokens_of_a_simulated_tenant_that_are_none(engine: Engine) {
        let Some(folder) = node_peers() else { return };
        let simulator = Auth0Simulator::start(&folder);
        let app = trusting(engine, &simulator).await;
        let good = simulator.sign_in("ann@new.test", AUDIENCE, "portal").await;
        let refused = async |what: &str, token: &str| {
            let caller = app.anonymous().with_token(token);
            assert_eq!(caller.post(REGISTER, acme()).await.status, 401, "{what}");
            assert_eq!(caller.get(LIST).await.status, 401, "{what}");
        };
        for audience in ["https://other.test/api", "https://latchkey.test/api/", ""] {
            let other = simulator.sign_in("ann@new.test", audience, "portal").await;
            refused(audience, text(&other, "access_token")).await;
        }
        // What the tenant tells a client of somebody is for the client.
        refused("an id token", text(&good, "id_token")).await;
        let machine = json!({ "grant_type": "client_credentials", "client_id": "portal", "audience": AUDIENCE });
        refused("a machine's", text(&simulator.tokens(&machine).await, "access_token")).await;
        // Every simulator signs with the same key.
        let other = Auth0Simulator::start(&folder);
        let others = other.sign_in("ann@new.test", AUDIENCE, "portal").await;
        refused("another tenant's", text(&others, "access_token")).await;

        let good = text(&good, "access_token");
        let parts: Vec<&str> = good.split('.').collect();
        let [head, claims, signature] = parts[..] else { panic!("three parts") };
        let changed = |part: &str, from: &str, to: &str| {
            let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("text");
            assert!(text.contains(from), "{text}");
            BASE64_URL_SAFE_NO_PAD.encode(text.replace(from, to))
        };
        let (bobs, unsigned) = (changed(claims, "auth0|ann", "auth0|bob"), changed(head, "RS256", "none"));
        let flipped = if signature.starts_with('A') { "B" } else { "A" };
        for (what, token) in [
            ("somebody else's claims", format!("{head}.{bobs}.{signature}")),
            ("unsigned", format!("{unsigned}.{claims}.")),
            ("said to be unsigned", format!("{unsigned}.{claims}.{signature}")),
            ("by another algorithm", format!("{}.{claims}.{signature}", changed(head, "RS256", "HS256"))),
            ("without a signature", format!("{head}.{claims}.")),
            ("half", format!("{head}.{claims}")),
            ("with another signature", format!("{head}.{claims}.{flipped}{}", &signature[1..])),
        ] {
            refused(what, &token).await;
        }

        // An address that a token tells and nobody vouches for founds nothing.
        let telling = simulator.sign_in("bob@new.test", AUDIENCE, "tells-addresses").await;
        let bob = app.anonymous().with_token(text(&telling, "access_token"));
        bob.post(REGISTER, acme()).await.expect(403);

        let ann = app.anonymous().with_token(good);
        ann.post(REGISTER, acme()).await.expect(201);
        app.wall.advance(days(42));
        refused("over", good).await;
    }
}

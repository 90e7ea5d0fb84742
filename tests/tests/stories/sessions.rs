//! Signing in with a password, keeping the session going, signing out; and what others ask about tokens.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Engine, TestApp, on_both};

const AUTHENTICATE: &str = "/kauth/api/v1/authenticate";
const PASSWORD: &str = "Correct-Horse-7";
const MINUTE: Duration = Duration::from_secs(60);

/// A cookie that a reply sets: its name, value and path, and its other attributes.
struct Cookie {
    name: String,
    value: String,
    path: String,
    attributes: String,
}

fn cookies(answer: &Answer) -> Vec<Cookie> {
    let lines = answer.headers.get_all("set-cookie").into_iter().map(|line| line.to_str().expect("text"));
    lines
        .map(|line| {
            let (pair, attributes) = line.split_once("; ").expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            let path = attributes.split("; ").find_map(|it| it.strip_prefix("Path=")).expect("a path");
            Cookie {
                name: name.to_owned(),
                value: value.to_owned(),
                path: path.to_owned(),
                attributes: attributes.to_owned(),
            }
        })
        .collect()
}

fn cookie(answer: &Answer, name: &str, path: &str) -> String {
    let found = cookies(answer).into_iter().find(|cookie| cookie.name == name && cookie.path == path);
    found.unwrap_or_else(|| panic!("no cookie [{name}] for [{path}]")).value
}

async fn sign_in(app: &TestApp, username: &str, password: &str) -> Answer {
    app.anonymous().post(AUTHENTICATE, json!({ "username": username, "password": password })).await
}

/// A signed-in owner: the reply to signing in.
async fn signed_in(app: &TestApp) -> Answer {
    app.set_password("owner@acme.test", PASSWORD).await;
    let answer = sign_in(app, "Owner@ACME.test", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

async fn refresh(app: &TestApp, path: &str, token: &str) -> Answer {
    let cookie = format!("konnectrefreshtoken={token}");
    app.anonymous().send(Method::POST, path, &[("cookie", &cookie)], Vec::new()).await
}

/// What an access token says.
fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).expect("a payload");
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("claims")
}

fn with_cookie(client: &Client, token: &str) -> (Client, String) {
    (client.anonymous(), format!("konnectaccesstoken={token}"))
}

on_both! {
    /// Name and password give cookies; the access token works as bearer and as cookie, for half an hour.
    async fn a_password_opens_a_session(engine: Engine) {
        let app = TestApp::new(engine).await;
        let answer = signed_in(&app).await;
        let set = cookies(&answer);
        let places: Vec<(&str, &str)> = set.iter().map(|it| (it.name.as_str(), it.path.as_str())).collect();
        let refreshed = ["/v3/refresh", "/kauth/api/v1/refresh", "/session/refresh"];
        let refreshed = refreshed.map(|path| ("konnectrefreshtoken", path));
        assert_eq!(places, [("konnectaccesstoken", "/"), refreshed[0], refreshed[1], refreshed[2]]);
        for Cookie { attributes, .. } in &set {
            assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite="), "{attributes}");
            assert!(!attributes.contains("Secure"), "the server is reached in clear on this machine");
        }
        assert!(set[0].attributes.contains("Max-Age=1800") && set[1].attributes.contains("Max-Age=3600"));

        let token = &set[0].value;
        let said = claims(token);
        assert_eq!(said["sub"], json!(app.owner_id));
        assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 1800);
        let keys = app.anonymous().get("/.well-known/jwks.json").await.expect(200);
        assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));

        let bearer = app.owner.with_token(token);
        assert_eq!(bearer.get("/v3/users/me").await.expect(200)["id"], json!(app.owner_id));
        bearer.post("/v3/teams", json!({ "name": "By session" })).await.expect(201);
        let (browser, cookie) = with_cookie(&app.owner, token);
        let me = browser.send(Method::GET, "/v3/users/me", &[("cookie", &cookie)], Vec::new()).await;
        assert_eq!(me.expect(200)["id"], json!(app.owner_id));

        app.advance(29 * MINUTE);
        bearer.get("/v3/users/me").await.expect(200);
        app.advance(MINUTE);
        bearer.get("/v3/users/me").await.expect(401);
        let log = app.owner.get("/v3/audit-logs?filter[type]=authentication").await.expect(200);
        assert_eq!(log["data"][0]["outcome"], "success");
        assert_eq!(log["data"][0]["principal_id"], json!(app.owner_id));
    }
}

on_both! {
    /// A browser that another site made write something is refused; a tool that keeps cookies is not.
    async fn cookies_do_not_write_for_others(engine: Engine) {
        let app = TestApp::new(engine).await;
        let token = cookie(&signed_in(&app).await, "konnectaccesstoken", "/");
        let (browser, cookie) = with_cookie(&app.owner, &token);
        let ours = app.app.settings.public_url.clone();
        for (name, value, status) in [
            ("sec-fetch-site", "cross-site", 401),
            ("sec-fetch-site", "same-site", 401),
            ("origin", "https://evil.test", 401),
            ("origin", "null", 401),
            ("sec-fetch-site", "same-origin", 201),
            ("origin", &ours, 201),
            ("x-other", "", 201),
        ] {
            let headers = [("cookie", cookie.as_str()), ("content-type", "application/json"), (name, value)];
            let made = browser.send(Method::POST, "/v3/teams", &headers, b"{\"name\":\"T\"}".to_vec()).await;
            assert_eq!(made.status.as_u16(), status, "{name}: {value}: {}", made.text);
        }
    }
}

on_both! {
    /// Each place to refresh has tokens of its own; each token is good for one use, and for a slip of some
    /// seconds. A second use later ends the session, for the thief and for the owner.
    async fn refresh_tokens_rotate(engine: Engine) {
        let app = TestApp::new(engine).await;
        let answer = signed_in(&app).await;
        let access = app.owner.with_token(&cookie(&answer, "konnectaccesstoken", "/"));
        let mut newest = String::new();
        for (path, status) in [("/v3/refresh", 204), ("/kauth/api/v1/refresh", 200)] {
            let first = cookie(&answer, "konnectrefreshtoken", path);
            let renewed = refresh(&app, path, &first).await;
            assert_eq!(renewed.status.as_u16(), status, "{}", renewed.text);
            let names: Vec<String> = cookies(&renewed).into_iter().map(|it| it.path).collect();
            assert_eq!(names, ["/", path], "the cookie goes where the request went");
            let second = cookie(&renewed, "konnectrefreshtoken", path);
            assert_ne!(first, second);
            let fresh = app.owner.with_token(&cookie(&renewed, "konnectaccesstoken", "/"));
            fresh.get("/v3/users/me").await.expect(200);
            // A reply that got lost.
            assert_eq!(refresh(&app, path, &first).await.status.as_u16(), status);
            let bearer = app.owner.with_token(&second).call(Method::POST, path, None).await;
            assert_eq!(bearer.status.as_u16(), status, "{}", bearer.text);
            newest = cookie(&bearer, "konnectrefreshtoken", path);
        }
        let stolen = cookie(&answer, "konnectrefreshtoken", "/v3/refresh");
        access.get("/v3/users/me").await.expect(200);
        app.advance(Duration::from_secs(11));
        refresh(&app, "/v3/refresh", &stolen).await.expect(401);
        refresh(&app, "/kauth/api/v1/refresh", &newest).await.expect(401);
        access.get("/v3/users/me").await.expect(401);
        let log = app.owner.get("/v3/audit-logs").await.expect(200);
        assert_eq!(log["data"][0]["change"]["reason"], "a refresh token was used twice");
        for nonsense in ["", "kref_", "eyJhbGciOiJub25lIn0.e30.", app.owner.token()] {
            refresh(&app, "/v3/refresh", nonsense).await.expect(401);
        }
    }
}

on_both! {
    /// However often it is refreshed, a session lasts twelve hours, and no token of it says otherwise.
    async fn a_session_ends(engine: Engine) {
        let app = TestApp::new(engine).await;
        let mut answer = signed_in(&app).await;
        let path = "/v3/refresh";
        for _ in 0..13 {
            app.advance(55 * MINUTE);
            let next = refresh(&app, path, &cookie(&answer, "konnectrefreshtoken", path)).await;
            assert_eq!(next.status, 204, "{}", next.text);
            answer = next;
        }
        let said = claims(&cookie(&answer, "konnectaccesstoken", "/"));
        let left = said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap();
        // The clock goes on while the story does, so some seconds may be gone.
        assert!((240..=300).contains(&left), "five minutes are left, and the token says so: {left}");
        app.advance(5 * MINUTE);
        refresh(&app, path, &cookie(&answer, "konnectrefreshtoken", path)).await.expect(401);
        signin::housekeeping::sweep(&app.app).await.expect("swept");
        assert_eq!(app.database.query("SELECT id FROM sessions").await.len(), 0);
        assert_eq!(app.database.query("SELECT hash FROM refresh_tokens").await.len(), 0);
    }
}

on_both! {
    /// Signing out ends the session at once; without one it changes nothing.
    async fn signing_out(engine: Engine) {
        let app = TestApp::new(engine).await;
        let answer = signed_in(&app).await;
        let token = cookie(&answer, "konnectaccesstoken", "/");
        let access = app.owner.with_token(&token);
        access.get("/v3/users/me").await.expect(200);
        let (browser, header) = with_cookie(&app.owner, &token);
        let out = browser.send(Method::POST, "/v3/logout", &[("cookie", &header)], Vec::new()).await;
        let cleared: Vec<bool> = cookies(&out).iter().map(|it| it.attributes.contains("Max-Age=0")).collect();
        assert_eq!(cleared, [true; 4]);
        assert_eq!(out.expect(201), json!({ "login_path": "" }));
        access.get("/v3/users/me").await.expect(401);
        refresh(&app, "/v3/refresh", &cookie(&answer, "konnectrefreshtoken", "/v3/refresh")).await.expect(401);
        for caller in [&app.anonymous(), &access, &app.owner] {
            let again = caller.call(Method::POST, "/v3/logout", None).await.expect(201);
            assert_eq!(again, json!({ "login_path": "" }));
        }
        app.owner.get("/v3/users/me").await.expect(200);

        let config = json!({ "issuer_url": "https://accounts.example.test", "client_id": "latchkey" });
        let provider = json!({ "type": "oidc", "enabled": true, "login_path": "acme", "config": config });
        app.owner.post("/v3/identity-providers", provider).await.expect(201);
        let session = app.session_of(app.owner_id).await;
        app.advance(40 * MINUTE);
        let out = session.call(Method::POST, "/v3/logout", None).await.expect(201);
        assert_eq!(out, json!({ "login_path": "acme" }), "even an expired token says who it was");
    }
}

on_both! {
    /// Who is gone, and whose organization is not active, has no session any more.
    async fn what_else_ends_sessions(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        app.set_password("ann@acme.test", PASSWORD).await;
        let answer = sign_in(&app, "ann@acme.test", PASSWORD).await;
        let session = app.owner.with_token(&cookie(&answer, "konnectaccesstoken", "/"));
        session.get("/v3/users/me").await.expect(200);
        app.owner.delete(&format!("/v3/users/{}", ann.id)).await.expect(204);
        session.get("/v3/users/me").await.expect(401);
        refresh(&app, "/v3/refresh", &cookie(&answer, "konnectrefreshtoken", "/v3/refresh")).await.expect(401);
        sign_in(&app, "ann@acme.test", PASSWORD).await.expect(401);
    }
}

on_both! {
    /// Who does not exist and who mistypes get one answer; guessing gets slow, for both alike.
    async fn guessing(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password("owner@acme.test", PASSWORD).await;
        let problem = |answer: Answer| {
            let mut body = answer.expect(401);
            body.as_object_mut().expect("a problem").remove("instance");
            body
        };
        let wrong = problem(sign_in(&app, "owner@acme.test", "Wrong-Horse-77").await);
        for (name, password) in [("nobody@acme.test", PASSWORD), ("not an address", PASSWORD), ("owner@acme.test", "x")] {
            assert_eq!(problem(sign_in(&app, name, password).await), wrong, "{name}");
        }
        let log = app.owner.get("/v3/audit-logs?filter[type]=authentication").await.expect(200);
        let outcomes: Vec<&str> =
            log["data"].as_array().unwrap().iter().map(|it| it["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["invalid_password", "invalid_password"], "of the one who exists");

        for name in ["owner@acme.test", "OWNER@acme.test", "somebody@acme.test"] {
            let mut statuses = Vec::new();
            for _ in 0..7 {
                let answer = sign_in(&app, name, "Wrong-Horse-77").await;
                if answer.status == 429 {
                    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|wait| wait > 0));
                }
                statuses.push(answer.status.as_u16());
            }
            assert_eq!(statuses.last(), Some(&429), "{name}: {statuses:?}");
        }
        // The right password does not help while the account is closed, however long this took.
        let longer = "UPDATE throttles SET blocked_until = blocked_until + 60000000 WHERE blocked_until > updated_at";
        app.database.query(longer).await;
        sign_in(&app, "owner@acme.test", PASSWORD).await.expect(429);
        app.owner.get("/v3/users/me").await.expect(200);
    }
}

on_both! {
    /// A person with several users gets the one used last; an organization that takes no passwords is left out.
    async fn which_organization(engine: Engine) {
        let app = TestApp::new(engine).await;
        let rival = app.rival("owner@acme.test").await;
        app.set_password("owner@acme.test", PASSWORD).await;
        let org = async || {
            let answer = sign_in(&app, "owner@acme.test", PASSWORD).await;
            claims(&cookie(&answer, "konnectaccesstoken", "/"))["org_id"].clone()
        };
        assert_eq!(org().await, json!(app.org), "the oldest, as long as none was used");
        app.advance(MINUTE);
        rival.session_of(rival.owner_id).await;
        assert_eq!(org().await, json!(rival.org));

        let config = json!({ "issuer_url": "https://accounts.example.test", "client_id": "latchkey" });
        let provider = json!({ "type": "oidc", "enabled": true, "login_path": "rival", "config": config });
        rival.owner.post("/v3/identity-providers", provider).await.expect(201);
        let only = json!({ "basic_auth_enabled": false, "oidc_auth_enabled": true });
        rival.owner.patch("/v3/authentication-settings", only.clone()).await.expect(200);
        assert_eq!(org().await, json!(app.org));
        let provider = json!({ "type": "oidc", "enabled": true, "login_path": "acme", "config": config });
        app.owner.post("/v3/identity-providers", provider).await.expect(201);
        app.owner.patch("/v3/authentication-settings", only).await.expect(200);
        let refused = sign_in(&app, "owner@acme.test", PASSWORD).await.expect(403);
        assert_eq!(refused["detail"], "No organization of this person takes a password");
    }
}

on_both! {
    /// A key that is to come is published before it signs; one that is gone takes its tokens along.
    async fn signing_keys_turn(engine: Engine) {
        let app = TestApp::new(engine).await;
        let keys = &app.app.part::<signin::SignIn>().expect("it is wired").keys;
        let published = async || {
            let set = app.anonymous().get("/.well-known/jwks.json").await.expect(200);
            set["keys"].as_array().expect("keys").iter().map(|key| key["kid"].clone()).collect::<Vec<_>>()
        };
        let header = |token: &str| {
            use base64::Engine as _;
            let part = token.split('.').next().unwrap();
            let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
            serde_json::from_slice::<Value>(&bytes).unwrap()
        };
        let old = app.session_of(app.owner_id).await;
        let first = published().await;
        let make = |lead, alone| signin::keys::Make { lead, unless_after: None, alone };
        keys.make(make(signin::keys::LEAD, false)).await.expect("made");
        assert_eq!(published().await.len(), 2);
        let meanwhile = app.session_of(app.owner_id).await;
        assert_eq!(header(meanwhile.token())["kid"], first[0], "the new one does not sign yet");
        assert_eq!(header(meanwhile.token())["alg"], "EdDSA");

        old.get("/v3/users/me").await.expect(200);
        // Another process made it, as the command does: this one hears of it by and by.
        let there = app.another_node().await;
        let theirs = &there.app.part::<signin::SignIn>().expect("it is wired").keys;
        theirs.make(make(Duration::ZERO, true)).await.expect("made");
        signin::housekeeping::turn(&app.app).await.expect("turned");
        assert_eq!(published().await.len(), 1);
        for client in [&old, &meanwhile] {
            client.get("/v3/users/me").await.expect(401);
        }
        let new = app.session_of(app.owner_id).await;
        new.get("/v3/users/me").await.expect(200);
    }
}

on_both! {
    /// Tokens that only look like ours: each differs from a good one in one thing.
    async fn forged_tokens(engine: Engine) {
        use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
        let app = TestApp::new(engine).await;
        let good = app.session_of(app.owner_id).await;
        good.get("/v3/users/me").await.expect(200);
        let token = good.token().to_owned();
        let parts: Vec<&str> = token.split('.').collect();
        let key = app.anonymous().get("/.well-known/jwks.json").await.expect(200)["keys"][0].clone();
        let mut forged = Vec::new();
        for header in [
            json!({ "alg": "none", "typ": "at+jwt", "kid": key["kid"] }),
            json!({ "alg": "HS256", "typ": "at+jwt", "kid": key["kid"] }),
            json!({ "alg": "EdDSA", "typ": "at+jwt" }),
            json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "other" }),
            json!({ "alg": "EdDSA", "typ": "service+jwt", "kid": key["kid"] }),
            json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": key["kid"], "jwk": key }),
        ] {
            let header = BASE64.encode(header.to_string());
            forged.push(format!("{header}.{}.{}", parts[1], parts[2]));
            forged.push(format!("{header}.{}.", parts[1]));
        }
        let mut said = claims(&token);
        said["sub"] = json!(app.member("ann@acme.test").await.id);
        forged.push(format!("{}.{}.{}", parts[0], BASE64.encode(said.to_string()), parts[2]));
        forged.push(format!("{}.{}.{}", parts[0], parts[1], parts[2].chars().rev().collect::<String>()));
        // Signed with the published key as if it were a shared secret.
        let header = BASE64.encode(json!({ "alg": "HS256", "typ": "at+jwt", "kid": key["kid"] }).to_string());
        let signed = format!("{header}.{}", parts[1]);
        let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key["x"].as_str().unwrap().as_bytes());
        forged.push(format!("{signed}.{}", BASE64.encode(aws_lc_rs::hmac::sign(&secret, signed.as_bytes()))));
        for token in forged {
            app.owner.with_token(&token).get("/v3/users/me").await.expect(401);
        }
        // Another server's, with a key of its own.
        let other = TestApp::new(engine).await;
        let foreign = other.session_of(other.owner_id).await;
        app.owner.with_token(foreign.token()).get("/v3/users/me").await.expect(401);
    }
}

on_both! {
    /// A service asks about any token; whoever has one ends it.
    async fn introspection_and_revocation(engine: Engine) {
        let app = TestApp::new(engine).await;
        let service = app.service("gateway").await;
        let ann = app.member("ann@acme.test").await;
        let (_, robot) = app.system_account("robot").await;
        let session = app.session_of(ann.id).await;
        let other = app.service("other").await;
        let refreshing = signed_in(&app).await;
        let refresh_token = cookie(&refreshing, "konnectrefreshtoken", "/v3/refresh");
        let ask = async |token: &str| service.form("/oauth/introspect", &[("token", token)]).await.expect(200);

        let told = ask(ann.client.token()).await;
        assert_eq!((&told["active"], &told["token_type"]), (&json!(true), &json!("personalAccessToken")));
        assert_eq!((&told["sub"], &told["username"]), (&json!(ann.id), &json!("ann@acme.test")));
        assert_eq!(told["org_id"], json!(app.org));
        for (token, kind) in [
            (robot.token(), "systemAccountAccessToken"),
            (session.token(), "konnectAccessToken"),
            (other.token(), "clientToken"),
            (&refresh_token, "refresh_token"),
        ] {
            let told = ask(token).await;
            assert_eq!((&told["active"], &told["token_type"]), (&json!(true), &json!(kind)));
        }
        assert_eq!(ask("nonsense").await, json!({ "active": false }));
        for caller in [&app.owner, &robot, &session] {
            let refused = caller.form("/oauth/introspect", &[("token", "x")]).await.expect(403);
            assert_eq!(refused["error"], "unauthorized_client");
        }
        let nothing = service.form("/oauth/introspect", &[]).await.expect(400);
        assert_eq!(nothing["error"], "invalid_request");

        let access = cookie(&refreshing, "konnectaccesstoken", "/");
        for token in [ann.client.token(), robot.token(), session.token(), other.token(), &refresh_token] {
            app.anonymous().form("/oauth/revoke", &[("token", token), ("token_type_hint", "x")]).await.expect(200);
            assert_eq!(ask(token).await, json!({ "active": false }));
            app.anonymous().form("/oauth/revoke", &[("token", token)]).await.expect(200);
        }
        assert_eq!(ask(&access).await, json!({ "active": false }), "a refresh token takes its session along");
        ann.client.get("/v3/users/me").await.expect(401);
        robot.get("/v3/organizations/me").await.expect(401);
        app.anonymous().form("/oauth/revoke", &[("token", "nonsense")]).await.expect(200);
        let tokens = app.owner.get(&format!("/v3/users/{}/access-tokens", ann.id)).await.expect(200);
        assert_eq!(tokens["data"][0]["state"], "REVOKED");
        assert_eq!(tokens["data"][0]["revoked_by"], json!(ann.id));
    }
}

on_both! {
    /// What only a session may: change one's names, see what one may do, go.
    async fn me(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let session = app.session_of(ann.id).await;
        let named = json!({ "full_name": "Ann Lee", "preferred_name": "Ann" });
        let changed = session.patch("/v3/users/me", named.clone()).await.expect(200);
        assert_eq!((&changed["full_name"], &changed["preferred_name"]), (&named["full_name"], &named["preferred_name"]));
        assert_eq!(session.get("/v3/users/me").await.expect(200), changed);
        ann.client.patch("/v3/users/me", named).await.expect(403);

        assert_eq!(session.get("/v3/users/me/permissions").await.expect(200), json!({ "data": [] }));
        let role = json!({ "role_name": "Viewer", "entity_type_name": "Control Planes", "entity_id": "*", "entity_region": "eu" });
        app.owner.post(&format!("/v3/users/{}/assigned-roles", ann.id), role).await.expect(201);
        let may = session.get("/v3/users/me/permissions").await.expect(200);
        let resources: Vec<&str> =
            may["data"].as_array().unwrap().iter().map(|it| it["resource"].as_str().unwrap()).collect();
        let org = app.org;
        assert_eq!(resources[0], format!("krn:konnect:reg/eu:org/{org}:control-planes/*"));
        assert_eq!(may["data"][0]["actions"], json!(["#retrieve", "#list"]));
        let owner = app.session_of(app.owner_id).await;
        let root = json!({ "resource": format!("krn:accounts:reg/*:org/{org}"), "actions": ["#root"] });
        assert_eq!(owner.get("/v3/users/me/permissions").await.expect(200)["data"][0], root);
        for (filter, count) in [
            ("filter[region]=eu", resources.len()),
            ("filter[region][eq]=us", 0),
            ("filter[service][eq]=konnect", resources.len()),
            ("filter[actions][eq]=%23delete", 0),
            ("filter[top_level]=true", 0),
            ("filter[top_level]=false", resources.len()),
            ("filter[resource]=control-planes/*", 1),
        ] {
            let found = session.get(&format!("/v3/users/me/permissions?{filter}")).await.expect(200);
            assert_eq!(found["data"].as_array().map(Vec::len), Some(count), "{filter}: {found}");
        }
        let refused = session.get("/v3/users/me/permissions?filter[actions][contains]=x").await.bad_fields();
        assert_eq!(refused, ["[filter][actions][contains]"]);

        session.delete("/v3/users/me").await.expect(403);
        owner.delete("/v3/users/me").await.expect(403);
        app.owner.delete(&format!("/v3/users/{}", ann.id)).await.expect(204);
        app.owner.delete("/v3/users/me").await.expect(403);
        owner.delete("/v3/users/me").await.expect(204);
        for client in [&owner, &app.owner] {
            client.get("/v3/organizations/me").await.expect(401);
        }
        let states = app.database.query("SELECT state FROM organizations").await;
        assert_eq!(states, ["deleting"]);
    }
}

//! A developer is one of one portal: at another host, and for everything that is the organization's, it is nobody;
//! and nobody else is a developer.

use http::Method;
use serde_json::{Value, json};
use tests::{Developer, Engine, TestApp, on_both};

use crate::{developers::DEVELOPER, platform_problem, problem};

/// What is served at portals, and the bodies that it takes.
fn operations() -> Vec<(Method, String, Option<Value>)> {
    let post = |path: &str, body: Option<Value>| (Method::POST, format!("{DEVELOPER}{path}"), body);
    vec![
        post("", Some(json!({ "email": "x@dev.test", "full_name": "x" }))),
        post("/verify-email", Some(json!({ "token": uuid::Uuid::nil() }))),
        post("/forgot-password", Some(json!({ "email": "x@dev.test" }))),
        post("/reset-password", Some(json!({ "token": uuid::Uuid::nil(), "password": Developer::PASSWORD }))),
        post("/authenticate", Some(json!({ "username": "x@dev.test", "password": Developer::PASSWORD }))),
        post("/refresh", None),
        post("/logout", None),
        (Method::GET, format!("{DEVELOPER}/me"), None),
        (Method::GET, "/api/v3/portal".to_owned(), None),
    ]
}

on_both! {
    /// At a host that is no portal's, there is nothing for developers.
    async fn another_host(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "auto_approve_developers": true })).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let none = platform_problem(404, "Not Found", "Not Found");
        let below = format!("x.{}", site.host);
        let odd = format!("{}@evil.test", site.host);
        for host in ["unknown.portal.localhost", "localhost", "127.0.0.1:8080", &below, &odd] {
            for (method, path, body) in operations() {
                let answer = ann.client.at_host(host).call(method, &path, body).await;
                assert_eq!(problem(answer), none, "{host}{path}");
            }
        }
        let (upper, port) = (site.host.to_uppercase(), format!("{}:8443", site.host));
        for host in [&upper, &port, &format!("{}.", site.host)] {
            ann.client.at_host(host).get(&format!("{DEVELOPER}/me")).await.expect(200);
        }
        app.owner.delete(&format!("/v3/portals/{}", site.id)).await.expect(204);
        for (method, path, body) in operations() {
            assert_eq!(problem(ann.client.call(method, &path, body).await), none, "{path}");
        }
    }
}

on_both! {
    /// Another portal knows neither the cookie nor the password nor the address, be it of the same organization or of
    /// another.
    async fn another_portal(engine: Engine) {
        let app = TestApp::new(engine).await;
        let rival = app.rival("owner@rival.test").await;
        let site = app.portal("Public", json!({ "auto_approve_developers": true })).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        for other in [app.portal("Another", json!({})).await, rival.portal("Public", json!({})).await] {
            let there = ann.client.at_host(&other.host);
            there.get(&format!("{DEVELOPER}/me")).await.expect(401);
            there.call(Method::POST, &format!("{DEVELOPER}/refresh"), None).await.expect(401);
            there.call(Method::POST, &format!("{DEVELOPER}/logout"), None).await.expect(204);
            other.sign_in("ann@dev.test").await.expect(401);
            let context = there.get("/api/v3/portal").await.expect(200);
            assert_eq!(context["portal_id"], json!(other.id));
            let body = json!({ "email": "ann@dev.test", "full_name": "Another" });
            other.client.post(DEVELOPER, body).await.expect(201);
        }
        let me = ann.client.get(&format!("{DEVELOPER}/me")).await.expect(200);
        assert_eq!(me["full_name"], "Developer ann@dev.test", "nothing of it has ended or changed");
        ann.client.call(Method::POST, &format!("{DEVELOPER}/refresh"), None).await.expect(204);
    }
}

on_both! {
    /// A developer's token opens nothing of the organization's, however it is shown; a credential of the organization's
    /// opens nothing of a developer's.
    async fn each_to_his_own(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let token = ann.client.cookies().split(';').next().expect("a cookie").split_once('=').expect("a value").1;
        let bearer = app.owner.with_token(token);
        for client in [&ann.client, &bearer, &bearer.at_host(&site.host)] {
            for path in ["/v3/users/me", "/v3/teams", "/v3/portals", &site.developers(), "/v2/dcr-providers"] {
                client.get(path).await.expect(401);
            }
        }
        bearer.at_host(&site.host).get(&format!("{DEVELOPER}/me")).await.expect(401);
        let service = app.service("gateway").await;
        let asked = service.form("/oauth/introspect", &[("token", token)]).await.expect(200);
        assert_eq!(asked, json!({ "active": false }), "who asks about tokens hears nothing of developers");

        let session = app.session_of(app.owner_id).await;
        let (_, robot) = app.system_account("robot").await;
        for other in [&app.owner, &session, &robot, &app.service("a service").await] {
            let at = other.at_host(&site.host);
            at.get(&format!("{DEVELOPER}/me")).await.expect(401);
            let as_cookie = site.client.with_cookies(&format!("portalaccesstoken={}", other.token()));
            as_cookie.get(&format!("{DEVELOPER}/me")).await.expect(401);
        }
        // A refresh token is no access token.
        let refresh = ann.client.cookies().split("portalrefreshtoken=").last().expect("a cookie");
        let swapped = site.client.with_cookies(&format!("portalaccesstoken={refresh}"));
        swapped.get(&format!("{DEVELOPER}/me")).await.expect(401);
        let swapped = site.client.with_cookies(&format!("portalrefreshtoken={token}"));
        swapped.call(Method::POST, &format!("{DEVELOPER}/refresh"), None).await.expect(401);
    }
}

on_both! {
    /// What a page of another site makes a browser send changes nothing.
    async fn another_sites_page(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let (ours, secure) = (format!("http://{}", site.host), format!("https://{}", site.host));
        for (name, value, good) in [
            ("sec-fetch-site", "cross-site", false),
            ("sec-fetch-site", "same-site", false),
            ("origin", "https://evil.test", false),
            ("origin", "http://127.0.0.1:8080", false),
            ("origin", &secure, false),
            ("origin", "null", false),
            ("origin", &ours, true),
            ("sec-fetch-site", "same-origin", true),
        ] {
            for (method, path, body) in operations().into_iter().filter(|(method, ..)| *method == Method::POST) {
                let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
                let headers = [("content-type", "application/json"), (name, value)];
                // Signing out would end what the rest is tried with.
                let client = if path.ends_with("/logout") && good { &site.client } else { &ann.client };
                let status = client.send(method, &path, &headers, body).await.status;
                assert_eq!(status != 403, good, "{path} {name}: {value}: {status}");
            }
            let headers = [(name, value)];
            let me = ann.client.send(Method::GET, &format!("{DEVELOPER}/me"), &headers, Vec::new()).await;
            me.expect(200);
        }
    }
}

on_both! {
    /// Where nobody can sign in, nobody is signed in, and there is nothing to register for.
    async fn without_signing_in(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "display_name": "Acme APIs" })).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let context = json!({
            "portal_id": site.id, "org_id": app.org, "basic_auth_enabled": true, "oidc_auth_enabled": false,
            "saml_auth_enabled": false, "authentication_enabled": true, "rbac_enabled": false, "name": "Acme APIs",
            "canonical_domain": site.host,
        });
        for client in [&site.client, &ann.client, &app.owner.at_host(&site.host)] {
            assert_eq!(client.get("/api/v3/portal").await.expect(200), context);
        }
        let portal = format!("/v3/portals/{}", site.id);
        app.owner.patch(&portal, json!({ "authentication_enabled": false })).await.expect(200);
        ann.client.get(&format!("{DEVELOPER}/me")).await.expect(401);
        let none = platform_problem(404, "Not Found", "Not Found");
        for (method, path, body) in operations() {
            let answer = ann.client.call(method, &path, body).await;
            match path.rsplit('/').next() {
                Some("portal") => {
                    let off = [&answer.body["authentication_enabled"], &answer.body["basic_auth_enabled"]];
                    assert_eq!(off, [&json!(false); 2]);
                }
                Some("me") => drop(answer.expect(401)),
                // Whoever has cookies left gets rid of them.
                Some("logout") => {}
                _ => assert_eq!(problem(answer), none, "{path}"),
            }
        }
        app.owner.patch(&portal, json!({ "authentication_enabled": true })).await.expect(200);
        site.sign_in("ann@dev.test").await.expect(204);
    }
}

//! Headers: what every reply carries, and what none gives away.

use http::Method;
use kernel::Family;
use serde_json::json;
use tests::{Engine, on_both};

use crate::{
    findings::Findings,
    operations,
    reply::Reply,
    world::{JSON, NOBODY, Request, World},
};

/// Headers that tell what the server is made of.
const BANNERS: [&str; 6] = ["server", "x-powered-by", "via", "x-aspnet-version", "x-runtime", "x-generator"];

/// What is wrong with the headers of a reply to an operation.
fn fault(reply: &Reply) -> Option<String> {
    if let Some(banner) = BANNERS.iter().find(|name| reply.headers.contains_key(**name)) {
        return Some(format!("tells its {banner}"));
    }
    if reply.header("x-request-id").parse::<u64>().is_err() {
        return Some("has no x-request-id".to_owned());
    }
    if reply.header("cache-control") != "no-store" || reply.header("x-content-type-options") != "nosniff" {
        return Some("may be cached or guessed at".to_owned());
    }
    let content_type = reply.header("content-type");
    let right = match reply.status {
        _ if reply.text.is_empty() => content_type.is_empty(),
        // OAuth endpoints have an error format of their own.
        400.. if reply.body.get("error").is_some() => content_type == "application/json",
        400.. => content_type == "application/problem+json",
        _ => {
            content_type.starts_with("application/json")
                || content_type.starts_with("application/openmetrics-text")
                || content_type == "application/samlmetadata+xml"
        }
    };
    (!right).then(|| format!("is of type [{content_type}]"))
}

on_both! {
    /// Every operation answered, refused for its path, and refused for its caller.
    async fn headers_of_every_operation(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        let mut traces = Vec::new();
        for operation in operations::all() {
            let path = world.path(operation);
            let unknown = operation
                .path_parameters()
                .next()
                .map(|name| world.path_with(operation, Some((name, NOBODY))));
            let mut replies = Vec::new();
            if operation.method == Method::GET {
                replies.push(world.call(operation, Request::plain("", &path)).await);
            }
            if let Some(unknown) = &unknown {
                replies.push(world.call(operation, Request::json("", unknown, "{}")).await);
            }
            if !operation.schemes.is_empty() {
                let refused = world
                    .call_as(
                        &world.stranger(operation),
                        &operation.method,
                        Request { what: "", path: &path, headers: JSON, body: vec![] },
                    )
                    .await;
                if let Ok(reply) = &refused {
                    findings.want(reply.status == 401, || {
                        format!("{} answers {} to nobody", operation.id, reply.status)
                    });
                    findings.want(reply.header("www-authenticate") == "Bearer", || {
                        format!("{} asks for nothing", operation.id)
                    });
                    let faults = reply.faults(operation.family());
                    findings.want(faults.is_empty(), || format!("{}: {faults:?}", operation.id));
                }
                replies.push(refused);
            }
            for reply in replies {
                match reply {
                    Ok(reply) => {
                        let fault = fault(&reply);
                        findings.want(fault.is_none(), || {
                            format!("{} with {} {}", operation.id, reply.status, fault.unwrap_or_default())
                        });
                        traces.push(reply.header("x-request-id").to_owned());
                    }
                    Err(fault) => findings.note(format!("{}: {fault}", operation.id)),
                }
            }
        }
        findings.end();
        let count = traces.len();
        traces.sort_unstable();
        traces.dedup();
        assert_eq!(traces.len(), count, "each request has a trace of its own");
    }
}

on_both! {
    /// Every status that a client meets, in its form.
    async fn every_status_in_its_form(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        let owner = &world.app.owner;
        let member = world.app.member("bob@acme.test").await.client;
        let team = format!("/v3/teams/{}", world.id("team"));
        let users = format!("{team}/users");
        let doomed = owner.post("/v3/teams", json!({ "name": "Doomed" })).await.expect(201);
        let doomed = format!("/v3/teams/{}", doomed["id"].as_str().expect("an id"));
        let twice = json!({ "id": world.id("user") }).to_string();
        let nobody = world.app.anonymous();
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1 << 20));
        let tokens = format!("/v3/users/{}/access-tokens", world.id("user"));
        let text = [("content-type", "text/plain")];
        for (status, client, method, path, headers, body, family) in [
            (200, owner, "GET", "/v3/teams", JSON, "", Family::Identity),
            (201, owner, "POST", "/v3/teams", JSON, "{\"name\":\"New\"}", Family::Identity),
            (201, owner, "POST", "/v3/invites", JSON, "{\"email\":\"new@acme.test\"}", Family::Identity),
            (204, owner, "DELETE", &doomed, &[], "", Family::Identity),
            (400, owner, "POST", "/v3/teams", JSON, "{}", Family::Identity),
            (400, owner, "GET", "/v3/audit-logs?page[size]=x", &[], "", Family::Platform),
            (401, &nobody, "GET", "/v3/teams", &[], "", Family::Identity),
            (401, &nobody, "GET", &tokens, &[], "", Family::Platform),
            (403, &member, "POST", "/v3/teams", JSON, "{\"name\":\"New\"}", Family::Identity),
            (403, &member, "GET", &tokens, &[], "", Family::Platform),
            (404, owner, "GET", &doomed, &[], "", Family::Identity),
            (404, owner, "GET", "/v3/nothing", &[], "", Family::Identity),
            (405, owner, "PUT", "/v3/teams", JSON, "{}", Family::Identity),
            (409, owner, "POST", &users, JSON, &twice, Family::Identity),
            (413, owner, "POST", "/v3/teams", JSON, &large, Family::Identity),
            (415, owner, "POST", "/v3/teams", &text, "{}", Family::Identity),
        ] {
            let line = format!("{method} {path} with {status}");
            let method: Method = method.parse().expect("a method");
            match world.call_as(client, &method, Request { what: "", path, headers, body: body.into() }).await
            {
                Ok(reply) => {
                    findings
                        .want(reply.status == status, || format!("{line}: {} {}", reply.status, reply.text));
                    let fault = fault(&reply);
                    findings.want(fault.is_none(), || format!("{line} {}", fault.unwrap_or_default()));
                    if status >= 400 {
                        let faults = reply.faults(family);
                        findings.want(faults.is_empty(), || format!("{line}: {faults:?}: {}", reply.text));
                    }
                }
                Err(fault) => findings.note(format!("{line}: {fault}")),
            }
        }
        findings.end();
    }
}

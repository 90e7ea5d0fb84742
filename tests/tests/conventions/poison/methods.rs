//! Methods that a path does not take, and paths that nobody serves.

use http::Method;
use kernel::Family;
use tests::{Engine, on_both};

use crate::{
    findings::{Findings, brief},
    operations,
    world::{NOBODY, Request, World},
};

on_both! {
    /// A path says which methods it takes.
    async fn other_methods_are_refused_by_name(engine: Engine) {
        let world = World::new(engine).await;
        let before = world.state().await;
        let mut findings = Findings::default();
        for (template, methods) in operations::paths() {
            let operation =
                operations::all().iter().find(|it| it.path == template).expect("a path has operations");
            let path = world.path(operation);
            let mut allow: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
            if allow.contains(&"GET") {
                allow.push("HEAD");
            }
            allow.sort_unstable();
            for name in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
                if allow.contains(&name) {
                    continue;
                }
                let method: Method = name.parse().expect("a method");
                // Nobody declares what a path does not take; and `me` looks like an id to who looks it up.
                let caller = if name == "OPTIONS" { world.app.anonymous() } else { world.app.owner.clone() }
                    .unchecked();
                let line = format!("{name} {template}");
                let reply = match world.call_as(&caller, &method, Request::plain("", &path)).await {
                    Ok(reply) => reply,
                    Err(fault) => {
                        findings.note(format!("{line}: {fault}"));
                        continue;
                    }
                };
                findings
                    .want(reply.status == 405, || format!("{line}: {} {}", reply.status, brief(&reply.text)));
                findings.want(reply.header("allow") == allow.join(", "), || {
                    format!("{line}: allows {:?} instead of {allow:?}", reply.header("allow"))
                });
                // A reply to HEAD has no body to look at.
                if name != "HEAD" {
                    let faults = reply.faults(Family::Identity);
                    findings
                        .want(faults.is_empty(), || format!("{line}: {faults:?}: {}", brief(&reply.text)));
                }
            }
        }
        world.unchanged(&mut findings, &before).await;
        findings.end();
    }
}

on_both! {
    /// A path that nobody serves is a problem document like any other 404, to everybody.
    async fn unknown_routes(engine: Engine) {
        let world = World::new(engine).await;
        let before = world.state().await;
        let team = world.id("team");
        let mut findings = Findings::default();
        for path in [
            "/v3",
            "/v3/",
            "/v3/nothing",
            "/v1/teams",
            "/v4/teams",
            "/V3/teams",
            "/v3/Teams",
            "/v3/teams/",
            "/v3//teams",
            "//v3/teams",
            "/v3/teams;x=1",
            "/v3/%00",
            "/v3/%ff",
            "/v3/../v3/teams",
            "/v2/identity-providers",
            "/favicon.ico",
            "/docs/../v3/teams",
            "/docs/nothing",
            "/openapi.yaml",
            "/.env",
            &format!("/v3/teams/{team}/nothing"),
            &format!("/v3/teams/{team}/"),
            &format!("/v3/teams//users/{NOBODY}"),
            &format!("/{}", "a".repeat(10_000)),
            &"/a".repeat(5000),
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
                for caller in [world.app.owner.unchecked(), world.app.anonymous().unchecked()] {
                    let line = format!("{method} {}", brief(path));
                    let request = Request::json("", path, "{");
                    match world.call_as(&caller, &method, request).await {
                        Ok(reply) => {
                            let good = reply.status == 404
                                && reply.body["detail"] == "The resource requested was not found.";
                            findings
                                .want(good, || format!("{line}: {} {}", reply.status, brief(&reply.text)));
                            let faults = reply.faults(Family::Identity);
                            findings.want(faults.is_empty(), || format!("{line}: {faults:?}"));
                        }
                        Err(fault) => findings.note(format!("{line}: {fault}")),
                    }
                }
            }
        }
        world.unchanged(&mut findings, &before).await;
        findings.end();
    }
}

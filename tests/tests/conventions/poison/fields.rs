//! Every field of every body as everything that it must not be.

use std::collections::BTreeSet;

use tests::{Engine, on_both};

use super::spoil::spoil;
use crate::{
    findings::{Findings, brief},
    good, operations,
    world::{JSON, Request, World},
};

on_both! {
    /// The field that is wrong is named, alone, and nothing is written.
    async fn fields_of_the_wrong_kind(engine: Engine) {
        let world = World::new(engine).await;
        let before = world.state().await;
        let mut findings = Findings::default();
        let mut declared = BTreeSet::new();
        let mut spoiled_fields = BTreeSet::new();
        for operation in operations::all() {
            let Some(schema) = &operation.body else { continue };
            let forms = schema["oneOf"].as_array().into_iter().flatten().chain([schema]);
            let properties = forms.filter_map(|form| form["properties"].as_object());
            for name in properties.flat_map(serde_json::Map::keys) {
                declared.insert((operation.id.clone(), name.clone()));
            }
            for (path, good) in good::bodies(&world, operation) {
                for spoiled in spoil(schema, &good) {
                    let name = spoiled.field.split('.').next().unwrap_or_default().to_owned();
                    spoiled_fields.insert((operation.id.clone(), name));
                    let line = format!("{}: {}", operation.id, spoiled.what);
                    let request = Request {
                        what: &line,
                        path: &path,
                        headers: JSON,
                        body: spoiled.body.to_string().into_bytes(),
                    };
                    let reply = match world.call(operation, request).await {
                        Ok(reply) => reply,
                        Err(fault) => {
                            findings.note(format!("{line}: {fault}"));
                            continue;
                        }
                    };
                    let line = format!("{line}: {} {}", reply.status, brief(&reply.text));
                    let entries = reply.body["invalid_parameters"].as_array().cloned().unwrap_or_default();
                    let named = entries
                        .iter()
                        .all(|entry| entry["field"] == *spoiled.field && entry["source"] == "body");
                    let ruled =
                        spoiled.rule.is_none_or(|rule| entries.iter().all(|entry| entry["rule"] == rule));
                    if reply.status != 400 || entries.is_empty() || !named {
                        findings.note(format!("instead of 400 for {}: {line}", spoiled.field));
                        continue;
                    }
                    findings.want(ruled, || format!("instead of {:?}: {line}", spoiled.rule));
                    for fault in reply.faults(operation.family()) {
                        findings.note(format!("{fault}: {line}"));
                    }
                }
            }
        }
        for (id, name) in declared.difference(&spoiled_fields) {
            findings.note(format!("{id}: the field {name} was never spoiled"));
        }
        world.unchanged(&mut findings, &before).await;
        findings.end();
    }
}

on_both! {
    /// All that is wrong is said at once.
    async fn several_wrong_fields(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        // Two keys that look the same once they are cut to what is shown, with another fault between them.
        let long = "k".repeat(100);
        let shown = format!("labels.{}", &long[..80]);
        let alike = format!(r#"{{"name":"x","labels":{{"{long}1":"v","kong":"v","{long}2":"v"}}}}"#);
        for (id, body, fields) in [
            ("create-team", &*alike, &[&*shown, "labels.kong"][..]),
            (
                "create-team",
                r#"{"description":"","labels":{"kong":"v","a":""}}"#,
                &["name", "description", "labels.kong", "labels.a"],
            ),
            (
                "post-system-accounts",
                r#"{"name":7,"description":[],"konnect_managed":"yes"}"#,
                &["name", "description", "konnect_managed"],
            ),
            ("users-assign-role", "{}", &["role_name", "entity_type_name", "entity_region"]),
            (
                "create-personal-access-token",
                r#"{"name":"-","ttl_seconds":1,"more":1}"#,
                &["name", "ttl_seconds", "more"],
            ),
            (
                "put-ip-allow-list",
                r#"{"allowed_ips":["x","10.0.0.0/99"]}"#,
                &["enabled", "allowed_ips.0", "allowed_ips.1"],
            ),
        ] {
            let operation = operations::all().iter().find(|it| it.id == id).expect("the operation is there");
            let path = world.path(operation);
            world.refused(&mut findings, operation, Request::json("several", &path, body), 400, fields).await;
        }
        findings.end();
    }
}

on_both! {
    /// A body that is full of faults gets a reply that is not: a hundred are named, and a client that
    /// mends those is told of the rest.
    async fn a_body_full_of_faults(engine: Engine) {
        let world = World::new(engine).await;
        let groups = format!("[{}7]", "7,".repeat(999));
        let team = format!("{{\"team_id\":\"x\",\"groups\":{groups}}}");
        let mappings = format!("{{\"data\":[{}{team}]}}", format!("{team},").repeat(400));
        let unknown: String = (0..80_000).map(|n| format!("\"k{n}\":1,")).collect();
        let unknown = format!("{{{unknown}\"name\":\"Phone\"}}");
        let labels: String = (0..49).map(|n| format!("\"_{n}\":{{}},")).collect();
        let labels = format!("{{\"labels\":{{{labels}\"_\":1}}}}");
        for (id, body, count) in [
            ("patch-team-group-mappings", mappings, 100),
            ("create-personal-access-token", unknown, 100),
            ("create-team", labels, 51),
        ] {
            let operation = operations::all().iter().find(|it| it.id == id).expect("the operation is there");
            let path = world.path(operation);
            let reply = world.call(operation, Request::json("", &path, body)).await.expect("it answers");
            assert_eq!((reply.status, reply.fields().len()), (400, count), "{id}");
            assert_eq!(reply.faults(operation.family()), [""; 0], "{id}");
            assert!(reply.text.len() < 40_000, "{id}: {} bytes", reply.text.len());
        }
    }
}

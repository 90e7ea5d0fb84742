//! Bodies that are no JSON objects, and bodies of other kinds.

use serde_json::Value;
use tests::{Engine, on_both};

use crate::{
    findings::{Findings, brief},
    good, operations,
    world::{JSON, Request, World},
};

/// Bodies that no JSON object is in, whatever the operation wants.
fn unreadable() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |open: &str, close: &str, levels: usize| {
        format!("{{\"name\":{}1{}}}", open.repeat(levels), close.repeat(levels))
    };
    vec![
        ("an array", b"[]".to_vec()),
        ("an array of objects", b"[{\"name\":\"x\"}]".to_vec()),
        ("a number", b"7".to_vec()),
        ("a string", b"\"name\"".to_vec()),
        ("true", b"true".to_vec()),
        ("null", b"null".to_vec()),
        ("a blank", b" ".to_vec()),
        ("half an object", b"{\"name\":".to_vec()),
        ("an object and more", b"{}{}".to_vec()),
        ("an object and NUL", b"{}\0".to_vec()),
        ("no quotes", b"{name:1}".to_vec()),
        ("a form", b"name=x&email=y".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("UTF-16", b"{\0}\0".to_vec()),
        ("bytes that are not UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
        ("a key twice", b"{\"name\":\"a\",\"name\":\"b\"}".to_vec()),
        ("a key twice, once escaped", b"{\"name\":\"a\",\"n\\u0061me\":\"b\"}".to_vec()),
        ("a nested key twice", b"{\"labels\":{\"a\":\"1\",\"a\":\"2\"}}".to_vec()),
        ("half a surrogate pair", b"{\"name\":\"\\ud800\"}".to_vec()),
        ("a surrogate pair turned round", b"{\"name\":\"\\udc00\\ud800\"}".to_vec()),
        ("NUL", b"{\"name\":\"a\\u0000b\"}".to_vec()),
        ("NUL in a key", b"{\"na\\u0000me\":\"a\"}".to_vec()),
        ("a raw control character", b"{\"name\":\"a\x01b\"}".to_vec()),
        ("infinity", b"{\"name\":1e999}".to_vec()),
        ("no number", b"{\"name\":NaN}".to_vec()),
        ("100 arrays in each other", deep("[", "]", 100).into_bytes()),
        ("100 objects in each other", deep("{\"a\":", "}", 100).into_bytes()),
        ("100000 arrays in each other", deep("[", "]", 100_000).into_bytes()),
    ]
}

on_both! {
    /// What is no JSON object is refused as a whole, before anything else of it is looked at.
    async fn what_is_no_object(engine: Engine) {
        let world = World::new(engine).await;
        let before = world.state().await;
        let mut findings = Findings::default();
        for operation in operations::all().iter().filter(|it| it.body.is_some()) {
            let path = world.path(operation);
            for (what, body) in unreadable() {
                world
                    .refused(&mut findings, operation, Request::json(what, &path, body), 400, &["body"])
                    .await;
            }
        }
        world.unchanged(&mut findings, &before).await;
        findings.end();
    }
}

on_both! {
    /// JSON by its content type, whatever the spelling, or by none; nothing else.
    async fn content_types(engine: Engine) {
        let world = World::new(engine).await;
        let before = world.state().await;
        let mut findings = Findings::default();
        for operation in operations::all().iter().filter(|it| it.body.is_some()) {
            let path = world.path(operation);
            // An array gets as far as being read and no further.
            for (content_type, status) in [
                ("application/json", 400),
                ("application/json; charset=utf-8", 400),
                ("application/json;charset=UTF-8", 400),
                ("Application/JSON", 400),
                ("application/merge-patch+json", 400),
                ("application/vnd.acme.team+json; v=1", 400),
                ("text/plain", 415),
                ("text/json", 415),
                ("application/x-www-form-urlencoded", 415),
                ("multipart/form-data; boundary=x", 415),
                ("application/xml", 415),
                ("application/jsonp", 415),
                ("json", 415),
                ("*/*", 415),
                ("", 415),
            ] {
                let headers = [("content-type", content_type)];
                let request =
                    Request { what: content_type, path: &path, headers: &headers, body: b"[]".to_vec() };
                world.refused(&mut findings, operation, request, status, &["body"]).await;
            }
            let request =
                Request { what: "no content type", path: &path, headers: &[], body: b"[]".to_vec() };
            world.refused(&mut findings, operation, request, 400, &["body"]).await;
        }
        world.unchanged(&mut findings, &before).await;
        findings.end();
    }
}

on_both! {
    /// No body is an object without fields: what must be there is missed, by name.
    async fn no_body(engine: Engine) {
        let world = World::new(engine).await;
        let before = world.state().await;
        let mut findings = Findings::default();
        for operation in operations::all() {
            let Some(schema) = &operation.body else { continue };
            let path = world.path(operation);
            let required: Vec<String> = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            let needs_some = schema.get("minProperties").is_some() || schema.get("oneOf").is_some();
            // A key without a name of its own is a key.
            if ["create-credential", "developer-create-credential-v2"].contains(&&*operation.id) {
                continue;
            }
            for (what, headers) in [("nothing", JSON), ("nothing, and no content type", &[])] {
                let reply = world.call(operation, Request { what, path: &path, headers, body: vec![] }).await;
                let reply = match reply {
                    Ok(reply) => reply,
                    Err(fault) => {
                        findings.note(format!("{}: {what}: {fault}", operation.id));
                        continue;
                    }
                };
                let line = format!("{}: {what}: {} {}", operation.id, reply.status, brief(&reply.text));
                if required.is_empty() && !needs_some {
                    // Nothing is marked required, so nothing has to change; or something is needed after all.
                    findings.want([200, 400].contains(&reply.status), || line);
                } else {
                    let missed = required.iter().all(|name| reply.fields().contains(&&**name));
                    findings.want(reply.status == 400 && missed, || line);
                }
                if reply.status == 400 {
                    let faults = reply.faults(operation.family());
                    findings.want(faults.is_empty(), || format!("{}: {what}: {faults:?}", operation.id));
                }
            }
        }
        // A change of nothing moves the date of the change and is in the audit log; no row came or went. How
        // a search index keeps what it was told again is its own affair.
        let after = world.state().await;
        for (table, rows) in after.iter().filter(|(table, _)| table.starts_with("table ")) {
            let count = |rows: &Value| rows.as_array().map(Vec::len);
            let free = ["table audit_events", "table changes"].contains(&table.as_str())
                || table.contains("_search_");
            let same = free || count(rows) == count(&before[table]);
            findings.want(same, || {
                format!("{table} has {:?} rows instead of {:?}", count(rows), count(&before[table]))
            });
        }
        findings.end();
    }
}

on_both! {
    /// An operation that takes no body is not disturbed by one, nor by a content type without a body.
    async fn a_body_where_none_is_wanted(engine: Engine) {
        let world = World::new(engine).await;
        let before = world.state().await;
        let mut findings = Findings::default();
        for operation in operations::gets().filter(|it| !it.takes("aid")) {
            let path = world.path(operation);
            for (what, headers, body) in [
                ("an object", JSON, &b"{\"name\":\"x\"}"[..]),
                ("no JSON", JSON, b"{\0"),
                ("a form", &[("content-type", "application/x-www-form-urlencoded")], b"a=b"),
                ("a content type alone", JSON, b""),
            ] {
                let line = format!("{}: {what}", operation.id);
                match world.call(operation, Request { what, path: &path, headers, body: body.to_vec() }).await
                {
                    Ok(reply) => findings.want(reply.status == 200, || {
                        format!("{line}: {} {}", reply.status, brief(&reply.text))
                    }),
                    Err(fault) => findings.note(format!("{line}: {fault}")),
                }
            }
        }
        world.unchanged(&mut findings, &before).await;
        findings.end();
    }
}

on_both! {
    /// Text that looks dangerous is text: it is kept and shown as it came.
    async fn text_is_kept_as_it_came(engine: Engine) {
        let world = World::new(engine).await;
        let operation =
            operations::all().iter().find(|it| it.id == "create-team").expect("teams can be created");
        let (path, mut body) = good::bodies(&world, operation).remove(0);
        for text in [
            "'; DROP TABLE teams; --",
            "%s%n${jndi}{{7*7}}",
            "<script>alert(1)</script>",
            "a\tb\nc\r\u{1}\u{7f}",
            "\u{202e}txt.exe",
            "e\u{301} \u{e9} \u{212b}",
            "\u{1f511}\u{1f468}\u{200d}\u{1f469}",
            "\u{feff}bom",
            "\u{fffd}\u{ffff}",
            " edge ",
            "\\\"\\u0000",
        ] {
            body["name"] = text.into();
            let reply =
                world.call(operation, Request::json("", &path, body.to_string())).await.expect("it answers");
            assert_eq!((reply.status, &reply.body["name"]), (201, &Value::from(text)), "{}", reply.text);
            let id = reply.body["id"].as_str().expect("an id");
            assert_eq!(world.app.owner.get(&format!("/v3/teams/{id}")).await.expect(200)["name"], text);
            let name: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let found = world.app.owner.get(&format!("/v3/teams?filter[name][eq]={name}")).await.expect(200);
            assert_eq!(found["data"][0]["id"], id, "{text}");
        }
    }
}

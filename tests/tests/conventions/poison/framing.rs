//! Requests that are too large, or hardly HTTP: below the operations, where a connection is easily
//! dropped without a word.

use tests::{Client, Engine, on_both};

use crate::{
    findings::{Findings, brief},
    operations,
    raw::{chunked, exchange, head},
    world::{JSON, Request, World},
};

/// Ten megabytes of JSON.
fn ten_megabytes() -> Vec<u8> {
    format!("{{\"name\":\"{}\"}}", "x".repeat(10_000_000)).into_bytes()
}

on_both! {
    /// Ten megabytes are refused whether their length is announced or not, and to the end of the
    /// conversation: a client that first sends everything must find the answer.
    async fn ten_megabytes_of_json(engine: Engine) {
        let world = World::new(engine).await;
        let before = world.state().await;
        let mut findings = Findings::default();
        for operation in operations::all().iter().filter(|it| it.body.is_some()) {
            let path = world.path(operation);
            let request = Request::json("ten megabytes", &path, ten_megabytes());
            world.refused(&mut findings, operation, request, 413, &[]).await;
            let caller = world.caller(operation);
            let mut announced = head(caller, operation.method.as_str(), &path);
            announced.extend(b"content-type: application/json\r\ncontent-length: 10000011\r\n\r\n");
            announced.extend(ten_megabytes());
            let unannounced = chunked(caller, operation.method.as_str(), &path, &ten_megabytes());
            for (what, request) in [("announced", announced), ("unannounced", unannounced)] {
                let line = format!("{}: ten megabytes, {what}", operation.id);
                match exchange(caller, request).await {
                    Ok(reply) => {
                        findings.want(reply.status == 413, || {
                            format!("{line}: {} {}", reply.status, brief(&reply.text))
                        });
                        let faults = reply.faults(operation.family());
                        findings.want(faults.is_empty(), || format!("{line}: {faults:?}"));
                    }
                    Err(fault) => findings.note(format!("{line}: {fault}")),
                }
            }
        }
        world.unchanged(&mut findings, &before).await;
        findings.end();
    }
}

on_both! {
    /// Who is refused for another reason, or answered, finds the answer as well.
    async fn ten_megabytes_that_nobody_reads(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        let owner = &world.app.owner;
        let anonymous = owner.with_token("none");
        let operations: [(&str, &Client, &str, &str, u16); 5] = [
            ("no credential", &anonymous, "POST", "/v3/teams", 401),
            ("no route", owner, "POST", "/v3/nothing", 404),
            ("no method", owner, "PUT", "/v3/teams", 405),
            ("no body wanted", owner, "GET", "/v3/teams", 200),
            ("no such team", owner, "DELETE", "/v3/teams/7f9fd312-a987-4628-b4c5-bb4f4fddd5f7", 404),
        ];
        for round in 0..5 {
            for (what, caller, method, path, status) in operations {
                let reply = exchange(caller, chunked(caller, method, path, &ten_megabytes())).await;
                let outcome = reply.map_or_else(|fault| fault, |reply| reply.status.to_string());
                findings.want(outcome == status.to_string(), || {
                    format!("{what}, round {round}: {outcome} instead of {status}")
                });
            }
        }
        findings.end();
    }
}

on_both! {
    /// Who asks before sending is told before sending; and a connection that saw a refusal still works.
    async fn who_asks_first(engine: Engine) {
        let world = World::new(engine).await;
        let owner = &world.app.owner;
        let mut request = head(owner, "POST", "/v3/teams");
        request.extend(
            b"content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 10000011\r\n\r\n",
        );
        let reply = exchange(owner, request).await.expect("it answers");
        assert_eq!((reply.status, reply.body["title"].as_str()), (413, Some("Payload Too Large")));
        for _ in 0..20 {
            owner.send(http::Method::POST, "/v3/teams", JSON, ten_megabytes()).await.expect(413);
            owner.get("/v3/teams").await.expect(200);
        }
    }
}

on_both! {
    /// Headers of any size are answered.
    async fn headers_of_any_size(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        let owner = &world.app.owner;
        let (large, huge, wide) = ("h".repeat(60_000), "h".repeat(2_000_000), "a".repeat(1_000_000));
        let many: String = (0..90).map(|n| format!("x-{n}: {n}\r\n")).collect();
        let countless: String = (0..5000).map(|n| format!("x-{n}: {n}\r\n")).collect();
        for (what, path, more, statuses) in [
            ("a large header", "/v3/teams", format!("x-large: {large}\r\n"), &[200][..]),
            ("a large user agent", "/v3/teams", format!("user-agent: {large}\r\n"), &[200]),
            ("90 headers", "/v3/teams", many, &[200]),
            ("a header that is not ASCII", "/v3/teams", "user-agent: \u{e4}\u{1f511}\r\n".to_owned(), &[200]),
            // The HTTP library refuses these, before there is an operation that could word it.
            ("a huge header", "/v3/teams", format!("x-huge: {huge}\r\n"), &[431]),
            ("5000 headers", "/v3/teams", countless, &[431]),
            (
                "a million characters of filter",
                &format!("/v3/users?filter%5Bemail%5D={wide}"),
                String::new(),
                &[414, 431],
            ),
            ("NUL in the path", "/v3/\0teams", String::new(), &[400]),
            ("a length that is no number", "/v3/teams", "content-length: x\r\n".to_owned(), &[400]),
            ("two lengths", "/v3/teams", "content-length: 1\r\ncontent-length: 2\r\n".to_owned(), &[400]),
        ] {
            let mut request = head(owner, "GET", path);
            request.extend(more.into_bytes());
            request.extend(b"\r\n");
            match exchange(owner, request).await {
                Ok(reply) => {
                    let line = format!("{what}: {} {}", reply.status, brief(&reply.text));
                    findings.want(statuses.contains(&reply.status), || line.clone());
                    // Refused before it was a request, it has no number; all else is as ever.
                    let document = reply.status == 200
                        || reply.header("content-type") == "application/problem+json"
                            && reply.body["status"] == reply.status
                            && reply.body["detail"].as_str().is_some_and(|detail| !detail.is_empty())
                            && reply.body["instance"] == "konnect:trace:0"
                            && reply.body.get("invalid_parameters").is_some() == (reply.status == 400);
                    findings.want(document, || line);
                }
                Err(fault) => findings.note(format!("{what}: {fault}")),
            }
        }
        findings.end();
    }
}

on_both! {
    /// A credential in any other form is none.
    async fn credentials_of_any_form(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        let anonymous = world.app.anonymous();
        let token = world.app.owner.token().to_owned();
        let long = format!("Bearer kpat_{}", "a".repeat(60_000));
        let (cut, more) = (format!("Bearer {}", &token[..token.len() - 1]), format!("Bearer {token}x"));
        let (basic, twice) = (format!("Basic {token}"), format!("Bearer Bearer {token}"));
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer  ",
            &token,
            &cut,
            &more,
            &basic,
            &twice,
            &long,
            "Bearer kpat_",
            "Bearer null",
            "Bearer ../../etc/passwd",
            "Bearer eyJhbGciOiJub25lIn0.e30.",
            "Basic bm86Ym9keQ==",
        ] {
            for operation in operations::all().iter().filter(|it| !it.schemes.is_empty()) {
                let path = world.path(operation);
                let headers = [("authorization", value), ("content-type", "application/json")];
                let body = if operation.body.is_some() { b"{}".to_vec() } else { vec![] };
                let request = Request { what: "", path: &path, headers: &headers, body };
                let line = format!("{}: {}", operation.id, brief(value));
                match world.call_as(&world.stranger(operation), &operation.method, request).await {
                    Ok(reply) => {
                        findings.want(reply.status == 401, || format!("{line}: {}", reply.status));
                        let faults = reply.faults(operation.family());
                        findings.want(faults.is_empty(), || {
                            format!("{line}: {faults:?}: {}", brief(&reply.text))
                        });
                    }
                    Err(fault) => findings.note(format!("{line}: {fault}")),
                }
            }
        }
        findings.end();
        // The scheme's name has no case.
        let headers = format!("authorization: bEARER {token}\r\n\r\n");
        let request = format!("GET /v3/users/me HTTP/1.1\r\nhost: localhost\r\n{headers}");
        let reply = exchange(&anonymous, request.into_bytes()).await.expect("it answers");
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}

//! Personal access tokens: their format, their bounds, how many a user may have.

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{all, at_once, complaints, days, forbidden, hours, id, platform_problem, posting, problem, text};

fn tokens_of(user: &impl ToString) -> String {
    format!("/v3/users/{}/access-tokens", user.to_string())
}

/// The regular expression that the documentation gives to scanners.
fn published_pattern() -> &'static str {
    let source = include_str!("../../../crates/kernel/src/token.rs");
    let rest = source.split_once("Regular expression: `").expect("the documentation has it").1;
    rest.split_once('`').expect("an end").0
}

/// CRC-32 (IEEE), bit by bit, in six base-62 digits: written anew from the documentation.
fn published_checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut crc = !crc;
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(char::from(
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[crc as usize % 62],
        ));
        crc /= 62;
    }
    digits.iter().rev().collect()
}

on_both! {
    /// A scanner that knows the documentation knows every token, and none lies in the database.
    async fn tokens_have_a_format_and_are_kept_as_hashes(engine: Engine) {
        let app = TestApp::new(engine).await;
        let body = json!({ "name": "Development Token", "ttl_seconds": 86_400 });
        let personal = app.owner.post(&tokens_of(&app.owner_id), body).await.expect(201);
        let (_, robot) = app.system_account("robot").await;
        let service = app.service("zones").await;
        let pattern = json!({ "type": "string", "pattern": published_pattern() });
        let mut seen = Vec::new();
        for token in [text(&personal, "konnect_token"), app.owner.token(), robot.token(), service.token()] {
            assert!(jsonschema::is_valid(&pattern, &json!(token)), "{token}");
            assert_eq!(token.len(), 54, "as long as the published samples");
            let (head, check) = token.split_at(token.len() - 6);
            assert_eq!(check, published_checksum(head), "{token}");
            assert!(!seen.contains(&token));
            seen.push(token);
            assert_eq!(app.database.holding(token).await, [""; 0]);
        }
        // Without a right checksum it is no token, and costs no look-up.
        let mut forged = app.owner.token().to_owned();
        let last = forged.pop();
        forged.push(if last == Some('0') { '1' } else { '0' });
        let misses = app.app.access.counts().1;
        app.owner.with_token(&forged).get("/v3/users/me").await.expect(401);
        assert_eq!(app.app.access.counts().1, misses);
    }
}

on_both! {
    /// The reply to the creation alone shows the secret; what can be looked at has the contract's members.
    async fn a_token_is_shown_once(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let tokens = tokens_of(&ann.id);
        let clock = || app.app.clock.now(app.org);
        let before = clock();
        let created = ann
            .client
            .post(&tokens, json!({ "name": "o'neil-2.0_x", "ttl_seconds": 86_400 }))
            .await
            .expect(201);
        let now = text(&created, "created_at").parse::<kernel::Timestamp>().unwrap();
        let expected = json!({
            "id": id(&created), "user_id": ann.id, "name": "o'neil-2.0_x", "state": "ACTIVE", "created_at": now,
            "updated_at": now, "expires_at": created["expires_at"],
            "konnect_token": text(&created, "konnect_token"),
        });
        assert_eq!(created, expected);
        let expires_at: kernel::Timestamp = text(&created, "expires_at").parse().unwrap();
        let a_day_on = |then: kernel::Timestamp| then.plus(days(1)).to_string();
        assert!((a_day_on(before)..=a_day_on(clock())).contains(&expires_at.to_string()), "{expires_at}");

        let mut shown = created.clone();
        shown.as_object_mut().unwrap().remove("konnect_token");
        let path = format!("{tokens}/{}", id(&created));
        assert_eq!(ann.client.get(&path).await.expect(200), shown);
        let list = ann.client.get(&tokens).await.expect(200);
        assert_eq!(list["meta"], json!({ "number": 1, "size": 2, "total": 2 }), "flat, unlike other lists");
        assert_eq!(list["data"][1], shown);
        let renamed =
            ann.client.patch(&path, json!({ "name": "Renamed", "expires_at": "2030-01-01T00:00:00Z" })).await;
        let renamed = renamed.expect(200);
        shown["name"] = "Renamed".into();
        shown["updated_at"] = renamed["updated_at"].clone();
        assert_eq!(renamed, shown, "its end cannot be moved");
        let revoked = ann.client.patch(&format!("{path}/revoke"), json!({})).await.expect(200);
        assert_eq!(revoked.get("konnect_token"), None);

        let empty = complaints(ann.client.patch(&path, json!({})).await);
        assert_eq!(empty, json!([["body", "must have at least one property"]]));
        let nameless = complaints(ann.client.patch(&path, json!({ "other": 1 })).await);
        assert_eq!(nameless, json!([["name", "\"name\" is required"]]));
    }
}

on_both! {
    /// What a new token may be called and how long it may live.
    async fn bounds(engine: Engine) {
        let app = TestApp::new(engine).await;
        let tokens = tokens_of(&app.owner_id);
        let from_now = |span| app.app.clock.now(app.org).plus(span);
        let both = json!({ "name": "ab", "ttl_seconds": 86_400, "expires_at": from_now(days(2)) });
        let bad_name = r"name must match /^[\p{L}\p{N}][\p{L}\p{N} _\-\.']*[\p{L}\p{N}]$/ regular expression";
        for (body, field, reason) in [
            (json!({ "name": "ab", "ttl_seconds": 86_399 }), "ttl_seconds", "must be at least 86400"),
            (json!({ "name": "ab", "ttl_seconds": 31_536_001 }), "ttl_seconds", "must be at most 31536000"),
            (
                json!({ "name": "ab", "ttl_seconds": "86400" }),
                "ttl_seconds",
                "\"ttl_seconds\" must be a number",
            ),
            (
                json!({ "name": "ab", "ttl_seconds": 86_400.5 }),
                "ttl_seconds",
                "\"ttl_seconds\" must be a number",
            ),
            (
                json!({ "name": "ab", "expires_at": from_now(hours(23)) }),
                "expires_at",
                "must be at least 1 day away",
            ),
            (
                json!({ "name": "ab", "expires_at": from_now(days(366)) }),
                "expires_at",
                "must be at most [365] days away",
            ),
            (json!({ "name": "ab", "expires_at": "soon" }), "expires_at", "must be an RFC 3339 date-time"),
            (both, "expires_at", "only one of these may be set"),
            (json!({ "name": "ab" }), "ttl_seconds", "\"ttl_seconds\" is required"),
            (
                json!({ "name": "ab", "ttl_seconds": 86_400, "scope": "all" }),
                "scope",
                "\"scope\" is not allowed",
            ),
            (json!({ "ttl_seconds": 86_400 }), "name", "\"name\" is required"),
            (json!({ "name": "a", "ttl_seconds": 86_400 }), "name", bad_name),
            (json!({ "name": "ab ", "ttl_seconds": 86_400 }), "name", bad_name),
            (json!({ "name": "a/b", "ttl_seconds": 86_400 }), "name", bad_name),
            (
                json!({ "name": "x".repeat(257), "ttl_seconds": 86_400 }),
                "name",
                "value of \"name\" must not exceed 256 characters",
            ),
        ] {
            let refused = app.owner.post(&tokens, body.clone()).await;
            assert_eq!(refused.body["title"], "Invalid Request", "{body}");
            assert_eq!(complaints(refused), json!([[field, reason]]), "{body}");
        }
        assert_eq!(app.owner.get(&tokens).await.expect(200)["meta"]["total"], 1, "nothing was made");

        let year = from_now(days(365)).plus(hours(2)).to_string();
        for body in [
            json!({ "name": "ab", "ttl_seconds": 86_400 }),
            json!({ "name": "ab", "ttl_seconds": 31_536_000 }),
            json!({ "name": "Ünïcode 7", "ttl_seconds": 86_400, "expires_at": null }),
            json!({ "name": "x".repeat(256), "expires_at": from_now(days(1)) }),
            json!({ "name": "ab", "expires_at": format!("{}+02:00", year.trim_end_matches('Z')) }),
        ] {
            app.owner.post(&tokens, body).await.expect(201);
        }
    }
}

on_both! {
    /// Twenty at once get exactly the free places; a place is free again when a token stops working.
    async fn ten_live_tokens(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let tokens = tokens_of(&ann.id);
        let body = json!({ "name": "one of many", "ttl_seconds": 86_400 });
        let statuses = at_once((0..20).map(|_| posting(&ann.client, &tokens, body.clone()))).await;
        assert_eq!(statuses, [(201, 9), (409, 11)].into(), "one was there already");
        let eleventh = problem(ann.client.post(&tokens, body.clone()).await);
        let detail =
            "A user may have [10] live personal access tokens, and [10] are live: revoke or delete one first";
        let expected = platform_problem(409, "Conflict", detail);
        assert_eq!(eleventh, expected);
        app.owner.post(&tokens_of(&app.owner_id), body.clone()).await.expect(201);

        let list = ann.client.get(&tokens).await.expect(200);
        let [.., one, other] = list["data"].as_array().unwrap().as_slice() else { panic!("{list}") };
        ann.client.patch(&format!("{tokens}/{}/revoke", id(one)), json!({})).await.expect(200);
        ann.client.delete(&format!("{tokens}/{}", id(other))).await.expect(204);
        let statuses = at_once((0..6).map(|_| posting(&ann.client, &tokens, body.clone()))).await;
        assert_eq!(statuses, [(201, 2), (409, 4)].into());

        app.advance(days(1) + hours(1));
        let statuses = at_once((0..12).map(|_| posting(&ann.client, &tokens, body.clone()))).await;
        assert_eq!(statuses, [(201, 9), (409, 3)].into(), "what has expired is not counted");
    }
}

on_both! {
    /// A revoked token stops at once, stays in the list, and is revoked once; a deleted one is gone.
    async fn revoking_and_deleting(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let tokens = tokens_of(&ann.id);
        let create = async |name: &str| {
            let created =
                ann.client.post(&tokens, json!({ "name": name, "ttl_seconds": 86_400 })).await.expect(201);
            let client = app.owner.with_token(text(&created, "konnect_token"));
            client.get("/v3/users/me").await.expect(200);
            (format!("{tokens}/{}", id(&created)), client)
        };

        let (path, client) = create("revoked by its owner").await;
        app.advance(std::time::Duration::from_secs(1));
        let revoked = client.patch(&format!("{path}/revoke"), json!({})).await.expect(200);
        assert_eq!((text(&revoked, "state"), &revoked["revoked_by"]), ("REVOKED", &json!(ann.id)));
        assert_eq!(revoked["revoked_at"], revoked["updated_at"]);
        client.get("/v3/users/me").await.expect(401);
        app.advance(std::time::Duration::from_secs(1));
        let again = app.owner.patch(&format!("{path}/revoke"), json!({})).await.expect(200);
        assert_eq!(again, revoked, "whoever comes second changes nothing");
        assert_eq!(ann.client.get(&path).await.expect(200), revoked);
        assert_eq!(ann.client.get(&tokens).await.expect(200)["data"][1], revoked);

        let (path, client) = create("revoked by an administrator").await;
        let revoked = app.owner.patch(&format!("{path}/revoke"), json!({})).await.expect(200);
        assert_eq!(revoked["revoked_by"], json!(app.owner_id));
        client.get("/v3/users/me").await.expect(401);

        let (path, client) = create("deleted").await;
        client.delete(&path).await.expect(204);
        client.get("/v3/users/me").await.expect(401);
        let gone = problem(ann.client.get(&path).await);
        let expected = platform_problem(404, "Not Found", "Not Found");
        assert_eq!(gone, expected);
        ann.client.delete(&path).await.expect(404);
        ann.client.patch(&format!("{path}/revoke"), json!({})).await.expect(404);
        let names = all(&ann.client.get(&tokens).await.expect(200), "name");
        assert_eq!(names, ["Test token", "revoked by its owner", "revoked by an administrator"]);
    }
}

on_both! {
    /// Nobody makes or renames another's token, an administrator neither; a user's token is not found
    /// under another user.
    async fn other_peoples_tokens(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (ann, bob) = (app.member("ann@acme.test").await, app.member("bob@acme.test").await);
        let (_, robot) = app.system_account("robot").await;
        let of_ann = tokens_of(&ann.id);
        let list = ann.client.get(&of_ann).await.expect(200);
        let path = format!("{of_ann}/{}", id(&list["data"][0]));
        let body = json!({ "name": "Not mine", "ttl_seconds": 86_400 });
        for client in [&app.owner, &bob.client, &robot] {
            assert_eq!(problem(client.post(&of_ann, body.clone()).await), forbidden());
            assert_eq!(problem(client.patch(&path, json!({ "name": "Not mine" })).await), forbidden());
        }
        for refused in [
            bob.client.get(&of_ann).await,
            bob.client.get(&path).await,
            bob.client.delete(&path).await,
            bob.client.patch(&format!("{path}/revoke"), json!({})).await,
        ] {
            assert_eq!(problem(refused), forbidden());
        }
        assert_eq!(app.owner.get(&of_ann).await.expect(200), list);
        let wrong = path.replace(&ann.id.to_string(), &bob.id.to_string());
        app.owner.get(&wrong).await.expect(404);
        app.owner.patch(&format!("{wrong}/revoke"), json!({})).await.expect(404);
        let malformed: Value = complaints(ann.client.get(&format!("{of_ann}/x")).await);
        assert_eq!(malformed, json!([["tokenId", "value of \"tokenId\" must be a UUID"]]));
        app.owner.delete(&path).await.expect(204);
        ann.client.get("/v3/users/me").await.expect(401);
    }
}

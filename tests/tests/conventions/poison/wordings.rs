//! The words of refusals, where the contract has words: command lines print them, and some clients
//! compare them.

use http::Method;
use serde_json::json;
use tests::{Engine, on_both};

use crate::{
    findings::{Findings, brief},
    world::{Request, World},
};

on_both! {
    /// Bad parameters, as each family puts it.
    async fn what_is_said_of_parameters(engine: Engine) {
        let world = World::new(engine).await;
        let owner = &world.app.owner;
        let mut findings = Findings::default();
        let users = format!("/v3/teams/{}/users", world.id("team"));
        let tokens = format!("/v3/users/{}/access-tokens", world.id("owner"));
        let token = format!("{tokens}/{}", world.id("personal token"));
        let allowed = format!("/v3/organizations/{}/ip-allow-list", world.id("organization"));
        let system_team = format!("/v3/teams/{}", world.app.team_id("organization-admin").await);
        let long = json!({ "name": "x".repeat(251) }).to_string();
        let long_token = json!({ "name": "x".repeat(257), "ttl_seconds": 86_400 }).to_string();
        for (method, path, body, field, rule, reason) in [
            ("POST", "/v3/teams", "[", "body", "invalid", "request format is invalid"),
            ("POST", "/v3/teams", "{}", "name", "required", "cannot be blank"),
            ("POST", "/v3/teams", "{\"name\":\"\"}", "name", "min_length", "cannot be blank"),
            ("POST", "/v3/teams", &long, "name", "max_length", "is too long (maximum length: 250)"),
            ("GET", "/v3/teams/x", "", "teamID", "is_uuid", "invalid ID format"),
            ("DELETE", &format!("{users}/x"), "", "userID", "is_uuid", "invalid ID format"),
            ("POST", &users, "{\"id\":\"x\"}", "id", "is_uuid", "must be a valid UUID v4"),
            (
                "PATCH",
                &system_team,
                "{\"name\":\"x\"}",
                "teamID",
                "invalid",
                "system teams cannot be modified",
            ),
            ("DELETE", &system_team, "", "teamID", "invalid", "system teams cannot be modified"),
            (
                "GET",
                "/v3/teams?filter[name][like]=x",
                "",
                "[filter][name][like]",
                "invalid",
                "[like] is not a supported filter operation",
            ),
            ("GET", &format!("{tokens}/x"), "", "tokenId", "is_uuid", "value of \"tokenId\" must be a UUID"),
            (
                "GET",
                "/v3/audit-logs?page[size]=x",
                "",
                "page[size]",
                "is_number",
                "\"page[size]\" must be a number",
            ),
            (
                "GET",
                "/v3/audit-logs?filter[mine]=x",
                "",
                "filter[mine]",
                "unknown_property",
                "\"filter[mine]\" is not allowed",
            ),
            ("POST", &tokens, "{\"ttl_seconds\":86400}", "name", "required", "\"name\" is required"),
            (
                "POST",
                &tokens,
                &long_token,
                "name",
                "max_length",
                "value of \"name\" must not exceed 256 characters",
            ),
            (
                "PATCH",
                &token,
                "{\"name\":7}",
                "name",
                "is_string",
                "value of \"name\" must be a utf-8 string",
            ),
            (
                "PATCH",
                &token,
                "{\"name\":\"\"}",
                "name",
                "min_length",
                "name must be longer than or equal to 1 characters",
            ),
            (
                "PATCH",
                &allowed,
                "{\"enabled\":1}",
                "enabled",
                "is_boolean",
                "value of \"enabled\" must be true or false",
            ),
            (
                "PATCH",
                &allowed,
                "{\"allowed_ips\":1}",
                "allowed_ips",
                "is_array",
                "\"allowed_ips\" must be an array",
            ),
            ("PATCH", &allowed, "{\"mine\":1}", "mine", "unknown_property", "\"mine\" is not allowed"),
        ] {
            let method: Method = method.parse().expect("a method");
            let reply = world.call_as(owner, &method, Request::json("", path, body)).await;
            let reply = reply.expect("it answers as declared");
            let entry = &reply.body["invalid_parameters"][0];
            let said = entry["reason"].as_str().unwrap_or_default();
            // Of what cannot be read we say why as well.
            let good = entry["field"] == field
                && entry["rule"] == rule
                && (said == reason || rule == "invalid" && said.starts_with(reason));
            findings.want(reply.status == 400 && good, || {
                format!("{method} {path} {}: {}", brief(body), reply.text)
            });
        }
        findings.end();
    }
}

on_both! {
    /// What is missing, taken, or not to be had.
    async fn what_is_said_of_things(engine: Engine) {
        let world = World::new(engine).await;
        let member = world.app.member("bob@acme.test").await.client;
        let owner = &world.app.owner;
        let mut findings = Findings::default();
        let nobody = crate::world::NOBODY;
        let organization = format!("/v3/organizations/{nobody}/ip-allow-list");
        let invite = "{\"email\":\"ann@acme.test\"}";
        for (client, method, path, body, status, detail) in [
            (owner, "GET", format!("/v3/teams/{nobody}"), "", 404, "The requested team was not found"),
            (owner, "GET", format!("/v3/users/{nobody}"), "", 404, "The requested user was not found"),
            (owner, "GET", organization, "", 404, "Not Found"),
            (owner, "POST", "/v3/invites".to_owned(), invite, 409, "User is already active"),
            (
                &member,
                "POST",
                "/v3/teams".to_owned(),
                "{\"name\":\"x\"}",
                403,
                "You must have the [Identity Admin] role to perform this action",
            ),
            (
                &member,
                "GET",
                "/v3/audit-logs".to_owned(),
                "",
                403,
                "You do not have permission to perform this action",
            ),
            (&world.app.anonymous(), "GET", "/v3/teams".to_owned(), "", 401, "A valid token is required"),
            (&world.app.anonymous(), "GET", "/v3/audit-logs".to_owned(), "", 401, "Unauthorized"),
        ] {
            let method: Method = method.parse().expect("a method");
            let reply = world.call_as(client, &method, Request::json("", &path, body)).await;
            let reply = reply.expect("it answers as declared");
            let good = reply.status == status && reply.body["detail"] == detail;
            findings.want(good, || format!("{method} {path}: {} {}", reply.status, reply.text));
        }
        findings.end();
    }
}

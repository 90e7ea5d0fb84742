//! What is measured: requests that clients of a large organization make.

use std::sync::Arc;

use serde_json::{Value, json};

use super::load::Source;
use crate::fault::{Fault, Result};
use crate::http::request;
use crate::server::Server;

pub const READERS: usize = 32;
pub const WRITERS: usize = 64;
const TEAMS: u64 = 100;
const STRATEGIES: &str = "/v2/application-auth-strategies";
const PAGE: u64 = 100;
/// How many different requests a case alternates between, so that no single answer decides it.
const VARIANTS: u64 = 16;

pub struct Case {
    pub name: &'static str,
    pub connections: usize,
    pub source: Source,
}

impl Case {
    fn reading(name: &'static str, token: &str, targets: Vec<String>) -> Self {
        let requests: Vec<_> =
            targets.iter().map(|target| request("GET", target, Some(token), None)).collect();
        Self { name, connections: READERS, source: alternating(requests) }
    }
}

/// A constant from the same web stack.
pub fn floor() -> Case {
    Case {
        name: "the floor",
        connections: READERS,
        source: alternating(vec![request("GET", "/", None, None)]),
    }
}

pub fn alternating(requests: Vec<Vec<u8>>) -> Source {
    let count = requests.len() as u64;
    Arc::new(move |number: u64, out: &mut Vec<u8>| {
        out.extend_from_slice(&requests[(number % count) as usize]);
    })
}

/// The reading cases, on what the seeded organization really holds.
pub fn reads(server: &Server, token: &str) -> Result<Vec<Case>> {
    make_teams(server, token)?;
    let pages = users_total(server, token)?.div_ceil(PAGE).max(1);
    let emails = some_emails(server, token, pages)?;
    let filtered = |operator: &str, values: Vec<String>| {
        let target =
            |value: &String| format!("/v3/users?filter%5Bemail%5D%5B{operator}%5D={}", encoded(value));
        values.iter().map(target).collect::<Vec<_>>()
    };
    let parts = emails.iter().map(|email| rare_part(email).to_owned()).collect();
    let deep = (0..VARIANTS).map(|n| users_page(deep_page(pages, n))).collect();
    // As many as users, and every eighth has this word in front of its number.
    let strategies = |filter: &str, word: &str| {
        let numbers = (0..VARIANTS).map(|n| pages * PAGE / 8 * n / VARIANTS * 8 + 4);
        numbers.map(|n| format!("{STRATEGIES}?{filter}={word}{n}")).collect::<Vec<_>>()
    };
    let page = |n| format!("page%5Bsize%5D={PAGE}&page%5Bnumber%5D={}", deep_page(pages, n));
    let sorted = (0..VARIANTS).map(|n| format!("{STRATEGIES}?sort=name&{}", page(n))).collect();
    Ok(vec![
        Case::reading("`GET /v3/users/me`", token, vec!["/v3/users/me".into()]),
        Case::reading("`GET /v3/teams`, a page of 100", token, vec!["/v3/teams?page%5Bsize%5D=100".into()]),
        Case::reading("`GET /v3/users`, `email` equals", token, filtered("eq", emails)),
        Case::reading("`GET /v3/users`, `email` contains", token, filtered("contains", parts)),
        Case::reading("`GET /v3/users`, a deep page of 100", token, deep),
        Case::reading("auth strategies, `name` equals", token, strategies("filter%5Bname%5D", "Grace%20")),
        Case::reading(
            "auth strategies, `name` contains",
            token,
            strategies("filter%5Bname%5D%5Bcontains%5D", "race%20"),
        ),
        Case::reading("auth strategies, a deep page of 100", token, sorted),
    ])
}

pub fn create_team(token: &str) -> Case {
    let token = token.to_owned();
    let source: Source = Arc::new(move |number: u64, out: &mut Vec<u8>| {
        let body = format!(r#"{{"name":"Bench {number}","description":"made by the benchmark"}}"#);
        out.extend_from_slice(&request("POST", "/v3/teams", Some(&token), Some(&body)));
    });
    Case { name: "`POST /v3/teams`, 64 connections", connections: WRITERS, source }
}

/// How many applications there are that a gateway asks about.
const APPLICATIONS: usize = 500;

/// A gateway that asks for each request whether its client may call the API.
pub fn gateway_check(server: &Server, token: &str) -> Result<Case> {
    let send = |method: &str, target: &str, body: Value| {
        server.json(&request(method, target, Some(token), Some(&body.to_string())))
    };
    let id = |made: &Value| made["id"].as_str().map(str::to_owned);
    let missing = || Fault::new("What was made for the gateway's question has no id.");
    let openid = json!({
        "issuer": "https://idp.example.com", "credential_claim": ["azp"], "scopes": ["openid"], "auth_methods": ["bearer"],
    });
    let strategy = send(
        "POST",
        "/v2/application-auth-strategies",
        json!({
            "name": "Bench", "display_name": "Bench", "strategy_type": "openid_connect",
            "configs": { "openid-connect": openid },
        }),
    )?;
    let strategy = id(&strategy).ok_or_else(missing)?;
    let portal = json!({
        "name": "Bench", "default_application_auth_strategy_id": strategy, "auto_approve_applications": true,
    });
    let portal = id(&send("POST", "/v3/portals", portal)?).ok_or_else(missing)?;
    let api = id(&send("POST", "/v3/apis", json!({ "name": "Bench" }))?).ok_or_else(missing)?;
    send("PUT", &format!("/v3/apis/{api}/publications/{portal}"), json!({}))?;
    let developer = json!({ "email": "dev@latchkey.test", "full_name": "Bench", "status": "approved" });
    let developer = send("POST", &format!("/v3/portals/{portal}/developers"), developer)?;
    let owner = json!({ "type": "developer", "id": id(&developer).ok_or_else(missing)? });
    let applications = format!("/v3/portals/{portal}/applications");
    let mut questions = Vec::new();
    for number in 0..APPLICATIONS {
        let client = format!("bench-{number}");
        let new = json!({ "name": client, "owner": owner, "client_id": client });
        let made = id(&send("POST", &applications, new)?).ok_or_else(missing)?;
        send("POST", &format!("{applications}/{made}/registrations"), json!({ "api_id": api }))?;
        let question = json!({ "api_id": api, "client_id": client }).to_string();
        questions.push(request("POST", "/v3/gateway/check", Some(token), Some(&question)));
    }
    Ok(Case {
        name: "`POST /v3/gateway/check`, one of 500 clients",
        connections: READERS,
        source: alternating(questions),
    })
}

fn make_teams(server: &Server, token: &str) -> Result<()> {
    let have = total(server, token, "/v3/teams?page%5Bsize%5D=1")?;
    for number in have..TEAMS {
        let body = format!(r#"{{"name":"Team {number}","description":"one of a hundred"}}"#);
        server.json(&request("POST", "/v3/teams", Some(token), Some(&body)))?;
    }
    Ok(())
}

pub fn users_total(server: &Server, token: &str) -> Result<u64> {
    total(server, token, "/v3/users?page%5Bsize%5D=1")
}

fn total(server: &Server, token: &str, target: &str) -> Result<u64> {
    server.json(&request("GET", target, Some(token), None))?["meta"]["page"]["total"]
        .as_u64()
        .ok_or_else(|| Fault::new(format!("The answer to {target} has no number in `meta.page.total`.")))
}

fn users_page(number: u64) -> String {
    format!("/v3/users?page%5Bsize%5D={PAGE}&page%5Bnumber%5D={number}")
}

/// From the middle on, where counting rows from the start would be slow.
fn deep_page(pages: u64, variant: u64) -> u64 {
    let half = pages / 2;
    (half + (pages - half) * (variant + 1) / VARIANTS).max(1)
}

/// E-mail addresses of users from all over the organization.
fn some_emails(server: &Server, token: &str, pages: u64) -> Result<Vec<String>> {
    (0..VARIANTS)
        .map(|n| {
            let target = users_page(1 + (pages - 1) * n / VARIANTS);
            let page = server.json(&request("GET", &target, Some(token), None))?;
            let users = page["data"].as_array().map(Vec::as_slice).unwrap_or_default();
            // From the middle of the page: its first row would be the owner, who is not like the others.
            let email = users.get(users.len() / 2).and_then(|user| user["email"].as_str());
            email
                .map(str::to_owned)
                .ok_or_else(|| Fault::new(format!("{target} lists no user with an `email`.")))
        })
        .collect()
}

/// The end of the name in front of the `@`: in few addresses, and not at their beginning.
fn rare_part(email: &str) -> &str {
    let name = email.split('@').next().unwrap_or_default();
    let start = name.char_indices().rev().nth(5).map_or(0, |(index, _)| index);
    &name[start..]
}

fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_pages_exist_and_are_deep() {
        for pages in [1, 2, 3, 10, 1001] {
            for variant in 0..VARIANTS {
                let page = deep_page(pages, variant);
                assert!(page >= 1 && page <= pages && page >= pages / 2, "{page} of {pages}");
            }
        }
    }

    #[test]
    fn the_rare_part_is_the_end_of_the_name() {
        assert_eq!(rare_part("user000123@latchkey.test"), "000123");
        assert_eq!(rare_part("ab@latchkey.test"), "ab");
        assert_eq!(rare_part("ééééééé@latchkey.test"), "éééééé");
    }

    #[test]
    fn values_are_encoded_for_a_query() {
        assert_eq!(encoded("a+b@é.x"), "a%2Bb%40%C3%A9.x");
    }

    #[test]
    fn no_two_created_teams_have_one_name() {
        let case = create_team("t");
        let text = |number| {
            let mut out = Vec::new();
            case.source.ask(number, 0, &mut out);
            String::from_utf8(out).expect("text")
        };
        assert!(text(1).contains(r#""name":"Bench 1""#));
        assert_ne!(text(1), text(2));
    }
}

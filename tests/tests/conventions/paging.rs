//! Paging by number.

use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::{
    findings::Findings,
    operations,
    world::{Request, World},
};

async fn page(client: &Client, path: &str) -> (Value, Vec<String>) {
    let body = client.get(path).await.expect(200);
    let names = body["data"]
        .as_array()
        .expect("data")
        .iter()
        .map(|it| it["name"].as_str().unwrap_or_default().to_owned());
    (body["meta"]["page"].clone(), names.collect())
}

on_both! {
    /// Twenty-five teams beside those that came with the organization, page by page.
    async fn pages_of_teams(engine: Engine) {
        let app = TestApp::new(engine).await;
        let owner = &app.owner;
        let (meta, system) = page(owner, "/v3/teams?page[size]=1000").await;
        assert_eq!(meta, json!({ "number": 1, "size": 1000, "total": system.len() }));
        let mut names = system.clone();
        for n in 0..25 {
            let name = format!("Team {n:02}");
            owner
                .post(
                    "/v3/teams",
                    json!({ "name": name, "labels": { "parity": if n % 2 == 0 { "even" } else { "odd" } } }),
                )
                .await
                .expect(201);
            names.push(name);
        }
        let total = names.len();
        for size in [1, 7, 10, 25, total, 1000] {
            let mut seen = Vec::new();
            let pages = total.div_ceil(size);
            for number in 1..=pages {
                let (meta, found) =
                    page(owner, &format!("/v3/teams?page[size]={size}&page[number]={number}")).await;
                assert_eq!(meta, json!({ "number": number, "size": size, "total": total }));
                seen.extend(found);
            }
            assert_eq!(seen, names, "in the order of creation, nothing twice, nothing left out, by {size}");
            // The generated pagers take the total for the number of pages, and ask on and on.
            for number in [pages + 1, total, 1_000_000, 140_000_000_000_000] {
                if number <= pages {
                    continue;
                }
                let (meta, found) =
                    page(owner, &format!("/v3/teams?page[size]={size}&page[number]={number}")).await;
                assert_eq!(
                    (meta, found),
                    (json!({ "number": number, "size": size, "total": total }), vec![])
                );
            }
        }
        for (query, number, size, count) in [
            ("", 1, 10, 10),
            ("?page[size]=&page[number]=", 1, 10, 10),
            ("?page[size]&page[number]", 1, 10, 10),
            ("?page%5Bsize%5D=100", 1, 100, total),
            ("?page[number]=2", 2, 10, 10),
            ("?page[size]=0003", 1, 3, 3),
        ] {
            let (meta, found) = page(owner, &format!("/v3/teams{query}")).await;
            assert_eq!(
                (meta, found.len()),
                (json!({ "number": number, "size": size, "total": total }), count),
                "{query}"
            );
        }
        // The total is of what the filter leaves: a client that loops until it has that many must end.
        let (meta, found) =
            page(owner, "/v3/teams?filter[labels.parity]=odd&page[size]=5&page[number]=3").await;
        assert_eq!(
            (meta, found),
            (
                json!({ "number": 3, "size": 5, "total": 12 }),
                vec!["Team 21".to_owned(), "Team 23".to_owned()]
            )
        );
        let (meta, found) =
            page(owner, "/v3/teams?filter[labels.parity]=odd&page[size]=5&page[number]=4").await;
        assert_eq!((meta, found), (json!({ "number": 4, "size": 5, "total": 12 }), vec![]));
        let (meta, _) = page(owner, "/v3/teams?filter[name][contains]=TEAM%200&page[size]=3").await;
        assert_eq!(meta, json!({ "number": 1, "size": 3, "total": 10 }));
    }
}

on_both! {
    /// What was made in the same moment still has an order, and a change does not move it.
    async fn the_order_is_stable(engine: Engine) {
        let app = TestApp::new(engine).await;
        let owner = &app.owner;
        let mut ids = Vec::new();
        for n in 0..12 {
            let account = owner
                .post("/v3/system-accounts", json!({ "name": format!("z{}", 12 - n) }))
                .await
                .expect(201);
            ids.push(account["id"].clone());
        }
        for n in [11, 0, 5] {
            let path = format!("/v3/system-accounts/{}", ids[n].as_str().expect("an id"));
            owner.patch(&path, json!({ "description": "changed" })).await.expect(200);
        }
        let mut seen = Vec::new();
        for number in 1..=4 {
            let body = owner
                .get(&format!("/v3/system-accounts?page[size]=3&page[number]={number}"))
                .await
                .expect(200);
            seen.extend(body["data"].as_array().expect("data").iter().map(|it| it["id"].clone()));
        }
        assert_eq!(seen, ids);
    }
}

on_both! {
    /// Every list that pages by number pages the same way.
    async fn every_numbered_list(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        // A second of each, so that there are two pages.
        let owner = &world.app.owner;
        let (bob, robot) = (world.app.member("bob@acme.test").await, world.id("spare account"));
        let developers = format!("/v3/portals/{}/developers", world.id("portal"));
        let developer = json!({ "email": "second@dev.test", "full_name": "Second", "status": "approved" });
        let developer = owner.post(&developers, developer).await.expect(201);
        let teams = format!("/v3/portals/{}/teams", world.id("portal"));
        let portal_team = owner.post(&teams, json!({ "name": "Second" })).await.expect(201);
        for (team, member) in [
            (world.id("portal team"), &developer["id"]),
            (portal_team["id"].as_str().expect("an id"), &json!(world.id("developer"))),
        ] {
            owner.post(&format!("{teams}/{team}/developers"), json!({ "id": member })).await.expect(201);
        }
        // Both have an application.
        let owning = format!("{teams}/{}", world.id("portal team"));
        owner.patch(&owning, json!({ "can_own_applications": true })).await.expect(200);
        let application = format!("/v3/portals/{}/applications/{}", world.id("portal"), world.id("application"));
        let team = json!({ "owner": { "type": "team", "id": world.id("portal team") } });
        owner.patch(&application, team).await.expect(200);
        let second = owner.post("/v3/teams", json!({ "name": "Second" })).await.expect(201);
        for team in [world.id("team"), second["id"].as_str().expect("an id")] {
            for (kind, id) in [
                ("users", bob.id.to_string()),
                ("users", world.id("user").to_owned()),
                ("system-accounts", robot.to_owned()),
                ("system-accounts", world.id("account").to_owned()),
            ] {
                let status = owner
                    .post(&format!("/v3/teams/{team}/{kind}"), json!({ "id": id }))
                    .await
                    .status
                    .as_u16();
                assert!([201, 409].contains(&status), "{status}");
            }
        }
        let tokens = format!("/v3/system-accounts/{}/access-tokens", world.id("account"));
        owner.post(&tokens, json!({ "name": "second", "expires_at": world.next_month() })).await.expect(201);
        let mappings = format!("/v3/identity-providers/{}/team-group-mappings", world.id("oidc"));
        owner.post(&mappings, json!({ "team_id": second["id"], "group": "second" })).await.expect(201);
        for path in ["/v3/portals", "/v3/apis"] {
            owner.post(path, json!({ "name": "Second" })).await.expect(201);
        }
        let product = json!({ "name": "Second", "portal_ids": [world.id("older portal"), world.id("portal")] });
        owner.post("/v2/api-products", product).await.expect(201);
        let apis = owner.get("/v3/apis").await.expect(200);
        let second = apis["data"][1]["id"].as_str().expect("an id");
        let published = format!("/v3/apis/{second}/publications/{}", world.id("portal"));
        owner.put(&published, json!({})).await.expect(200);
        let linked = json!({ "service": { "id": second, "control_plane_id": second } });
        owner.post(&format!("/v3/apis/{second}/implementations"), linked).await.expect(201);
        let shown = format!("/v2/portals/{}/product-versions", world.id("older portal"));
        let said = json!({
            "publish_status": "published", "product_version_id": world.id("spare version"), "auth_strategy_ids": [],
            "application_registration_enabled": false, "auto_approve_registration": false, "deprecated": false,
        });
        owner.post(&shown, said).await.expect(201);
        let developers = format!("/v3/portals/{}/developers", world.id("older portal"));
        owner.post(&developers, json!({ "email": "second@dev.test", "full_name": "Second" })).await.expect(201);
        let applications = format!("/v3/portals/{}/applications", world.id("older portal"));
        let given = json!({ "name": "second", "owner": { "type": "developer", "id": world.id("older developer") } });
        owner.post(&applications, given).await.expect(201);
        for (path, body) in [
            (format!("/api/v2/applications/{}/registrations", world.id("older own application")), json!({ "product_version_id": world.id("spare version") })),
            (format!("/api/v3/applications/{}/registrations", world.id("own application")), json!({ "api_id": world.id("spare token api") })),
            (
                format!("/api/v3/applications/{}/registrations", world.id("keyed application")),
                json!({ "api_id": world.id("api") }),
            ),
            (format!("/api/v3/applications/{}/credentials", world.id("keyed application")), json!({})),
        ] {
            world.developer.post(&path, body).await.expect(201);
        }
        for operation in operations::gets().filter(|it| it.takes("page[number]")) {
            let path = world.path(operation);
            let get = async |query: &str| {
                let path = format!("{path}?{query}");
                world.call(operation, Request::plain("", &path)).await.expect("it answers").body
            };
            let all = get("page[size]=1000").await;
            let data = all["data"].as_array().expect("data");
            let total = data.len();
            findings.want(total >= 2, || format!("{} lists {total} only", operation.id));
            findings.want(all["meta"]["page"]["total"] == total, || {
                format!("{} counts {}", operation.id, all["meta"])
            });
            // Far past the end: so far that the number times any size is still no overflow, and no more.
            for number in (1..=total + 2).chain([1_000_000_000, 140_737_488_355_327]) {
                let one = get(&format!("page[size]=1&page[number]={number}")).await;
                let expected: Vec<&Value> = data.get(number - 1).into_iter().collect();
                let right = one["meta"]["page"] == json!({ "number": number, "size": 1, "total": total })
                    && one["data"] == json!(expected);
                findings.want(right, || format!("{} page {number} of {total}: {one}", operation.id));
            }
        }
        findings.end();
        let far = "page[number]=140737488355327&page[size]=1000";
        for list in ["users", "teams"] {
            assert_eq!(owner.get(&format!("/v3/{list}?{far}")).await.expect(200)["data"], json!([]));
        }
    }
}

on_both! {
    /// The operator's page sizes are kept to.
    async fn page_sizes_of_the_operator(engine: Engine) {
        let app = TestApp::with(engine, &[("PAGE_SIZE_DEFAULT", "3"), ("PAGE_SIZE_MAX", "4")]).await;
        let size = async |query: &str| {
            app.owner.get(&format!("/v3/teams{query}")).await.expect(200)["meta"]["page"]["size"].clone()
        };
        assert_eq!(
            (size("").await, size("?page[size]=").await, size("?page[size]=4").await),
            (json!(3), json!(3), json!(4))
        );
        assert_eq!(app.owner.get("/v3/teams?page[size]=5").await.bad_fields(), ["page[size]"]);
        let audit = app.owner.get("/v3/audit-logs").await.expect(200);
        assert_eq!(audit["meta"]["page"]["size"], 4, "the audit log's own default gives way as well");
    }
}

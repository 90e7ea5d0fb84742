//! The filtering document's queries on users themselves, and the older spellings of paths.

use http::Method;
use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::{
    filtering::DOCUMENTED,
    findings::Findings,
    operations,
    world::{JSON, Request, World},
};

async fn full_names(client: &Client, path: &str) -> Vec<String> {
    let body = client.get(path).await.expect(200);
    let total = body["meta"]["page"]["total"].as_u64().expect("a total");
    let names: Vec<String> = body["data"]
        .as_array()
        .expect("data")
        .iter()
        .map(|it| it["full_name"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(u64::try_from(names.len()), Ok(total), "{path}");
    names
}

async fn documented(engine: Engine) -> TestApp {
    let app = TestApp::new(engine).await;
    for person in &DOCUMENTED {
        let user = app.member(person.email).await;
        app.owner
            .patch(&format!("/v3/users/{}", user.id), json!({ "full_name": person.full_name }))
            .await
            .expect(200);
    }
    app
}

on_both! {
    /// Users have no `name`; by full name and e-mail they are found as the document says.
    async fn the_worked_queries_on_users(engine: Engine) {
        let app = documented(engine).await;
        for (query, found) in [
            ("filter[full_name][contains]=Charlie", vec!["Charlie Cruz"]),
            ("filter[full_name][contains]=Cruz&filter[email]=AlexCruz@konghq.com", vec!["Alex Cruz"]),
            ("filter[email][contains]=alex", vec!["Alex Cruz", "Alex Garcia"]),
            ("filter[email]&filter[full_name][contains]=Cruz", vec!["Charlie Cruz", "Alex Cruz"]),
            ("filter[full_name]=Charlie%20Cruz", vec!["Charlie Cruz"]),
            ("filter[full_name]=Charlie+Cruz", vec!["Charlie Cruz"]),
            ("filter[full_name]=charlie+cruz", vec![]),
        ] {
            for path in ["/v3/users", "/v2/users", "/v2/users/"] {
                assert_eq!(full_names(&app.owner, &format!("{path}?{query}")).await, found, "{path}?{query}");
            }
        }
        assert_eq!(app.owner.get("/v3/users?filter[name]=Alex").await.bad_fields(), ["[filter][name]"]);
    }
}

on_both! {
    /// Searching names finds what holds the text, whatever the case and whatever the characters: the
    /// search index must not know better.
    async fn searching_names(engine: Engine) {
        let app = TestApp::new(engine).await;
        let names = [
            "Ärger",
            "ärgerlich",
            "ARGER",
            "ae\u{301}o",
            "Straße",
            "STRASSE",
            "İstanbul",
            "ΟΔΟΣ",
            "οδός",
            "北京市 朝阳区",
            "東京",
            "🔑🔒🔓 keys",
            "50% off",
            "500 off",
            "a_b_c",
            "aXbXc",
            "back\\slash",
            "quo\"te\"d",
            "o'neil",
            "two  blanks",
            "tab\tbed",
            "NEAR OR AND NOT",
            "star*",
            "(paren)",
            "col:on",
            "^caret",
            "-dash",
            "%%%",
            "___",
            "\u{feff}bom",
            "ab",
            "a",
        ];
        for (n, name) in names.iter().enumerate() {
            let user = app.member(&format!("user{n}@acme.test")).await;
            app.owner
                .patch(&format!("/v3/users/{}", user.id), json!({ "full_name": name }))
                .await
                .expect(200);
        }
        let mut terms: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        for name in names {
            let chars: Vec<char> = name.chars().collect();
            for width in 1..=4 {
                terms.extend(chars.windows(width).step_by(2).map(|window| window.iter().collect::<String>()));
            }
            terms.extend([name.to_uppercase(), name.to_lowercase()]);
        }
        terms.extend(["ACME", "Owner\n", "\n", "nobody at all", "user"].map(str::to_owned));
        terms.push("x".repeat(1024));
        terms.push((0..340).map(|n| format!("{n:03}")).collect());
        terms.sort_unstable();
        terms.dedup();
        let all: Vec<String> = full_names(&app.owner, "/v3/users?page[size]=1000").await;
        let mut findings = Findings::default();
        for term in terms {
            let folded = term.to_lowercase();
            let wanted: Vec<&String> =
                all.iter().filter(|name| name.to_lowercase().contains(&folded)).collect();
            let encoded: String = term.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let path = format!("/v3/users?page[size]=1000&filter[full_name][contains]={encoded}");
            let found = full_names(&app.owner, &path).await;
            findings.want(found.iter().eq(wanted.iter().copied()), || {
                format!("{term:?} finds {found:?} instead of {wanted:?}")
            });
        }
        findings.end();
    }
}

on_both! {
    /// The query of the document as its `curl` sends it: older version, trailing slash.
    async fn the_documented_curl(engine: Engine) {
        let app = documented(engine).await;
        let found =
            full_names(&app.owner, "/v2/users/?filter%5Bfull_name%5D%5Bcontains%5D=Cruz&page%5Bsize%5D=100")
                .await;
        assert_eq!(found, ["Charlie Cruz", "Alex Cruz"]);
    }
}

on_both! {
    /// Where an older path answers, it answers as the newer one does: the same success, the same refusals.
    async fn older_paths_are_the_same(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        let mut aliases = Vec::new();
        for spec in latchkey::operations().iter().map(|operation| &operation.spec).filter(|spec| spec.legacy && spec.reply.status < 300)
        {
            let operation =
                operations::all().iter().find(|it| it.id == spec.id).expect("the document has it");
            aliases.push(spec.id);
            let path = world.path(operation);
            let older = path.replacen("/v3/", "/v2/", 1);
            // What changes something is sent what it refuses.
            let (query, body) = match operation.method {
                Method::GET => ("?page[size]=2", ""),
                _ => ("", "[]"),
            };
            if operation.body.is_none() && operation.method != Method::GET {
                let options =
                    world.call_as(&world.stranger(operation), &Method::OPTIONS, Request::plain("", &older)).await;
                let allowed =
                    options.is_ok_and(|reply| reply.header("allow").contains(operation.method.as_str()));
                findings.want(allowed, || format!("{} is not at {older}", spec.id));
                continue;
            }
            let mut replies: Vec<(u16, Value)> = Vec::new();
            let mut places = vec![format!("{path}{query}"), format!("{older}{query}")];
            if !operation.at_portal() {
                places.push(format!("{older}/{query}"));
            }
            for path in &places {
                let reply = world
                    .call(operation, Request { what: "", path, headers: JSON, body: body.into() })
                    .await;
                let mut reply = reply.expect("it answers");
                if let Some(problem) = reply.body.as_object_mut() {
                    problem.remove("instance");
                }
                replies.push((reply.status, reply.body));
            }
            findings.want(replies.windows(2).all(|pair| pair[0] == pair[1]), || {
                format!("{}: {replies:?}", spec.id)
            });
        }
        findings.end();
        for id in ["get-organizations-me", "list-users", "get-users-me", "list-teams", "get-developer-me"] {
            assert!(aliases.contains(&id), "older tools call {id}");
        }
    }
}

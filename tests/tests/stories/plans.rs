//! How the databases find users and strategies: by index, whatever the list is asked.

use std::{
    collections::BTreeSet,
    sync::{Mutex, Once},
};

use frame::db::{close_chunks, search_text};
use serde_json::json;
use tests::{Engine, TestApp, on_both};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{id, text};

/// The lists of users and strategies that ran in this process, as the driver reports them.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Listens to the driver: what is explained below is what ran, not what this file thinks that runs.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Statement);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Statement;

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        let lists = [
            "FROM users t WHERE t.org_id = $1",
            "FROM users WHERE org_id = $1",
            "FROM application_auth_strategies t WHERE t.org_id = $1",
            "FROM apis i LEFT JOIN",
        ];
        let statement = value.trim();
        if field.name() == "db.statement"
            && statement.starts_with("SELECT")
            && lists.iter().any(|part| statement.contains(part))
        {
            SEEN.lock().expect("nobody panics here").insert(statement.to_owned());
        }
    }
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Listener).expect("nobody else listens"));
}

/// The statements on a table, without those that only the other database is asked: both may be asked at once.
fn heard(table: &str, engine: Engine) -> BTreeSet<String> {
    let seen = SEEN.lock().expect("nobody panics here");
    let table = format!("FROM {table} ");
    let deep = |it: &str| it.contains("NULLS") && it.contains(" OFFSET ") && !it.contains(" OFFSET 0");
    let foreign = |it: &str| match engine {
        Engine::Postgres => it.contains(" MATCH ") || (deep(it) && !it.contains(TWO_STEPS)),
        Engine::Sqlite => it.contains("t.search LIKE") || it.contains(TWO_STEPS),
    };
    seen.iter().filter(|it| it.contains(&table) && !foreign(it)).cloned().collect()
}

/// How PostgreSQL is asked for a deep page in an order.
const TWO_STEPS: &str = "IN (SELECT t.seq FROM";

/// How many users there are beside the owner: more than a chunk of the page directory.
const USERS: usize = 1500;

/// Makes them.
async fn fill(app: &TestApp, engine: Engine) {
    let uuid = if engine == Engine::Postgres { "gen_random_uuid()" } else { "randomblob(16)" };
    let people = format!(
        "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {USERS}) \
         INSERT INTO persons (id, email, email_folded, created_at, updated_at) \
         SELECT {uuid}, 'p' || n || '@x.test', 'p' || n || '@x.test', 0, 0 FROM series"
    );
    app.database.query(&people).await;
    let tag = search_text(app.org, &[]);
    let users = format!(
        "INSERT INTO users (org_id, id, person_id, email, email_folded, full_name, full_name_folded, \
         preferred_name, search, active, created_at, updated_at) SELECT (SELECT org_id FROM organizations), {uuid}, id, email, \
         email_folded, email, email, '', '{tag}\n' || email || '\n' || email, true, 0, 0 \
         FROM persons WHERE email LIKE 'p%@x.test'"
    );
    app.database.query(&users).await;
    app.database.query("ANALYZE").await;
    close_chunks(&app.app.db).await.expect("full chunks are counted");
}

/// The steps of a statement's plan, with parameters that nobody knows yet.
async fn plan(app: &TestApp, engine: Engine, statement: &str) -> Vec<String> {
    match engine {
        Engine::Sqlite => app.database.query(&format!("EXPLAIN QUERY PLAN {statement}")).await,
        Engine::Postgres => {
            let count = (1..).take_while(|n| statement.contains(&format!("${n}"))).count();
            let nulls = vec!["NULL"; count].join(", ");
            let arguments = if count == 0 { String::new() } else { format!("({nulls})") };
            let sql = format!(
                "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; \
                 PREPARE it AS {statement}; EXPLAIN EXECUTE it{arguments}"
            );
            app.database.query(&sql).await
        }
    }
}

/// The steps that look at every row.
fn full_scans(plan: &[String]) -> Vec<&String> {
    let sqlite = |step: &str| matches!(step.split(' ').collect::<Vec<_>>()[..], ["SCAN", "t" | "users", ..]);
    let postgres = ["Seq Scan on users", "Seq Scan on application_auth_strategies"];
    let every = |step: &&String| sqlite(step) || postgres.iter().any(|scan| step.contains(scan));
    plan.iter().filter(every).collect()
}

on_both! {
    /// No list of users reads the whole table, whatever it is filtered by.
    async fn no_list_looks_at_every_user(engine: Engine) {
        let app = TestApp::new(engine).await;
        fill(&app, engine).await;
        listen();
        let team = app.owner.post("/v3/teams", json!({ "name": "Gateway" })).await.expect(201);
        let lists = ["/v3/users".to_owned(), format!("/v3/teams/{}/users", id(&team))];
        let someone = format!("filter[id]={}", app.owner_id);
        let queries = [
            "page[size]=5",
            "page[size]=5&page[number]=100",
            "filter[email]=p7@x.test",
            "filter[email][contains]=p7",
            "filter[full_name][eq]=p7@x.test",
            "filter[full_name][contains]=P7&page[size]=3",
            "filter[active]=true&page[size]=1",
            "filter[active]=false&filter[email][contains]=x",
            &someone,
        ];
        for list in &lists {
            for query in queries {
                app.owner.get(&format!("{list}?{query}")).await.expect(200);
            }
        }
        let statements = heard("users", engine);
        let last = app.owner.get("/v3/users?page[size]=100&page[number]=16").await.expect(200);
        assert_eq!(
            (last["meta"]["page"]["total"].as_u64(), last["data"].as_array().map(Vec::len)),
            (Some(1501), Some(1))
        );
        let count = |what: &str| statements.iter().filter(|statement| statement.contains(what)).count();
        assert!(count("team_users") >= 8 && statements.len() >= 20, "too few were heard of: {statements:#?}");
        for needed in [
            "COUNT(*)",
            "t.email = ",
            "email_folded LIKE",
            "t.full_name = ",
            "t.active = ",
            "t.id = ",
            "t.seq >= ",
        ] {
            assert!(count(needed) > 0, "none with [{needed}] was heard of");
        }
        for statement in &statements {
            let plan = plan(&app, engine, statement).await;
            assert!(full_scans(&plan).is_empty(), "{statement}\n{plan:#?}");
        }
        // And this is what it would look like.
        let bad = plan(&app, engine, "SELECT t.id FROM users t WHERE t.preferred_name = 'x'").await;
        assert_eq!(full_scans(&bad).len(), 1, "{bad:#?}");
    }
}

/// Makes strategies beside one that the API makes.
async fn fill_strategies(app: &TestApp, engine: Engine) {
    let uuid = if engine == Engine::Postgres { "gen_random_uuid()" } else { "randomblob(16)" };
    let tag = search_text(app.org, &[]);
    let strategies = format!(
        "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {USERS}) \
         INSERT INTO application_auth_strategies (org_id, id, name, name_folded, display_name, display_name_folded, \
         strategy_type, strategy_type_folded, multiple_credentials, principals_enabled, search, created_at, updated_at, \
         labels, configs) SELECT (SELECT org_id FROM organizations), {uuid}, 'S' || n, 's' || n, 'D' || n, 'd' || n, \
         'key_auth', 'key_auth', true, false, '{tag}\n' || 's' || n || '\n' || 'd' || n || '\nkey_auth\n\n', n, n, '{{}}', \
         '{{\"strategy_type\":\"key_auth\",\"configs\":{{\"key-auth\":{{}}}}}}' FROM series"
    );
    app.database.query(&strategies).await;
    app.database.query("ANALYZE").await;
    close_chunks(&app.app.db).await.expect("full chunks are counted");
}

on_both! {
    /// No list of strategies reads the whole table, and no order of them sorts it, in either direction.
    async fn no_list_looks_at_every_strategy(engine: Engine) {
        const LIST: &str = "/v2/application-auth-strategies";
        let app = TestApp::new(engine).await;
        fill_strategies(&app, engine).await;
        listen();
        let orders = [
            "created_at", "updated_at", "strategy_type", "name", "display_name", "dcr_provider_id", "dcr_provider_name",
            "dcr_provider_type",
        ];
        for order in orders {
            for direction in ["asc", "desc"] {
                let list = app.owner.get(&format!("{LIST}?sort={order} {direction}&page[size]=3")).await.expect(200);
                assert_eq!(list["meta"]["page"]["total"], USERS);
                let deep = format!("{LIST}?sort={order} {direction}&page[size]=3&page[number]=300");
                let deep = app.owner.get(&deep).await.expect(200);
                assert_eq!(deep["meta"]["page"]["total"], USERS);
                if order == "name" {
                    let mut names: Vec<String> = (1..=USERS).map(|n| format!("S{n}")).collect();
                    names.sort();
                    if direction == "desc" {
                        names.reverse();
                    }
                    let found: Vec<&str> = deep["data"].as_array().unwrap().iter().map(|s| text(s, "name")).collect();
                    assert_eq!(found, names[897..900], "{direction}");
                }
            }
        }
        for query in [
            "page[size]=5",
            "sort=name desc&filter[name][contains]=S7&page[size]=5&page[number]=20",
            "page[size]=5&page[number]=300",
            "filter[name]=S7",
            "filter[name][oeq]=S7,S8",
            "filter[name][contains]=S77",
            "filter[display_name][ocontains]=d77,d88",
            "filter[strategy_type]=key_auth&page[size]=1",
            "filter[dcr_provider_name]=x",
            "filter[dcr_provider_type]=x",
            "filter[dcr_provider_id]=7f9fd312-a987-4628-b4c5-bb4f4fddd5f7",
        ] {
            app.owner.get(&format!("{LIST}?{query}")).await.expect(200);
        }
        let found = app.owner.get(&format!("{LIST}?filter[display_name][ocontains]=D77,d888")).await.expect(200);
        // 77, 770 to 779, and 888.
        assert_eq!(found["meta"]["page"]["total"], 12);
        let statements = heard("application_auth_strategies", engine);
        assert!(statements.len() >= 25, "too few were heard of: {statements:#?}");
        let (mut sorted, mut deep) = (0, 0);
        for statement in &statements {
            let plan = plan(&app, engine, statement).await;
            assert!(full_scans(&plan).is_empty(), "{statement}\n{plan:#?}");
            // What is ordered and not filtered comes out of an index in its order. Of a deep page it is the ids
            // that do; what is read for them is then put in order.
            if statement.contains(TWO_STEPS) {
                deep += usize::from(!statement.contains("$2"));
            } else if statement.contains("NULLS") && !statement.contains("$2") {
                let sorts = |step: &&String| step.contains("TEMP B-TREE") || step.contains("Sort");
                assert_eq!(plan.iter().find(sorts), None, "{statement}\n{plan:#?}");
                sorted += 1;
            }
        }
        let each = 2 * orders.len();
        assert_eq!((sorted, deep), if engine == Engine::Postgres { (each, each) } else { (2 * each, 0) });
    }
}

on_both! {
    /// What a gateway asks is found by index at every step: the API, the key or the client, the registration, the
    /// publication.
    async fn a_gateways_question_looks_at_no_table_whole(engine: Engine) {
        let app = TestApp::new(engine).await;
        listen();
        let api = app.owner.post("/v3/apis", json!({ "name": "Orders" })).await.expect(201);
        for (name, value) in [("key", "of-nobody"), ("client_id", "nobody")] {
            app.owner.post("/v3/gateway/check", json!({ "api_id": id(&api), name: value })).await.expect(200);
        }
        let statements = heard("apis i", engine);
        assert_eq!(statements.len(), 2, "{statements:#?}");
        for statement in &statements {
            let plan = plan(&app, engine, statement).await;
            let whole = |step: &&String| match engine {
                // What two searches have found is gone through, and is one row or two.
                Engine::Sqlite => step.contains("SCAN ") && !step.contains("SCAN known"),
                Engine::Postgres => step.contains("Seq Scan"),
            };
            assert_eq!(plan.iter().filter(whole).count(), 0, "{statement}\n{plan:#?}");
        }
    }
}

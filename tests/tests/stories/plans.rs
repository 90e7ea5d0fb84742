//! How the databases find users: by index, whatever the list is asked.

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

use crate::id;

/// The statements on users that ran in this process, as the driver reports them.
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
        let of_users = ["FROM users t WHERE t.org_id = $1", "FROM users WHERE org_id = $1"];
        let statement = value.trim();
        if field.name() == "db.statement"
            && statement.starts_with("SELECT")
            && of_users.iter().any(|part| statement.contains(part))
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

/// The steps that look at every user.
fn full_scans(plan: &[String]) -> Vec<&String> {
    let sqlite = |step: &str| matches!(step.split(' ').collect::<Vec<_>>()[..], ["SCAN", "t" | "users", ..]);
    let every = |step: &&String| sqlite(step) || step.contains("Seq Scan on users");
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
        let statements = SEEN.lock().expect("nobody panics here").clone();
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

//! Query strings that no list can make sense of.

use kernel::Family;
use tests::{Engine, on_both};

use crate::{
    findings::Findings,
    operations,
    operations::Operation,
    world::{Request, World},
};

/// Page sizes and numbers that are none.
const NO_NUMBERS: [&str; 12] = [
    "-1",
    "0",
    "1e9",
    "abc",
    "99999999999999999999",
    "1.5",
    "0x10",
    "%20",
    "1%202",
    "1,2",
    "%EF%BC%91",
    "-9223372036854775809",
];

/// Query strings that any list refuses, whatever its fields, and what each complains of.
fn anywhere(family: Family) -> Vec<(String, String)> {
    let shown = |name: &str| match (family, name.strip_prefix("filter")) {
        (Family::Identity, Some(rest)) if !rest.is_empty() => format!("[filter]{rest}"),
        _ => name.to_owned(),
    };
    let mut all: Vec<(String, String)> = [
        ("filter[nope]=1", "filter[nope]"),
        ("filter[nope][eq]=1", "filter[nope][eq]"),
        ("filter%5Bnope%5D=1", "filter[nope]"),
        ("filter[nope]", "filter[nope]"),
        ("filter=1", "filter"),
        ("filter[=1", "filter["),
        ("filter[]=1", "filter[]"),
        ("filter[]]=1", "filter[]]"),
        ("filter[nope]x=1", "filter[nope]x"),
        ("filter[org_id]=1", "filter[org_id]"),
        ("filter[t.id]=1", "filter[t.id]"),
        ("filter[nope'--]=1", "filter[nope'--]"),
        ("filter[nope]=%00", "filter[nope]"),
        ("filter[nope]=%ff", "filter[nope]"),
        ("filter[%00]=1", "query"),
        ("filter[%ff]=1", "query"),
        ("%ff=1", "query"),
        ("x=%c0%80", "x"),
        ("x=%00", "x"),
    ]
    .map(|(query, field)| (query.to_owned(), shown(field)))
    .to_vec();
    let long = "n".repeat(3000);
    all.push((format!("filter[{long}]=1"), shown(&format!("filter[{}", &long[..193]))));
    // As long as a request line can be without the HTTP layer refusing it.
    all.push((format!("filter[nope]={}", "x".repeat(60_000)), "query".to_owned()));
    all
}

/// What is wrong with each value or operator that a field does not have.
fn of_fields(operation: &Operation) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for filter in operation.filters() {
        let name = &filter.name;
        let shown = |rest: &str| match operation.family() {
            Family::Identity => format!("[filter][{name}]{rest}"),
            Family::Platform | Family::OAuth => format!("filter[{name}]{rest}"),
        };
        let known = ["eq", "neq", "contains", "oeq", "ocontains", "lt", "lte", "gt", "gte", "exists"];
        let absent = known.into_iter().filter(|operator| !filter.operators.iter().any(|it| it == operator));
        for operator in absent.chain(["like", "EQ", "", "eq[", "$ne", "nexists"]) {
            all.push((format!("filter[{name}][{operator}]=true"), shown(&format!("[{operator}]"))));
        }
        all.push((format!("filter[{name}][eq][eq]=1"), shown("[eq][eq]")));
        all.push((format!("filter[{name}]={}", "x".repeat(1025)), shown("")));
        all.push((format!("filter[{name}]=%00"), shown("")));
        let twice = if filter.misfits().is_empty() { "x" } else { "" };
        all.push((format!("filter[{name}]={twice}&filter[{name}]={twice}"), shown("")));
        for misfit in filter.misfits() {
            all.push((format!("filter[{name}]={misfit}"), shown("")));
            for operator in filter.operators.iter().filter(|it| *it != "contains" && *it != "exists") {
                all.push((format!("filter[{name}][{operator}]={misfit}"), shown(&format!("[{operator}]"))));
            }
        }
        if filter.operators.iter().any(|it| it == "exists") {
            for misfit in ["", "1", "yes"] {
                all.push((format!("filter[{name}][exists]={misfit}"), shown("[exists]")));
            }
        }
    }
    all
}

/// What no list is sorted by.
fn of_sorting(operation: &Operation) -> Vec<(String, String)> {
    let orders =
        ["nope", "name up", "name asc desc", "-name", "name;desc", "labels", "%00", "a,b,c,d,e,f,g,h,i"];
    let sorted = operation.takes("sort");
    orders.iter().filter(|_| sorted).map(|order| (format!("sort={order}"), "sort".to_owned())).collect()
}

/// What is wrong with each page.
fn of_pages(operation: &Operation) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for name in ["page[size]", "page[number]"] {
        if operation.takes(name) {
            all.extend(NO_NUMBERS.iter().map(|value| (format!("{name}={value}"), name.to_owned())));
        }
    }
    if operation.takes("page[size]") {
        all.push(("page[size]=1001".to_owned(), "page[size]".to_owned()));
    }
    for name in ["page[after]", "page[before]"] {
        if operation.takes(name) {
            // The last is `{"seq":x}`.
            let values = ["x", "%20", "e30", "%00", "eyJzZXEiOjk5OTk5OTk5OTk5OTk5OTk5OTk5fQ", "eyJzZXEiOnh9"];
            all.extend(values.map(|value| (format!("{name}={value}"), name.to_owned())));
        }
    }
    if operation.takes("page[after]") {
        let cursor = kernel::query::Cursor::encode(1);
        all.push((format!("page[after]={cursor}&page[before]={cursor}"), "page[before]".to_owned()));
    }
    all
}

on_both! {
    /// Every list refuses what it cannot read, and says which parameter it was.
    async fn queries_without_sense(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        for operation in operations::gets().filter(|it| it.takes("filter") || it.takes("page[size]")) {
            let mut all = anywhere(operation.family());
            all.extend(of_fields(operation));
            all.extend(of_pages(operation));
            all.extend(of_sorting(operation));
            for (query, field) in all {
                let path = format!("{}?{query}", world.path(operation));
                let what: String = query.chars().take(80).collect();
                world.refused(&mut findings, operation, Request::plain(&what, &path), 400, &[&field]).await;
            }
            // All that is wrong is said at once.
            if operation.takes("page[number]") {
                let path = format!("{}?page[size]=x&page[number]=0&filter[nope]=1", world.path(operation));
                let nope =
                    if operation.family() == Family::Identity { "[filter][nope]" } else { "filter[nope]" };
                let fields = [nope, "page[size]", "page[number]"];
                world
                    .refused(&mut findings, operation, Request::plain("three at once", &path), 400, &fields)
                    .await;
            }
        }
        findings.end();
    }
}

on_both! {
    /// An operation that reads no query is not disturbed by one; nor is a list by what it does not know.
    async fn queries_that_nobody_reads(engine: Engine) {
        let world = World::new(engine).await;
        let before = world.state().await;
        let mut findings = Findings::default();
        let reads = |it: &Operation| it.takes("aid") || it.takes("control_plane_id");
        for operation in operations::gets().filter(|it| !reads(it)) {
            let list = operation.takes("filter") || operation.takes("page[size]");
            let queries: &[&str] = if list {
                &["x=1", "sort=nope", "x", "&&&", "=", "x=%E2%82%AC", "page=1", "page[x]=1", "filters[x]=1"]
            } else {
                &["x=1", "filter[nope]=1", "page[size]=abc", "x=%00", "x=%ff", "%", "&&=&"]
            };
            // Who sorts reads that, too.
            let read = |query: &str| query.starts_with("sort") && operation.takes("sort");
            for query in queries.iter().filter(|query| !read(query)) {
                let path = format!("{}?{query}", world.path(operation));
                match world.call(operation, Request::plain("", &path)).await {
                    Ok(reply) => findings.want(reply.status == 200, || {
                        format!("{}?{query}: {} {}", operation.id, reply.status, reply.text)
                    }),
                    Err(fault) => findings.note(format!("{}?{query}: {fault}", operation.id)),
                }
            }
        }
        world.unchanged(&mut findings, &before).await;
        findings.end();
    }
}

on_both! {
    /// The subject of the internal look-up must be given, and may be anything.
    async fn the_subject_of_the_internal_look_up(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        let operation = operations::gets().find(|it| it.takes("aid")).expect("the look-up is there");
        for (query, field) in [
            ("", "aid"),
            ("?aid", "aid"),
            ("?aid=", "aid"),
            ("?aid=%00", "aid"),
            ("?aid=%ff", "aid"),
            ("?%ff=1", "query"),
        ] {
            let path = format!("{}{query}", world.path(operation));
            world.refused(&mut findings, operation, Request::plain(query, &path), 400, &[field]).await;
        }
        findings.end();
        for subject in ["auth0%7C1234567890", "'%20OR%201=1--", "%F0%9F%94%91"] {
            let path = format!("{}?aid={subject}", world.path(operation));
            let reply = world.call(operation, Request::plain("", &path)).await.expect("it answers");
            assert_eq!((reply.status, &reply.body["data"]), (200, &serde_json::json!([])), "{subject}");
        }
    }
}

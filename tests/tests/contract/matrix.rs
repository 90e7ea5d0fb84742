//! The support matrix in `docs/compatibility.md`: each published operation, whether it is served, and which clients'
//! suites have called it. It is written from the served declarations, and a test fails when it is stale.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

use http::Method;
use serde_json::{Value, json};

use super::{
    document::Facts,
    published::{DOCUMENTS, Published, folder, read},
};

/// What stands around the matrix.
const BEGIN: &str = "<!-- The support matrix, written by `cargo xtask matrix`. -->\n";
const END: &str = "<!-- The end of the support matrix. -->\n";

/// The page that has it.
pub fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md")
}

/// The committed file of all published operations, those included that are not served.
pub fn names() -> PathBuf {
    folder().join("operations.json")
}

/// The names of all operations in a folder of published documents.
pub fn extract(published: &Path) -> Value {
    let of = |document: &Published| {
        let path = published.join(document.file);
        let text = read(&path);
        let yaml: Value = serde_norway::from_str(&text)
            .unwrap_or_else(|error| panic!("{} is no YAML: {error}", path.display()));
        let facts = Facts::read(&yaml, None);
        let operations: Vec<_> =
            facts.operations.iter().map(|(id, it)| json!([id, it.method.to_uppercase(), it.path])).collect();
        json!({ "document": document.title, "version": facts.version, "operations": operations })
    };
    DOCUMENTS.iter().map(of).collect()
}

/// An operation of ours: its id and where it is served, its own path first.
struct Served {
    id: &'static str,
    method: Method,
    paths: Vec<String>,
    page: bool,
}

fn served() -> Vec<Served> {
    let all = latchkey::operations();
    let specs = all.iter().map(|operation| &operation.spec);
    specs
        .map(|spec| Served {
            id: spec.id,
            method: spec.method.clone(),
            paths: spec.paths().iter().map(|path| unnamed(path)).collect(),
            page: spec.page,
        })
        .collect()
}

/// A path without the names of its parameters, which documents give as they like.
fn unnamed(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// The suites that call each operation.
fn suites() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/exercised.json");
    let all: BTreeMap<String, Vec<String>> =
        serde_json::from_str(&read(&path)).expect("exercised.json is in order");
    let mut suites: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (suite, operations) in all {
        for operation in operations {
            suites.entry(operation).or_default().insert(suite.clone());
        }
    }
    suites
}

/// The matrix.
pub fn matrix() -> String {
    let all: Value = serde_json::from_str(&read(&names())).expect("operations.json is in order");
    let (served, suites) = (served(), suites());
    let called = |id: &str| {
        suites.get(id).map(|all| all.iter().cloned().collect::<Vec<_>>().join(", ")).unwrap_or_default()
    };
    let mut text = String::new();
    let mut published = BTreeSet::new();
    for document in all.as_array().expect("documents") {
        let (title, version) = (string(&document["document"]), string(&document["version"]));
        let operations = document["operations"].as_array().expect("operations");
        let mut rows = String::new();
        let mut count = 0;
        for operation in operations {
            let (id, method, path) = (string(&operation[0]), string(&operation[1]), string(&operation[2]));
            let path_of_ours = unnamed(path);
            let ours =
                served.iter().find(|it| it.method.as_str() == method && it.paths.contains(&path_of_ours));
            let state = match ours {
                Some(ours) if ours.id == id => "served".to_owned(),
                Some(ours) => format!("served as `{}`", ours.id),
                None => "not here".to_owned(),
            };
            if let Some(ours) = ours {
                count += 1;
                published.insert(ours.id);
            }
            let clients = ours.map(|ours| called(ours.id)).unwrap_or_default();
            let _ = writeln!(rows, "| `{id}` | {method} `{path}` | {state} | {clients} |");
        }
        let _ = writeln!(
            text,
            "\n### {title} {version}: {count} of {}\n\n| operation | method and path | state | called by |\n|---|---|---|---|\n{rows}",
            operations.len()
        );
    }
    let mut rows = String::new();
    for ours in served.iter().filter(|ours| !published.contains(ours.id) && !ours.page) {
        let _ = writeln!(
            rows,
            "| `{}` | {} `{}` | {} |",
            ours.id,
            ours.method,
            ours.paths[0].replace("{}", "{…}"),
            called(ours.id)
        );
    }
    let _ = writeln!(
        text,
        "### In none of these documents\n\n| operation | method and path | called by |\n|---|---|---|\n{rows}"
    );
    text.trim_start().to_owned()
}

fn string(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The page with this matrix in it.
pub fn placed(page: &str, matrix: &str) -> String {
    let (before, rest) = page.split_once(BEGIN).expect("the beginning of the matrix");
    let (_, after) = rest.split_once(END).expect("the end of the matrix");
    format!("{before}{BEGIN}\n{matrix}\n{END}{after}")
}

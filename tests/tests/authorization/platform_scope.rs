//! Who reaches past the organization. [`frame::db::PlatformScope`] is the one door to statements that are
//! bound to no organization; every function that goes through it is in `authorization/platform_scope.txt`
//! with its reason, so that a new one is argued for when it is reviewed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const LIST: &str = include_str!("../../authorization/platform_scope.txt");

/// Every Rust file of the program.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether a line goes through the door, or holds it open for others.
fn uses(line: &str) -> bool {
    line.contains("PlatformScope") || line.contains(".platform()") || line.contains("::platform")
}

/// The name of the item that begins on this line.
fn item(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().skip_while(|word| {
        word.starts_with("pub") || ["const", "async", "unsafe", "default", "in", "super)"].contains(word)
    });
    let kind = words.next()?;
    let name = |text: &str| text.split(['(', '<', ':', ';', '{']).next().unwrap_or_default().to_owned();
    match kind {
        "fn" => words.next().map(name),
        "struct" | "enum" | "trait" | "type" | "static" | "mod" => {
            words.next().map(|text| format!("{kind} {}", name(text)))
        }
        _ if kind.starts_with("impl") => Some(line.trim().trim_end_matches(" {").to_owned()),
        _ => None,
    }
}

/// The items of a file that use the scope: the innermost function or type around each use, by indentation,
/// which `cargo fmt` keeps honest.
fn users(text: &str) -> BTreeSet<String> {
    let mut users = BTreeSet::new();
    let mut around: Vec<(usize, String)> = Vec::new();
    let mut importing = false;
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let indent = code.len() - code.trim_start().len();
        let code = code.trim();
        importing |= code.starts_with("use ") || code.starts_with("pub use ");
        if importing {
            // Under another name it would not be seen.
            assert!(
                !code.contains("PlatformScope as"),
                "PlatformScope is imported under another name: {code}"
            );
            importing = !code.ends_with(';');
            continue;
        }
        if let Some(item) = item(code) {
            around.retain(|(outer, _)| *outer < indent);
            around.push((indent, item));
        }
        if uses(code) {
            let innermost = around.iter().rev().find(|(outer, _)| *outer <= indent);
            users.insert(innermost.map_or_else(|| code.to_owned(), |(_, item)| item.clone()));
        }
    }
    users
}

/// `file  item  reason`, with two blanks between.
fn listed() -> BTreeMap<(String, String), String> {
    let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut listed = BTreeMap::new();
    for line in lines {
        let parts: Vec<&str> = line.split("  ").map(str::trim).filter(|part| !part.is_empty()).collect();
        let [file, item, reason] = parts[..] else {
            panic!("platform_scope.txt: no file, item and reason: {line}")
        };
        let known = listed.insert((file.to_owned(), item.to_owned()), reason.to_owned());
        assert_eq!(known, None, "platform_scope.txt: twice: {line}");
    }
    listed
}

#[test]
fn every_way_past_the_organization_has_its_reason() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut found = BTreeSet::new();
    for krate in fs::read_dir(&crates).expect("crates") {
        let mut files = Vec::new();
        sources(&krate.expect("an entry").path().join("src"), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).expect("a source");
            let name = file.strip_prefix(&crates).expect("inside").to_string_lossy().replace('\\', "/");
            found.extend(users(&text).into_iter().map(|item| (name.clone(), item)));
        }
    }
    let listed: BTreeSet<_> = listed().into_keys().collect();
    let line = |(file, item): &(String, String)| format!("{file}  {item}");
    let new: Vec<String> = found.difference(&listed).map(line).collect();
    let gone: Vec<String> = listed.difference(&found).map(line).collect();
    assert!(new.is_empty(), "not in platform_scope.txt, each needs its reason there:\n{}", new.join("\n"));
    assert!(gone.is_empty(), "in platform_scope.txt, and no longer true:\n{}", gone.join("\n"));
}

#[test]
fn a_use_is_told_by_the_function_around_it() {
    let text = r"
use frame::{
    db::PlatformScope,
};

/// Not PlatformScope.
struct Row {
    a: u8,
}

impl Row {
    pub(super) async fn read(
        db: &PlatformScope,
    ) {
    }
    fn other() {}
}

fn outer() {
    let inner = async |db: &OrgScope| {
        db.platform();
    };
}

struct Keeper {
    scope: PlatformScope,
}
";
    let expected = ["outer", "read", "struct Keeper"].map(str::to_owned);
    assert_eq!(users(text), BTreeSet::from(expected));
}

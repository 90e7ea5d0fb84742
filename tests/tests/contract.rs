//! The served OpenAPI document against the contract that it follows.
//!
//! The contract is a set of published documents. Their facts, without the prose, are committed
//! in `contract/`, and so is the list of the differences that are meant. With
//! `LATCHKEY_CONTRACT_DIR` set to a folder of the published documents the committed facts are
//! checked against them; with `LATCHKEY_CONTRACT_WRITE=1` too they are written:
//!
//! ```sh
//! LATCHKEY_CONTRACT_DIR=... LATCHKEY_CONTRACT_WRITE=1 cargo test -p tests --test contract committed
//! ```
//!
//! A finding reads `operation  place#aspect: what`. It is either a fault of the served document
//! or meant; what is meant belongs in `contract/differences.json`, with the reason.

use std::{env, fs, path::PathBuf};

use crate::contract::{
    compare::compare,
    differences::{judge, parse},
    document::Facts,
    matrix,
    published::{DOCUMENTS, folder, in_lines, read},
};

mod contract {
    mod checks;
    pub mod compare;
    pub mod differences;
    pub mod document;
    pub mod fit;
    pub mod matrix;
    pub mod published;
    pub mod schema;
    pub mod shape;
    mod sweep;
}

#[test]
fn the_committed_facts_are_those_of_the_published_documents() {
    let write = env::var_os("LATCHKEY_CONTRACT_WRITE").is_some_and(|it| it == "1");
    let Some(published) = env::var_os("LATCHKEY_CONTRACT_DIR").map(PathBuf::from) else {
        assert!(!write, "LATCHKEY_CONTRACT_WRITE needs LATCHKEY_CONTRACT_DIR");
        println!("LATCHKEY_CONTRACT_DIR is not set: the committed facts are taken as they are");
        return;
    };
    let mut stale = Vec::new();
    for document in &DOCUMENTS {
        let facts = in_lines(&document.extract(&published).to_json());
        let path = folder().join(document.copy);
        if write {
            fs::write(&path, facts)
                .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        } else {
            let committed = read(&path);
            let first = facts.lines().zip(committed.lines()).position(|(new, old)| new != old);
            let first = first.unwrap_or_else(|| facts.lines().count().min(committed.lines().count()));
            if facts != committed {
                stale.push(format!("{} from line {}", document.copy, first + 1));
            }
        }
    }
    let names = in_lines(&matrix::extract(&published));
    if write {
        fs::write(matrix::names(), names).expect("the names of operations can be written");
    } else if names != read(&matrix::names()) {
        stale.push("operations.json".to_owned());
    }
    assert!(
        stale.is_empty(),
        "the committed facts are not those of the published documents, run again with LATCHKEY_CONTRACT_WRITE=1:\n{}",
        stale.join("\n")
    );
}

#[test]
fn the_served_document_keeps_the_contract() {
    let served = Facts::read(&latchkey::openapi(), None);
    let findings: Vec<_> = DOCUMENTS.iter().flat_map(|it| compare(&it.committed(), &served)).collect();
    let list = read(&folder().join("differences.json"));
    let list = serde_json::from_str(&list).expect("differences.json is JSON");
    let (mut open, stale) = judge(&findings, &parse(&list).expect("differences.json is in order"));
    open.sort();
    let mut report = Vec::new();
    if !open.is_empty() {
        report.push(format!(
            "{} differences from the contract (those that are meant belong in contract/differences.json):",
            open.len()
        ));
        report.extend(open);
    }
    if !stale.is_empty() {
        report.push("entries of contract/differences.json that are no longer true:".to_owned());
        report.extend(stale);
    }
    assert!(report.is_empty(), "\n{}\n", report.join("\n"));
}

#[test]
fn the_support_matrix_is_what_is_served() {
    let (page, write) = (matrix::page(), env::var_os("LATCHKEY_MATRIX_WRITE").is_some_and(|it| it == "1"));
    let written = read(&page);
    let wanted = matrix::placed(&written, &matrix::matrix());
    if write {
        fs::write(&page, wanted).expect("the page can be written");
    } else {
        let first = wanted.lines().zip(written.lines()).find(|(wanted, written)| wanted != written);
        assert!(wanted == written, "the support matrix is stale, run `cargo xtask matrix`: {first:?}");
    }
}

//! The differences from the contract that are meant.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compare::Finding;

/// An entry of the list.
#[derive(Debug)]
pub struct Difference {
    /// The operations that it is about.
    operations: Operations,
    /// The place, as a finding names it. With `/**` at its end: everything below the place.
    place: String,
}

#[derive(Debug)]
enum Operations {
    /// Wherever it occurs, but at least once.
    All,
    /// In each of these.
    Listed(Vec<String>),
}

/// Reads the list, and says what is wrong with it.
pub fn parse(list: &Value) -> Result<Vec<Difference>, String> {
    let list = list.as_array().ok_or("the list of differences is no array")?;
    list.iter().map(|entry| Difference::parse(entry).map_err(|error| format!("{error}: {entry}"))).collect()
}

impl Difference {
    fn parse(entry: &Value) -> Result<Self, &'static str> {
        let names = entry.as_object().ok_or("a difference is an object")?.keys().map(String::as_str);
        if names.collect::<BTreeSet<_>>() != BTreeSet::from(["operation", "reason", "where"]) {
            return Err("a difference has an operation, a where and a reason");
        }
        let operations = match &entry["operation"] {
            Value::String(all) if all == "*" => Operations::All,
            Value::String(id) => Operations::Listed(vec![id.clone()]),
            Value::Array(ids) => {
                let ids: Option<Vec<_>> = ids.iter().map(|id| id.as_str().map(str::to_owned)).collect();
                Operations::Listed(
                    ids.filter(|ids| !ids.is_empty()).ok_or("operations are named by their ids")?,
                )
            }
            _ => return Err("an operation is an id, a list of ids or *"),
        };
        let place = entry["where"].as_str().filter(|it| !it.is_empty()).ok_or("where is a text")?;
        entry["reason"].as_str().filter(|it| it.contains(' ')).ok_or("a reason is a sentence")?;
        Ok(Self { operations, place: place.to_owned() })
    }

    fn covers(&self, place: &str) -> bool {
        match self.place.strip_suffix("/**") {
            None => place == self.place,
            Some(above) => place.strip_prefix(above).is_some_and(|rest| rest.starts_with(['/', '<', '#'])),
        }
    }

    fn concerns(&self, operation: &str) -> bool {
        match &self.operations {
            Operations::All => true,
            Operations::Listed(ids) => ids.iter().any(|id| id == operation),
        }
    }

    /// What the entry names although it does not occur.
    fn stale(&self, findings: &[Finding]) -> Vec<String> {
        let occurs = |id: Option<&str>| {
            findings.iter().any(|it| id.is_none_or(|id| it.operation == id) && self.covers(&it.gap.at))
        };
        let line = |id: &str| format!("{id}  {}", self.place);
        match &self.operations {
            Operations::All if occurs(None) => Vec::new(),
            Operations::All => vec![line("*")],
            Operations::Listed(ids) => ids.iter().filter(|id| !occurs(Some(id))).map(|id| line(id)).collect(),
        }
    }
}

/// The findings that are not meant and the entries that are no longer true, one line each.
pub fn judge(findings: &[Finding], differences: &[Difference]) -> (Vec<String>, Vec<String>) {
    let meant = |it: &&Finding| {
        differences.iter().any(|entry| entry.concerns(&it.operation) && entry.covers(&it.gap.at))
    };
    let open = findings.iter().filter(|it| !meant(it)).map(Finding::to_string).collect();
    let mut stale: Vec<String> = differences.iter().flat_map(|entry| entry.stale(findings)).collect();
    stale.sort();
    (open, stale)
}

//! Labels: up to fifty pairs of short strings on an object.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Patch, Problem, problem::Fault};

/// The labels of an object (contract: `Labels`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Labels(pub BTreeMap<String, String>);

/// A change of labels: a value sets a key, `None` removes it, keys not named stay (contract:
/// `LabelsUpdate`). `clear` first removes all, for a PATCH with `"labels": null`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelsPatch {
    /// Whether the old labels go first.
    pub clear: bool,
    /// The keys to set or remove.
    pub entries: BTreeMap<String, Option<String>>,
}

/// Most labels on one object.
pub const MAX: usize = 50;
const RESERVED: [&str; 5] = ["kong", "konnect", "mesh", "kic", "_"];

impl Labels {
    /// Lays a change over these labels; fails when that makes too many.
    pub fn patched(&self, patch: &LabelsPatch) -> Result<Self, Fault> {
        let mut labels = if patch.clear { Self::default() } else { self.clone() };
        for (key, value) in &patch.entries {
            match value {
                Some(value) => labels.0.insert(key.clone(), value.clone()),
                None => labels.0.remove(key),
            };
        }
        if labels.0.len() > MAX { Err(Fault::TooManyItems(MAX)) } else { Ok(labels) }
    }

    /// These labels after the `labels` of a partial update. Not in the contract: a null in place of all of
    /// them removes them all.
    pub fn updated(&self, change: &Patch<LabelsPatch>) -> Result<Self, Problem> {
        match change {
            Patch::Absent => Ok(self.clone()),
            Patch::Null => Ok(Self::default()),
            Patch::Value(change) => self.patched(change).map_err(|fault| Problem::invalid("labels", fault)),
        }
    }
}

/// Whether a key may be used: 1 to 63 characters of the label alphabet, no reserved prefix. The
/// prefix check is case-sensitive, since a published CLI keeps its state in `KONGCTL-…` keys.
pub fn check_key(key: &str) -> Result<(), Fault> {
    if let Some(prefix) = RESERVED.into_iter().find(|prefix| key.starts_with(prefix)) {
        return Err(Fault::ReservedPrefix(prefix));
    }
    check_value(key)
}

/// Whether a value may be used: 1 to 63 characters, letters, digits, `-`, `.`, `_`, a letter or
/// digit at each end.
pub fn check_value(value: &str) -> Result<(), Fault> {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    let good = (1..=63).contains(&bytes.len())
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte));
    if good { Ok(()) } else { Err(Fault::NotALabel) }
}

/// Reads a `labels` object; `nulls` says whether a value may be `null`. Faults carry the key.
pub fn read(value: &Value, nulls: bool) -> Result<LabelsPatch, Vec<(Option<String>, Fault)>> {
    let Value::Object(map) = value else { return Err(vec![(None, Fault::NotAnObject)]) };
    let mut patch = LabelsPatch::default();
    let mut faults = Vec::new();
    if map.len() > MAX {
        faults.push((None, Fault::TooManyItems(MAX)));
        return Err(faults);
    }
    for (key, value) in map {
        let fault = match (check_key(key), value) {
            (Err(fault), _) => Some(fault),
            (Ok(()), Value::String(text)) => check_value(text).err(),
            (Ok(()), Value::Null) if nulls => None,
            (Ok(()), _) => Some(Fault::NotAString),
        };
        match fault {
            Some(fault) => faults.push((Some(key.chars().take(80).collect()), fault)),
            None => {
                patch.entries.insert(key.clone(), value.as_str().map(str::to_owned));
            }
        }
    }
    if faults.is_empty() { Ok(patch) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_of_the_published_cli_are_accepted() {
        assert!(read(&json!({"KONGCTL-namespace": "ns"}), false).is_ok());
        for key in ["kong-x", "konnect", "mesh1", "kic.a", "_x", "", "-a", "a b"] {
            assert!(read(&json!({key: "v"}), false).is_err(), "{key}");
        }
    }

    #[test]
    fn null_removes_one_key_and_leaves_the_rest() {
        let labels = Labels(BTreeMap::from([("a".into(), "1".into()), ("b".into(), "2".into())]));
        let patch = read(&json!({"a": null, "c": "3"}), true).unwrap();
        let patched = labels.patched(&patch).unwrap();
        assert_eq!(serde_json::to_value(patched).unwrap(), json!({"b": "2", "c": "3"}));
    }

    #[test]
    fn fifty_at_most_after_the_change() {
        let full = Labels((0..MAX).map(|n| (format!("k{n}"), "v".into())).collect());
        let patch = read(&json!({"one-more": "v"}), true).unwrap();
        assert!(full.patched(&patch).is_err());
    }
}

//! The stand-in, as whoever tests against it uses it.

mod clocks;
mod faults;
mod poison;
mod requests;
mod seeds;
mod states;

use std::collections::BTreeMap;

use tests::TestStandIn;

/// The rows of each table, as text.
type Stored = BTreeMap<String, Vec<String>>;

/// Everything that is stored, but for what only says that something changed, and for how SQLite keeps its search index.
async fn stored(standin: &TestStandIn) -> Stored {
    let mut all = standin.database.dump().await;
    all.retain(|table, _| table != "changes" && !table.contains("_search"));
    all
}

/// The tables that are not as they were.
fn changed<'s>(before: &'s Stored, after: &Stored) -> Vec<&'s str> {
    before
        .iter()
        .filter(|(table, rows)| after.get(*table) != Some(rows))
        .map(|(table, _)| table.as_str())
        .collect()
}

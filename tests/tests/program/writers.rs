//! Clients that write as fast as they can, and remember what was acknowledged.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use http::Method;
use serde_json::json;
use tests::Client;
use tokio::task::JoinSet;

/// Enough to share a commit.
const WRITERS: usize = 8;

/// What the server said that it has.
pub type Acknowledged = Arc<Mutex<BTreeSet<String>>>;

/// Begins to write system accounts; each writer goes on until the server is gone. Names begin with `prefix`.
pub fn write(client: &Client, prefix: &str, acknowledged: &Acknowledged) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (client, acknowledged) = (client.clone(), Arc::clone(acknowledged));
        let prefix = format!("{prefix}-{writer}");
        writers.spawn(async move {
            for n in 0.. {
                let name = format!("{prefix}-{n}");
                let body = json!({ "name": name });
                let Some(reply) = client.attempt(Method::POST, "/v3/system-accounts", body).await else {
                    break;
                };
                assert_eq!(reply.status, 201, "{}", reply.text);
                acknowledged.lock().expect("a writer").insert(name);
            }
        });
    }
    writers
}

/// How much was acknowledged so far.
pub fn count(acknowledged: &Acknowledged) -> usize {
    acknowledged.lock().expect("a writer").len()
}

/// What was acknowledged and is not there.
pub async fn lost(client: &Client, acknowledged: &Acknowledged) -> Vec<String> {
    let mut missing = acknowledged.lock().expect("a writer").clone();
    for number in 1.. {
        let path = format!("/v3/system-accounts?page[size]=1000&page[number]={number}");
        let page = client.get(&path).await.expect(200);
        let data = page["data"].as_array().expect("a list");
        if data.is_empty() {
            break;
        }
        for account in data {
            missing.remove(account["name"].as_str().expect("a name"));
        }
    }
    missing.into_iter().collect()
}

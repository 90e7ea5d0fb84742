//! Paging by cursor: links that lead from page to page in both directions, and back.

use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::world::World;

/// A page, and where its neighbours are.
struct Page {
    data: Vec<Value>,
    next: Option<String>,
    previous: Option<String>,
    first: String,
    last: String,
    size: i64,
}

/// Follows a link, which is relative to the version of the API.
async fn page(client: &Client, link: &str, flat: bool) -> Page {
    let body = client.get(&format!("/v3{link}")).await.expect(200);
    let meta = if flat { &body["meta"] } else { &body["meta"]["page"] };
    let text = |name: &str| meta[name].as_str().map(str::to_owned);
    assert!(
        meta.get("next").is_some() && meta.get("previous").is_some(),
        "the links are there, if only as null: {body}"
    );
    Page {
        data: body["data"].as_array().expect("data").clone(),
        next: text("next"),
        previous: text("previous"),
        first: text("first").expect("the first page has a link"),
        last: text("last").expect("the last page has a link"),
        size: meta["size"].as_i64().expect("a size"),
    }
}

/// Walks a list to its end and back again; what it saw on the way, page by page.
async fn walk(client: &Client, link: &str, flat: bool) -> Vec<Vec<Value>> {
    let mut forward: Vec<Page> = vec![page(client, link, flat).await];
    assert_eq!(forward[0].previous, None, "nothing is in front of the first page");
    while let Some(next) = forward.last().and_then(|page| page.next.clone()) {
        forward.push(page(client, &next, flat).await);
        assert!(forward.len() < 100, "the list has an end");
    }
    let mut backward = forward.len() - 1;
    let mut previous = forward[backward].previous.clone();
    while let Some(link) = previous {
        backward -= 1;
        let back = page(client, &link, flat).await;
        assert_eq!(back.data, forward[backward].data, "the way back shows the same pages");
        assert!(back.next.is_some(), "there was a page behind it");
        previous = back.previous;
    }
    assert_eq!(backward, 0, "the way back leads to the start");
    let last = forward.last().expect("there is a page");
    let start = page(client, &last.first, flat).await;
    assert_eq!(
        (start.data, start.previous),
        (forward[0].data.clone(), None),
        "the first page can be had from anywhere"
    );
    // The last page is full, so it may begin earlier than where the walk came to it.
    let end = page(client, &forward[0].last, flat).await;
    assert!(
        end.data.ends_with(&last.data) && end.next.is_none(),
        "so can the last, and nothing is behind it"
    );
    assert_eq!(end.previous.is_some(), forward.len() > 1);
    assert!(forward.iter().all(|page| page.size == forward[0].size), "the size is kept");
    forward.into_iter().map(|page| page.data).collect()
}

fn texts(pages: &[Vec<Value>], name: &str) -> Vec<String> {
    pages.iter().flatten().map(|it| it[name].as_str().expect("a text").to_owned()).collect()
}

on_both! {
    /// Twenty-five mappings, forwards and backwards, with and without filters.
    async fn mappings_of_groups(engine: Engine) {
        let world = World::new(engine).await;
        let owner = &world.app.owner;
        let other = owner.post("/v3/teams", json!({ "name": "Other" })).await.expect(201);
        let (team, other) = (world.id("team"), other["id"].as_str().expect("an id"));
        let base = format!("/identity-providers/{}/team-group-mappings", world.provider().await);
        let mut groups = Vec::new();
        for n in 0..25 {
            let group = format!("group {n:02}");
            let team = if n % 5 == 4 { other } else { team };
            owner.post(&format!("/v3{base}"), json!({ "team_id": team, "group": group })).await.expect(201);
            groups.push(group);
        }
        for (size, counts) in [
            ("", vec![10, 10, 5]),
            ("?page[size]=25", vec![25]),
            ("?page[size]=24", vec![24, 1]),
            ("?page[size]=1000", vec![25]),
        ] {
            let pages = walk(owner, &format!("{base}{size}"), false).await;
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), counts);
            assert_eq!(texts(&pages, "group"), groups);
        }
        assert_eq!(texts(&walk(owner, &format!("{base}?page[size]=1"), false).await, "group"), groups);
        // A filter holds for the pages that the links lead to.
        for filter in [format!("filter[team_id]={team}"), format!("filter%5Bteam_id%5D%5Beq%5D={team}")] {
            let pages = walk(owner, &format!("{base}?page[size]=7&{filter}"), false).await;
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [7, 7, 6]);
            assert!(pages.iter().flatten().all(|mapping| mapping["team_id"] == team));
        }
        assert!(walk(owner, &format!("{base}?filter[group]=nothing"), false).await.concat().is_empty());
        // Neither a row that goes nor one that comes disturbs who is under way.
        let start = page(owner, &format!("{base}?page[size]=10"), false).await;
        let gone = start.data[9]["id"].as_str().expect("an id");
        owner.delete(&format!("/v3{base}/{gone}")).await.expect(204);
        owner.post(&format!("/v3{base}"), json!({ "team_id": team, "group": "late" })).await.expect(201);
        let second = page(owner, &start.next.expect("there is more"), false).await;
        assert_eq!(texts(&[second.data], "group"), groups[10..20]);
    }
}

on_both! {
    /// A filter of any length that is accepted stays whole in the links.
    async fn a_long_filter_stays_whole(engine: Engine) {
        let world = World::new(engine).await;
        let owner = &world.app.owner;
        let base = format!("/identity-providers/{}/team-group-mappings", world.provider().await);
        let group = "Ä".repeat(500);
        for n in 0..3 {
            let team = owner.post("/v3/teams", json!({ "name": format!("Team {n}") })).await.expect(201);
            owner
                .post(&format!("/v3{base}"), json!({ "team_id": team["id"], "group": group }))
                .await
                .expect(201);
        }
        let link = format!("{base}?page[size]=2&filter[group]={}", "%C3%84".repeat(500));
        let pages = walk(owner, &link, false).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    }
}

on_both! {
    /// The audit log is walked the same way, newest first.
    async fn the_audit_log(engine: Engine) {
        let app = TestApp::new(engine).await;
        for n in 0..23 {
            app.owner.post("/v3/teams", json!({ "name": format!("Team {n}") })).await.expect(201);
        }
        let pages = walk(&app.owner, "/audit-logs?page[size]=5", false).await;
        let entries = pages.concat();
        assert!(entries.len() >= 23, "every change has an entry");
        assert_eq!(entries, walk(&app.owner, "/audit-logs?page[size]=1000", false).await.concat());
        assert!(entries.is_sorted_by(|a, b| a["ts"].as_str() >= b["ts"].as_str()));
        let authorizations =
            walk(&app.owner, "/audit-logs?page[size]=4&filter[type]=authorization", false).await;
        assert_eq!(authorizations.concat(), entries);
        assert!(walk(&app.owner, "/audit-logs?filter[type]=authentication", false).await.concat().is_empty());
        let default = page(&app.owner, "/audit-logs", false).await;
        assert_eq!((default.data.len(), default.size), (20, 20), "its default is its own");
    }
}

on_both! {
    /// The tokens of an organization: the same with flat metadata.
    async fn tokens_of_an_organization(engine: Engine) {
        let app = TestApp::new(engine).await;
        let owner = &app.owner;
        let mut members = Vec::new();
        for n in 0..4 {
            let member = app.member(&format!("member{n}@acme.test")).await;
            for _ in 0..5 {
                let _ = app.token_of(member.id, std::time::Duration::from_secs(7 * 24 * 3600)).await;
            }
            members.push(member);
        }
        let base = format!("/organizations/{}/personal-access-tokens", app.org);
        // Each member came with a token, and the owner has one.
        let everything = walk(owner, &format!("{base}?page[size]=1000"), true).await;
        assert_eq!(everything.iter().map(Vec::len).collect::<Vec<_>>(), [25]);
        let pages = walk(owner, &base, true).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
        assert_eq!(texts(&pages, "id"), texts(&everything, "id"));
        let user = members[2].id.to_string();
        let token = everything[0].iter().find(|token| token["user_id"] == *user).expect("it has tokens");
        let path = format!("/v3/users/{user}/access-tokens/{}/revoke", token["id"].as_str().expect("an id"));
        owner.call(http::Method::PATCH, &path, None).await.expect(200);
        for (filter, count) in [
            (format!("filter[user_id]={user}"), 6),
            (format!("filter[user_id][eq]={user}&filter[state]=ACTIVE"), 5),
            (format!("filter[user_id]={user}&filter[state][eq]=REVOKED"), 1),
            ("filter[state]=ACTIVE".to_owned(), 24),
            ("filter[state]=EXPIRED".to_owned(), 0),
        ] {
            let pages = walk(owner, &format!("{base}?page[size]=4&{filter}"), true).await;
            assert_eq!(pages.concat().len(), count, "{filter}");
        }
        app.advance(std::time::Duration::from_secs(8 * 24 * 3600));
        let pages = walk(owner, &format!("{base}?page[size]=4&filter[state]=EXPIRED"), true).await;
        assert_eq!(pages.concat().len(), 20, "a state that comes with time is filtered by as well");
    }
}

//! What a gateway is to have, as a document.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use super::{CONFIGURATION, MONTH, ORDERS, OWN, STATUS, Shop, WEATHER, publish};
use crate::{all, id, text};

on_both! {
    /// The whole document of a small world.
    async fn the_document(engine: Engine) {
        let shop = Shop::open(TestApp::with(engine, &[("GATEWAY_ADMIN_URL", "https://gateway.test")]).await).await;
        let found = shop.configuration().await;
        let document = &found["configuration"];
        let (plugins, consumers) = (&document["plugins"], &document["consumers"]);
        let tag = format!("latchkey-{}", shop.app.org);
        let tags = json!(["latchkey", tag]);
        let group = |api: &Value| format!("latchkey-{}", id(api));
        let plugin = |at: usize, name: &str, service: &str, config: Value| {
            let revision = &plugins[at]["tags"][2];
            assert!(revision.as_str().is_some_and(|it| it.starts_with("latchkey-rev-") && it.len() == 29), "{revision}");
            json!({
                "id": plugins[at]["id"], "name": name, "service": service, "enabled": true, "config": config,
                "tags": ["latchkey", tag, revision],
            })
        };
        let ttl = consumers[0]["keyauth_credentials"][0]["ttl"].as_u64().expect("a number");
        assert!((MONTH * 3600 - 600..=MONTH * 3600).contains(&ttl), "{ttl}");
        // By their custom ids: an application's id is in front of a word.
        let expected = json!({
            "_format_version": "3.0",
            "_info": { "select_tags": [tag] },
            "plugins": [
                plugin(0, "acl", ORDERS, json!({ "allow": [group(&shop.orders)], "hide_groups_header": true })),
                plugin(1, "key-auth", ORDERS, json!({ "key_names": ["x-key"], "hide_credentials": true })),
                plugin(2, "acl", WEATHER, json!({ "allow": [group(&shop.weather)], "hide_groups_header": true })),
                plugin(3, "openid-connect", WEATHER, json!({
                    "cache_tokens": false, "issuer": "https://idp.test", "auth_methods": ["bearer"], "scopes": ["openid"],
                    "consumer_claims": [["realm", "azp"]], "consumer_by": ["custom_id", "username"],
                })),
            ],
            "consumers": [
                {
                    "id": consumers[0]["id"], "custom_id": id(&shop.by_key), "tags": tags,
                    "acls": [{ "id": consumers[0]["acls"][0]["id"], "group": group(&shop.orders), "tags": tags }],
                    "keyauth_credentials": [{
                        "id": consumers[0]["keyauth_credentials"][0]["id"], "key": shop.key["credential"], "ttl": ttl,
                        "tags": tags,
                    }],
                },
                {
                    "id": consumers[1]["id"], "custom_id": "umbrella", "tags": tags,
                    "acls": [{ "id": consumers[1]["acls"][0]["id"], "group": group(&shop.weather), "tags": tags }],
                    "keyauth_credentials": [],
                },
            ],
        });
        assert_eq!(found, json!({ "configuration": expected, "warnings": [] }));
        let mut ids = BTreeSet::new();
        collect_ids(document, &mut ids);
        assert_eq!(ids.len(), 4 + 2 + 2 + 1, "each has an id of its own");

        // The same once more, and no other organization's.
        let mut again = shop.configuration().await;
        again["configuration"]["consumers"][0]["keyauth_credentials"][0]["ttl"] = json!(ttl);
        assert_eq!(again, found);
        let rival = shop.app.rival("owner@rival.test").await;
        let theirs = rival.owner.get(CONFIGURATION).await.expect(200);
        assert_eq!((&theirs["configuration"]["plugins"], &theirs["configuration"]["consumers"]), (&json!([]), &json!([])));
        let elsewhere = format!("{CONFIGURATION}?control_plane_id={ORDERS}");
        let elsewhere = shop.app.owner.get(&elsewhere).await.expect(200);
        assert_eq!(elsewhere["configuration"]["plugins"], json!([]));
        let bad = shop.app.owner.get(&format!("{CONFIGURATION}?control_plane_id=x")).await;
        assert_eq!(bad.bad_fields(), ["control_plane_id"]);
        let tagged = shop.app.owner.get(&format!("{CONFIGURATION}?service_tag=platform")).await.expect(200);
        let info = json!({ "select_tags": [tag], "default_lookup_tags": { "services": ["platform"] } });
        assert_eq!(tagged["configuration"]["_info"], info);
        let bad = shop.app.owner.get(&format!("{CONFIGURATION}?service_tag=a,b")).await;
        assert_eq!(bad.bad_fields(), ["service_tag"]);
        // Who got it is written down, without the keys.
        let log = shop.app.owner.get("/v3/audit-logs").await.expect(200);
        let entries = log["data"].as_array().expect("entries").iter();
        let told: Vec<&Value> =
            entries.filter(|it| it["resource"].to_string().contains("gateway/configuration")).collect();
        assert_eq!(told.len(), 4, "{log}");
        assert!(told.iter().all(|it| it["action"] == "deploy" && it["granted"] == true));
        // Whoever may only look does not see keys.
        let reader = shop.app.member("reader@acme.test").await;
        let team = shop.app.team_id("organization-admin-readonly").await;
        shop.app.owner.post(&format!("/v3/teams/{team}/users"), json!({ "id": reader.id })).await.expect(201);
        reader.client.get(CONFIGURATION).await.expect(403);
        reader.client.get(STATUS).await.expect(200);
        let sealed = shop.app.database.holding(text(&shop.key, "credential")).await;
        assert_eq!(sealed, [""; 0], "the key is kept in clear");
    }
}

fn collect_ids(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("id").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| collect_ids(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, found)),
        _ => {}
    }
}

on_both! {
    /// What cannot be put into the document is told, and nothing is open because of it.
    async fn what_is_left_out(engine: Engine) {
        let shop = Shop::open(TestApp::with(engine, &[("GATEWAY_ADMIN_URL", "https://gateway.test")]).await).await;
        // A server without a gateway keeps no keys.
        let other = shop.app.another_node().await;
        let there = other.anonymous().at_host(&shop.site.host).with_cookies(shop.ann.client.cookies());
        there.post(&format!("{OWN}/{}/credentials", id(&shop.by_key)), json!({})).await.expect(201);
        let found = shop.configuration().await;
        let warning = "Keys (1, of 1 applications) were made before keys were kept for the gateway, and are left out: their applications have to make new ones";
        assert_eq!(found["warnings"], json!([warning]));
        let there = other.owner.get(CONFIGURATION).await.expect(200);
        let warning = "Keys (1, of 1 applications) were not kept, and are left out: new ones are kept while `gateway-admin-url` is set";
        assert_eq!(there["warnings"], json!([warning]), "that is what is missing there");
        let keys = &found["configuration"]["consumers"][0]["keyauth_credentials"];
        assert_eq!(keys.as_array().map(Vec::len), Some(1), "the other one is there");

        // In another portal, with another strategy: the older publication's counts.
        let second = shop.app.portal("Partners", json!({ "default_application_auth_strategy_id": null })).await;
        publish(&shop.app, &shop.orders, &second, shop.tokens.clone()).await;
        let found = shop.configuration().await;
        let warning = "The API [Orders] is published with 2 strategies, and a service can ask for one: it is [Keys], which is the oldest publication's; applications of the other 1 are not let through";
        assert_eq!(found["warnings"][0], warning);
        let of_orders = |found: &Value| -> Vec<Value> {
            let plugins = found["configuration"]["plugins"].as_array().expect("plugins").iter();
            plugins.filter(|it| it["service"] == ORDERS).map(|it| it["name"].clone()).collect()
        };
        assert_eq!(of_orders(&found), ["acl", "key-auth"]);
        publish(&shop.app, &shop.orders, &second, Value::Null).await;
        let found = shop.configuration().await;
        assert_eq!(found["warnings"][0], "The API [Orders] needs no strategy in one portal, and one in another: its service asks for it");
        assert_eq!(of_orders(&found), ["acl", "key-auth"]);

        // What needs none there was said while another asked for it: it opens nothing by itself.
        let path = format!("/v3/apis/{}/publications/{}", id(&shop.orders), shop.site.id);
        shop.app.owner.delete(&path).await.expect(204);
        let found = shop.configuration().await;
        assert_eq!(of_orders(&found), ["acl"]);
        let why = "The API [Orders] was published with a strategy, and the publication that needs none is older than the end of that; ";
        assert!(found["warnings"][0].as_str().is_some_and(|it| it.starts_with(why)), "{found}");
        publish(&shop.app, &shop.orders, &shop.site, shop.keys.clone()).await;

        // Published nowhere, its service is closed; only who says that it needs no strategy opens it.
        for site in [&shop.site, &second] {
            let path = format!("/v3/apis/{}/publications/{}", id(&shop.orders), site.id);
            shop.app.owner.delete(&path).await.expect(204);
        }
        let found = shop.configuration().await;
        assert_eq!(of_orders(&found), ["acl"]);
        let warning = "The API [Orders] is published nowhere; its service stays closed until it is published again, or the link is taken away";
        assert_eq!(found["warnings"], json!([warning]));
        assert_eq!(all(&json!({ "data": found["configuration"]["consumers"] }), "custom_id"), ["umbrella"]);
        publish(&shop.app, &shop.orders, &second, Value::Null).await;
        assert_eq!(of_orders(&shop.configuration().await), [""; 0]);
    }
}

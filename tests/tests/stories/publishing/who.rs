//! Who may do what, and sees what.

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use super::{
    APIS, PORTALS, PUBLICATIONS, STRATEGIES, active, api, default_of, holding, names, portal, publication,
    role_on, strategy,
};
use crate::{everywhere, forbidden, id, platform_problem, problem, text};

on_both! {
    /// A publisher of one API publishes that one, in portals that he sees, with strategies that he sees; the
    /// portal's default he need not see.
    async fn who_publishes_what_where(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (seen, hidden) = (portal(&app, "Seen").await, portal(&app, "Hidden").await);
        let (own, other) = (api(&app, "Own").await, api(&app, "Other").await);
        let keys = strategy(&app, "Keys").await;
        let roles = [role_on("Publisher", "APIs", &own, "us"), role_on("Viewer", "Portals", &seen, "*")];
        let ann = holding(&app, "ann@acme.test", &roles).await.client;
        let gone = || platform_problem(404, "Not Found", "Not Found");

        let put = async |api: &str, portal: &str, body: Value| ann.put(&publication(api, portal), body).await;
        let default = default_of(&app, &seen).await;
        assert_eq!(put(&own, &seen, json!({})).await.expect(200)["auth_strategy_ids"], json!([default]));
        assert_eq!(problem(put(&own, &hidden, json!({})).await), gone(), "to her there is none");
        assert_eq!(problem(put(&other, &seen, json!({})).await), forbidden());
        let named = json!({ "auth_strategy_ids": [keys] });
        let unknown = put(&own, &seen, named.clone()).await.expect(400);
        assert_eq!(unknown["invalid_parameters"][0]["rule"], "missing_reference");
        // What is used already may be said again.
        put(&own, &seen, json!({ "auth_strategy_ids": [default], "visibility": "public" })).await.expect(200);
        app.owner.put(&publication(&own, &hidden), named.clone()).await.expect(200);
        app.owner.put(&publication(&other, &seen), named).await.expect(200);
        assert_eq!(problem(ann.delete(&publication(&own, &hidden)).await), gone());
        ann.get(&publication(&own, &hidden)).await.expect(200);
        assert_eq!(problem(ann.get(&publication(&other, &seen)).await), forbidden());
        assert_eq!(names(&ann, PUBLICATIONS, "portal_id").await, [json!(seen), json!(hidden)], "of her API alone");
        assert_eq!(names(&ann, APIS, "id").await, [json!(own)]);
        assert_eq!(names(&ann, PORTALS, "id").await, [json!(seen)]);
        ann.delete(&publication(&own, &seen)).await.expect(204);
        assert_eq!(problem(ann.patch(&format!("{APIS}/{own}"), json!({ "name": "Mine" })).await), forbidden());

        // A role in another region is none here, and one on portals is none on APIs.
        let far = [role_on("Publisher", "APIs", "*", "eu"), everywhere("Admin", "Portals")];
        let bob = holding(&app, "bob@acme.test", &far).await.client;
        assert_eq!(problem(bob.put(&publication(&own, &seen), json!({})).await), forbidden());
        assert_eq!(problem(bob.get(PUBLICATIONS).await), forbidden());
        assert_eq!(problem(bob.get(APIS).await), forbidden());
        bob.patch(&format!("{PORTALS}/{seen}"), json!({ "description": "Mine" })).await.expect(200);
        let named = json!({ "default_application_auth_strategy_id": keys });
        let unknown = bob.patch(&format!("{PORTALS}/{seen}"), named.clone()).await.expect(400);
        assert_eq!(unknown["invalid_parameters"][0]["rule"], "missing_reference");
        let same = json!({ "default_application_auth_strategy_id": default });
        bob.patch(&format!("{PORTALS}/{seen}"), same).await.expect(200);
        let zoe = [everywhere("Admin", "Portals"), role_on("Viewer", "Application Auth Strategies", &keys, "us")];
        let zoe = holding(&app, "zoe@acme.test", &zoe).await.client;
        zoe.patch(&format!("{PORTALS}/{seen}"), named).await.expect(200);
    }
}

on_both! {
    /// Whoever creates a portal or an API becomes its Admin, and nobody else's.
    async fn who_creates_administers(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (others, theirs) = (portal(&app, "Others").await, api(&app, "Theirs").await);
        let roles = [everywhere("Creator", "Portals"), everywhere("Creator", "APIs")];
        let ann = holding(&app, "ann@acme.test", &roles).await.client;
        let made = ann.post(PORTALS, json!({ "name": "Mine" })).await.expect(201);
        let path = format!("{PORTALS}/{}", id(&made));
        ann.patch(&path, json!({ "description": "Mine" })).await.expect(200);
        assert_eq!(problem(ann.patch(&format!("{PORTALS}/{others}"), json!({ "name": "x" })).await), forbidden());
        // The strategy came with the portal; whoever may not see strategies does not see it.
        let keys = text(&made, "default_application_auth_strategy_id");
        assert_eq!(problem(ann.get(&format!("{STRATEGIES}/{keys}")).await), forbidden());
        ann.delete(&path).await.expect(204);
        let made = ann.post(APIS, json!({ "name": "Mine" })).await.expect(201);
        let path = format!("{APIS}/{}", id(&made));
        ann.patch(&path, json!({ "description": "Mine" })).await.expect(200);
        assert_eq!(problem(ann.patch(&format!("{APIS}/{theirs}"), json!({ "name": "x" })).await), forbidden());
        assert_eq!(problem(ann.delete(&format!("{APIS}/{theirs}")).await), forbidden());
        ann.delete(&path).await.expect(204);
    }
}

on_both! {
    /// To another organization nothing of this is there, and it uses none of it.
    async fn another_organization_sees_nothing(engine: Engine) {
        let app = TestApp::new(engine).await;
        let rival = app.rival("owner@rival.test").await;
        let (developers, orders) = (portal(&app, "Developers").await, api(&app, "Orders").await);
        let keys = default_of(&app, &developers).await;
        app.owner.put(&publication(&orders, &developers), json!({})).await.expect(200);
        for list in [PORTALS, APIS, PUBLICATIONS] {
            assert_eq!(rival.owner.get(list).await.expect(200)["data"], json!([]), "{list}");
        }
        let (own, api) = (portal(&rival, "Developers").await, api(&rival, "Orders").await);
        let gone = platform_problem(404, "Not Found", "Not Found");
        for (api, portal) in [(&orders, &developers), (&orders, &own), (&api, &developers)] {
            let path = publication(api, portal);
            assert_eq!(problem(rival.owner.put(&path, json!({})).await), gone);
            assert_eq!(problem(rival.owner.get(&path).await), gone);
            assert_eq!(problem(rival.owner.delete(&path).await), gone);
        }
        for path in [format!("{PORTALS}/{developers}"), format!("{APIS}/{orders}")] {
            assert_eq!(problem(rival.owner.get(&path).await), gone);
            assert_eq!(problem(rival.owner.patch(&path, json!({ "name": "x" })).await), gone);
            assert_eq!(problem(rival.owner.delete(&path).await), gone);
        }
        let named = json!({ "auth_strategy_ids": [keys] });
        let unknown = rival.owner.put(&publication(&api, &own), named).await.expect(400);
        assert_eq!(unknown["invalid_parameters"][0]["rule"], "missing_reference");
        let named = json!({ "name": "x", "default_application_auth_strategy_id": keys });
        let unknown = rival.owner.post(PORTALS, named).await.expect(400);
        assert_eq!(unknown["invalid_parameters"][0]["rule"], "missing_reference");
        app.owner.get(&publication(&orders, &developers)).await.expect(200);
        assert!(active(&app, &keys).await);
    }
}

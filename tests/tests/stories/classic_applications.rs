//! Applications in the words of the older API.

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{all, everywhere, forbidden, id, problem};

const NOBODY: &str = "7f9fd312-a987-4628-b4c5-bb4f4fddd5f7";

on_both! {
    /// Developers in the older API: the same, with how many applications they own.
    async fn developers_with_their_count(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        ann.client.post("/api/v3/applications", json!({ "name": "One" })).await.expect(201);
        let (newer, older) = (site.developers(), format!("/v2/portals/{}/developers", site.id));
        let mut expected = app.owner.get(&format!("{newer}/{}", ann.id)).await.expect(200);
        expected["application_count"] = json!(1);
        let path = format!("{older}/{}", ann.id);
        assert_eq!(app.owner.get(&path).await.expect(200), expected);
        let listed = app.owner.get(&format!("{older}?filter[email]=ann@dev.test")).await.expect(200);
        assert_eq!(listed["data"], json!([expected]));
        let changed = app.owner.patch(&path, json!({ "status": "revoked" })).await.expect(200);
        assert_eq!((&changed["status"], &changed["application_count"]), (&json!("revoked"), &json!(1)));
        ann.client.get("/api/v3/developer/me").await.expect(401);
        // Teams have the same form in both.
        let teams = format!("/v2/portals/{}/teams", site.id);
        let team = app.owner.post(&teams, json!({ "name": "Mobile" })).await.expect(201);
        let members = format!("{teams}/{}/developers", id(&team));
        app.owner.post(&members, json!({ "id": ann.id })).await.expect(201);
        assert_eq!(all(&app.owner.get(&members).await.expect(200), "id"), [json!(ann.id)]);
        assert_eq!(all(&app.owner.get(&format!("{path}/teams")).await.expect(200), "id"), [team["id"].clone()]);
        app.owner.delete(&path).await.expect(204);
        app.owner.get(&path).await.expect(404);
    }
}

on_both! {
    /// They are the same applications: made by the newer version, seen, found and deleted by the older one.
    async fn the_same_applications(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (site, other) = (app.portal("Public", json!({})).await, app.portal("Another", json!({})).await);
        let (ann, bob) = (app.developer(&site, "ann@dev.test").await, app.developer(&site, "bob@dev.test").await);
        let openid = json!({ "issuer": "https://idp.test", "credential_claim": ["azp"], "scopes": ["read"], "auth_methods": ["bearer"] });
        let strategy = json!({
            "name": "Tokens", "display_name": "By token", "strategy_type": "openid_connect", "configs": { "openid-connect": openid },
        });
        let strategy = app.owner.post("/v2/application-auth-strategies", strategy).await.expect(201);
        let newer = format!("/v3/portals/{}/applications", site.id);
        let make = async |name: &str, owner: (&str, &str), more: Value| {
            let mut new = json!({ "name": name, "owner": { "type": owner.0, "id": owner.1 } });
            new.as_object_mut().expect("an object").extend(more.as_object().expect("more").clone());
            app.owner.post(&newer, new).await.expect(201)
        };
        let keys = make("Umbrella", ("developer", &ann.id), json!({ "description": "Rain", "labels": { "env": "test" } })).await;
        let own = json!({ "auth_strategy_id": id(&strategy), "client_id": "mine" });
        let client = make("Anorak", ("developer", &bob.id), own).await;
        let team = json!({ "name": "Mobile", "can_own_applications": true });
        let team = app.owner.post(&format!("/v3/portals/{}/teams", site.id), team).await.expect(201);
        let teams = make("Teamwork", ("team", id(&team)), json!({})).await;

        let older = format!("/v2/portals/{}/applications", site.id);
        let one = |application: &Value| format!("{older}/{}", id(application));
        let shown = |made: &Value, developer: &tests::Developer, reference: &str| {
            json!({
                "id": id(made), "name": made["name"], "description": made["description"], "reference_id": reference,
                "registration_count": 0, "dcr_provider": null, "portal": { "id": site.id }, "granted_scopes": null,
                "developer": { "id": developer.id, "name": format!("Developer {}", developer.email), "email": developer.email },
                "auth_strategy": made["auth_strategy"], "labels": made["labels"], "created_at": made["created_at"],
                "updated_at": made["updated_at"],
            })
        };
        let (first, second) = (shown(&keys, &ann, ""), shown(&client, &bob, "mine"));
        assert_eq!(first["auth_strategy"]["key_names"], json!(["apikey"]));
        assert_eq!(app.owner.get(&one(&keys)).await.expect(200), first);
        assert_eq!(app.owner.get(&format!("/v2/applications/{}", id(&client))).await.expect(200), second);
        let list = app.owner.get(&older).await.expect(200);
        assert_eq!((&list["data"], &list["meta"]["page"]["total"]), (&json!([first, second]), &json!(2)));

        for (query, names) in [
            ("filter[name]=Anorak", vec!["Anorak"]),
            ("filter[name][contains]=BREL", vec!["Umbrella"]),
            ("filter[developer_name][contains]=ANN", vec!["Umbrella"]),
            ("filter[developer_email]=bob@dev.test", vec!["Anorak"]),
            ("filter[developer_email][contains]=DEV.test", vec!["Umbrella", "Anorak"]),
            ("filter[developer_email][neq]=bob@dev.test", vec!["Umbrella"]),
            ("sort=name", vec!["Anorak", "Umbrella"]),
            ("sort=created_at desc", vec!["Anorak", "Umbrella"]),
            ("page[size]=1&page[number]=2", vec!["Anorak"]),
        ] {
            let list = app.owner.get(&format!("{older}?{query}")).await.expect(200);
            assert_eq!(all(&list, "name"), names, "{query}");
        }
        let mine = app.owner.get(&format!("{older}?filter[developer_id]={}&sort=developer_id", ann.id)).await.expect(200);
        assert_eq!(all(&mine, "id"), [json!(id(&keys))]);
        let wrong = app.owner.get(&format!("{older}?filter[team_id]={NOBODY}&sort=updated_at")).await;
        assert_eq!(wrong.bad_fields(), ["filter[team_id]", "sort"]);

        // There are no words for one of a team, which nobody deletes unseen either.
        for path in [one(&teams), format!("/v2/applications/{}", id(&teams)), format!("{older}/{NOBODY}")] {
            app.owner.get(&path).await.expect(404);
        }
        app.owner.delete(&one(&teams)).await.expect(404);
        app.owner.get(&format!("{newer}/{}", id(&teams))).await.expect(200);
        app.owner.get(&format!("/v2/portals/{}/applications/{}", other.id, id(&keys))).await.expect(404);
        app.owner.delete(&format!("/v2/portals/{}/applications/{}", other.id, id(&keys))).await.expect(404);

        app.owner.delete(&one(&keys)).await.expect(204);
        app.owner.get(&format!("{newer}/{}", id(&keys))).await.expect(404);
        assert_eq!(all(&app.owner.get(&older).await.expect(200), "name"), ["Anorak"]);

        // The same roles as for the newer ones.
        let member = app.member("member@acme.test").await;
        assert_eq!(problem(member.client.get(&older).await), forbidden());
        member.client.get(&format!("/v2/applications/{}", id(&client))).await.expect(404);
        let roles = format!("/v3/users/{}/assigned-roles", member.id);
        app.owner.post(&roles, everywhere("Viewer", "Portals")).await.expect(201);
        assert_eq!(member.client.get(&one(&client)).await.expect(200), second);
        assert_eq!(member.client.get(&format!("/v2/applications/{}", id(&client))).await.expect(200), second);
        assert_eq!(problem(member.client.delete(&one(&client)).await), forbidden());
        let (rival, _) = app.another_organization("owner@rival.test").await;
        rival.client.get(&older).await.expect(404);
        rival.client.get(&format!("/v2/applications/{}", id(&client))).await.expect(404);
        rival.client.delete(&one(&client)).await.expect(404);
    }
}

//! Teams of a portal's developers: who makes them, who is in them, and what their members see.

use http::Method;
use serde_json::{Value, json};
use tests::{Engine, Site, TestApp, on_both};

use crate::{all, complaints, id, platform_problem, problem};

const OWN: &str = "/api/v3/developer/teams";

fn teams(site: &Site) -> String {
    format!("/v3/portals/{}/teams", site.id)
}

on_both! {
    /// A team is made, found, changed, and deleted; it is of its portal.
    async fn a_team_of_developers(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (site, other) = (app.portal("Public", json!({})).await, app.portal("Another", json!({})).await);
        let path = teams(&site);
        let team = app.owner.post(&path, json!({ "name": "Mobile" })).await.expect(201);
        let expected = json!({
            "id": team["id"], "name": "Mobile", "description": "", "can_own_applications": false,
            "created_at": team["created_at"], "updated_at": team["created_at"],
        });
        assert_eq!(team, expected);
        let owning = json!({ "name": "mobile", "description": "Builds the app", "can_own_applications": true });
        let owning = app.owner.post(&path, owning).await.expect(201);
        let one = format!("{path}/{}", id(&owning));
        assert_eq!(app.owner.get(&one).await.expect(200), owning);
        app.advance(std::time::Duration::from_secs(1));
        let changed = app.owner.patch(&one, json!({ "can_own_applications": false, "description": null })).await;
        let changed = changed.expect(200);
        assert_eq!((&changed["can_own_applications"], &changed["description"]), (&json!(false), &owning["description"]));
        assert!(changed["updated_at"].as_str() > owning["updated_at"].as_str());
        app.owner.patch(&one, json!({ "can_own_applications": true })).await.expect(200);

        let wrong = json!({ "name": "", "description": "", "can_own_applications": 1, "id": "x" });
        let named = app.owner.post(&path, wrong).await.bad_fields();
        assert_eq!(named, ["name", "description", "can_own_applications", "id"]);
        for (query, found) in [
            ("", vec!["Mobile", "mobile"]),
            ("?filter[name]=mobile", vec!["mobile"]),
            ("?filter[name][contains]=MOB", vec!["Mobile", "mobile"]),
            ("?filter[can_own_applications]=true", vec!["mobile"]),
            ("?page[size]=1&page[number]=2", vec!["mobile"]),
        ] {
            let list = app.owner.get(&format!("{path}{query}")).await.expect(200);
            assert_eq!(all(&list, "name"), found, "{query}");
        }

        let nothing = app.app.new_id::<()>(app.org);
        let rival = app.rival("owner@rival.test").await;
        let elsewhere = format!("{}/{}", teams(&other), id(&owning));
        let none = platform_problem(404, "Not Found", "Not Found");
        for (client, path) in [
            (&app.owner, &elsewhere),
            (&app.owner, &format!("{path}/{nothing}")),
            (&rival.owner, &one),
        ] {
            assert_eq!(problem(client.get(path).await), none, "{path}");
            assert_eq!(problem(client.patch(path, json!({ "name": "x" })).await), none, "{path}");
            assert_eq!(problem(client.get(&format!("{path}/developers")).await), none, "{path}");
            assert_eq!(problem(client.delete(path).await), none, "{path}");
        }
        rival.owner.get(&path).await.expect(404);
        rival.owner.post(&path, json!({ "name": "x" })).await.expect(404);
        app.owner.delete(&one).await.expect(204);
        app.owner.get(&one).await.expect(404);
    }
}

on_both! {
    /// Who is in a team, as the organization says, and as developers see it: their own teams, and nothing of others.
    async fn members(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (site, other) = (app.portal("Public", json!({})).await, app.portal("Another", json!({})).await);
        let (ann, bob) = (app.developer(&site, "ann@dev.test").await, app.developer(&site, "bob@dev.test").await);
        let stranger = app.developer(&other, "ann@dev.test").await;
        let make = async |site: &Site, name: &str| {
            let made = app.owner.post(&teams(site), json!({ "name": name })).await.expect(201);
            (made["id"].clone(), format!("{}/{}/developers", teams(site), id(&made)))
        };
        let (mobile, members) = make(&site, "Mobile").await;
        let (web, of_web) = make(&site, "Web").await;
        let (_, of_another) = make(&other, "Another").await;
        let add = async |members: &str, developer: &str| app.owner.post(members, json!({ "id": developer })).await;
        assert_eq!(add(&members, &ann.id).await.expect(201), Value::Null);
        add(&members, &bob.id).await.expect(201);
        add(&of_web, &ann.id).await.expect(201);
        let twice = problem(add(&members, &ann.id).await);
        let why = format!("The developer [{}] is a member of the team already", ann.id);
        assert_eq!(twice, platform_problem(409, "Conflict", why));
        assert_eq!(complaints(app.owner.post(&members, json!({})).await), json!([["id", "\"id\" is required"]]));
        // A team is of one portal, and so are its members.
        add(&members, &stranger.id).await.expect(404);
        add(&of_another, &ann.id).await.expect(404);

        let listed = app.owner.get(&members).await.expect(200);
        assert_eq!(all(&listed, "email"), ["ann@dev.test", "bob@dev.test"]);
        let first = &listed["data"][0];
        let expected = json!({
            "id": ann.id, "email": "ann@dev.test", "full_name": "Developer ann@dev.test", "active": true,
            "created_at": first["created_at"], "updated_at": first["updated_at"],
        });
        assert_eq!(first, &expected);
        let bobs = format!("{}/{}", site.developers(), bob.id);
        app.owner.patch(&bobs, json!({ "status": "revoked" })).await.expect(200);
        for (query, found) in [
            ("filter[active]=true", vec!["ann@dev.test"]),
            ("filter[active]=false", vec!["bob@dev.test"]),
            ("filter[email][contains]=BOB", vec!["bob@dev.test"]),
            ("filter[full_name]=Developer ann@dev.test", vec!["ann@dev.test"]),
        ] {
            let list = app.owner.get(&format!("{members}?{query}")).await.expect(200);
            assert_eq!(all(&list, "email"), found, "{query}");
        }
        let of_ann = format!("{}/{}/teams", site.developers(), ann.id);
        assert_eq!(all(&app.owner.get(&of_ann).await.expect(200), "name"), ["Mobile", "Web"]);
        let none = app.owner.get(&format!("{of_ann}?filter[can_own_applications]=true")).await.expect(200);
        assert_eq!(none["data"], json!([]));
        app.owner.get(&format!("{}/{}/teams", other.developers(), ann.id)).await.expect(404);

        // Developers see the teams that they are in, and there who is approved.
        let own = ann.client.get(OWN).await.expect(200);
        let shown = &own["data"][0];
        let expected = json!({
            "id": mobile, "name": "Mobile", "description": null, "created_at": shown["created_at"],
            "updated_at": shown["updated_at"],
        });
        assert_eq!((shown, &own["meta"]["page"]["total"]), (&expected, &json!(2)));
        let at = |team: &Value| format!("{OWN}/{}", team.as_str().expect("an id"));
        assert_eq!(&ann.client.get(&at(&mobile)).await.expect(200), shown);
        let colleagues = ann.client.get(&format!("{}/developers", at(&mobile))).await.expect(200);
        assert_eq!(all(&colleagues, "email"), ["ann@dev.test"]);
        assert_eq!(colleagues["data"][0].get("active"), None);
        app.owner.patch(&bobs, json!({ "status": "approved" })).await.expect(200);
        let bob_again = site.signed_in(&site.sign_in("bob@dev.test").await);
        let colleagues = bob_again.get(&format!("{}/developers", at(&mobile))).await.expect(200);
        assert_eq!(all(&colleagues, "email"), ["ann@dev.test", "bob@dev.test"]);
        for path in [at(&web), format!("{}/developers", at(&web))] {
            bob_again.get(&path).await.expect(404);
            stranger.client.get(&path).await.expect(404);
            site.client.get(&path).await.expect(401);
        }
        assert_eq!(stranger.client.get(OWN).await.expect(200)["data"], json!([]));

        let ann_in_web = format!("{of_web}/{}", ann.id);
        app.owner.delete(&ann_in_web).await.expect(204);
        app.owner.delete(&ann_in_web).await.expect(404);
        ann.client.get(&at(&web)).await.expect(404);
        app.owner.delete(&format!("{of_another}/{}", ann.id)).await.expect(404);
        app.owner.delete(&bobs).await.expect(204);
        assert_eq!(all(&app.owner.get(&members).await.expect(200), "email"), ["ann@dev.test"]);
        app.owner.delete(members.trim_end_matches("/developers")).await.expect(204);
        assert_eq!(ann.client.get(OWN).await.expect(200)["data"], json!([]));
        ann.client.get("/api/v3/developer/me").await.expect(200);
    }
}

on_both! {
    /// Teams are for a portal's admins; other roles on the portal do not show them.
    async fn roles_on_a_portal(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        let team = app.owner.post(&teams(&site), json!({ "name": "Mobile" })).await.expect(201);
        let one = format!("{}/{}", teams(&site), id(&team));
        let ann = json!({ "email": "ann@dev.test", "full_name": "Ann" });
        let ann = app.owner.post(&site.developers(), ann).await.expect(201);
        for (role, may) in [("Viewer", false), ("Maintainer", false), ("Admin", true)] {
            let member = app.member(&format!("{role}@acme.test")).await;
            let held = json!({
                "role_name": role, "entity_type_name": "Portals", "entity_id": site.id, "entity_region": "us",
            });
            app.owner.post(&format!("/v3/users/{}/assigned-roles", member.id), held).await.expect(201);
            let members = format!("{one}/developers");
            for (method, path, body, status) in [
                (Method::GET, teams(&site), Value::Null, 200),
                (Method::POST, teams(&site), json!({ "name": "x" }), 201),
                (Method::GET, one.clone(), Value::Null, 200),
                (Method::PATCH, one.clone(), json!({}), 200),
                (Method::POST, members.clone(), json!({ "id": ann["id"] }), 201),
                (Method::GET, members.clone(), Value::Null, 200),
                (Method::GET, format!("{}/{}/teams", site.developers(), id(&ann)), Value::Null, 200),
                (Method::DELETE, format!("{members}/{}", id(&ann)), Value::Null, 204),
                (Method::DELETE, one.clone(), Value::Null, 204),
            ] {
                let body = (!body.is_null()).then_some(body);
                let got = member.client.call(method.clone(), &path, body).await.status;
                assert_eq!(got, if may { status } else { 403 }, "{role}: {method} {path}");
            }
        }
    }
}

on_both! {
    /// Who has an application: its owner, or the members of the team that owns it, as long as they are approved.
    async fn who_has_an_application(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (site, other) = (app.portal("Public", json!({})).await, app.portal("Another", json!({})).await);
        let (ann, bob) = (app.developer(&site, "ann@dev.test").await, app.developer(&site, "bob@dev.test").await);
        app.developer(&site, "cleo@dev.test").await;
        let owner = |kind: &str, id: &str| json!({ "type": kind, "id": id });
        let applications = format!("/v3/portals/{}/applications", site.id);
        let new = json!({ "name": "Umbrella", "owner": owner("developer", &ann.id) });
        let application = app.owner.post(&applications, new).await.expect(201);
        let one = format!("{applications}/{}", id(&application));
        let path = format!("{one}/developers");
        let shown = |developer: &tests::Developer| {
            json!({ "id": developer.id, "email": developer.email, "full_name": format!("Developer {}", developer.email) })
        };
        let list = app.owner.get(&path).await.expect(200);
        assert_eq!(list["data"], json!([shown(&ann)]));
        assert_eq!(list["meta"]["page"]["total"], 1);

        let team = app.owner.post(&teams(&site), json!({ "name": "Mobile", "can_own_applications": true })).await.expect(201);
        app.owner.patch(&one, json!({ "owner": owner("team", id(&team)) })).await.expect(200);
        assert_eq!(app.owner.get(&path).await.expect(200)["data"], json!([]), "nobody is in it yet");
        for developer in [&bob, &ann] {
            let members = format!("{}/{}/developers", teams(&site), id(&team));
            app.owner.post(&members, json!({ "id": developer.id })).await.expect(201);
        }
        let mut both = [shown(&ann), shown(&bob)];
        assert_eq!(app.owner.get(&path).await.expect(200)["data"], json!(both), "in the order in which they came");
        both.sort_by_key(|developer| developer["id"].to_string());
        assert_eq!(app.owner.get(&format!("{path}?sort=id")).await.expect(200)["data"], json!(both));
        both.reverse();
        assert_eq!(app.owner.get(&format!("{path}?sort=id desc")).await.expect(200)["data"], json!(both));
        for (filter, found) in [("", &ann), ("[eq]", &ann), ("[neq]", &bob)] {
            let list = app.owner.get(&format!("{path}?filter[id]{filter}={}", ann.id)).await.expect(200);
            assert_eq!(list["data"], json!([shown(found)]), "{filter}");
        }
        assert_eq!(app.owner.get(&format!("{path}?filter[email]=x&sort=email")).await.bad_fields(), ["filter[email]", "sort"]);

        // Who is let in no more has nothing any more.
        let revoked = json!({ "status": "revoked" });
        app.owner.patch(&format!("/v3/portals/{}/developers/{}", site.id, bob.id), revoked).await.expect(200);
        assert_eq!(app.owner.get(&path).await.expect(200)["data"], json!([shown(&ann)]));

        let elsewhere = format!("/v3/portals/{}/applications/{}/developers", other.id, id(&application));
        app.owner.get(&elsewhere).await.expect(404);
        let (rival, _) = app.another_organization("owner@rival.test").await;
        rival.client.get(&path).await.expect(404);
        let member = app.member("ann@acme.test").await;
        assert_eq!(member.client.get(&path).await.status, 403);
    }
}

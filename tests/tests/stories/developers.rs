//! A developer's life at a portal: registering, signing in, keeping the session going, signing out; and what the
//! organization does with developers.

use std::time::Duration;

use frame::mail;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Developer, Engine, Site, TestApp, on_both};

use crate::{all, asking, at_once, complaints, forbidden, id, platform_problem, posting, problem, text};

pub const DEVELOPER: &str = "/api/v3/developer";
const MINUTE: Duration = Duration::from_secs(60);

/// What an operation of developers answers, POSTed to.
async fn post(client: &Client, operation: &str, body: Value) -> Answer {
    client.post(&format!("{DEVELOPER}{operation}"), body).await
}

fn set_cookies(answer: &Answer) -> Vec<String> {
    let lines = answer.headers.get_all("set-cookie").into_iter();
    lines.map(|line| line.to_str().expect("text").to_owned()).collect()
}

/// The value of a cookie that is set.
fn cookie(answer: &Answer, name: &str) -> String {
    let set = set_cookies(answer);
    let line = set.iter().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.expect("the cookie").split(';').next().expect("a value").to_owned()
}

async fn refresh(site: &Site, token: &str) -> Answer {
    let client = site.client.with_cookies(&format!("portalrefreshtoken={token}"));
    client.call(Method::POST, &format!("{DEVELOPER}/refresh"), None).await
}

/// How many mails somebody got, and the subject of the newest.
async fn mails(app: &TestApp, to: &str) -> (usize, String) {
    let mails = mail::posted(&app.app).await.expect("mails");
    let theirs: Vec<_> = mails.iter().filter(|mail| mail.recipient == to).collect();
    (theirs.len(), theirs.first().map(|mail| mail.subject.clone()).unwrap_or_default())
}

on_both! {
    /// From registering to signing out.
    async fn a_developer_comes_and_goes(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "display_name": "Acme APIs", "auto_approve_developers": true })).await;
        let ann = json!({ "email": "Ann@dev.test", "full_name": "Ann Dev" });
        let registered = post(&site.client, "", ann).await;
        assert_eq!((registered.status.as_u16(), registered.text.as_str()), (201, ""));
        assert_eq!(mails(&app, "Ann@dev.test").await, (1, "Confirm your address for Acme APIs".to_owned()));
        let newest = &mail::posted(&app.app).await.expect("mails")[0];
        let said = mail::text(&app.app, newest).expect("a text");
        let link = format!("http://{}:8080/developer/password?token=", site.host);
        assert!(said.contains(&link), "{said}");
        assert_eq!(site.sign_in("ann@dev.test").await.status, 401, "there is no password yet");

        let token = app.mailed_token("Ann@dev.test").await;
        let verified = post(&site.client, "/verify-email", json!({ "token": token })).await.expect(202);
        assert_eq!(verified["email"], "Ann@dev.test");
        let new = json!({ "token": verified["token"], "password": Developer::PASSWORD });
        post(&site.client, "/reset-password", new).await.expect(204);

        let answer = site.sign_in("ann@DEV.test").await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        let [access, refreshed, older] = &set_cookies(&answer)[..] else { panic!("three cookies") };
        let (name, attributes) = access.split_once("; ").expect("attributes");
        assert!(name.starts_with("portalaccesstoken=kdat_"), "{name}");
        assert_eq!(attributes, "Path=/; Max-Age=1800; HttpOnly; SameSite=Lax");
        let (name, attributes) = refreshed.split_once("; ").expect("attributes");
        assert!(name.starts_with("portalrefreshtoken=kdrt_"), "{name}");
        assert_eq!(attributes, "Path=/api/v3/developer; Max-Age=3600; HttpOnly; SameSite=Strict");
        assert_eq!(*older, refreshed.replace("/api/v3/", "/api/v2/"), "the same token, for older clients");

        let developer = site.signed_in(&answer);
        let me = developer.get(&format!("{DEVELOPER}/me")).await.expect(200);
        let expected = json!({
            "id": me["id"], "email": "Ann@dev.test", "full_name": "Ann Dev", "created_at": me["created_at"],
            "updated_at": me["updated_at"],
        });
        assert_eq!(me, expected);
        let shown = app.owner.get(&format!("{}/{}", site.developers(), id(&me))).await.expect(200);
        assert_eq!((&shown["status"], &shown["email"]), (&json!("approved"), &me["email"]));

        // A token is used once; a second use of it soon after is taken for a lost reply, a later one for theft.
        let first = cookie(&answer, "portalrefreshtoken");
        let next = refresh(&site, &first).await;
        let (second, renewed) = (cookie(&next, "portalrefreshtoken"), site.signed_in(&next));
        renewed.get(&format!("{DEVELOPER}/me")).await.expect(200);
        let again = refresh(&site, &first).await;
        assert_eq!(again.status, 204, "{}", again.text);
        app.advance(Duration::from_secs(11));
        refresh(&site, &first).await.expect(401);
        renewed.get(&format!("{DEVELOPER}/me")).await.expect(401);
        refresh(&site, &second).await.expect(401);

        let answer = site.sign_in("ann@dev.test").await;
        let (developer, token) = (site.signed_in(&answer), cookie(&answer, "portalrefreshtoken"));
        let other = site.signed_in(&site.sign_in("ann@dev.test").await);
        let out = developer.call(Method::POST, &format!("{DEVELOPER}/logout"), None).await;
        assert_eq!((out.status.as_u16(), out.text.as_str()), (204, ""));
        for line in set_cookies(&out) {
            assert!(line.contains("=; ") && line.contains("Max-Age=0"), "{line}");
        }
        developer.get(&format!("{DEVELOPER}/me")).await.expect(401);
        refresh(&site, &token).await.expect(401);
        other.get(&format!("{DEVELOPER}/me")).await.expect(200);
        site.client.call(Method::POST, &format!("{DEVELOPER}/logout"), None).await.expect(204);

        for secret in [&token, &second, Developer::PASSWORD, text(&verified, "token")] {
            assert_eq!(app.database.holding(secret).await, [""; 0], "a secret lies in the database");
        }
        let log = app.owner.get("/v3/audit-logs?filter[type]=authentication").await.expect(200);
        let attempts = all(&log, "outcome");
        assert_eq!(attempts.len(), 4, "{log}");
        assert_eq!((&attempts[0], &log["data"][0]["principal_id"]), (&json!("success"), &me["id"]));
        assert_eq!(attempts[3], "invalid_password");
    }
}

on_both! {
    /// What the published clients of developers call: an account under the older paths, where a session is the same one.
    async fn older_paths_lead_to_the_same_account(engine: Engine) {
        const OLDER: &str = "/api/v2/developer";
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "auto_approve_developers": true })).await;
        let older = async |operation: &str, body: Value| site.client.post(&format!("{OLDER}{operation}"), body).await;
        older("", json!({ "email": "ann@dev.test", "full_name": "Ann" })).await.expect(201);
        let token = app.mailed_token("ann@dev.test").await;
        let verified = older("/verify-email", json!({ "token": token })).await.expect(202);
        let new = json!({ "token": verified["token"], "password": Developer::PASSWORD });
        older("/reset-password", new).await.expect(204);
        let ann = json!({ "username": "ann@dev.test", "password": Developer::PASSWORD });
        let answer = older("/authenticate", ann).await;
        let developer = site.signed_in(&answer);
        let me = developer.get(&format!("{OLDER}/me")).await.expect(200);
        assert_eq!(me, developer.get(&format!("{DEVELOPER}/me")).await.expect(200));

        // Refreshing at one place replaces the token at the other, too: going back and forth is no replay.
        let mut token = cookie(&answer, "portalrefreshtoken");
        for path in [OLDER, DEVELOPER, OLDER, DEVELOPER] {
            app.advance(MINUTE);
            let holder = site.client.with_cookies(&format!("portalrefreshtoken={token}"));
            let next = holder.call(Method::POST, &format!("{path}/refresh"), None).await;
            assert_eq!(next.status, 204, "{}", next.text);
            let set: Vec<String> =
                set_cookies(&next).into_iter().filter(|line| line.starts_with("portalrefreshtoken=")).collect();
            assert_eq!(set.len(), 2);
            token = cookie(&next, "portalrefreshtoken");
            assert!(set.iter().all(|line| line.contains(&token)), "{set:?}");
        }
        older("/forgot-password", json!({ "email": "ann@dev.test" })).await.expect(200);
        developer.call(Method::POST, &format!("{OLDER}/logout"), None).await.expect(204);
        developer.get(&format!("{DEVELOPER}/me")).await.expect(401);
        refresh(&site, &token).await.expect(401);
        // At any other host there is nothing, as with the newer paths.
        app.anonymous().get(&format!("{OLDER}/me")).await.expect(404);
    }
}

on_both! {
    /// A session ends by time: an access token after half an hour, a refresh token after an hour, all of it after
    /// half a day.
    async fn a_session_ends_by_time(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        app.developer(&site, "ann@dev.test").await;
        let answer = site.sign_in("ann@dev.test").await;
        let developer = site.signed_in(&answer);
        let mut token = cookie(&answer, "portalrefreshtoken");
        app.advance(29 * MINUTE);
        developer.get(&format!("{DEVELOPER}/me")).await.expect(200);
        app.advance(MINUTE);
        developer.get(&format!("{DEVELOPER}/me")).await.expect(401);
        for _ in 0..12 {
            let next = refresh(&site, &token).await;
            assert_eq!(next.status, 204, "{}", next.text);
            token = cookie(&next, "portalrefreshtoken");
            app.advance(55 * MINUTE);
        }
        let last = refresh(&site, &token).await;
        let left = set_cookies(&last)[1].split("Max-Age=").nth(1).expect("an age").split(';').next().map(str::to_owned);
        let left: u64 = left.expect("a number").parse().expect("a number");
        assert!((1700..=1800).contains(&left), "no token outlives the session: {left}");
        app.advance(31 * MINUTE);
        refresh(&site, &cookie(&last, "portalrefreshtoken")).await.expect(401);
        appauth::housekeeping::sweep(&app.app).await.expect("swept");
        let left = app.database.dump().await;
        assert_eq!((&left["developer_sessions"], &left["developer_tokens"]), (&vec![], &vec![]));

        app.advance(60 * MINUTE);
        let answer = site.sign_in("ann@dev.test").await;
        app.advance(61 * MINUTE);
        refresh(&site, &cookie(&answer, "portalrefreshtoken")).await.expect(401);
    }
}

on_both! {
    /// Who waits for approval cannot sign in, and hears of it; who is approved no longer is out at once.
    async fn the_organization_decides(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        post(&site.client, "", json!({ "email": "ann@dev.test", "full_name": "Ann" })).await.expect(201);
        site.verify(&app.mailed_token("ann@dev.test").await).await;
        let listed = app.owner.get(&site.developers()).await.expect(200);
        assert_eq!(all(&listed, "status"), [json!("pending")]);
        let path = format!("{}/{}", site.developers(), text(&listed["data"][0], "id"));
        let refused = problem(site.sign_in("ann@dev.test").await);
        assert_eq!(refused, platform_problem(401, "Unauthorized", "Unauthorized"));

        app.owner.patch(&path, json!({ "status": "approved" })).await.expect(200);
        assert_eq!(mails(&app, "ann@dev.test").await.1, "Your account at Public is approved");
        app.owner.patch(&path, json!({ "status": "approved" })).await.expect(200);
        assert_eq!(mails(&app, "ann@dev.test").await.0, 2, "that is no news");
        for status in ["revoked", "rejected", "pending"] {
            let answer = site.sign_in("ann@dev.test").await;
            let (developer, token) = (site.signed_in(&answer), cookie(&answer, "portalrefreshtoken"));
            developer.get(&format!("{DEVELOPER}/me")).await.expect(200);
            let after = app.owner.patch(&path, json!({ "status": status })).await.expect(200);
            assert_eq!(after["status"], status);
            developer.get(&format!("{DEVELOPER}/me")).await.expect(401);
            refresh(&site, &token).await.expect(401);
            assert_eq!(site.sign_in("ann@dev.test").await.status, 401, "{status}");
            app.owner.patch(&path, json!({ "status": "approved" })).await.expect(200);
            developer.get(&format!("{DEVELOPER}/me")).await.expect(401);
            refresh(&site, &token).await.expect(401);
        }
        assert_eq!(app.owner.patch(&path, json!({})).await.expect(200)["status"], "approved");

        let answer = site.sign_in("ann@dev.test").await;
        let developer = site.signed_in(&answer);
        developer.get(&format!("{DEVELOPER}/me")).await.expect(200);
        app.owner.delete(&path).await.expect(204);
        developer.get(&format!("{DEVELOPER}/me")).await.expect(401);
        refresh(&site, &cookie(&answer, "portalrefreshtoken")).await.expect(401);
        assert_eq!(site.sign_in("ann@dev.test").await.status, 401);
        app.owner.get(&path).await.expect(404);
        app.owner.delete(&path).await.expect(404);
        let again = json!({ "email": "ann@dev.test", "full_name": "Ann" });
        app.owner.post(&site.developers(), again).await.expect(201);
    }
}

on_both! {
    /// What is ended on one node has ended on another within a second.
    async fn an_end_is_heard_of_elsewhere(engine: Engine) {
        let app = TestApp::new(engine).await;
        let there = app.another_node().await;
        let site = app.portal("Public", json!({})).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let elsewhere = Client::new(there.owner.base()).at_host(&site.host).with_cookies(ann.client.cookies());
        elsewhere.get(&format!("{DEVELOPER}/me")).await.expect(200);
        let path = format!("{}/{}", site.developers(), ann.id);
        app.owner.patch(&path, json!({ "status": "revoked" })).await.expect(200);
        tokio::time::sleep(Duration::from_secs(1)).await;
        elsewhere.get(&format!("{DEVELOPER}/me")).await.expect(401);
    }
}

on_both! {
    /// What the organization enters, finds, and may not enter.
    async fn the_organizations_list(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "auto_approve_developers": true })).await;
        let path = site.developers();
        let create = async |body: Value| app.owner.post(&path, body).await;
        let ann = create(json!({ "email": "ann@dev.test", "full_name": "Ann" })).await.expect(201);
        let expected = json!({
            "id": ann["id"], "email": "ann@dev.test", "full_name": "Ann", "status": "approved",
            "created_at": ann["created_at"], "updated_at": ann["created_at"],
        });
        assert_eq!(ann, expected, "the portal approves by itself");
        assert_eq!(mails(&app, "ann@dev.test").await.0, 0, "nobody asked for a mail");
        app.advance(Duration::from_secs(1));
        let bob = json!({ "email": "bob@dev.test", "full_name": "bob", "status": "pending", "send_invitation_email": true });
        assert_eq!(create(bob).await.expect(201)["status"], "pending");
        assert_eq!(mails(&app, "bob@dev.test").await, (1, "You are invited to Public".to_owned()));
        app.advance(Duration::from_secs(1));
        let cy = json!({ "email": "Cy@dev.test", "full_name": "Cy", "status": "rejected", "send_invitation_email": false });
        create(cy).await.expect(201);

        let twice = problem(create(json!({ "email": "ANN@dev.test", "full_name": "Ann" })).await);
        let why = "The portal has a developer with the email [ANN@dev.test] already";
        assert_eq!(twice, platform_problem(409, "Conflict", why));
        let wrong = json!({ "email": "x", "full_name": "", "status": "new", "send_invitation_email": 1, "id": "x" });
        assert_eq!(
            complaints(create(wrong).await),
            json!([
                ["email", "must be a valid email address"],
                ["full_name", "full_name must be longer than or equal to 1 characters"],
                ["status", "must be one of [approved, pending, revoked, rejected]"],
                ["send_invitation_email", "value of \"send_invitation_email\" must be true or false"],
                ["id", "\"id\" is not allowed"],
            ])
        );
        let pointless = json!({ "email": "d@dev.test", "full_name": "D", "status": "revoked", "send_invitation_email": true });
        let why = "must be approved or pending for somebody who is invited";
        assert_eq!(complaints(create(pointless).await), json!([["status", why]]));
        let one = format!("{path}/{}", id(&ann));
        assert_eq!(app.owner.patch(&one, json!({ "full_name": "A" })).await.bad_fields(), ["full_name"]);

        for (query, found) in [
            ("", vec!["Ann", "bob", "Cy"]),
            ("?sort=name desc", vec!["bob", "Cy", "Ann"]),
            ("?sort=email", vec!["Cy", "Ann", "bob"]),
            ("?sort=status", vec!["Ann", "bob", "Cy"]),
            ("?sort=created_at desc", vec!["Cy", "bob", "Ann"]),
            ("?filter[name]=bob", vec!["bob"]),
            ("?filter[name][ocontains]=AN,cY", vec!["Ann", "Cy"]),
            ("?filter[email][contains]=CY@", vec!["Cy"]),
            ("?filter[email][neq]=ann@dev.test&sort=name desc", vec!["bob", "Cy"]),
            ("?filter[status][oeq]=approved,rejected", vec!["Ann", "Cy"]),
            ("?filter[status][contains]=ed", vec!["Ann", "Cy"]),
            ("?filter[status]=nonsense", vec![]),
            ("?page[size]=1&page[number]=2", vec!["bob"]),
        ] {
            let list = app.owner.get(&format!("{path}{query}")).await.expect(200);
            assert_eq!(all(&list, "full_name"), found, "{query}");
        }
        assert_eq!(app.owner.get(&format!("{path}?sort=full_name")).await.bad_fields(), ["sort"]);
        let nothing = app.app.new_id::<()>(app.org);
        app.owner.get(&format!("/v3/portals/{nothing}/developers")).await.expect(404);
        app.owner.post(&format!("/v3/portals/{nothing}/developers"), json!({})).await.expect(404);
        app.owner.get(&format!("{path}/{nothing}")).await.expect(404);
        let other = app.portal("Another", json!({})).await;
        assert_eq!(app.owner.get(&other.developers()).await.expect(200)["data"], json!([]));
        app.owner.get(&format!("{}/{}", other.developers(), id(&ann))).await.expect(404);
        app.owner.patch(&format!("{}/{}", other.developers(), id(&ann)), json!({})).await.expect(404);
        app.owner.delete(&format!("{}/{}", other.developers(), id(&ann))).await.expect(404);

        let rival = app.rival("owner@rival.test").await;
        for client in [&rival.owner, &rival.owner.at_host(&site.host)] {
            client.get(&path).await.expect(404);
            client.get(&one).await.expect(404);
            client.delete(&one).await.expect(404);
        }
    }
}

on_both! {
    /// Roles on a portal reach its developers: all may look but a creator, an admin may do everything.
    async fn roles_on_a_portal(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (site, other) = (app.portal("Public", json!({})).await, app.portal("Another", json!({})).await);
        let ann = json!({ "email": "ann@dev.test", "full_name": "Ann" });
        let ann = app.owner.post(&site.developers(), ann).await.expect(201);
        let one = format!("{}/{}", site.developers(), id(&ann));
        for (role, region, sees, edits) in [
            ("Viewer", "us", true, false),
            ("Maintainer", "*", true, false),
            ("Admin", "us", true, true),
            ("Admin", "eu", false, false),
            ("Creator", "us", false, false),
        ] {
            let member = app.member(&format!("{role}-{region}@acme.test").replace('*', "all")).await;
            let held = json!({
                "role_name": role, "entity_type_name": "Portals", "entity_id": site.id, "entity_region": region,
            });
            app.owner.post(&format!("/v3/users/{}/assigned-roles", member.id), held).await.expect(201);
            let status = |good: bool| if good { 200 } else { 403 };
            let (client, what) = (&member.client, format!("{role} in {region}"));
            assert_eq!(client.get(&site.developers()).await.status, status(sees), "{what}");
            assert_eq!(client.get(&one).await.status, status(sees), "{what}");
            assert_eq!(client.patch(&one, json!({})).await.status, status(edits), "{what}");
            let new = json!({ "email": format!("{role}{region}@dev.test"), "full_name": "x" });
            let made = client.post(&site.developers(), new.clone()).await;
            assert_eq!(made.status, if edits { 201 } else { 403 }, "{what}");
            if edits {
                let made = format!("{}/{}", site.developers(), id(&made.body));
                client.delete(&made).await.expect(204);
            } else {
                assert_eq!(problem(client.delete(&one).await), forbidden(), "{what}");
            }
            client.get(&other.developers()).await.expect(403);
            client.post(&other.developers(), new).await.expect(403);
        }
    }
}

on_both! {
    /// Who comes at the same moment does not come twice, and does not slip through.
    async fn at_the_same_moment(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "auto_approve_developers": true })).await;
        let eve = json!({ "email": "eve@dev.test", "full_name": "Eve" });
        let registered = at_once((0..8).map(|_| posting(&site.client, DEVELOPER, eve.clone()))).await;
        assert_eq!(registered.into_iter().collect::<Vec<_>>(), [(201, 8)]);
        assert_eq!(app.owner.get(&site.developers()).await.expect(200)["meta"]["page"]["total"], 1);

        let links = "SELECT CAST(COUNT(*) AS TEXT) FROM developer_links WHERE used_at IS NULL";
        assert_eq!(app.database.query(links).await, ["1"], "of several links the newest is good");

        // Two tabs that refresh at once both go on.
        let ann = app.developer(&site, "ann@dev.test").await;
        let path = format!("{DEVELOPER}/refresh");
        let both = at_once((0..2).map(|_| asking(&ann.client, Method::POST, &path, None))).await;
        assert_eq!(both.into_iter().collect::<Vec<_>>(), [(204, 2)]);

        // Whoever signs in while it is being revoked is out, whichever came first, and stays so.
        let path = format!("{}/{}", site.developers(), ann.id);
        for status in ["revoked", "pending"] {
            let revoking = asking(&app.owner, Method::PATCH, &path, Some(json!({ "status": status })));
            let (answer, revoked) = tokio::join!(site.sign_in("ann@dev.test"), revoking);
            revoked.expect(200);
            app.owner.patch(&path, json!({ "status": "approved" })).await.expect(200);
            if answer.status == 204 {
                site.signed_in(&answer).get(&format!("{DEVELOPER}/me")).await.expect(401);
            }
        }
        ann.client.get(&format!("{DEVELOPER}/me")).await.expect(401);
    }
}

//! Whoever bought on AWS Marketplace becomes a customer of this installation. The marketplace is moto, which checks
//! every signature; `peers/marketplace.py` says what each token is for.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Answer, Client, Engine, Marketplace, TestApp, on_both, python};

use crate::{at_once, complaints, identity_problem, lacks, posting, problem, text};

const RESOLVE: &str = "/v3/aws/marketplace/resolve-customer";
const LINKS: &str = "SELECT aws_account_id || ' ' || product_code || ' ' || license_arn || ' ' || \
                     COALESCE(customer_identifier, '-') FROM marketplace_purchases ORDER BY linked_at";
const LICENSE: &str = "arn:aws:license-manager::294406891311:license:l-";
/// Those of one customer, the last one for another agreement, and that of another customer.
const ANN: &str = "Ann+1/aB%2B==";
const ANN_AGAIN: &str = "Ann+2/aB%2B==";
const ANN_RENEWED: &str = "Ann+renewed/==";
const BOB: &str = "Bob+1/==";

struct Shop {
    app: TestApp,
    aws: Marketplace,
}

async fn shop(engine: Engine) -> Option<Shop> {
    shop_with(engine, &[]).await
}

async fn shop_with(engine: Engine, more: &[(&str, &str)]) -> Option<Shop> {
    let aws = Marketplace::start(&python()?);
    let app = TestApp::with(engine, &[&aws.settings()[..], more].concat()).await;
    Some(Shop { app, aws })
}

async fn bring(client: &Client, token: &str) -> Answer {
    client.post(RESOLVE, json!({ "token": token })).await
}

impl Shop {
    async fn owner_brings(&self, token: &str) -> Answer {
        bring(&self.app.owner, token).await
    }

    /// What is linked to whom, as it is stored.
    async fn links(&self) -> Vec<String> {
        self.app.database.query(LINKS).await
    }

    /// The audit entries of links, newest first.
    async fn entries(&self) -> Vec<Value> {
        let log = self.app.owner.get("/v3/audit-logs?page[size]=100").await.expect(200);
        let entries = log["data"].as_array().cloned().unwrap_or_default();
        entries
            .into_iter()
            .filter(|entry| text(entry, "resource").contains("marketplace-customers"))
            .collect()
    }

    /// A token comes to nothing, for now: 503, and nothing is written.
    async fn not_now(&self, token: &str, why: &str) {
        let answer = self.owner_brings(token).await;
        assert_eq!(answer.header("retry-after"), "1", "{token}: {}", answer.text);
        assert_eq!(problem(answer), identity_problem(503, "Service Unavailable", why), "{token}");
        assert_eq!(self.links().await, [""; 0], "{token}");
        assert_eq!(self.app.database.query("SELECT 1 FROM marketplace_customers").await, [""; 0], "{token}");
    }
}

fn bad(reason: &str) -> Value {
    json!([["token", reason]])
}

on_both! {
    /// The customer is linked to the organization of whoever brings the token, once: another token for the same
    /// changes nothing, another agreement is written down beside the first.
    async fn a_customer_arrives(engine: Engine) {
        let Some(shop) = shop(engine).await else { return };
        let linked = json!({ "organization_id": shop.app.org });
        for token in [ANN, ANN, ANN_AGAIN] {
            assert_eq!(shop.owner_brings(token).await.expect(201), linked);
        }
        assert_eq!(shop.links().await, [format!("111122223333 prod-new {LICENSE}1 -")]);
        assert_eq!(shop.owner_brings(ANN_RENEWED).await.expect(201), linked);
        assert_eq!(shop.owner_brings(BOB).await.expect(201), linked);
        let all = [
            format!("111122223333 prod-new {LICENSE}1 -"),
            format!("111122223333 prod-new {LICENSE}2 -"),
            "444455556666 old-product  ifAPi5AcF3".to_owned(),
        ];
        assert_eq!(shop.links().await, all);
        assert_eq!(shop.aws.asked().await, [ANN, ANN, ANN_AGAIN, ANN_RENEWED, BOB], "as they came");

        let entries = shop.entries().await;
        let [bob, _, ann] = &entries[..] else { panic!("{entries:?}") };
        assert!(text(ann, "resource").ends_with(":marketplace-customers/111122223333"), "{ann}");
        assert_eq!((&ann["action"], &ann["granted"]), (&json!("create"), &json!(true)));
        assert_eq!(ann["change"]["after"], json!({
            "aws_account_id": "111122223333", "product_code": "prod-new", "license_arn": format!("{LICENSE}1"),
            "customer_identifier": null, "linked_at": ann["change"]["after"]["linked_at"],
        }));
        assert_eq!(bob["change"]["after"]["customer_identifier"], "ifAPi5AcF3");
        for token in [ANN, ANN_AGAIN, ANN_RENEWED, BOB] {
            assert_eq!(shop.app.database.holding(token).await, [""; 0], "a token is kept");
        }
    }
}

on_both! {
    /// Whose a customer is stays as it is: another organization is told no more than that it is somebody's. A
    /// customer of an organization that is being deleted is nobody's.
    async fn a_customer_of_another_organization(engine: Engine) {
        let Some(shop) = shop(engine).await else { return };
        let rival = shop.app.rival("owner@rival.test").await;
        bring(&rival.owner, ANN).await.expect(201);
        let before = shop.app.database.dump().await;
        for token in [ANN, ANN_AGAIN, ANN_RENEWED] {
            let refused = shop.owner_brings(token).await;
            assert!(!refused.text.contains(&rival.org.to_string()) && !refused.text.contains("Rival"));
            assert_eq!(complaints(refused), bad("is for a customer that is linked to another organization"));
        }
        assert!(before == shop.app.database.dump().await, "something is left behind");
        bring(&rival.owner, ANN).await.expect(201);

        // Whoever is the last to leave takes the organization along.
        let session = rival.session_of(rival.owner_id).await;
        session.delete("/v3/users/me").await.expect(204);
        shop.owner_brings(ANN).await.expect(201);
        let whose = "SELECT COUNT(*) || ' ' || COUNT(DISTINCT c.org_id) FROM marketplace_customers c JOIN organizations o \
                     ON o.org_id = c.org_id WHERE o.name = 'Acme'";
        assert_eq!(shop.app.database.query(whose).await, ["1 1"]);
        assert_eq!(shop.links().await.len(), 1, "what was theirs went with them");
    }
}

on_both! {
    /// With an organization goes what it bought.
    async fn nothing_dangles(engine: Engine) {
        let Some(shop) = shop(engine).await else { return };
        let rival = shop.app.rival("owner@rival.test").await;
        bring(&rival.owner, ANN).await.expect(201);
        shop.owner_brings(BOB).await.expect(201);
        let mut beside = shop.app.database.beside().await;
        if engine == Engine::Sqlite {
            beside.query("PRAGMA foreign_keys = ON").await;
        }
        beside.query("DELETE FROM organizations WHERE name = 'Rival'").await;
        assert_eq!(shop.links().await, ["444455556666 old-product  ifAPi5AcF3"]);
        assert_eq!(shop.app.database.query("SELECT aws_account_id FROM marketplace_customers").await, ["444455556666"]);
    }
}

on_both! {
    /// The same customer at once: one of two organizations has it, and one entry tells of it.
    async fn several_at_once(engine: Engine) {
        let Some(shop) = shop(engine).await else { return };
        let statuses = at_once((0..6).map(|n| posting(&shop.app.owner, RESOLVE, json!({ "token": ([ANN, ANN_AGAIN][n % 2]) })))).await;
        assert_eq!(statuses, [(201, 6)].into());
        assert_eq!((shop.links().await.len(), shop.entries().await.len()), (1, 1));

        let rival = shop.app.rival("owner@rival.test").await;
        let callers = [&shop.app.owner, &rival.owner];
        let statuses = at_once((0..6).map(|n| posting(callers[n % 2], RESOLVE, json!({ "token": BOB })))).await;
        assert_eq!(statuses, [(201, 3), (400, 3)].into());
        assert_eq!(shop.links().await.len(), 2);
    }
}

on_both! {
    /// What is no token, or none any more, is a bad field. It is passed on as it is: nothing is trimmed or decoded.
    async fn bad_tokens(engine: Engine) {
        let Some(shop) = shop_with(engine, &[("AWS_MARKETPLACE_PRODUCT_CODES", "another, prod-new")]).await else { return };
        assert_eq!(complaints(shop.owner_brings("Expired+1/==").await), bad("has expired"));
        let nearly = ["nonsense", "Ann 1/aB%2B==", "Ann+1/aB+==", " Ann+1/aB%2B==", "Ann+1/aB%2B==\n", "ann+1/ab%2b=="];
        for token in nearly {
            let complaint = complaints(shop.owner_brings(token).await);
            assert_eq!(complaint, bad("is no registration token of AWS Marketplace"), "{token:?}");
        }
        assert_eq!(complaints(shop.owner_brings(BOB).await), bad("is for a product that is not sold here"));
        let asked = shop.aws.asked().await;
        assert_eq!(asked[1..7], nearly);
        let long = "x".repeat(4097);
        for body in [json!({}), json!({ "token": "" }), json!({ "token": 7 }), json!({ "token": null }), json!({ "token": long })] {
            let refused = shop.app.owner.post(RESOLVE, body).await;
            assert!(!refused.text.contains("xxxx"), "a token is no part of a reply");
            assert_eq!(refused.bad_fields(), ["token"]);
        }
        assert_eq!(shop.aws.asked().await, asked, "AWS is not asked about these");
        assert_eq!((shop.links().await, shop.entries().await), (vec![], vec![]));
        shop.owner_brings(ANN).await.expect(201);
    }
}

on_both! {
    /// While AWS does not answer, or not this installation, nothing is linked, and it can be tried again.
    async fn no_answer(engine: Engine) {
        let Some(shop) = shop(engine).await else { return };
        shop.not_now("Throttled+9/==", "AWS Marketplace is asked too often").await;
        shop.not_now("Internal+1/==", "AWS Marketplace failed to answer").await;
        shop.not_now("Nameless+1/==", "AWS Marketplace failed to answer").await;
        shop.not_now("Disabled+1/==", "AWS Marketplace does not offer this in the region that is set").await;
        // Credentials that have expired have the name of an expired token.
        for token in ["Stale+1/==", "Denied+1/=="] {
            shop.not_now(token, "AWS Marketplace refuses this installation").await;
        }
        let asked = shop.aws.asked().await;
        let times = |token: &str| asked.iter().filter(|it| *it == token).count();
        assert_eq!(times("Throttled+9/=="), 3, "no more than that");
        assert_eq!(times("Internal+1/=="), 3);
        for token in ["Disabled+1/==", "Stale+1/==", "Denied+1/=="] {
            assert_eq!(times(token), 1, "{token}: again would be no better");
        }
        // A hiccup is nothing that the client sees.
        shop.owner_brings("Throttled+2/==").await.expect(201);
        assert_eq!((shop.links().await.len(), shop.entries().await.len()), (1, 1));
    }
}

on_both! {
    /// AWS may take its time: nobody else waits meanwhile, and whoever asked is told in the end.
    async fn a_slow_answer(engine: Engine) {
        let Some(shop) = shop(engine).await else { return };
        let slow = tokio::spawn(posting(&shop.app.owner, RESOLVE, json!({ "token": "Slow+1/==" })));
        while shop.aws.asked().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        shop.owner_brings(BOB).await.expect(201);
        assert!(!slow.is_finished(), "the other one is not answered yet");
        let answer = slow.await.expect("an answer");
        assert_eq!(answer.header("retry-after"), "1");
        let wanted = "AWS Marketplace took too long to answer";
        assert_eq!(problem(answer), identity_problem(503, "Service Unavailable", wanted));
        assert_eq!(shop.links().await.len(), 1);
    }
}

on_both! {
    /// Nobody is there, or another key counts there than the one that this installation has.
    async fn nobody_there(engine: Engine) {
        let Some(Shop { app, aws }) = shop(engine).await else { return };
        drop(aws);
        let answer = bring(&app.owner, ANN).await;
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(problem(answer), identity_problem(503, "Service Unavailable", "AWS Marketplace cannot be reached"));
        assert_eq!(app.database.query("SELECT 1 FROM marketplace_customers").await, [""; 0]);

        let Some(elsewhere) = shop_with(engine, &[("AWS_MARKETPLACE_REGION", "eu-west-1")]).await else { return };
        elsewhere.not_now(ANN, "AWS Marketplace refuses this installation").await;
        assert_eq!(elsewhere.aws.asked().await, [""; 0]);
    }
}

on_both! {
    /// Only who runs the organization says whose customer it is: no member, no read-only administrator, no platform
    /// service, and nobody while the operator has not set it up.
    async fn who_may(engine: Engine) {
        let Some(shop) = shop(engine).await else { return };
        let app = &shop.app;
        let member = app.member("ann@acme.test").await;
        assert_eq!(problem(bring(&member.client, ANN).await), lacks("administrator"));
        bring(&app.session_of(member.id).await, ANN).await.expect(403);
        let team = |name: &'static str| async move { format!("/v3/teams/{}/users", app.team_id(name).await) };
        let looks = app.member("looks@acme.test").await;
        app.owner.post(&team("organization-admin-readonly").await, json!({ "id": looks.id })).await.expect(201);
        bring(&looks.client, ANN).await.expect(403);
        bring(&app.service("portal").await, ANN).await.expect(401);
        bring(&app.anonymous(), ANN).await.expect(401);
        let (account, robot) = app.system_account("robot").await;
        bring(&robot, ANN).await.expect(403);
        assert_eq!(shop.aws.asked().await, [""; 0], "who may not is refused before AWS is asked");
        assert_eq!(shop.links().await, [""; 0]);

        app.owner.post(&team("organization-admin").await, json!({ "id": member.id })).await.expect(201);
        bring(&member.client, ANN).await.expect(201);
        bring(&app.session_of(member.id).await, ANN).await.expect(201);
        let robots = team("organization-admin").await.replace("/users", "/system-accounts");
        app.owner.post(&robots, json!({ "id": account })).await.expect(201);
        bring(&robot, BOB).await.expect(201);

        let other = TestApp::new(engine).await;
        other.owner.post(RESOLVE, json!({})).await.expect(400);
        let wanted = identity_problem(412, "Precondition Failed", "AWS Marketplace is not set up in this installation");
        assert_eq!(problem(bring(&other.owner, ANN).await), wanted);
    }
}

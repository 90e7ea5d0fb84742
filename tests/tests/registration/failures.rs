//! What may happen on the way, whoever is at the other end.

use std::time::{Duration, Instant};

use appauth::registration::Fault;
use serde_json::{Value, json};
use tests::{Registry, wanted};

use crate::{at, bridge, failed, okta, worked};

/// What a registration and a removal become when the bridge does this to them, and how often each was asked for.
async fn becomes(registry: &Registry, how: Value) -> (Result<(), Fault>, usize) {
    let registrar = registry.registrar_waiting(Duration::from_millis(600));
    let provider = bridge::provider(registry);
    registry.trouble("POST", "^/dcr/$", how).await;
    let result = at(&registrar, &provider).create(&wanted("Weather")).await.map(drop);
    let asked = registry.seen("POST", "/dcr/").await.len();
    registry.tell(json!({ "trouble": [], "forget": true })).await;
    (result, asked)
}

#[test]
fn a_registration_is_sent_again_only_if_nobody_can_have_worked_it_off() {
    tests::run(async {
        let Some(registry) = Registry::fake("bridge") else { return };
        let unknown = |result: &Result<(), Fault>| matches!(result, Err(Fault::Unknown(_)));
        let configuration = |result: &Result<(), Fault>| matches!(result, Err(Fault::Configuration(_)));
        let transient = |result: &Result<(), Fault>| matches!(result, Err(Fault::Transient { .. }));
        type Verdict<'v> = &'v dyn Fn(&Result<(), Fault>) -> bool;
        let cases: [(Value, Verdict<'_>, usize); 13] = [
            (json!({ "how": "hang" }), &unknown, 1),
            (json!({ "how": "cut" }), &unknown, 1),
            (json!({ "how": "cut", "after": true }), &unknown, 1),
            (json!({ "how": "half", "after": true }), &unknown, 1),
            (json!({ "status": 500 }), &unknown, 1),
            (
                json!({ "status": 502, "body": "<html>", "headers": { "content-type": "text/html" } }),
                &unknown,
                1,
            ),
            (
                json!({ "status": 201, "body": "<html>", "headers": { "content-type": "text/html" } }),
                &unknown,
                1,
            ),
            (json!({ "status": 201, "body": "{}" }), &unknown, 1),
            (json!({ "status": 201, "body": "x".repeat(300 * 1024) }), &unknown, 1),
            (json!({ "status": 302, "headers": { "location": "/dcr/" } }), &configuration, 1),
            (json!({ "status": 503 }), &transient, 1),
            (json!({ "status": 503, "headers": { "retry-after": "1" } }), &Result::is_ok, 2),
            (json!({ "status": 429, "headers": { "retry-after": "1" } }), &Result::is_ok, 2),
        ];
        for (how, verdict, times) in cases {
            let (result, asked) = becomes(&registry, how.clone()).await;
            let mut short = how.to_string();
            short.truncate(80);
            assert!(verdict(&result), "{short}: {result:?}");
            assert_eq!(asked, times, "{short}");
        }
    });
}

#[test]
fn who_wants_to_be_left_alone_for_long_is_left_alone() {
    tests::run(async {
        let Some(registry) = Registry::fake("bridge") else { return };
        let (result, asked) =
            becomes(&registry, json!({ "status": 429, "headers": { "retry-after": "3600" } })).await;
        let after = Some(Duration::from_secs(3600));
        assert!(matches!(result, Err(Fault::Transient { after: told, .. }) if told == after), "{result:?}");
        assert_eq!(asked, 1);
    });
}

#[test]
fn what_is_safe_is_tried_three_times_and_not_for_ever() {
    tests::run(async {
        let Some(registry) = Registry::fake("okta") else { return };
        let registrar = registry.registrar();
        let provider = okta::provider(&registry);
        let client = worked(at(&registrar, &provider).create(&wanted("Weather")).await).client;
        let path = format!("/oauth2/v1/clients/{}", client.id);
        for (how, good, times) in [
            (json!({ "status": 503, "times": 2 }), true, 3),
            (json!({ "how": "cut", "times": 2 }), true, 3),
            (json!({ "status": 503, "times": 9 }), false, 3),
            (json!({ "status": 500, "times": 9 }), false, 1),
        ] {
            registry.trouble("GET", &path, how.clone()).await;
            let found = at(&registrar, &provider).read(&client).await;
            assert_eq!(found.is_ok(), good, "{how}");
            assert!(good || matches!(failed(found), Fault::Transient { .. }));
            assert_eq!(registry.seen("GET", &path).await.len(), times, "{how}");
        }
        let hasty = registry.registrar_waiting(Duration::from_millis(500));
        registry.trouble("GET", &path, json!({ "how": "hang", "times": 9 })).await;
        let started = Instant::now();
        let fault = failed(at(&hasty, &provider).read(&client).await);
        assert_eq!(fault, Fault::Transient { why: "the answer took too long".to_owned(), after: None });
        assert!(started.elapsed() < Duration::from_secs(3));
    });
}

#[test]
fn a_provider_that_is_killed_comes_back_with_what_it_had() {
    tests::run(async {
        let Some(registry) = Registry::fake("okta") else { return };
        let registrar = registry.registrar();
        let provider = okta::provider(&registry);
        let wanted = wanted("Weather");
        for after in [false, true] {
            let how = json!({ "how": "die", "after": after });
            registry.trouble("POST", "^/oauth2/v1/clients$", how).await;
            let fault = failed(at(&registrar, &provider).create(&wanted).await);
            assert!(matches!(fault, Fault::Unknown(_)), "{after}: {fault:?}");
            assert_eq!(registry.clients().await.len(), usize::from(after));
        }
        assert_eq!(registry.state().await["starts"], 3, "it was really killed, twice");
        // It is where it was.
        let found = worked(at(&registrar, &provider).find(&wanted).await);
        assert_eq!(json!(found[0].id), registry.clients().await[0]["client_id"]);
    });
}

#[test]
fn a_provider_gets_four_requests_at_once() {
    tests::run(async {
        let Some(registry) = Registry::fake("bridge") else { return };
        let registrar = registry.registrar_waiting(Duration::from_secs(1));
        registry.trouble("POST", "^/dcr/$", json!({ "how": "hang", "times": 4 })).await;
        let mut all = Vec::new();
        for _ in 0..6 {
            let (registrar, provider) = (registrar.clone(), bridge::provider(&registry));
            all.push(tokio::spawn(async move {
                at(&registrar, &provider).create(&wanted("Weather")).await.is_ok()
            }));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(registry.seen("POST", "/dcr/").await.len(), 4);
        let mut good = 0;
        for one in all {
            good += usize::from(one.await.unwrap());
        }
        assert_eq!(good, 2, "those who waited come next");
    });
}

#[test]
fn nowhere_is_asked_that_the_operator_did_not_allow() {
    tests::run(async {
        let Some(registry) = Registry::fake("bridge") else { return };
        let registrar = registry.registrar();
        for url in ["https://10.0.0.1/dcr", "ftp://localhost/", "nonsense"] {
            let provider = bridge::with(&registry, url, "gYmrbDfu_7PTsZWH", false);
            let fault = failed(at(&registrar, &provider).create(&wanted("Weather")).await);
            assert!(matches!(fault, Fault::Configuration(_)), "{url}: {fault:?}");
        }
    });
}

#[test]
fn a_secret_is_not_shown_whoever_says_it() {
    tests::run(async {
        let Some(registry) = Registry::fake("bridge") else { return };
        let registrar = registry.registrar();
        let provider = bridge::provider(&registry);
        let echo =
            json!({ "error": "gYmrbDfu_7PTsZWH", "error_description": "key gYmrbDfu_7PTsZWH" }).to_string();
        for status in [400, 401, 500, 503] {
            registry.trouble("POST", "^/dcr/$", json!({ "status": status, "body": echo, "times": 9 })).await;
            let fault = failed(at(&registrar, &provider).create(&wanted("Weather")).await);
            assert!(!format!("{fault:?} {}", fault.told()).contains("gYmrbDfu"), "{fault:?}");
        }
        let wrong = bridge::with_key(&registry, "unseen_0123456");
        let fault = failed(at(&registrar, &wrong).create(&wanted("Weather")).await);
        assert!(!format!("{fault:?}").contains("unseen_0123456"));
    });
}

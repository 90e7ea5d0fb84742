//! Mails leave the outbox by a real SMTP server: in clear, by STARTTLS, by TLS, with a password; and what
//! becomes of those that do not.

use frame::{
    args,
    mail::{
        self,
        delivery::{Sender, SmtpSettings, deliver},
    },
};
use kernel::Secret;
use serde_json::json;
use tests::{Engine, MailSink, TestApp, on_both, python};

fn sender(url: String, ca: Option<std::path::PathBuf>) -> Sender {
    let from = "Acme <no-reply@acme.test>".parse().expect("an address");
    Sender::new(&SmtpSettings { url: Secret::new(url), from, ca }).expect("good settings")
}

async fn invite(app: &TestApp, email: &str) {
    app.owner.post("/v3/invites", json!({ "email": email })).await.expect(201);
}

/// What became of each mail, the newest first.
async fn states(app: &TestApp) -> Vec<(String, &'static str)> {
    let mails = mail::posted(&app.app).await.expect("mails");
    mails.iter().map(|mail| (mail.recipient.clone(), mail.state())).collect()
}

/// Lets failed mails be due again.
async fn wait(app: &TestApp) {
    let session = app.app.db.write();
    let db = frame::db::PlatformScope::new(session.clone());
    db.execute("UPDATE mails SET next_at = 0", args![]).await.expect("set back");
    session.commit().await.expect("committed");
}

on_both! {
    /// An invite arrives, once, with its link.
    async fn an_invite_arrives(engine: Engine) {
        let Some(python) = python() else { return };
        let app = TestApp::new(engine).await;
        let mut sink = MailSink::start(&python, &["plain"]);
        let sender = sender(format!("smtp://127.0.0.1:{}?tls=none", sink.port), None);
        assert_eq!(deliver(&app.app, &sender).await.expect("nothing to do"), 0);
        invite(&app, "ann@acme.test").await;
        assert_eq!(states(&app).await, [("ann@acme.test".to_owned(), "waiting")]);
        assert_eq!(deliver(&app.app, &sender).await.expect("sent"), 1);
        let got = sink.receive();
        assert_eq!((&got["from"], &got["to"]), (&json!("Acme <no-reply@acme.test>"), &json!(["ann@acme.test"])));
        assert_eq!(got["subject"], "You are invited to Acme");
        assert!(got["text"].as_str().unwrap().contains("/invites/accept?token=kinv_"), "{got}");
        assert_eq!(states(&app).await, [("ann@acme.test".to_owned(), "sent")]);
        wait(&app).await;
        assert_eq!(deliver(&app.app, &sender).await.expect("nothing to do"), 0);
    }
}

on_both! {
    /// STARTTLS and TLS with a password, under a certificate authority of the operator's own; without it,
    /// or with a wrong password, nothing is sent.
    async fn encrypted_and_authenticated(engine: Engine) {
        let Some(python) = python() else { return };
        let app = TestApp::new(engine).await;
        let folder = app.database.directory.clone();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).expect("written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        for (mode, scheme) in [("starttls", "smtp"), ("tls", "smtps")] {
            let mut sink = MailSink::start(&python, &[mode, cert.to_str().unwrap(), key.to_str().unwrap()]);
            let url = |password: &str| format!("{scheme}://latchkey:{password}@localhost:{}", sink.port);
            let (good, wrong) = (url("p%40ss%20word"), url("other"));
            invite(&app, &format!("{mode}@acme.test")).await;
            for (url, ca) in [(&good, None), (&wrong, Some(cert.clone()))] {
                assert_eq!(deliver(&app.app, &sender(url.clone(), ca)).await.expect("tried"), 0, "{mode}");
                assert_eq!(states(&app).await[0].1, "failing");
                wait(&app).await;
            }
            let told = mail::posted(&app.app).await.expect("mails")[0].last_error.clone().expect("an error");
            assert!(!told.contains("other"), "{told}");
            assert_eq!(deliver(&app.app, &sender(good, Some(cert.clone()))).await.expect("sent"), 1, "{mode}");
            let got = sink.receive();
            assert_eq!((&got["tls"], &got["authenticated"]), (&json!(true), &json!(true)));
        }
        // A server that does not encrypt is not spoken to.
        let sink = MailSink::start(&python, &["plain"]);
        invite(&app, "clear@acme.test").await;
        let required = sender(format!("smtp://localhost:{}", sink.port), None);
        assert_eq!(deliver(&app.app, &required).await.expect("tried"), 0);
    }
}

on_both! {
    /// A mail that is refused for now is tried again, later and later, and given up in the end; the others go.
    async fn refused_for_now(engine: Engine) {
        let Some(python) = python() else { return };
        let app = TestApp::new(engine).await;
        let mut sink = MailSink::start(&python, &["plain"]);
        let sender = sender(format!("smtp://127.0.0.1:{}?tls=none", sink.port), None);
        invite(&app, "later@acme.test").await;
        invite(&app, "now@acme.test").await;
        assert_eq!(deliver(&app.app, &sender).await.expect("tried"), 1);
        assert_eq!(sink.receive()["to"], json!(["now@acme.test"]));
        assert_eq!(deliver(&app.app, &sender).await.expect("not due"), 0);
        let failing = mail::posted(&app.app).await.expect("mails").into_iter().find(|mail| mail.attempts == 1 && mail.sent_at.is_none());
        assert!(failing.expect("one").last_error.expect("an error").contains("Come back later"));
        for _ in 0..mail::delivery::ATTEMPTS {
            wait(&app).await;
            deliver(&app.app, &sender).await.expect("tried");
        }
        assert!(states(&app).await.contains(&("later@acme.test".to_owned(), "given up")));
    }
}

on_both! {
    /// Two nodes at once send each mail once.
    async fn two_nodes(engine: Engine) {
        let Some(python) = python() else { return };
        let app = TestApp::new(engine).await;
        let there = app.another_node().await;
        let sink = MailSink::start(&python, &["plain"]);
        let url = format!("smtp://127.0.0.1:{}?tls=none", sink.port);
        for n in 0..10 {
            invite(&app, &format!("n{n}@acme.test")).await;
        }
        let (one, two) = (sender(url.clone(), None), sender(url, None));
        let (here, beside) = tokio::join!(deliver(&app.app, &one), deliver(&there.app, &two));
        assert_eq!(here.expect("sent") + beside.expect("sent"), 10);
        assert!(states(&app).await.iter().all(|(_, state)| *state == "sent"));
    }
}

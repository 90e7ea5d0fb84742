//! Portals and developers, made as they come about: by the organization's operations, and by mail.

use frame::mail;
use serde_json::{Value, json};

use crate::{Answer, Client, TestApp};

/// A portal.
pub struct Site {
    /// Its id.
    pub id: String,
    /// Its host.
    pub host: String,
    /// Nobody, calling at its host.
    pub client: Client,
}

/// A developer.
pub struct Developer {
    /// Its id.
    pub id: String,
    /// Its address.
    pub email: String,
    /// The developer, calling at its portal's host.
    pub client: Client,
}

impl Site {
    /// Where its developers' operations of the organization are.
    pub fn developers(&self) -> String {
        format!("/v3/portals/{}/developers", self.id)
    }

    /// Signs in; the reply, with its cookies.
    pub async fn sign_in(&self, email: &str) -> Answer {
        let body = json!({ "username": email, "password": Developer::PASSWORD });
        self.client.post("/api/v3/developer/authenticate", body).await
    }

    /// Sets a password by the token that a mail of an invitation or a registration brought.
    pub async fn verify(&self, token: &str) {
        let verified = self.client.post("/api/v3/developer/verify-email", json!({ "token": token })).await;
        let token = verified.expect(202)["token"].clone();
        let body = json!({ "token": token, "password": Developer::PASSWORD });
        self.client.post("/api/v3/developer/reset-password", body).await.expect(204);
    }

    /// A signed-in developer's caller, by the reply to signing in.
    pub fn signed_in(&self, answer: &Answer) -> Client {
        assert_eq!(answer.status, 204, "{}", answer.text);
        let cookies = answer.headers.get_all("set-cookie").into_iter();
        let pairs = cookies.map(|line| line.to_str().expect("text").split(';').next().expect("a pair"));
        self.client.with_cookies(&pairs.collect::<Vec<_>>().join("; "))
    }
}

impl Developer {
    /// The password of every developer here.
    pub const PASSWORD: &str = "Correct-Horse-7";
}

impl TestApp {
    /// A portal with these settings beside its name.
    pub async fn portal(&self, name: &str, settings: Value) -> Site {
        let mut body = settings;
        body["name"] = json!(name);
        let made = self.owner.post("/v3/portals", body).await.expect(201);
        let host = made["default_domain"].as_str().expect("a domain").to_owned();
        let client = self.anonymous().at_host(&host);
        Site { id: made["id"].as_str().expect("an id").to_owned(), host, client }
    }

    /// An approved developer, signed in.
    pub async fn developer(&self, site: &Site, email: &str) -> Developer {
        let body = json!({
            "email": email, "full_name": format!("Developer {email}"), "status": "approved", "send_invitation_email": true,
        });
        let made = self.owner.post(&site.developers(), body).await.expect(201);
        site.verify(&self.mailed_token(email).await).await;
        let client = site.signed_in(&site.sign_in(email).await);
        Developer { id: made["id"].as_str().expect("an id").to_owned(), email: email.to_owned(), client }
    }

    /// The token in the newest mail to somebody.
    pub async fn mailed_token(&self, to: &str) -> String {
        let mails = mail::posted(&self.app).await.expect("mails");
        let newest = mails.iter().find(|mail| mail.recipient == to).expect("a mail");
        let text = mail::text(&self.app, newest).expect("a text");
        let (_, rest) = text.split_once("?token=").expect("a link");
        rest.lines().next().expect("a token").to_owned()
    }
}

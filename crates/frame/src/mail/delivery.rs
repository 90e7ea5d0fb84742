//! Sending the outbox by SMTP. Any node takes mails that are due, a few at a time, with a lease: what one
//! began and did not finish, another finishes. So a mail can come twice after a crash, and is never lost.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kernel::{Problem, Result, Secret, Timestamp, WallClock};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use tokio::{sync::watch, time};

use super::{Posted, text};
use crate::{App, args, db::PlatformScope, org_sql};

/// How often the outbox is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How many mails are taken at a time.
const BATCH: i64 = 10;
/// How long a node may take to send what it took.
const LEASE: Duration = Duration::from_secs(300);
/// How often a mail is tried: over some six hours.
pub const ATTEMPTS: i64 = 12;
/// How long a server may take for one mail.
const PATIENCE: Duration = Duration::from_secs(15);

/// How mails are sent.
#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtps://…`, or `smtp://…` with `?tls=required` (the default), `opportunistic` or `none`; with
    /// user and password.
    pub url: Secret<String>,
    /// The sender.
    pub from: Mailbox,
    /// A certificate authority of the operator's own, in PEM.
    pub ca: Option<PathBuf>,
}

/// A connection to a mail server.
pub struct Sender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Sender {
    /// Reads the settings; nothing is connected yet.
    pub fn new(settings: &SmtpSettings) -> Result<Self, String> {
        let transport = transport(&settings.url, settings.ca.as_deref())?;
        Ok(Self { transport, from: settings.from.clone() })
    }

    async fn send(&self, mail: &Posted, text: String) -> Result<(), String> {
        let to: Mailbox = mail.recipient.parse().map_err(|_| "the address cannot be mailed to".to_owned())?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject.clone())
            .header(ContentType::TEXT_PLAIN)
            .message_id(Some(format!("<{}@latchkey>", mail.id)))
            .body(text)
            .map_err(|error| error.to_string())?;
        self.transport.send(message).await.map(drop).map_err(|error| error.to_string())
    }
}

/// The way to a mail server, by an address as [`SmtpSettings::url`] is one; what is wrong with it otherwise.
pub fn transport(
    url: &Secret<String>,
    ca: Option<&Path>,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let url = url::Url::parse(url.reveal()).map_err(|_| "must be a URL".to_owned())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("must name a host")?.to_owned();
    let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
    let parameters = || {
        let mut builder = TlsParameters::builder(host.clone()).certificate_store(CertificateStore::Default);
        if let Some(path) = ca {
            let pem =
                std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            let certificate =
                Certificate::from_pem(&pem).map_err(|error| format!("{}: {error}", path.display()))?;
            builder = builder.add_root_certificate(certificate);
        }
        builder.build().map_err(|error| format!("TLS: {error}"))
    };
    let (port, tls) = match (url.scheme(), tls.as_deref()) {
        ("smtps", None) => (465, Tls::Wrapper(parameters()?)),
        ("smtp", None | Some("required")) => (587, Tls::Required(parameters()?)),
        ("smtp", Some("opportunistic")) => (587, Tls::Opportunistic(parameters()?)),
        ("smtp", Some("none")) => (25, Tls::None),
        _ => {
            return Err("must be smtps://… or smtp://… with ?tls=required, opportunistic or none".to_owned());
        }
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
        .port(url.port().unwrap_or(port))
        .tls(tls)
        .timeout(Some(PATIENCE));
    if !url.username().is_empty() {
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let password = decode(url.password().unwrap_or_default());
        builder = builder.credentials(Credentials::new(decode(url.username()), password));
    }
    Ok(builder.build())
}

/// Sends what is due until told to stop.
pub async fn run(app: App, sender: Arc<Sender>, mut stop: watch::Receiver<bool>) {
    let mut tick = time::interval(LOOK);
    tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        if let Err(error) = deliver(&app, &sender).await {
            tracing::warn!(%error, "the outbox cannot be worked on; it will be tried again");
        }
    }
}

/// Sends the mails that are due; how many were sent.
pub async fn deliver(app: &App, sender: &Sender) -> Result<usize> {
    let mut sent = 0;
    for mail in take(app).await? {
        let outcome = match text(app, &mail) {
            Ok(text) => sender.send(&mail, text).await,
            Err(problem) => Err(problem.to_string()),
        };
        sent += usize::from(outcome.is_ok());
        note(app, &mail, outcome).await?;
    }
    Ok(sent)
}

/// Takes mails that are due, so that no other node takes them meanwhile.
async fn take(app: &App) -> Result<Vec<Posted>> {
    let now = WallClock::now(&*app.wall);
    let session = app.db.write();
    // The outer condition is looked at again once another node's claim is known.
    let sql = "UPDATE mails SET next_at = $2, attempts = attempts + 1 WHERE sent_at IS NULL AND next_at <= $1 AND id IN \
               (SELECT id FROM mails WHERE sent_at IS NULL AND next_at <= $1 AND attempts < $3 ORDER BY next_at LIMIT $4) \
               RETURNING id, org_id, recipient, subject, body, created_at, sent_at, attempts, last_error";
    let mails =
        PlatformScope::new(session.clone()).all(sql, args![now, now.plus(LEASE), ATTEMPTS, BATCH]).await?;
    session.commit().await?;
    Ok(mails)
}

/// Writes down what came of it. A failed mail waits: a minute, two, four, an hour at most.
async fn note(app: &App, mail: &Posted, outcome: Result<(), String>) -> Result<()> {
    let now = WallClock::now(&*app.wall);
    let session = app.db.write();
    let db = PlatformScope::new(session.clone()).org(mail.org_id);
    match outcome {
        Ok(()) => {
            let sql =
                org_sql!("UPDATE mails SET sent_at = $3, last_error = NULL WHERE org_id = $1 AND id = $2");
            db.execute(sql, args![mail.id, now]).await?;
        }
        Err(error) => {
            tracing::warn!(mail = %mail.id, attempt = mail.attempts, %error, "a mail could not be sent");
            let sql =
                org_sql!("UPDATE mails SET next_at = $3, last_error = $4 WHERE org_id = $1 AND id = $2");
            let error: String = error.chars().take(500).collect();
            db.execute(sql, args![mail.id, now.plus(pause(mail.attempts)), error]).await?;
        }
    }
    session.commit().await.map_err(Problem::from)
}

fn pause(attempts: i64) -> Duration {
    let doubled = u32::try_from(attempts - 1).unwrap_or(0).min(6);
    Duration::from_secs(60 << doubled).min(Duration::from_secs(3600))
}

/// When a new mail is due: at once.
pub(super) fn due(app: &App) -> Timestamp {
    WallClock::now(&*app.wall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        assert_eq!(
            [1, 2, 3, 6, 7, 12].map(|attempts| pause(attempts).as_secs()),
            [60, 120, 240, 1920, 3600, 3600]
        );
    }

    #[test]
    fn addresses_of_servers() {
        let sender = |url: &str| {
            let settings = SmtpSettings {
                url: Secret::new(url.to_owned()),
                from: "no-reply@acme.test".parse().unwrap(),
                ca: None,
            };
            Sender::new(&settings).map(drop)
        };
        for good in ["smtps://mail.test", "smtp://ann:p%40ss@mail.test:2525", "smtp://mail.test?tls=none"] {
            assert_eq!(sender(good), Ok(()), "{good}");
        }
        for bad in [
            "mail.test",
            "smtp://",
            "http://mail.test",
            "smtp://mail.test?tls=maybe",
            "smtps://mail.test?tls=none",
        ] {
            assert!(sender(bad).is_err(), "{bad}");
        }
    }
}

//! The mail outbox. A mail is written in the transaction that causes it; its text may hold a one-time
//! link, so it is sealed, and never logged. [`delivery`] sends it, if the operator has a mail server.

pub mod delivery;
mod letters;

use std::sync::Arc;

pub use letters::Letters;

use kernel::{Email, Id, OrgId, Result, Sealed, Timestamp};
use serde::Serialize;

use crate::{
    App, args,
    db::{OrgScope, PlatformScope, RowKey, SealedColumn},
    from_row, org_sql,
};

/// Marks the id of a mail.
pub enum Mail {}

/// Puts a letter into the outbox.
pub async fn post(
    app: &App,
    scope: &OrgScope,
    to: &Email,
    letter: &str,
    context: impl Serialize,
) -> Result<()> {
    let (subject, text) = app.part::<Arc<Letters>>()?.write(letter, context)?;
    let now = app.clock.now(scope.org());
    let id: Id<Mail> = app.new_id(scope.org());
    let body: Sealed<String> = app.vault.ring().seal(&*app.entropy, &BODIES.place(id), text.as_bytes())?;
    let sql = org_sql!(
        "INSERT INTO mails (org_id, id, recipient, subject, body, created_at, next_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7)"
    );
    scope.execute(sql, args![id, to.as_str(), subject, &body, now, delivery::due(app)]).await?;
    Ok(())
}

/// Where the texts of mails are.
pub static BODIES: SealedColumn =
    SealedColumn { table: "mails", column: "body", key: RowKey::InOrganization("id"), prefix: "mails/body" };

/// A mail in the outbox.
pub struct Posted {
    /// Its id.
    pub id: Id<Mail>,
    /// Its organization.
    pub org_id: OrgId,
    /// To whom.
    pub recipient: String,
    /// About what.
    pub subject: String,
    /// The sealed text.
    pub body: Sealed<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: i64,
    /// What went wrong last.
    pub last_error: Option<String>,
}

from_row!(Posted { id, org_id, recipient, subject, body, created_at, sent_at, attempts, last_error });

impl Posted {
    /// What became of it, in a word or two.
    pub const fn state(&self) -> &'static str {
        match (self.sent_at, self.attempts) {
            (Some(_), _) => "sent",
            (None, 0) => "waiting",
            (None, delivery::ATTEMPTS..) => "given up",
            (None, _) => "failing",
        }
    }
}

/// The newest mails of all organizations, for whoever has the data directory.
pub async fn posted(app: &App) -> Result<Vec<Posted>> {
    let scope = PlatformScope::new(app.db.read());
    let sql = "SELECT id, org_id, recipient, subject, body, created_at, sent_at, attempts, last_error FROM mails ORDER BY created_at DESC, seq DESC LIMIT 100";
    Ok(scope.all(sql, args![]).await?)
}

/// The text of a mail.
pub fn text(app: &App, mail: &Posted) -> Result<String> {
    let secret = app.vault.ring().open(&BODIES.place(mail.id), &mail.body)?;
    Ok(String::from_utf8_lossy(secret.reveal()).into_owned())
}

/// Drops the mails of an organization that are older than the operator wants them.
pub async fn purge(app: &App, scope: &OrgScope) -> Result<u64> {
    let before = app.clock.now(scope.org()).minus(app.settings.mail_retention);
    let sql = org_sql!("DELETE FROM mails WHERE org_id = $1 AND created_at < $2");
    Ok(scope.execute(sql, args![before]).await?)
}

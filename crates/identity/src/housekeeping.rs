//! What time does by itself: writing down when tokens were used, revoking unused ones, dropping what
//! is kept no longer.

use frame::{
    App, access::Usage, args, chores::Chore, db::PlatformScope, mail, org_sql, principal::CredentialKind,
};
use kernel::{Result, WallClock};

use crate::{
    audit_logs, invites, organizations,
    tokens::{UNUSED, reminders},
};

/// What this crate has to do over and over.
pub const CHORES: &[Chore] = &[
    Chore {
        what: "writing down token use",
        minutes: 1,
        at_the_end: true,
        reaches_out: false,
        work: |app| Box::pin(usage_flush(app)),
    },
    Chore {
        what: "counting full pages",
        minutes: 1,
        at_the_end: false,
        reaches_out: false,
        work: |app| Box::pin(frame::db::close_chunks(&app.db)),
    },
    Chore {
        what: "reminding of tokens that expire",
        minutes: 60,
        at_the_end: false,
        reaches_out: false,
        work: |app| Box::pin(reminders::remind(app)),
    },
    Chore {
        what: "dropping what is old",
        minutes: 60,
        at_the_end: false,
        reaches_out: false,
        work: |app| Box::pin(sweep(app)),
    },
];

/// Writes down when tokens were last used.
pub async fn usage_flush(app: &App) -> Result<()> {
    let usage = app.access.take_usage();
    if usage.is_empty() {
        return Ok(());
    }
    let written = usage_write(app, &usage).await;
    if written.is_err() {
        app.access.return_usage(usage);
    }
    written
}

async fn usage_write(app: &App, usage: &[Usage]) -> Result<()> {
    let session = app.db.write();
    let platform = PlatformScope::new(session.clone());
    for &Usage { org, kind, token, at } in usage {
        match (kind, org) {
            (CredentialKind::Personal, Some(org)) => {
                let sql = org_sql!(
                    "UPDATE personal_access_tokens SET last_used_at = $3 WHERE org_id = $1 AND id = $2"
                );
                platform.org(org).execute(sql, args![token, at]).await?;
            }
            (CredentialKind::System, Some(org)) => {
                let sql = org_sql!(
                    "UPDATE system_account_tokens SET last_used_at = $3 WHERE org_id = $1 AND id = $2"
                );
                platform.org(org).execute(sql, args![token, at]).await?;
            }
            (CredentialKind::Service, Some(org)) => {
                let sql =
                    org_sql!("UPDATE service_tokens SET last_used_at = $3 WHERE org_id = $1 AND id = $2");
                platform.org(org).execute(sql, args![token, at]).await?;
            }
            (CredentialKind::Client, _) => {
                platform
                    .execute("UPDATE client_tokens SET last_used_at = $2 WHERE id = $1", args![token, at])
                    .await?;
            }
            _ => {}
        }
    }
    Ok(session.commit().await?)
}

/// Revokes tokens that nobody has used for a year, and drops old audit entries, invites, mails and
/// announcements.
pub async fn sweep(app: &App) -> Result<()> {
    let read = PlatformScope::new(app.db.read());
    let organizations = organizations::store::organization_ids(&read).await?;
    drop(read);
    for org in organizations {
        audit_logs::purge(app, org).await?;
        let session = app.db.write();
        let db = PlatformScope::new(session.clone()).org(org);
        let now = app.clock.now(org);
        let sql = org_sql!(
            "DELETE FROM credentials WHERE org_id = $1 AND token_id IN (SELECT id FROM personal_access_tokens ",
            "WHERE org_id = $1 AND revoked_at IS NULL AND COALESCE(last_used_at, created_at) < $2)"
        );
        db.execute(sql, args![now.minus(UNUSED)]).await?;
        let sql = org_sql!(
            "UPDATE personal_access_tokens SET revoked_at = $2, updated_at = $2 ",
            "WHERE org_id = $1 AND revoked_at IS NULL AND COALESCE(last_used_at, created_at) < $3"
        );
        db.execute(sql, args![now, now.minus(UNUSED)]).await?;
        db.execute(org_sql!("DELETE FROM invite_links WHERE org_id = $1 AND expires_at < $2"), args![now])
            .await?;
        invites::store::invite_purge(&db, now).await?;
        mail::purge(app, &db).await?;
        session.commit().await?;
    }
    frame::changes::purge(&app.db, WallClock::now(&*app.wall)).await
}

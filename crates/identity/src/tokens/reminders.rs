//! Mails about tokens that are about to expire: fourteen days, seven days and a day before. Users hear about
//! theirs, owners about those of system accounts.

use std::time::Duration;

use frame::{
    App, args,
    db::{OrgScope, PlatformScope},
    from_row, mail, org_sql,
    pages::Template,
};
use kernel::{Email, Result, Timestamp, TokenId};
use serde_json::json;

use crate::organizations;

/// What somebody gets whose token is about to expire.
pub const LETTER: Template = ("expiring.txt", include_str!("../../templates/expiring.txt"));

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How many days before, the last first.
const DAYS: [u32; 3] = [1, 7, 14];

struct Expiring {
    id: TokenId,
    name: String,
    account: String,
    email: String,
    created_at: Timestamp,
    expires_at: Timestamp,
}

from_row!(Expiring { id, name, account, email, created_at, expires_at });

/// Reminds of every token that has come near its end since the last time.
pub async fn remind(app: &App) -> Result<()> {
    let read = PlatformScope::new(app.db.read());
    let organizations = organizations::store::organization_ids(&read).await?;
    drop(read);
    for org in organizations {
        let session = app.db.write();
        let db = PlatformScope::new(session.clone()).org(org);
        let now = app.clock.now(org);
        db.execute(
            org_sql!("DELETE FROM token_reminders WHERE org_id = $1 AND expires_at <= $2"),
            args![now],
        )
        .await?;
        let until = now.plus(DAY * DAYS[DAYS.len() - 1]);
        let sql = org_sql!(
            "SELECT t.id, t.name, '' AS account, u.email, t.created_at, t.expires_at FROM personal_access_tokens t ",
            "JOIN users u ON u.org_id = t.org_id AND u.id = t.user_id WHERE t.org_id = $1 AND t.revoked_at IS NULL ",
            "AND u.active = true AND t.expires_at > $2 AND t.expires_at <= $3"
        );
        let personal: Vec<Expiring> = db.all(sql, args![now, until]).await?;
        let sql = org_sql!(
            "SELECT t.id, t.name, a.name AS account, u.email, t.created_at, t.expires_at FROM system_account_tokens t ",
            "JOIN system_accounts a ON a.org_id = t.org_id AND a.id = t.system_account_id ",
            "JOIN organizations o ON o.org_id = t.org_id JOIN users u ON u.org_id = o.org_id AND u.id = o.owner_id ",
            "WHERE t.org_id = $1 AND t.expires_at > $2 AND t.expires_at <= $3"
        );
        let system: Vec<Expiring> = db.all(sql, args![now, until]).await?;
        for (token, owner) in personal.iter().map(|it| (it, false)).chain(system.iter().map(|it| (it, true)))
        {
            if due(&db, token, now).await? {
                tell(app, &db, token, owner).await?;
            }
        }
        session.commit().await?;
    }
    Ok(())
}

/// Whether a reminder is due that was not sent. Who makes a token for a week need not be told at once that it
/// is good for a week only.
async fn due(db: &OrgScope, token: &Expiring, now: Timestamp) -> Result<bool> {
    let near = DAYS.into_iter().find(|days| token.expires_at <= now.plus(DAY * *days));
    let Some(days) = near.filter(|days| token.created_at.plus(DAY * (days + 1)) <= token.expires_at) else {
        return Ok(false);
    };
    let sql = org_sql!(
        "INSERT INTO token_reminders (org_id, token_id, days, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
    );
    Ok(db.execute(sql, args![token.id, i64::from(days), token.expires_at]).await? > 0)
}

async fn tell(app: &App, db: &OrgScope, token: &Expiring, owner: bool) -> Result<()> {
    let Some(email) = Email::parse(&token.email) else { return Ok(()) };
    let organization = organizations::store::organization_get(db).await?.name;
    let context = json!({
        "what": if owner { "The system account token" } else { "Your access token" },
        "name": token.name, "organization": organization, "url": app.settings.public_url,
        "when": token.expires_at.for_people(), "owner": owner, "account": token.account,
    });
    mail::post(app, db, &email, LETTER.0, context).await
}

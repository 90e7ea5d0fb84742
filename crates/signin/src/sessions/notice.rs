//! A mail about a sign-in with a browser or program that the user has not used before.

use frame::{App, args, audit::Origin, db::OrgScope, mail, org_sql, pages::Template};
use identity::{organizations, users};
use kernel::{Email, Result, Timestamp, TokenHash, UserId};
use serde_json::json;

use super::Beginning;

/// What somebody gets who signed in with something new.
pub const LETTER: Template = ("signin.txt", include_str!("../../templates/signin.txt"));

/// Names of browsers, and the marks in their `User-Agent`; of several the first counts.
const BROWSERS: [(&str, &str); 5] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// What signed in, for people to read.
pub fn what(client: Option<&str>, agent: &str) -> &'static str {
    match (client, agent) {
        (Some(_), _) => "A command line or device",
        (None, "") => "A program",
        (None, agent) => BROWSERS
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map_or("A browser or program", |(_, name)| name),
    }
}

/// What a browser or program calls itself, without its versions, which change all the time.
fn hash(app: &App, client: Option<&str>, origin: &Origin) -> TokenHash {
    let agent: String = origin.user_agent.chars().filter(|c| !c.is_ascii_digit()).collect();
    TokenHash::of(&format!("agent {} {agent}", client.unwrap_or_default()), app.vault.token_key())
}

/// Remembers what a user signs in with, and tells it about something new; not about the first one.
pub(super) async fn notice(
    app: &App,
    db: &OrgScope,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<()> {
    let hash = hash(app, beginning.client, beginning.origin);
    let count = org_sql!(
        "SELECT COUNT(*) AS value FROM known_agents WHERE org_id = $1 AND user_id = $2 AND hash <> $3"
    );
    let others = db.count(count, args![beginning.user, hash]).await?;
    let touch =
        org_sql!("UPDATE known_agents SET seen_at = $4 WHERE org_id = $1 AND user_id = $2 AND hash = $3");
    if db.execute(touch, args![beginning.user, hash, now]).await? > 0 {
        return Ok(());
    }
    let insert = org_sql!(
        "INSERT INTO known_agents (org_id, user_id, hash, seen_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
    );
    if db.execute(insert, args![beginning.user, hash, now]).await? > 0 && others > 0 {
        tell(app, db, beginning.user, beginning, now).await?;
    }
    Ok(())
}

async fn tell(
    app: &App,
    db: &OrgScope,
    user: UserId,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<()> {
    let Some(user) = users::store::user_get(db, user).await? else { return Ok(()) };
    let Some(email) = Email::parse(&user.email) else { return Ok(()) };
    let context = json!({
        "organization": organizations::store::organization_get(db).await?.name, "email": user.email,
        "what": what(beginning.client, &beginning.origin.user_agent), "ip": beginning.origin.ip.to_string(),
        "when": now.for_people(), "url": app.settings.public_url,
    });
    mail::post(app, db, &email, LETTER.0, context).await
}

/// Forgets what was not used for half a year.
pub async fn agent_purge(db: &OrgScope, now: Timestamp) -> Result<()> {
    let half_a_year = std::time::Duration::from_secs(180 * 24 * 3600);
    let sql = org_sql!("DELETE FROM known_agents WHERE org_id = $1 AND seen_at < $2");
    db.execute(sql, args![now.minus(half_a_year)]).await?;
    Ok(())
}

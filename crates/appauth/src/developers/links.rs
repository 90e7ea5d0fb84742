//! One-time links that developers get by mail. A link is a UUID of 122 random bits, as the contract has it; what is
//! kept is its hash.

use frame::{
    App, Cx, args,
    db::{DbError, OrgScope},
    from_row, mail, org_sql, portals,
};
use kernel::{
    DeveloperId, Duration, Email, Fault, Id, PortalId, Problem, Result, Secret, Timestamp, TokenHash,
    rules::{Faults, Rule},
};
use serde_json::{Value, json};

use super::{serialize, store::Home};

/// What a link is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// Verifying an address, and then setting the first password.
    Verify,
    /// Setting a password.
    Reset,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
        }
    }

    /// How long such a link is good: who registers may look into the mail tomorrow.
    const fn life(self) -> Duration {
        Duration::from_secs(match self {
            Self::Verify => 3 * 24 * 3600,
            Self::Reset => 3600,
        })
    }
}

/// How long a link that is over can still be told from one that never was.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

const OVER: Problem = Problem::Gone("This link was used, replaced by a newer one, or has expired");

/// The token of a link, in a body.
pub(super) struct LinkToken;

impl Rule for LinkToken {
    type Out = Secret<String>;
    fn read(&self, value: &Value) -> Result<Secret<String>, Faults> {
        let text = value.as_str().ok_or_else(|| vec![(None, Fault::NotAString)])?;
        let id: Result<Id<()>, _> = text.parse();
        id.map(|id| Secret::new(id.to_string())).map_err(|_| vec![(None, Fault::NotAUuid)])
    }
    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "uuid", "writeOnly": true })
    }
}

fn hash(app: &App, token: &Secret<String>) -> TokenHash {
    TokenHash::of(&format!("developer link {}", token.reveal()), app.vault.token_key())
}

/// Makes a link; earlier ones for the same purpose are good no more. Returns its token.
pub(super) async fn make(cx: &Cx, developer: DeveloperId, purpose: Purpose) -> Result<Secret<String>> {
    let mut random = [0; 16];
    cx.app().entropy.fill(&mut random);
    let token = Secret::new(uuid::Builder::from_random_bytes(random).into_uuid().to_string());
    serialize(cx, developer).await?;
    let (hash, now) = (hash(cx.app(), &token), cx.now());
    link_replace(cx.db(), developer, purpose, hash, now.plus(purpose.life()), now).await?;
    Ok(token)
}

/// Makes a link and mails it.
pub(super) async fn send(
    cx: &Cx,
    home: &Home,
    developer: DeveloperId,
    email: &Email,
    purpose: Purpose,
    letter: &str,
) -> Result<()> {
    let token = make(cx, developer, purpose).await?;
    let before = cx.now().plus(purpose.life());
    let context = json!({
        "email": email,
        "portal": home.name,
        "portal_url": portals::address(&cx.app().settings, &home.host),
        "token": token.reveal(),
        "before": before.for_people(),
    });
    mail::post(cx.app(), cx.db(), email, letter, context).await
}

/// A link, whatever became of it.
pub(super) struct Link {
    pub developer_id: DeveloperId,
    pub email: String,
    pub purpose: String,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

from_row!(Link { developer_id, email, purpose, expires_at, used_at });

impl Link {
    /// Whether it was made for this.
    pub fn is_for(&self, purpose: Purpose) -> bool {
        self.purpose == purpose.name()
    }
}

/// The developer behind a link of this portal that is good for one of these purposes: 404 if there never was one, 410
/// if it is over.
pub(super) async fn find(
    cx: &Cx,
    db: &OrgScope,
    portal: PortalId,
    token: &Secret<String>,
    purposes: &[Purpose],
) -> Result<Link> {
    let link = link_get(db, portal, hash(cx.app(), token)).await?;
    let link = link.filter(|link| purposes.iter().any(|purpose| link.is_for(*purpose)));
    let link = link.ok_or(Problem::NotFound("link"))?;
    if link.used_at.is_some() || link.expires_at <= cx.now() { Err(OVER) } else { Ok(link) }
}

/// Uses a link up. Of two who do at once, one gets 410.
pub(super) async fn spend(cx: &Cx, token: &Secret<String>) -> Result<()> {
    let sql = org_sql!(
        "UPDATE developer_links SET used_at = $3 WHERE org_id = $1 AND hash = $2 AND used_at IS NULL"
    );
    match cx.db().execute(sql, args![hash(cx.app(), token), cx.now()]).await? {
        0 => Err(OVER),
        _ => Ok(()),
    }
}

/// All links of a developer are good no more.
pub(super) async fn drop_all(cx: &Cx, developer: DeveloperId) -> Result<()> {
    let sql = org_sql!(
        "UPDATE developer_links SET used_at = $3 WHERE org_id = $1 AND developer_id = $2 AND used_at IS NULL"
    );
    Ok(cx.db().execute(sql, args![developer, cx.now()]).await.map(|_| ())?)
}

async fn link_get(db: &OrgScope, portal: PortalId, hash: TokenHash) -> Result<Option<Link>, DbError> {
    let sql = org_sql!(
        "SELECT l.developer_id, d.email, l.purpose, l.expires_at, l.used_at FROM developer_links l ",
        "JOIN developers d ON d.org_id = l.org_id AND d.id = l.developer_id ",
        "WHERE l.org_id = $1 AND d.portal_id = $2 AND l.hash = $3"
    );
    db.optional(sql, args![portal, hash]).await
}

async fn link_replace(
    db: &OrgScope,
    developer: DeveloperId,
    purpose: Purpose,
    hash: TokenHash,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE developer_links SET used_at = $4 ",
        "WHERE org_id = $1 AND developer_id = $2 AND purpose = $3 AND used_at IS NULL"
    );
    db.execute(sql, args![developer, purpose.name(), now]).await?;
    let sql = org_sql!(
        "INSERT INTO developer_links (org_id, hash, developer_id, purpose, expires_at) VALUES ($1, $2, $3, $4, $5)"
    );
    db.execute(sql, args![hash, developer, purpose.name(), expires_at]).await.map(|_| ())
}

/// Drops links that have been over for long.
pub(crate) async fn link_purge(db: &OrgScope, now: Timestamp) -> Result<(), DbError> {
    let sql = org_sql!("DELETE FROM developer_links WHERE org_id = $1 AND expires_at <= $2");
    db.execute(sql, args![now.minus(REMEMBERED)]).await.map(|_| ())
}

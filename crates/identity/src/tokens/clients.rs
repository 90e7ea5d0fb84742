//! Client tokens: what platform services call the internal operations with. They belong to no
//! organization; the operator makes them.

use frame::{
    App, args,
    db::{OnConflict, PlatformScope},
    from_row,
};
use kernel::{OrgId, Result, Timestamp, Token, TokenId, TokenKind, WallClock};

use super::store::kind_code;

/// Makes a token for a service, which may call these operations, or all that services may. A service has one
/// token; making another replaces it.
pub async fn client_token_create(app: &App, name: &str, operations: Option<&[String]>) -> Result<Token> {
    let token = Token::new(TokenKind::Client, app.random_key());
    let nowhere = OrgId::from_uuid(uuid::Uuid::nil());
    let id: TokenId = app.new_id(nowhere);
    let session = app.db.write();
    let db = PlatformScope::new(session.clone());
    drop_token(&db, name).await?;
    let sql = "INSERT INTO client_tokens (id, name, operations, created_at) VALUES ($1, $2, $3, $4)";
    let operations = operations.map(|operations| operations.join(","));
    let inserted = db.execute(sql, args![id, name, operations.as_deref(), WallClock::now(&*app.wall)]).await;
    inserted.on_conflict(|| format!("Somebody else makes a token for [{name}] just now"))?;
    let sql = "INSERT INTO credentials (hash, kind, token_id) VALUES ($1, $2, $3)";
    db.execute(sql, args![token.hash(app.vault.token_key()), kind_code(TokenKind::Client), id]).await?;
    frame::changes::announce(&session, nowhere, WallClock::now(&*app.wall)).await?;
    session.commit().await?;
    app.access.changed(None);
    Ok(token)
}

async fn drop_token(db: &PlatformScope, name: &str) -> Result<u64> {
    let sql = "DELETE FROM credentials WHERE token_id IN (SELECT id FROM client_tokens WHERE name = $1)";
    db.execute(sql, args![name]).await?;
    Ok(db.execute("DELETE FROM client_tokens WHERE name = $1", args![name]).await?)
}

/// Takes a service's token back; whether it had one. Running servers know within a second.
pub async fn client_token_revoke(app: &App, name: &str) -> Result<bool> {
    let nowhere = OrgId::from_uuid(uuid::Uuid::nil());
    let session = app.db.write();
    let dropped = drop_token(&PlatformScope::new(session.clone()), name).await?;
    frame::changes::announce(&session, nowhere, WallClock::now(&*app.wall)).await?;
    session.commit().await?;
    app.access.changed(None);
    Ok(dropped > 0)
}

/// A service's token, for people to read.
pub struct ClientToken {
    /// The service.
    pub name: String,
    /// What it may call: operation ids with commas between; `None` for all that services may.
    pub operations: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

from_row!(ClientToken { name, operations, created_at, last_used_at });

/// The tokens of all services, by name.
pub async fn client_token_list(app: &App) -> Result<Vec<ClientToken>> {
    let sql = "SELECT name, operations, created_at, last_used_at FROM client_tokens ORDER BY name";
    Ok(PlatformScope::new(app.db.read()).all(sql, args![]).await?)
}

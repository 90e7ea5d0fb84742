//! Client tokens: what platform services call the internal operations with. They belong to no
//! organization; the operator makes them.

use frame::{
    App, args,
    db::{OnConflict, PlatformScope},
};
use kernel::{OrgId, Result, Token, TokenId, TokenKind, WallClock};

use super::store::kind_code;

/// Makes a token for a service. A service has one token; making another replaces it.
pub async fn client_token_create(app: &App, name: &str) -> Result<Token> {
    let token = Token::new(TokenKind::Client, app.random_key());
    let nowhere = OrgId::from_uuid(uuid::Uuid::nil());
    let id: TokenId = app.new_id(nowhere);
    let session = app.db.write();
    let db = PlatformScope::new(session.clone());
    let sql = "DELETE FROM credentials WHERE token_id IN (SELECT id FROM client_tokens WHERE name = $1)";
    db.execute(sql, args![name]).await?;
    db.execute("DELETE FROM client_tokens WHERE name = $1", args![name]).await?;
    let sql = "INSERT INTO client_tokens (id, name, created_at) VALUES ($1, $2, $3)";
    let inserted = db.execute(sql, args![id, name, WallClock::now(&*app.wall)]).await;
    inserted.on_conflict(|| format!("Somebody else makes a token for [{name}] just now"))?;
    let sql = "INSERT INTO credentials (hash, kind, token_id) VALUES ($1, $2, $3)";
    db.execute(sql, args![token.hash(app.vault.token_key()), kind_code(TokenKind::Client), id]).await?;
    frame::changes::announce(&session, nowhere, WallClock::now(&*app.wall)).await?;
    session.commit().await?;
    app.access.changed(None);
    Ok(token)
}

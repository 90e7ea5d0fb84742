//! A token that its holder gives up: possession is all that it takes.

use frame::{App, args, db::PlatformScope, from_row, org_sql};
use kernel::{OrgId, Result, SystemAccountId, TokenHash, TokenId, TokenKind, UserId};

use super::store;

struct Entry {
    org_id: Option<OrgId>,
    token_id: TokenId,
}

from_row!(Entry { org_id, token_id });

/// Ends the token with this hash, if there is one: its organization, and the path of what was ended.
pub async fn token_give_up(
    db: &PlatformScope,
    app: &App,
    kind: TokenKind,
    hash: TokenHash,
) -> Result<Option<(Option<OrgId>, String)>> {
    let sql = "SELECT org_id, token_id FROM credentials WHERE hash = $1 AND kind = $2";
    let found = db.optional::<Entry>(sql, args![hash, store::kind_code(kind)]).await?;
    let Some(Entry { org_id, token_id: id }) = found else { return Ok(None) };
    let Some(org) = org_id else {
        db.execute("DELETE FROM credentials WHERE hash = $1", args![hash]).await?;
        db.execute("DELETE FROM client_tokens WHERE id = $1", args![id]).await?;
        return Ok(Some((None, format!("client-tokens/{id}"))));
    };
    let db = db.org(org);
    store::credential_drop(&db, id).await?;
    let path = if kind == TokenKind::Personal {
        let sql =
            org_sql!("SELECT user_id AS value FROM personal_access_tokens WHERE org_id = $1 AND id = $2");
        let holder = db.optional::<(UserId,)>(sql, args![id]).await?.map(|(user,)| user);
        store::token_revoke(&db, id, holder, app.clock.now(org)).await?;
        holder.map(|user| format!("users/{user}/access-tokens/{id}"))
    } else {
        let sql = org_sql!(
            "SELECT system_account_id AS value FROM system_account_tokens WHERE org_id = $1 AND id = $2"
        );
        let holder = db.optional::<(SystemAccountId,)>(sql, args![id]).await?.map(|(account,)| account);
        db.execute(org_sql!("DELETE FROM system_account_tokens WHERE org_id = $1 AND id = $2"), args![id])
            .await?;
        holder.map(|account| format!("system-accounts/{account}/access-tokens/{id}"))
    };
    Ok(Some((Some(org), path.unwrap_or_else(|| format!("access-tokens/{id}")))))
}

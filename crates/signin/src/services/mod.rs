//! Service tokens: signed tokens by which one platform service acts in one organization (contract:
//! `serviceAccessToken`). The operator makes them; each says which operations it is for.

mod authenticator;
pub mod store;

pub use authenticator::ServiceAuthenticator;
pub use store::ServiceToken;

use std::time::Duration;

use frame::{
    App,
    audit::record_command,
    db::{OnConflict, OrgScope, PlatformScope},
};
use kernel::{Action, OrgId, Result, Secret, TokenId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{keys::Signed, part, sessions::seconds};

/// What a service token says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed it: the public URL.
    pub iss: String,
    /// The service.
    pub sub: String,
    /// Whom it is for: the public URL, too.
    pub aud: String,
    /// The organization.
    pub org_id: OrgId,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When it stops being good.
    pub exp: i64,
    /// Its id.
    pub jti: TokenId,
}

impl Signed for Claims {
    const TYPE: &'static str = "service+jwt";
}

/// A service token to make.
pub struct NewServiceToken {
    /// The service.
    pub name: String,
    /// The operations that it may call; `None` for all that take such tokens.
    pub operations: Option<Vec<String>>,
    /// How long it is good.
    pub life: Duration,
}

/// Makes a service's token for an organization; it replaces the service's earlier one there.
pub async fn service_token_create(app: &App, org: OrgId, new: &NewServiceToken) -> Result<Secret<String>> {
    let keys = &part(app)?.keys;
    let now = app.clock.now(org);
    let id: TokenId = app.new_id(org);
    let expires_at = now.plus(new.life);
    let claims = Claims {
        iss: keys.issuer().to_owned(),
        sub: new.name.clone(),
        aud: keys.issuer().to_owned(),
        org_id: org,
        iat: seconds(now),
        exp: seconds(expires_at),
        jti: id,
    };
    let (text, key) = keys.sign(&claims)?;
    let session = app.db.write();
    let db = PlatformScope::new(session.clone()).org(org);
    service_token_drop(app, &db, &new.name).await?;
    let operations = new.operations.as_ref().map(|operations| operations.join(","));
    let row = ServiceToken {
        id,
        name: new.name.clone(),
        operations: operations.clone(),
        created_at: now,
        expires_at,
        last_used_at: None,
    };
    let inserted = store::service_token_insert(&db, &row, &key).await;
    inserted.on_conflict(|| format!("Somebody else makes a token for [{}] just now", new.name))?;
    let change = json!({ "after": { "name": new.name, "operations": operations, "expires_at": expires_at } });
    record_command(&db, &app.vault, now, Action::Create, format!("service-tokens/{id}"), change).await?;
    frame::changes::announce(&session, org, kernel::WallClock::now(&*app.wall)).await?;
    session.commit().await?;
    app.access.changed(Some(org));
    Ok(text)
}

async fn service_token_drop(app: &App, db: &OrgScope, name: &str) -> Result<bool> {
    let Some(id) = store::service_token_find(db, name).await? else { return Ok(false) };
    store::service_token_delete(db, id).await?;
    let change = json!({ "before": { "name": name } });
    let path = format!("service-tokens/{id}");
    record_command(db, &app.vault, app.clock.now(db.org()), Action::Revoke, path, change).await?;
    Ok(true)
}

/// Takes a service's token back; whether it had one. Running servers know within a second.
pub async fn service_token_revoke(app: &App, org: OrgId, name: &str) -> Result<bool> {
    let session = app.db.write();
    let dropped = service_token_drop(app, &PlatformScope::new(session.clone()).org(org), name).await?;
    frame::changes::announce(&session, org, kernel::WallClock::now(&*app.wall)).await?;
    session.commit().await?;
    app.access.changed(Some(org));
    Ok(dropped)
}

/// The service tokens of an organization, by name.
pub async fn service_token_list(app: &App, org: OrgId) -> Result<Vec<ServiceToken>> {
    Ok(store::service_token_list(&PlatformScope::new(app.db.read()).org(org)).await?)
}

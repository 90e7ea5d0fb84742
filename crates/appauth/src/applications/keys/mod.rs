//! Keys of applications. They are made here, shown once, and kept as keyed hashes; a sealed copy is kept only where
//! a gateway is given the keys themselves.

pub mod store;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use frame::{
    App, Cx,
    db::{OrgScope, RowKey, SealedColumn},
};
use kernel::{ApplicationId, CredentialId, Problem, Result, Sealed, Secret, Timestamp, TokenHash};

use crate::{
    gateway,
    strategies::config::{Configs, Ttl},
};

use super::Application;

/// Where keys are that a gateway is given.
pub static KEYS: SealedColumn = SealedColumn {
    table: "application_keys",
    column: "sealed",
    key: RowKey::InOrganization("id"),
    prefix: "application_keys/sealed",
};

/// Most keys of an application.
pub const MOST: i64 = 20;

/// A key, without itself.
#[derive(Clone)]
pub struct Key {
    /// Its id.
    pub id: CredentialId,
    /// Its application.
    pub application_id: ApplicationId,
    /// Its name.
    pub display_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good; for ever if nothing is said.
    pub expires_at: Option<Timestamp>,
}

/// A key is 32 characters: 192 random bits.
fn new_key(app: &App) -> Secret<String> {
    let random = app.random_key();
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(&random[..24]))
}

/// Under which a key is found. The prefix keeps it apart from the hashes of tokens.
pub fn hash(app: &App, key: &str) -> TokenHash {
    TokenHash::of(&format!("application key\n{key}"), app.vault.token_key())
}

/// The moment until which a key that is made now is good.
fn expiry(ttl: Option<&Ttl>, now: Timestamp) -> Option<Timestamp> {
    const DAY: u64 = 24 * 3600;
    let Ttl { value, unit } = ttl?;
    let days = match unit.as_str() {
        "weeks" => 7,
        "years" => 365,
        _ => 1,
    };
    let span = u64::try_from(*value).unwrap_or(0).saturating_mul(days * DAY);
    Some(now.plus(std::time::Duration::from_secs(span)))
}

/// Makes a key for an application of a strategy with keys.
pub async fn key_create(
    cx: &Cx,
    db: &OrgScope,
    application: &Application,
    display_name: Option<String>,
) -> Result<(Key, Secret<String>)> {
    let app = cx.app();
    let Configs::KeyAuth { key_auth } = &application.strategy.configs else {
        return Err(Problem::internal("only strategies with keys have keys"));
    };
    db.serialize(&format!("keys/{}", application.id)).await?;
    let count = store::key_count(db, application.id).await?;
    if count >= MOST {
        return Err(super::credentials::too_many(MOST));
    }
    let now = cx.now();
    let id: CredentialId = cx.new_id();
    let key = Key {
        id,
        application_id: application.id,
        display_name: display_name.unwrap_or_else(|| format!("Key {}", count + 1)),
        created_at: now,
        expires_at: expiry(key_auth.ttl.as_ref(), now),
    };
    let secret = new_key(app);
    let sealed: Option<Sealed<String>> = if crate::part(app)?.settings.keeps_keys {
        let place = KEYS.place(id);
        Some(app.vault.ring().seal(&*app.entropy, &place, secret.reveal().as_bytes())?)
    } else {
        None
    };
    store::key_insert(db, &key, &hash(app, secret.reveal()), sealed.as_ref()).await?;
    gateway::changed(app, db).await?;
    Ok((key, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_key_is_good() {
        let now = Timestamp::from_micros(0);
        let after = |value: i64, unit: &str| {
            let ttl = Ttl { value, unit: unit.to_owned() };
            expiry(Some(&ttl), now).map(|at| at.micros() / 1_000_000 / 86_400)
        };
        assert_eq!([after(3, "days"), after(2, "weeks"), after(1, "years")], [Some(3), Some(14), Some(365)]);
        assert!(after(36_500, "years") > after(7_000, "years"), "as far as moments reach");
        assert_eq!(expiry(None, now), None);
    }
}

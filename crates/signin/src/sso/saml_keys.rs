//! This installation's keys towards SAML providers, one for each, made when it is first needed.

use frame::{
    App, args,
    db::{OrgScope, PlatformScope},
    from_row, org_sql,
};
use kernel::{IdentityProviderId, OrgId, Problem, Result, Sealed, Secret};

/// A key and its certificate, in PEM.
pub struct Pair {
    /// The key.
    pub key: Secret<String>,
    /// Its certificate, signed by itself: who trusts it got it from our metadata.
    pub certificate: String,
}

impl Pair {
    /// A new key towards a provider.
    pub fn generate(provider: IdentityProviderId) -> Result<Self, rcgen::Error> {
        // RSA, since that is what every provider takes.
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)?;
        let mut parameters = rcgen::CertificateParams::new(Vec::new())?;
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, format!("Latchkey {provider}"));
        let certificate = parameters.self_signed(&key)?.pem();
        Ok(Self { key: Secret::new(key.serialize_pem()), certificate })
    }
}

struct Row {
    org_id: OrgId,
    identity_provider_id: IdentityProviderId,
    sealed: Sealed<String>,
    certificate: String,
}

from_row!(Row { org_id, identity_provider_id, sealed, certificate });

fn place(provider: IdentityProviderId) -> String {
    format!("saml_keys/{provider}")
}

async fn row(db: &OrgScope, provider: IdentityProviderId) -> Result<Option<Row>> {
    let sql = org_sql!(
        "SELECT org_id, identity_provider_id, sealed, certificate FROM saml_keys ",
        "WHERE org_id = $1 AND identity_provider_id = $2"
    );
    Ok(db.optional(sql, args![provider]).await?)
}

/// The key towards a provider.
pub async fn pair(app: &App, org: OrgId, provider: IdentityProviderId) -> Result<Pair> {
    let kept = row(&PlatformScope::new(app.db.read()).org(org), provider).await?;
    let kept = match kept {
        Some(kept) => kept,
        None => make(app, org, provider).await?,
    };
    let key = app.vault.ring().open(&place(provider), &kept.sealed)?;
    let key = Secret::new(String::from_utf8_lossy(key.reveal()).into_owned());
    Ok(Pair { key, certificate: kept.certificate })
}

/// Makes a key, unless another request is faster.
async fn make(app: &App, org: OrgId, provider: IdentityProviderId) -> Result<Row> {
    let Pair { key, certificate } = tokio::task::spawn_blocking(move || Pair::generate(provider))
        .await
        .map_err(|error| Problem::Internal(Box::new(error)))?
        .map_err(|error| Problem::Internal(Box::new(error)))?;
    let sealed: Sealed<String> =
        app.vault.ring().seal(&*app.entropy, &place(provider), key.reveal().as_bytes())?;
    let session = app.db.write();
    let db = PlatformScope::new(session.clone()).org(org);
    let sql = org_sql!(
        "INSERT INTO saml_keys (org_id, identity_provider_id, sealed, certificate, created_at) ",
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org_id, identity_provider_id) DO NOTHING"
    );
    db.execute(sql, args![provider, &sealed, &certificate, app.clock.now(org)]).await?;
    let kept = row(&db, provider).await?;
    session.commit().await?;
    kept.ok_or_else(|| Problem::internal("a SAML key vanished"))
}

/// Seals every key with the first master key.
pub async fn reseal(app: &App) -> Result<usize> {
    let session = app.db.write();
    let platform = PlatformScope::new(session.clone());
    let sql = "SELECT org_id, identity_provider_id, sealed, certificate FROM saml_keys";
    let rows: Vec<Row> = platform.all(sql, args![]).await?;
    for row in &rows {
        let place = place(row.identity_provider_id);
        let key = app.vault.ring().open(&place, &row.sealed)?;
        let sealed: Sealed<String> = app.vault.ring().seal(&*app.entropy, &place, key.reveal())?;
        let sql =
            org_sql!("UPDATE saml_keys SET sealed = $3 WHERE org_id = $1 AND identity_provider_id = $2");
        platform.org(row.org_id).execute(sql, args![row.identity_provider_id, &sealed]).await?;
    }
    session.commit().await?;
    Ok(rows.len())
}

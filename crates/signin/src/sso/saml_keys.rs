//! This installation's keys towards SAML providers, one for each, made when it is first needed.

use frame::{
    App, args,
    db::{OrgScope, PlatformScope, RowKey, SealedColumn},
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
    sealed: Sealed<String>,
    certificate: String,
}

from_row!(Row { sealed, certificate });

/// Where the keys are.
pub static KEYS: SealedColumn = SealedColumn {
    table: "saml_keys",
    column: "sealed",
    key: RowKey::InOrganization("identity_provider_id"),
    prefix: "saml_keys",
};

async fn row(db: &OrgScope, provider: IdentityProviderId) -> Result<Option<Row>> {
    let sql =
        org_sql!("SELECT sealed, certificate FROM saml_keys WHERE org_id = $1 AND identity_provider_id = $2");
    Ok(db.optional(sql, args![provider]).await?)
}

/// The key towards a provider.
pub async fn pair(app: &App, org: OrgId, provider: IdentityProviderId) -> Result<Pair> {
    let kept = row(&PlatformScope::new(app.db.read()).org(org), provider).await?;
    let kept = match kept {
        Some(kept) => kept,
        None => make(app, org, provider).await?,
    };
    let key = app.vault.ring().open(&KEYS.place(provider), &kept.sealed)?;
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
        app.vault.ring().seal(&*app.entropy, &KEYS.place(provider), key.reveal().as_bytes())?;
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

//! The keys that sign access tokens: Ed25519, kept in the database, sealed with the master key. A new key
//! is published before it signs, and an old one stays published until all that it signed has expired.

pub mod http;
pub mod store;

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use frame::{
    Cx,
    db::{Db, PlatformScope},
    reply::Found,
    runtime::Entropy,
    vault::Vault,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use kernel::{OrgId, Problem, Result, Secret, Timestamp, UserId, WallClock};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::sessions::SessionId;

/// How long a new key is published before it signs, so that whoever keeps the key set has it by then.
pub const LEAD: Duration = Duration::from_secs(10 * 60);
/// An access token is good for a day at most, so after that an old key has nothing to verify.
const LONGEST_ACCESS: Duration = Duration::from_secs(24 * 3600);
/// How soon an unknown key id is a reason to look into the database again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What an access token says (RFC 9068 as far as it fits).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed it: the public URL.
    pub iss: String,
    /// The user.
    pub sub: UserId,
    /// Whom it is for: the public URL, too.
    pub aud: String,
    /// The organization.
    pub org_id: OrgId,
    /// The session.
    pub sid: SessionId,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When it stops being good.
    pub exp: i64,
    /// Tells two tokens of one second apart.
    pub jti: String,
}

struct SigningKey {
    id: String,
    public: String,
    signs_from: Timestamp,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl SigningKey {
    fn new(seed: &[u8], signs_from: Timestamp) -> Result<Self> {
        let damaged = || Problem::internal("a signing key is damaged");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| damaged())?;
        let document = pair.to_pkcs8v1().map_err(|_| damaged())?;
        let public = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Ok(Self {
            id: key_id(&pair),
            signs_from,
            encoding: EncodingKey::from_ed_der(document.as_ref()),
            decoding: DecodingKey::from_ed_components(&public).map_err(|_| damaged())?,
            public,
        })
    }
}

fn key_id(pair: &Ed25519KeyPair) -> String {
    let digest = digest::digest(&digest::SHA256, pair.public_key().as_ref());
    BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12])
}

/// What key to make.
pub struct Make {
    /// How long until it signs.
    pub lead: Duration,
    /// Makes none if there is one that was made later than this.
    pub unless_after: Option<Timestamp>,
    /// Whether the others go, and all that they signed with them.
    pub alone: bool,
}

struct Known {
    keys: Arc<[SigningKey]>,
    looked: Timestamp,
}

/// The signing keys of this process, as the database had them when it last looked.
pub struct SigningKeys {
    db: Db,
    vault: Arc<Vault>,
    entropy: Arc<dyn Entropy>,
    wall: Arc<dyn WallClock>,
    issuer: String,
    known: RwLock<Known>,
}

impl SigningKeys {
    /// Reads the keys, making the first one if there is none.
    pub async fn open(
        db: Db,
        vault: Arc<Vault>,
        entropy: Arc<dyn Entropy>,
        wall: Arc<dyn WallClock>,
        issuer: String,
    ) -> Result<Self> {
        let now = wall.now();
        let known = RwLock::new(Known { keys: Arc::from([]), looked: now });
        let keys = Self { db, vault, entropy, wall, issuer, known };
        keys.reload().await?;
        if keys.current(now).is_err() {
            keys.make(Make { lead: Duration::ZERO, unless_after: Some(Timestamp::default()), alone: false })
                .await?;
        }
        Ok(keys)
    }

    /// Reads the keys again; tells whether some that were known are gone.
    pub async fn reload(&self) -> Result<bool> {
        let rows = store::key_list(&PlatformScope::new(self.db.read())).await?;
        let keys: Vec<SigningKey> = rows
            .iter()
            .map(|row| {
                let seed = self.vault.ring().open(&store::SEEDS.place(&row.id), &row.sealed)?;
                SigningKey::new(seed.reveal(), row.signs_from)
            })
            .collect::<Result<_>>()?;
        let mut known = self.known.write().map_err(|_| Problem::internal("the signing keys are lost"))?;
        let gone = known.keys.iter().any(|old| keys.iter().all(|key| key.id != old.id));
        *known = Known { keys: keys.into(), looked: self.wall.now() };
        Ok(gone)
    }

    /// Makes a key.
    pub async fn make(&self, Make { lead, unless_after, alone }: Make) -> Result<()> {
        let mut seed = Zeroizing::new([0; 32]);
        self.entropy.fill(&mut *seed);
        let now = self.wall.now();
        let key = SigningKey::new(&*seed, now.plus(lead))?;
        let session = self.db.write();
        let scope = PlatformScope::new(session.clone());
        session.serialize("signing-keys").await?;
        let newest = store::key_list(&scope).await?.into_iter().map(|row| row.created_at).max();
        // Of several nodes that find it is time, one makes it.
        if newest.is_none_or(|newest| unless_after.is_none_or(|after| newest <= after)) {
            if alone {
                // Those that are to come, too: whoever saw one has seen them all.
                store::key_delete_before(&scope, Timestamp::from_micros(i64::MAX)).await?;
            }
            let sealed = self.vault.ring().seal(&*self.entropy, &store::SEEDS.place(&key.id), &*seed)?;
            store::key_insert(&scope, &key.id, &sealed, key.signs_from, now).await?;
        }
        session.commit().await?;
        self.reload().await.map(drop)
    }

    /// Makes a new key once the newest is as old as the operator allows, drops those that verify nothing
    /// any more, and sees what other nodes did. Tells whether keys are gone that this node had known.
    pub async fn turn(&self, life: Duration) -> Result<bool> {
        let gone = self.reload().await?;
        let now = self.wall.now();
        let rows = store::key_list(&PlatformScope::new(self.db.read())).await?;
        if rows.iter().all(|row| row.created_at <= now.minus(life)) {
            self.make(Make { lead: LEAD, unless_after: Some(now.minus(life)), alone: false }).await?;
        }
        // The successor of a key has signed for so long that the key's last token has expired.
        let replaced =
            rows.iter().map(|row| row.signs_from).filter(|from| *from <= now.minus(LONGEST_ACCESS));
        if let Some(successor) = replaced.max() {
            let session = self.db.write();
            store::key_delete_before(&PlatformScope::new(session.clone()), successor).await?;
            session.commit().await?;
        }
        Ok(gone)
    }

    fn known(&self) -> Result<(Arc<[SigningKey]>, Timestamp)> {
        let known = self.known.read().map_err(|_| Problem::internal("the signing keys are lost"))?;
        Ok((Arc::clone(&known.keys), known.looked))
    }

    fn current(&self, now: Timestamp) -> Result<(Arc<[SigningKey]>, usize)> {
        let (keys, _) = self.known()?;
        let signing = (0..keys.len()).filter(|&n| keys[n].signs_from <= now);
        let newest = signing.max_by_key(|&n| keys[n].signs_from);
        newest.map(|n| (keys, n)).ok_or_else(|| Problem::internal("there is no signing key"))
    }

    /// The issuer of every access token: the public URL.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Signs an access token.
    pub fn sign(&self, claims: &Claims) -> Result<Secret<String>> {
        let (keys, n) = self.current(self.wall.now())?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(keys[n].id.clone());
        let text = jsonwebtoken::encode(&header, claims, &keys[n].encoding);
        text.map(Secret::new).map_err(|error| Problem::Internal(Box::new(error)))
    }

    /// What a token says, if a key of ours signed it for us. Whether it has expired is another question,
    /// which the organization's clock answers.
    pub async fn verify(&self, text: &str) -> Result<Option<Claims>> {
        let Ok(header) = jsonwebtoken::decode_header(text) else { return Ok(None) };
        let (Some(id), Algorithm::EdDSA) = (header.kid, header.alg) else { return Ok(None) };
        let (mut keys, looked) = self.known()?;
        if keys.iter().all(|key| key.id != id) && self.wall.now() >= looked.plus(LOOK_AGAIN) {
            self.reload().await?;
            keys = self.known()?.0;
        }
        let Some(key) = keys.iter().find(|key| key.id == id) else { return Ok(None) };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Ok(jsonwebtoken::decode::<Claims>(text, &key.decoding, &validation).ok().map(|token| token.claims))
    }

    /// The public keys, newest first.
    pub fn set(&self) -> Result<KeySet> {
        let (keys, _) = self.known()?;
        let mut newest: Vec<&SigningKey> = keys.iter().collect();
        newest.sort_by_key(|key| std::cmp::Reverse(key.signs_from));
        let keys = newest.into_iter().map(|key| PublicKey {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: key.id.clone(),
            x: key.public.clone(),
        });
        Ok(KeySet { keys: keys.collect() })
    }
}

/// A JWK set (RFC 7517).
#[derive(Serialize, schemars::JsonSchema)]
pub struct KeySet {
    /// The keys, the newest first.
    keys: Vec<PublicKey>,
}

/// A public key (RFC 8037).
#[derive(Serialize, schemars::JsonSchema)]
pub struct PublicKey {
    /// `OKP`.
    kty: &'static str,
    /// `Ed25519`.
    crv: &'static str,
    /// `EdDSA`.
    alg: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    usage: &'static str,
    /// Its id.
    kid: String,
    /// The key, in base64url.
    x: String,
}

async fn key_set_get(cx: Cx) -> Result<Found<KeySet>> {
    crate::part(cx.app())?.keys.set().map(Found)
}

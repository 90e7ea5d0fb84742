//! Credentials resolved to principals, and a cache that never lies for long.
//!
//! An entry is good while its organization's generation has not moved. A change of access data moves
//! it: on this process when the change commits, on others when they hear of it ([`crate::changes`]).
//! A process that stops hearing stops trusting its entries.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use kernel::{OrgId, Result, Secret, Timestamp, Token, TokenHash, TokenId, TokenKind};
use quick_cache::sync::Cache;

use crate::principal::{CredentialKind, Principal};

/// A boxed future, for traits that are called through `dyn`.
pub type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// A credential as it was presented.
pub enum Presented {
    /// An opaque token.
    Token(Token),
    /// A signed token (JWT), not verified yet.
    Signed(Secret<String>),
}

impl Presented {
    /// Reads a credential; `None` if it can be none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with("eyJ") && text.bytes().filter(|&byte| byte == b'.').count() == 2 {
            return Some(Self::Signed(Secret::new(text.to_owned())));
        }
        Token::parse(text).map(Self::Token)
    }

    /// Whether it is a developer's, which is good at portals and nowhere else.
    pub fn is_developers(&self) -> bool {
        matches!(self, Self::Token(token) if token.kind() == TokenKind::Developer)
    }

    /// What stands for it in the cache and in the database.
    pub fn hash(&self, key: &aws_lc_rs::hmac::Key) -> TokenHash {
        match self {
            Self::Token(token) => token.hash(key),
            Self::Signed(text) => TokenHash::of(text.reveal(), key),
        }
    }
}

/// Resolves credentials; implemented where they are kept.
pub trait Authenticator: Send + Sync {
    /// Whose credential it is and what it may do; `None` if it is not good.
    fn resolve<'a>(
        &'a self,
        hash: TokenHash,
        presented: &'a Presented,
    ) -> BoxFuture<'a, Result<Option<Principal>>>;
}

/// Number of generations; organizations share one when their hashes meet, which only costs a look-up.
const STRIPES: usize = 1024;
/// Principals kept.
const ENTRIES: usize = 20_000;
/// `last_used_at` is kept to the minute.
const MINUTE: i64 = 60_000_000;

struct Entry {
    principal: Arc<Principal>,
    org: Option<OrgId>,
    generation: u64,
    used: AtomicI64,
    /// When it was taken back, if it was.
    gone: OnceLock<Instant>,
}

impl Entry {
    /// Whether the credential has not run out by then.
    fn live_at(&self, now: Timestamp) -> bool {
        let expiry = self.principal.credential.as_ref().and_then(|credential| credential.expires_at);
        expiry.is_none_or(|expiry| expiry > now)
    }
}

/// How long tokens go on working after they were taken back, where a stand-in is slow on purpose.
#[derive(Default)]
struct Lag {
    /// By organization; of `None` for all that are not named.
    spans: RwLock<HashMap<Option<OrgId>, Duration>>,
    /// When access data of an organization last changed, once there are spans.
    changes: Mutex<HashMap<OrgId, Instant>>,
}

/// When a token was last used, to be written down by and by.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// The organization; `None` for client tokens.
    pub org: Option<OrgId>,
    /// The kind.
    pub kind: CredentialKind,
    /// The token.
    pub token: TokenId,
    /// When.
    pub at: Timestamp,
}

/// The cache of principals.
pub struct Access {
    authenticator: Box<dyn Authenticator>,
    entries: Cache<TokenHash, Arc<Entry>>,
    generations: Box<[AtomicU64]>,
    trusted: AtomicBool,
    usage: Mutex<Vec<Usage>>,
    hits: AtomicU64,
    misses: AtomicU64,
    lag: OnceLock<Lag>,
}

impl Access {
    /// An empty cache in front of what resolves credentials.
    pub fn new(authenticator: Box<dyn Authenticator>) -> Self {
        Self {
            authenticator,
            entries: Cache::new(ENTRIES),
            generations: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
            trusted: AtomicBool::new(true),
            usage: Mutex::new(Vec::new()),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            lag: OnceLock::new(),
        }
    }

    /// Lets tokens of an organization, or of all that are not named, go on working for so long after they were taken
    /// back, if they were in use.
    pub fn linger(&self, org: Option<OrgId>, span: Option<Duration>) {
        let lag = self.lag.get_or_init(Lag::default);
        if let Ok(mut spans) = lag.spans.write() {
            match span {
                Some(span) => spans.insert(org, span),
                None => spans.remove(&org),
            };
        }
    }

    /// Whom a token that was taken back still passes for.
    fn lingering(&self, hash: TokenHash) -> Option<Arc<Entry>> {
        let lag = self.lag.get()?;
        let entry = self.entries.get(&hash)?;
        let spans = lag.spans.read().ok()?;
        let span = *spans.get(&entry.org).or_else(|| spans.get(&None))?;
        let changed = lag.changes.lock().ok()?.get(&entry.org?).copied();
        let gone = *entry.gone.get_or_init(|| changed.unwrap_or_else(Instant::now));
        (gone.elapsed() < span).then_some(entry)
    }

    fn generation(&self, org: Option<OrgId>) -> &AtomicU64 {
        let bytes = org.map_or([0; 16], |org| *org.uuid().as_bytes());
        // The last bytes of a UUID v7 are its random ones.
        &self.generations[usize::from(u16::from_le_bytes([bytes[14], bytes[15]])) % STRIPES]
    }

    /// The principal behind a credential; `None` if it is not good now.
    pub async fn principal(
        &self,
        presented: &Presented,
        hash: TokenHash,
        now: impl Fn(Option<OrgId>) -> Timestamp,
    ) -> Result<Option<Arc<Principal>>> {
        let cached = self.entries.get(&hash).filter(|entry| {
            self.trusted.load(Ordering::Relaxed)
                && self.generation(entry.org).load(Ordering::Acquire) == entry.generation
        });
        let entry = match cached {
            Some(entry) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                entry
            }
            None => {
                self.misses.fetch_add(1, Ordering::Relaxed);
                // Every generation is read before the look-up, since its result tells which one counts.
                let before: Vec<u64> = self.generations.iter().map(|g| g.load(Ordering::Acquire)).collect();
                let Some(principal) = self.authenticator.resolve(hash, presented).await? else {
                    let Some(entry) = self.lingering(hash) else {
                        self.entries.remove(&hash);
                        return Ok(None);
                    };
                    // Taken back late is not good for longer.
                    return Ok(entry.live_at(now(entry.org)).then(|| Arc::clone(&entry.principal)));
                };
                let org = principal.org;
                let stripe = self.generations.iter().position(|g| std::ptr::eq(g, self.generation(org)));
                let generation = stripe.map_or(0, |stripe| before[stripe]);
                let entry = Arc::new(Entry {
                    principal: Arc::new(principal),
                    org,
                    generation,
                    used: AtomicI64::new(i64::MIN),
                    gone: OnceLock::new(),
                });
                self.entries.insert(hash, Arc::clone(&entry));
                entry
            }
        };
        let now = now(entry.org);
        if !entry.live_at(now) {
            return Ok(None);
        }
        self.note_use(&entry, now);
        Ok(Some(Arc::clone(&entry.principal)))
    }

    fn note_use(&self, entry: &Entry, now: Timestamp) {
        let minute = now.micros() / MINUTE;
        if entry.used.swap(minute, Ordering::Relaxed) != minute
            && let Some(credential) = &entry.principal.credential
            && let Ok(mut usage) = self.usage.lock()
        {
            usage.push(Usage { org: entry.org, kind: credential.kind, token: credential.id, at: now });
        }
    }

    /// What was used since the last call.
    pub fn take_usage(&self) -> Vec<Usage> {
        self.usage.lock().map(|mut usage| std::mem::take(&mut *usage)).unwrap_or_default()
    }

    /// Takes back what could not be written down.
    pub fn return_usage(&self, unwritten: Vec<Usage>) {
        if let Ok(mut usage) = self.usage.lock() {
            usage.extend(unwritten);
        }
    }

    /// Access data of an organization changed.
    pub fn changed(&self, org: Option<OrgId>) {
        self.generation(org).fetch_add(1, Ordering::AcqRel);
        if let (Some(lag), Some(org)) = (self.lag.get(), org)
            && lag.spans.read().is_ok_and(|spans| !spans.is_empty())
            && let Ok(mut changes) = lag.changes.lock()
        {
            changes.insert(org, Instant::now());
        }
    }

    /// Changes may have been missed.
    pub fn forget_all(&self) {
        for generation in &self.generations {
            generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The state has become another one, or an organization is gone: of it, or of all, nobody is known any more, whoever
    /// lingers included, and nothing of what was used is written down.
    pub fn begin_anew(&self, only: Option<OrgId>) {
        let concerned = |org: Option<OrgId>| only.is_none_or(|only| org == Some(only));
        self.entries.retain(|_, entry| !concerned(entry.org));
        if let Ok(mut usage) = self.usage.lock() {
            usage.retain(|usage| !concerned(usage.org));
        }
        if let Some(lag) = self.lag.get()
            && let Ok(mut changes) = lag.changes.lock()
        {
            changes.retain(|org, _| !concerned(Some(*org)));
        }
        match only {
            Some(org) => self.changed(Some(org)),
            None => self.forget_all(),
        }
    }

    /// Whether changes elsewhere are heard of; while not, every credential is looked up.
    pub fn trust(&self, trusted: bool) {
        self.trusted.store(trusted, Ordering::Relaxed);
    }

    /// Look-ups that the cache answered, and that it did not.
    pub fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }
}

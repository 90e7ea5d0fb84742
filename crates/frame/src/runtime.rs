//! Where time and randomness come from. Nothing else reads a clock or makes a random number.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use kernel::{Clock, OrgId, Timestamp, WallClock};

/// The machine's clock, for organizations and for everything else.
#[derive(Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

impl Clock for SystemClock {
    fn now(&self, _: OrgId) -> Timestamp {
        WallClock::now(self)
    }
}

/// A clock that runs with the machine's, ahead of it by what it is told: for tests of what time does.
#[derive(Default)]
pub struct ShiftedClock {
    ahead: AtomicI64,
}

impl ShiftedClock {
    /// Moves the clock on.
    pub fn advance(&self, span: std::time::Duration) {
        self.ahead.fetch_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl WallClock for ShiftedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(WallClock::now(&SystemClock).micros() + self.ahead.load(Ordering::SeqCst))
    }
}

impl Clock for ShiftedClock {
    fn now(&self, _: OrgId) -> Timestamp {
        WallClock::now(self)
    }
}

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills a buffer.
    fn fill(&self, bytes: &mut [u8]);

    /// The id that the next thing of this kind gets, where a stand-in has decided it beforehand.
    fn id(&self, _kind: &'static str) -> Option<uuid::Uuid> {
        None
    }
}

/// The operating system's randomness, asked directly: the cryptography library's own generator first
/// gathers noise from the processor, which doubles the time that the program takes to start.
#[derive(Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // The operating system's source does not fail once it is seeded; going on without it would
        // hand out guessable tokens.
        assert!(getrandom::fill(bytes).is_ok(), "the operating system gives no random bytes");
    }
}

/// Numbers for requests: unlike one another across processes, but no secret.
pub struct TraceIds {
    next: AtomicU64,
}

impl TraceIds {
    /// Starts at a random number.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut seed = [0; 8];
        entropy.fill(&mut seed);
        Self { next: AtomicU64::new(u64::from_le_bytes(seed)) }
    }

    /// The next number (SplitMix64: a bijection, so that none comes twice).
    pub fn next(&self) -> u64 {
        let mut z = self.next.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

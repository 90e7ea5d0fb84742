//! Randomness that can be repeated: an organization that is given a number draws its ids and secrets from it, in the
//! order of its requests. And ids and secrets that somebody has given, for what is made next.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::hmac;
use frame::runtime::{Entropy, SystemEntropy};
use kernel::OrgId;
use uuid::Uuid;

/// Bytes that follow from a number: HMAC-SHA-256 of a counter, under a key that is the number and a label.
pub struct Stream {
    key: hmac::Key,
    next: AtomicU64,
}

impl Stream {
    /// The bytes of a number, for one purpose.
    pub fn new(number: u64, label: &str) -> Self {
        let key = [&number.to_be_bytes(), label.as_bytes()].concat();
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), next: AtomicU64::new(0) }
    }

    fn fill(&self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(32) {
            let block = hmac::sign(&self.key, &self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            piece.copy_from_slice(&block.as_ref()[..piece.len()]);
        }
    }

    /// The next number, below a bound that is not zero.
    pub fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes) % bound.max(1)
    }
}

/// A stream, and how far it has been drawn from.
pub type Place = (Arc<Stream>, u64);

/// Ids and a secret that are given to what is made next.
#[derive(Default)]
pub struct Given {
    /// By kind: the marker types of [`kernel::id::kinds`].
    pub ids: Vec<(&'static str, Uuid)>,
    /// The 32 bytes that a token is made of.
    pub secret: Option<[u8; 32]>,
}

impl Given {
    /// An id for what is made next of this kind.
    #[must_use]
    pub fn with_id<T>(mut self, id: Option<kernel::Id<T>>) -> Self {
        self.ids.extend(id.map(|id| (std::any::type_name::<T>(), id.uuid())));
        self
    }
}

struct Lot {
    stream: Option<Arc<Stream>>,
    given: Mutex<Given>,
}

tokio::task_local! {
    static LOT: Arc<Lot>;
}

/// The stand-in's randomness.
#[derive(Default)]
pub struct Chance {
    system: SystemEntropy,
    streams: RwLock<HashMap<OrgId, Arc<Stream>>>,
}

impl Chance {
    /// Lets an organization draw from a number; `None` for the machine's randomness.
    pub fn set(&self, org: OrgId, stream: Option<Arc<Stream>>) {
        let Ok(mut streams) = self.streams.write() else { return };
        match stream {
            Some(stream) => streams.insert(org, stream),
            None => streams.remove(&org),
        };
    }

    /// Who draws from a number, and how far everybody is.
    pub fn places(&self) -> HashMap<OrgId, Place> {
        let place = |(org, stream): (&OrgId, &Arc<Stream>)| {
            (*org, (Arc::clone(stream), stream.next.load(Ordering::Relaxed)))
        };
        self.streams.read().map(|streams| streams.iter().map(place).collect()).unwrap_or_default()
    }

    /// Goes back to such places; all others draw from the machine's randomness.
    pub fn go_back(&self, places: HashMap<OrgId, Place>) {
        let Ok(mut streams) = self.streams.write() else { return };
        streams.clear();
        for (org, (stream, next)) in places {
            stream.next.store(next, Ordering::Relaxed);
            streams.insert(org, stream);
        }
    }

    /// Whether an organization draws from a number.
    pub fn stream(&self, org: OrgId) -> Option<Arc<Stream>> {
        self.streams.read().ok()?.get(&org).cloned()
    }

    /// Runs something in an organization.
    pub async fn within<F: Future>(&self, org: Option<OrgId>, inner: F) -> F::Output {
        // Whoever has decided about ids and secrets already keeps the say.
        if LOT.try_with(|_| ()).is_ok() {
            return inner.await;
        }
        match org.and_then(|org| self.stream(org)) {
            Some(stream) => self.drawing(Some(stream), Given::default(), inner).await,
            None => inner.await,
        }
    }

    /// Runs something that draws from a stream, and takes first what is given.
    pub async fn drawing<F: Future>(&self, stream: Option<Arc<Stream>>, given: Given, inner: F) -> F::Output {
        LOT.scope(Arc::new(Lot { stream, given: Mutex::new(given) }), inner).await
    }
}

impl Entropy for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        let drawn = LOT.try_with(|lot| {
            let secret = if bytes.len() == 32 {
                lot.given.lock().ok().and_then(|mut it| it.secret.take())
            } else {
                None
            };
            match (secret, &lot.stream) {
                (Some(secret), _) => bytes.copy_from_slice(&secret),
                (None, Some(stream)) => stream.fill(bytes),
                (None, None) => return false,
            }
            true
        });
        if !drawn.unwrap_or(false) {
            self.system.fill(bytes);
        }
    }

    fn id(&self, kind: &'static str) -> Option<Uuid> {
        LOT.try_with(|lot| {
            let mut given = lot.given.lock().ok()?;
            let at = given.ids.iter().position(|(wanted, _)| *wanted == kind)?;
            Some(given.ids.remove(at).1)
        })
        .ok()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_gives_the_same_bytes_again_and_others_for_another_purpose() {
        let drawn = |number, label| {
            let (stream, mut bytes) = (Stream::new(number, label), [0; 50]);
            stream.fill(&mut bytes);
            bytes
        };
        assert_eq!(drawn(7, "a"), drawn(7, "a"));
        assert_ne!(drawn(7, "a"), drawn(8, "a"));
        assert_ne!(drawn(7, "a"), drawn(7, "b"));
    }
}

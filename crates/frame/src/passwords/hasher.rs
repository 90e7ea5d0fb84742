//! Hashing passwords, which takes long by design: off the threads that serve requests, as many at a time
//! as there are processors, and not for longer than anybody would wait.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use kernel::{Problem, Result, Secret};
use tokio::sync::Semaphore;

use crate::runtime::Entropy;

/// How long somebody waits for a turn before being told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// The memory that a hash fills: 1 KiB blocks.
type Memory = Vec<Block>;

/// Where passwords are hashed, with argon2id at the parameters that OWASP recommends (19 MiB, two passes).
pub struct Hasher {
    turns: Arc<Semaphore>,
    /// What finished hashes have filled, for the next: asked for anew, every page of it is a fault, and the
    /// allocator keeps as many such blocks as there have been threads.
    idle: Arc<Mutex<Vec<Memory>>>,
    entropy: Arc<dyn Entropy>,
    /// The hash of no password, which takes as long to check as any.
    nobody: String,
}

fn parameters() -> Result<Params, String> {
    Params::new(19_456, 2, 1, Some(32)).map_err(|error| error.to_string())
}

/// What the password, the salt and the parameters make; the memory grows to what these need.
fn digest(memory: &mut Memory, password: &[u8], salt: &[u8], params: Params) -> Result<Output, String> {
    let blocks = params.block_count().max(memory.len());
    memory.resize(blocks, Block::new());
    let mut out = vec![0; params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, &mut out, memory)
        .map_err(|error| error.to_string())?;
    Output::new(&out).map_err(|error| error.to_string())
}

fn hash_with(memory: &mut Memory, password: &[u8], salt: &[u8]) -> Result<String, String> {
    let params = parameters()?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|error| error.to_string())?,
        salt: Some(Salt::new(salt).map_err(|error| error.to_string())?),
        hash: Some(digest(memory, password, salt, params)?),
    };
    Ok(hash.to_string())
}

fn verify_with(memory: &mut Memory, password: &[u8], hash: &str) -> Result<bool, String> {
    let hash = PasswordHash::new(hash).map_err(|error| error.to_string())?;
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
    let params = Params::try_from(&hash).map_err(|error| error.to_string())?;
    // The comparison of outputs takes constant time.
    Ok(digest(memory, password, salt, params)? == *expected)
}

impl Hasher {
    /// As many turns at a time as there are processors.
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        let turns = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        // Only its form counts, so nothing need be hashed at the start: 16 bytes of salt, 32 of hash.
        let nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            idle: Arc::default(),
            entropy,
            nobody: nobody.to_owned(),
        }
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: Secret<String>) -> Result<String> {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        self.run(move |memory| hash_with(memory, password.reveal().as_bytes(), &salt)).await
    }

    /// Whether the password is the one behind the hash; without a hash it takes as long to say no.
    pub async fn verify(&self, password: Secret<String>, hash: Option<String>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let right = self.run(move |memory| verify_with(memory, password.reveal().as_bytes(), &hash));
        Ok(right.await? && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> Result<T, String> + Send + 'static,
    ) -> Result<T> {
        let busy = Problem::Unavailable("Too many people are signing in");
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(busy) };
        let idle = Arc::clone(&self.idle);
        let working = tokio::task::spawn_blocking(move || {
            let mut memory = idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let done = work(&mut memory);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            drop(turn);
            done
        });
        match working.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(Problem::internal(error)),
            Err(error) => Err(Problem::Internal(Box::new(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::SystemEntropy;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash() {
        let hasher = Hasher::new(Arc::new(SystemEntropy));
        let password = || Secret::new("correct horse".to_owned());
        let hash = hasher.hash(password()).await.unwrap();
        assert!(hasher.verify(password(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(Secret::new("wrong".to_owned()), Some(hash)).await.unwrap());
        assert!(!hasher.verify(password(), None).await.unwrap());
    }

    #[tokio::test]
    async fn memory_is_used_again_and_says_nothing_of_the_last_password() {
        let hasher = Hasher::new(Arc::new(SystemEntropy));
        let (first, second) = ("correct horse".to_owned(), "battery staple".to_owned());
        let hash = hasher.hash(Secret::new(first.clone())).await.unwrap();
        assert!(!hasher.verify(Secret::new(second), Some(hash.clone())).await.unwrap());
        assert!(hasher.verify(Secret::new(first), Some(hash)).await.unwrap());
        let kept: Vec<usize> = hasher.idle.lock().unwrap().iter().map(Vec::len).collect();
        assert_eq!(kept, [19_456]);
    }

    #[test]
    fn hashes_are_those_of_the_library() {
        use argon2::password_hash::{PasswordHasher, PasswordVerifier};
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters().unwrap());
        let theirs =
            argon.hash_password_with_salt(b"correct horse", b"sixteen bytes of").unwrap().to_string();
        let mut memory = vec![Block::new(); 7];
        let ours = hash_with(&mut memory, b"correct horse", b"sixteen bytes of").unwrap();
        assert_eq!(ours, theirs);
        argon.verify_password(b"correct horse", &PasswordHash::new(&ours).unwrap()).unwrap();
        assert!(verify_with(&mut memory, b"correct horse", &theirs).unwrap());
        assert!(!verify_with(&mut memory, b"correct house", &theirs).unwrap());
    }
}

//! Hashing passwords, which takes long by design: off the threads that serve requests, as many at a time
//! as there are processors, and not for longer than anybody would wait.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use kernel::{Problem, Result, Secret};
use tokio::sync::Semaphore;

use crate::runtime::Entropy;

/// How long somebody waits for a turn before being told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where passwords are hashed, with argon2id at the parameters that OWASP recommends (19 MiB, two passes).
pub struct Hasher {
    turns: Arc<Semaphore>,
    entropy: Arc<dyn Entropy>,
    /// The hash of no password, which takes as long to check as any.
    nobody: String,
}

fn argon() -> Result<Argon2<'static>, String> {
    let params = Params::new(19_456, 2, 1, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_with(password: &[u8], salt: &[u8]) -> Result<String, String> {
    let hash = argon()?.hash_password_with_salt(password, salt).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

impl Hasher {
    /// As many turns at a time as there are processors.
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        let turns = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        // Only its form counts, so nothing need be hashed at the start: 16 bytes of salt, 32 of hash.
        let nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        Self { turns: Arc::new(Semaphore::new(turns)), entropy, nobody: nobody.to_owned() }
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: Secret<String>) -> Result<String> {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        self.run(move || hash_with(password.reveal().as_bytes(), &salt)).await
    }

    /// Whether the password is the one behind the hash; without a hash it takes as long to say no.
    pub async fn verify(&self, password: Secret<String>, hash: Option<String>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let right = self.run(move || {
            let hash = PasswordHash::new(&hash).map_err(|error| error.to_string())?;
            Ok(argon()?.verify_password(password.reveal().as_bytes(), &hash).is_ok())
        });
        Ok(right.await? && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T> {
        let busy = Problem::Unavailable("Too many people are signing in");
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(busy) };
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
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
}

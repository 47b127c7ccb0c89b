//! Passwords: what is accepted, how they are hashed, and how many hashes run at once.
//!
//! New hashes are argon2id with 12 MiB and three passes (one of the parameter sets that OWASP
//! counts as equal; well under 100 ms on a small machine). bcrypt of imported or configured
//! accounts is verified. One hash runs at a time and a few may wait, so a flood of logins costs
//! 12 MiB, not the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use pulse_core::Secret;
use rand::RngCore as _;
use tokio::sync::Semaphore;

pub const MIN_LENGTH: usize = 12;
pub const MAX_LENGTH: usize = 72;

const MEMORY_KIB: u32 = 12 * 1024;
const PASSES: u32 = 3;
const MAX_WAITING: usize = 16;

/// A valid hash of nothing anybody knows: verified when the account does not exist, so that an
/// unknown name takes as long as a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=12288,t=3,p=1$bm90YW5hY2NvdW50MDE$O3vFV/EUZKNR68s53033Lulr6Lek9piwpOIy9ZCXICw";

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("password must be at least {MIN_LENGTH} characters long")]
    TooShort,
    #[error("password must be at most {MAX_LENGTH} bytes long")]
    TooLong,
    #[error("too many password checks at the same time; try again in a moment")]
    Busy,
    #[error("the password could not be hashed")]
    Hash,
}

/// Length only: composition rules make passwords worse.
pub fn check_policy(password: &str) -> Result<(), PasswordError> {
    if password.len() < MIN_LENGTH {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_LENGTH {
        return Err(PasswordError::TooLong);
    }
    Ok(())
}

/// Is this text a hash that [`Hasher::verify`] understands, rather than a password?
pub fn is_hash(text: &str) -> bool {
    let bcrypt = text.len() == 60 && ["$2a$", "$2b$", "$2y$"].iter().any(|p| text.starts_with(p));
    bcrypt || (text.starts_with("$argon2id$") && PasswordHash::new(text).is_ok())
}

/// Should a successful login replace this hash by a current one?
pub fn needs_rehash(hash: &Secret) -> bool {
    !hash
        .expose()
        .starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$"))
}

#[derive(Debug)]
pub struct Hasher {
    turn: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Hasher {
    fn default() -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            waiting: AtomicUsize::new(0),
        }
    }
}

impl Hasher {
    pub async fn hash(&self, password: Secret) -> Result<Secret, PasswordError> {
        self.run(move || {
            let mut salt = [0_u8; 16];
            rand::rng().fill_bytes(&mut salt);
            let salt = SaltString::encode_b64(&salt).map_err(|_| PasswordError::Hash)?;
            argon2()?
                .hash_password(password.expose().as_bytes(), &salt)
                .map(|hash| Secret::new(hash.to_string()))
                .map_err(|_| PasswordError::Hash)
        })
        .await
    }

    /// Without a hash the answer is no, after the same work.
    pub async fn verify(
        &self,
        hash: Option<Secret>,
        password: Secret,
    ) -> Result<bool, PasswordError> {
        self.run(move || Ok(verify(hash.as_ref(), &password))).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = Place::take(&self.waiting).ok_or(PasswordError::Busy)?;
        let turn = self
            .turn
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Busy)?;
        tokio::task::spawn_blocking(move || {
            // Held by the work, not by the caller: a client that gives up does not free the memory.
            let _turn = turn;
            work()
        })
        .await
        .map_err(|_| PasswordError::Hash)?
    }
}

/// A place in the queue; given back on drop.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| PasswordError::Hash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn verify(hash: Option<&Secret>, password: &Secret) -> bool {
    let known = hash.is_some();
    let text = hash.map_or(NOBODY, Secret::expose);
    let matches = if text.starts_with("$2") {
        bcrypt::verify(password.expose(), text).unwrap_or(false)
    } else {
        PasswordHash::new(text).is_ok_and(|parsed| {
            Argon2::default()
                .verify_password(password.expose().as_bytes(), &parsed)
                .is_ok()
        })
    };
    known && matches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn verifies_what_it_hashed() {
        let hasher = Hasher::default();
        let hash = hasher.hash(Secret::new("correct horse")).await.unwrap();
        assert!(is_hash(hash.expose()) && !needs_rehash(&hash));
        let verify = |hash, password| hasher.verify(hash, Secret::new(password));
        assert!(verify(Some(hash.clone()), "correct horse").await.unwrap());
        assert!(!verify(Some(hash), "battery staple").await.unwrap());
        assert!(!verify(None, "correct horse").await.unwrap());
    }

    #[tokio::test]
    async fn verifies_bcrypt_of_every_prefix() {
        let made = bcrypt::hash_with_result("correct horse", 4).unwrap();
        for version in [
            bcrypt::Version::TwoA,
            bcrypt::Version::TwoB,
            bcrypt::Version::TwoY,
        ] {
            let hash = Secret::new(made.format_for_version(version));
            assert!(is_hash(hash.expose()) && needs_rehash(&hash));
            let hasher = Hasher::default();
            let verified = hasher.verify(Some(hash), Secret::new("correct horse"));
            assert!(verified.await.unwrap());
        }
    }

    #[test]
    fn nobody_is_a_real_hash() {
        let parsed = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(parsed.hash.unwrap().len(), 32);
        assert!(!needs_rehash(&Secret::new(NOBODY)));
    }

    #[test]
    fn policy_is_about_length() {
        assert_eq!(check_policy("elevenchars"), Err(PasswordError::TooShort));
        assert_eq!(check_policy("twelve chars"), Ok(()));
        assert_eq!(check_policy(&"x".repeat(72)), Ok(()));
        assert_eq!(check_policy(&"x".repeat(73)), Err(PasswordError::TooLong));
        assert!(!is_hash("$2a$too short to be a hash"));
    }

    #[tokio::test]
    async fn a_flood_is_turned_away() {
        let hasher = Hasher::default();
        let _turn = hasher.turn.clone().acquire_owned().await.unwrap();
        let held: Vec<_> = (0..MAX_WAITING)
            .map(|_| Place::take(&hasher.waiting).unwrap())
            .collect();
        let refused = hasher.verify(None, Secret::new("x")).await;
        assert_eq!(refused, Err(PasswordError::Busy));
        drop(held);
        assert_eq!(hasher.waiting.load(Ordering::Relaxed), 0);
    }
}

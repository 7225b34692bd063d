//! Passwords: hashed and checked with argon2id, a bounded number at a time.
//!
//! One check takes 19 MiB and some tens of milliseconds of a core, so no more run at once than
//! the machine has cores, on threads that do not serve requests. A check for a user who does not
//! exist, or has no password, does the same work as a real one and fails. Who may try how often
//! is decided in `throttle.rs`.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use logout_shared::Secret;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The longest password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// A hash of no password, with the cost of a real one.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCEhIQ\
                            $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static SLOTS: LazyLock<Semaphore> = LazyLock::new(|| {
    Semaphore::new(std::thread::available_parallelism().map_or(2, std::num::NonZero::get))
});

/// The right to hash one password now.
#[derive(Debug)]
pub struct Slot {
    _permit: SemaphorePermit<'static>,
}

/// Waits until a password may be hashed.
///
/// What must still hold when the password is checked, such as the throttle, is asked after this.
///
/// # Panics
///
/// Never: the slots are not taken away.
pub async fn slot() -> Slot {
    let permit = SLOTS.acquire().await;
    Slot {
        _permit: permit.expect("the semaphore is never closed"),
    }
}

/// Hashes a password with a salt of its own; the result is a PHC string.
///
/// # Panics
///
/// Never: argon2 fails for passwords of 4 GiB only.
pub async fn hash_password(password: &Secret<String>) -> String {
    slot()
        .await
        .run(password.clone(), |password| {
            Argon2::default()
                .hash_password(password.expose().as_bytes())
                .expect("argon2's own parameters hash any password that fits into memory")
                .to_string()
        })
        .await
}

impl Slot {
    /// Whether the password is the one that was hashed.
    ///
    /// Without a hash, or with one that cannot be read, the answer is `false` after the same work.
    pub async fn check(self, password: &Secret<String>, phc: Option<&str>) -> bool {
        let phc = phc.map(str::to_owned);
        self.run(password.clone(), move |password| {
            let known = phc.as_deref().and_then(|phc| PasswordHash::new(phc).ok());
            let exists = known.is_some();
            let hash = known.unwrap_or_else(nobodys_hash);
            let password = password.expose().as_bytes();
            Argon2::default().verify_password(password, &hash).is_ok() && exists
        })
        .await
    }

    async fn run<T: Send + 'static>(
        self,
        password: Secret<String>,
        work: impl FnOnce(&Secret<String>) -> T + Send + 'static,
    ) -> T {
        let result = tokio::task::spawn_blocking(move || {
            // The slot goes with the work: a caller that goes away frees nothing early.
            let _slot = self;
            work(&password)
        })
        .await;
        result.expect("hashing does not panic and is not aborted")
    }
}

/// Whether the password is the one that was hashed; see [`Slot::check`].
pub async fn check_password(password: &Secret<String>, phc: Option<&str>) -> bool {
    slot().await.check(password, phc).await
}

fn nobodys_hash() -> PasswordHash {
    PasswordHash::new(NOBODYS_HASH).expect("the constant is a PHC string")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let password = Secret::new(String::from("correct horse"));
        let phc = hash_password(&password).await;
        assert!(phc.starts_with("$argon2id$v=19$"), "{phc}");
        assert!(check_password(&password, Some(&phc)).await);
        assert!(!check_password(&Secret::new(String::from("Correct horse")), Some(&phc)).await);
        assert_ne!(
            phc,
            hash_password(&password).await,
            "two hashes share a salt"
        );
    }

    #[tokio::test]
    async fn without_a_hash_nothing_fits() {
        let password = Secret::new(String::new());
        assert!(!check_password(&password, None).await);
        assert!(!check_password(&password, Some("not a hash")).await);
    }

    /// The time of an unknown user is the time of a known one only while this holds.
    #[tokio::test]
    async fn nobodys_hash_costs_what_a_real_one_costs() {
        let real = hash_password(&Secret::new(String::from("x"))).await;
        let real = PasswordHash::new(&real).expect("a PHC string");
        let nobodys = nobodys_hash();
        assert_eq!(real.algorithm, nobodys.algorithm);
        assert_eq!(real.params, nobodys.params);
        assert_eq!(
            real.hash.map(|hash| hash.len()),
            nobodys.hash.map(|hash| hash.len())
        );
    }
}

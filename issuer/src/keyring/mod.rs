//! The issuer's signing keys and the master key that seals what must not lie open.
//!
//! It relies on a store that keeps sealed keys and promises that there is one current key for
//! each configured algorithm, that private keys are parsed once and never leave it in the clear,
//! and that private-key operations do not block the reactor. `first_keys.rs` makes what is
//! missing, `rotation.rs` replaces what is old, `revocation.rs` what leaked, `reseal.rs` changes
//! master keys, `client_keys/` reads clients' keys, `encrypter/` encrypts with them; cryptography
//! itself is `logout_shared`'s.

pub mod client_keys;
pub mod encrypter;
mod first_keys;
mod reseal;
mod revocation;
mod rotation;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use logout_shared::jwk::{SignError, SigningKey, SigningKeyError};
use logout_shared::jwks::JwkSet;
use logout_shared::seal::{SealError, SealingKey, open, seal};
use logout_shared::{Secret, SigningAlgorithm, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::domain::signing_key::{SigningKeyRecord, SigningKeyState};
use crate::storage::{StorageError, Store};

pub use reseal::Resealed;

/// What private signing keys are sealed for; the row is the key's `kid`.
pub const SIGNING_KEY_PURPOSE: &str = "signing-key";

/// What client secrets are sealed for; the row is the client's id.
pub const CLIENT_SECRET_PURPOSE: &str = "client-secret";

/// The purpose under which secrets of Actions are sealed.
pub const ACTION_SECRET_PURPOSE: &str = "action-secret";

/// The row to which a secret of an Action is bound.
pub fn action_secret_row(action: &str, name: &str) -> String {
    format!("{action}/{name}")
}

/// The signing keys, and the master keys that open what is sealed.
///
/// # Security
///
/// Parsed private keys live in this process's memory as long as the ring does.
pub struct KeyRing {
    masters: Vec<SealingKey>,
    /// Those that have a current key and are rotated.
    algorithms: Vec<SigningAlgorithm>,
    keys: ArcSwap<Keys>,
    /// One private-key operation a core: more would only take turns.
    signing_slots: Semaphore,
}

/// What the store held at the latest look.
struct Keys {
    records: Vec<SigningKeyRecord>,
    current: HashMap<SigningAlgorithm, SigningKey>,
    verification: Arc<JwkSet>,
}

/// The key ring cannot do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// There is nothing to seal with.
    #[error("no master key is configured")]
    NoMasterKey,
    /// Tokens for others are signed with key pairs only.
    #[error("{0} is no algorithm of an issuer's own keys")]
    NoKeyPair(SigningAlgorithm),
    /// No key signs with this algorithm.
    #[error("no current key for {0}")]
    NoCurrentKey(SigningAlgorithm),
    /// A key cannot be made or read.
    #[error("cannot use the signing key {kid}")]
    Key {
        /// The key's name.
        kid: String,
        /// Why.
        #[source]
        source: SigningKeyError,
    },
    /// Something sealed cannot be opened, or cannot be sealed.
    #[error("cannot seal or open {purpose} of {row_id}")]
    Seal {
        /// What it is for.
        purpose: String,
        /// Whose it is.
        row_id: String,
        /// Why.
        #[source]
        source: SealError,
    },
    /// OpenSSL failed.
    #[error("signing failed")]
    Sign(#[from] SignError),
    /// The thread that should sign is gone: the process is going down.
    #[error("the signing thread is gone")]
    Stopped,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl KeyRing {
    /// Opens the ring, and makes a current key for each algorithm that has none.
    ///
    /// The first master key seals, all of them open. Two processes that start at the same time on
    /// one store end with the same keys.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`] if there is no master key, if a stored key cannot be opened with the ones
    /// given, or if the store fails.
    pub async fn open(
        store: &dyn Store,
        masters: Vec<SealingKey>,
        algorithms: &[SigningAlgorithm],
        now: Timestamp,
    ) -> Result<Self, KeyRingError> {
        let master = masters.first().ok_or(KeyRingError::NoMasterKey)?;
        if let Some(symmetric) = algorithms.iter().find(|algorithm| algorithm.is_symmetric()) {
            return Err(KeyRingError::NoKeyPair(*symmetric));
        }
        let records = first_keys::ensure(store, master, algorithms, now).await?;
        let keys = Keys::read(records, &masters)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            masters,
            algorithms: algorithms.to_vec(),
            keys: ArcSwap::from_pointee(keys),
            signing_slots: Semaphore::new(cores),
        })
    }

    /// Looks at the store again, after another process may have changed the keys.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`] if a key cannot be opened or the store fails; the ring stays as it was.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), KeyRingError> {
        let records = store.read().await?.signing_keys().await?;
        if records != self.keys.load().records {
            self.keys
                .store(Arc::new(Keys::read(records, &self.masters)?));
        }
        Ok(())
    }

    /// The key that signs with this algorithm now.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::NoCurrentKey`] if the algorithm is not among the configured ones.
    pub fn current(&self, algorithm: SigningAlgorithm) -> Result<SigningKey, KeyRingError> {
        let keys = self.keys.load();
        keys.current
            .get(&algorithm)
            .cloned()
            .ok_or(KeyRingError::NoCurrentKey(algorithm))
    }

    /// Signs a token with the current key, on a thread that may block.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::NoCurrentKey`], or [`KeyRingError::Sign`] if OpenSSL fails.
    pub async fn sign(
        &self,
        algorithm: SigningAlgorithm,
        typ: &str,
        payload: Vec<u8>,
    ) -> Result<String, KeyRingError> {
        let key = self.current(algorithm)?;
        let typ = typ.to_owned();
        let _slot = self
            .signing_slots
            .acquire()
            .await
            .map_err(|_| KeyRingError::Stopped)?;
        let signed = tokio::task::spawn_blocking(move || key.sign(&typ, &payload)).await;
        Ok(signed.map_err(|_| KeyRingError::Stopped)??)
    }

    /// The key set as it is to be published now.
    pub fn published(&self, now: Timestamp) -> Value {
        let keys = self.keys.load();
        let published = keys.records.iter().filter(|key| key.is_published(now));
        json!({ "keys": published.map(|key| &key.public_jwk).collect::<Vec<_>>() })
    }

    /// The keys that verify what this issuer signed, parsed.
    pub fn verification_keys(&self) -> Arc<JwkSet> {
        Arc::clone(&self.keys.load().verification)
    }

    /// The algorithms that keys are made for.
    pub fn algorithms(&self) -> &[SigningAlgorithm] {
        &self.algorithms
    }

    /// All keys, oldest first.
    pub fn records(&self) -> Vec<SigningKeyRecord> {
        self.keys.load().records.clone()
    }

    /// Seals something for one purpose and row.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::Seal`] if OpenSSL fails.
    pub fn seal(&self, purpose: &str, row_id: &str, secret: &[u8]) -> Result<String, KeyRingError> {
        seal_with(&self.masters[0], purpose, row_id, secret)
    }

    /// Opens what was sealed for this purpose and row.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::Seal`] if it was sealed for another place, under another master key, or was
    /// changed.
    pub fn unseal(
        &self,
        purpose: &str,
        row_id: &str,
        sealed: &str,
    ) -> Result<Secret<Vec<u8>>, KeyRingError> {
        unseal_with(&self.masters, purpose, row_id, sealed)
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kids: Vec<_> = self
            .keys
            .load()
            .records
            .iter()
            .map(|key| key.kid.clone())
            .collect();
        f.debug_struct("KeyRing")
            .field("keys", &kids)
            .finish_non_exhaustive()
    }
}

impl Keys {
    fn read(records: Vec<SigningKeyRecord>, masters: &[SealingKey]) -> Result<Self, KeyRingError> {
        let mut current = HashMap::new();
        for record in &records {
            let Some(sealed) = &record.sealed_private_key else {
                continue;
            };
            // The next key is opened as well: that it cannot be is better known before its day.
            let key = open_key(record, sealed, masters)?;
            if record.state == SigningKeyState::Current {
                current.insert(record.algorithm, key);
            }
        }
        let trusted = records.iter().filter(|key| !key.distrusted);
        let trusted: Vec<&Value> = trusted.map(|key| &key.public_jwk).collect();
        let trusted = json!({ "keys": trusted }).to_string();
        let verification = JwkSet::parse(trusted.as_bytes()).unwrap_or_default();
        Ok(Self {
            records,
            current,
            verification: Arc::new(verification),
        })
    }
}

fn open_key(
    record: &SigningKeyRecord,
    sealed: &str,
    masters: &[SealingKey],
) -> Result<SigningKey, KeyRingError> {
    let pem = unseal_with(masters, SIGNING_KEY_PURPOSE, &record.kid, sealed)?;
    let pem = str::from_utf8(pem.expose()).unwrap_or_default();
    SigningKey::from_pkcs8_pem(record.algorithm, pem).map_err(|source| KeyRingError::Key {
        kid: record.kid.clone(),
        source,
    })
}

fn seal_with(
    master: &SealingKey,
    purpose: &str,
    row_id: &str,
    secret: &[u8],
) -> Result<String, KeyRingError> {
    seal(master, purpose, row_id, secret).map_err(|source| misplaced(purpose, row_id, source))
}

fn unseal_with(
    masters: &[SealingKey],
    purpose: &str,
    row_id: &str,
    sealed: &str,
) -> Result<Secret<Vec<u8>>, KeyRingError> {
    open(masters, purpose, row_id, sealed).map_err(|source| misplaced(purpose, row_id, source))
}

fn misplaced(purpose: &str, row_id: &str, source: SealError) -> KeyRingError {
    KeyRingError::Seal {
        purpose: purpose.to_owned(),
        row_id: row_id.to_owned(),
        source,
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
#[path = "keyring_tests.rs"]
mod tests;

//! Makes the signing keys that are missing, at the first start and for new algorithms.
//!
//! Keys are made outside of any transaction, since an RSA key takes up to a second; the
//! transaction that stores them looks again which are missing, so that of two processes starting
//! together one wins and the other takes its keys.

use logout_shared::jwk::SigningKey;
use logout_shared::seal::SealingKey;
use logout_shared::{SigningAlgorithm, Timestamp};

use super::{KeyRingError, SIGNING_KEY_PURPOSE, seal_with};
use crate::domain::signing_key::{SigningKeyRecord, SigningKeyState, key_in};
use crate::storage::Store;

/// Gives all stored keys, after making a current one for each algorithm that had none.
pub(super) async fn ensure(
    store: &dyn Store,
    master: &SealingKey,
    algorithms: &[SigningAlgorithm],
    now: Timestamp,
) -> Result<Vec<SigningKeyRecord>, KeyRingError> {
    let stored = store.read().await?.signing_keys().await?;
    let missing: Vec<_> = algorithms
        .iter()
        .copied()
        .filter(|wanted| !has_current(&stored, *wanted))
        .collect();
    if missing.is_empty() {
        return Ok(stored);
    }
    let made = make_all(master, missing, SigningKeyState::Current, now).await?;
    store_first(store, made).await
}

/// Makes a key for each algorithm, on a thread that may block.
pub(super) async fn make_all(
    master: &SealingKey,
    algorithms: Vec<SigningAlgorithm>,
    state: SigningKeyState,
    now: Timestamp,
) -> Result<Vec<SigningKeyRecord>, KeyRingError> {
    let master = master.clone();
    let made = tokio::task::spawn_blocking(move || {
        let make = |algorithm| make(&master, algorithm, state, now);
        algorithms.into_iter().map(make).collect()
    });
    made.await.map_err(|_| KeyRingError::Stopped)?
}

async fn store_first(
    store: &dyn Store,
    made: Vec<SigningKeyRecord>,
) -> Result<Vec<SigningKeyRecord>, KeyRingError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let stored = tx.signing_keys().await?;
                for key in made
                    .iter()
                    .filter(|key| !has_current(&stored, key.algorithm))
                {
                    tx.insert_signing_key(key).await?;
                }
                Ok(tx.signing_keys().await?)
            })
        })
        .await
}

fn has_current(keys: &[SigningKeyRecord], algorithm: SigningAlgorithm) -> bool {
    key_in(keys, algorithm, SigningKeyState::Current).is_some()
}

fn make(
    master: &SealingKey,
    algorithm: SigningAlgorithm,
    state: SigningKeyState,
    now: Timestamp,
) -> Result<SigningKeyRecord, KeyRingError> {
    let key = SigningKey::generate(algorithm).map_err(|source| KeyRingError::Key {
        kid: algorithm.to_string(),
        source,
    })?;
    let pem = key.to_pkcs8_pem();
    let sealed = seal_with(
        master,
        SIGNING_KEY_PURPOSE,
        key.kid(),
        pem.expose().as_bytes(),
    )?;
    Ok(SigningKeyRecord {
        kid: key.kid().to_owned(),
        algorithm,
        state,
        sealed_private_key: Some(sealed),
        public_jwk: key.public_jwk(),
        created_at: now,
        activated_at: (state == SigningKeyState::Current).then_some(now),
        retired_at: None,
        distrusted: false,
    })
}

//! Replaces signing keys: by the clock, by hand, and at once in an emergency.
//!
//! Keys are made on a thread that may block, before the transaction that stores them; the
//! transaction looks again at what is to be done, so that of several processes one does it and
//! the others take it over. When a step is due is `domain/signing_key.rs`'s.

use logout_shared::{SigningAlgorithm, Timestamp};

use super::first_keys::make_all;
use super::{KeyRing, KeyRingError};
use crate::domain::event_log::LogEvent;
use crate::domain::signing_key::{
    DueSteps, KeyLife, SigningKeyRecord, SigningKeyState, due, key_in,
};
use crate::storage::{StorageError, Store, Transaction};

impl KeyRing {
    /// Does what is due: announces next keys, lets them sign, forgets retired ones. Gives what
    /// this process did.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`] if a key cannot be made or the store fails.
    pub async fn turn(
        &self,
        store: &dyn Store,
        life: KeyLife,
        now: Timestamp,
    ) -> Result<DueSteps, KeyRingError> {
        let algorithms = self.algorithms.clone();
        let planned = due(&self.records(), &algorithms, &life, now);
        if planned.is_empty() {
            return Ok(planned);
        }
        let made = make_all(
            &self.masters[0],
            planned.announce,
            SigningKeyState::Next,
            now,
        )
        .await?;
        let done = store.write::<_, KeyRingError, _>(move |tx| {
            Box::pin(async move {
                let keys = tx.signing_keys().await?;
                let mut steps = due(&keys, &algorithms, &life, now);
                steps
                    .announce
                    .retain(|algorithm| made.iter().any(|key| key.algorithm == *algorithm));
                take(tx, &keys, &steps, &made, now).await?;
                Ok(steps)
            })
        });
        let done = done.await?;
        self.reload(store).await?;
        Ok(done)
    }

    /// Announces the next key of an algorithm, or of all; one that is announced already stays. Gives
    /// the next keys.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`] if a key cannot be made or the store fails.
    pub async fn announce(
        &self,
        store: &dyn Store,
        algorithm: Option<SigningAlgorithm>,
        now: Timestamp,
    ) -> Result<Vec<SigningKeyRecord>, KeyRingError> {
        let nothing = Vec::new();
        self.announce_and_record(store, algorithm, nothing, now)
            .await
    }

    /// The same, with records of the event log in the same transaction.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`] if a key cannot be made or the store fails.
    pub async fn announce_and_record(
        &self,
        store: &dyn Store,
        algorithm: Option<SigningAlgorithm>,
        records: Vec<LogEvent>,
        now: Timestamp,
    ) -> Result<Vec<SigningKeyRecord>, KeyRingError> {
        let algorithms = self.chosen(algorithm)?;
        let stored = store.read().await?.signing_keys().await?;
        let missing =
            |wanted: &SigningAlgorithm| key_in(&stored, *wanted, SigningKeyState::Next).is_none();
        let missing = algorithms.iter().copied().filter(missing).collect();
        let made = make_all(&self.masters[0], missing, SigningKeyState::Next, now).await?;
        let next = store.write::<_, KeyRingError, _>(move |tx| {
            Box::pin(async move {
                let keys = tx.signing_keys().await?;
                for key in made {
                    if key_in(&keys, key.algorithm, SigningKeyState::Next).is_none() {
                        tx.insert_signing_key(&key).await?;
                    }
                }
                tx.append_events(&records).await?;
                let mut keys = tx.signing_keys().await?;
                keys.retain(|key| {
                    key.state == SigningKeyState::Next && algorithms.contains(&key.algorithm)
                });
                Ok(keys)
            })
        });
        let next = next.await?;
        self.reload(store).await?;
        Ok(next)
    }

    /// Replaces the keys of an algorithm, or of all, at once: they leaked.
    ///
    /// New keys sign from now on. The private halves of the ones before are destroyed, they leave
    /// the published set, and nothing that they signed is believed here any more. An announced key
    /// goes as well, for it lay in the same place. Gives the new keys.
    ///
    /// # Security
    ///
    /// A verifier that keeps the key set believes the old key until it looks again: up to an hour,
    /// the `max-age` of the key set.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`] if a key cannot be made or the store fails.
    pub async fn replace_at_once(
        &self,
        store: &dyn Store,
        algorithm: Option<SigningAlgorithm>,
        now: Timestamp,
    ) -> Result<Vec<SigningKeyRecord>, KeyRingError> {
        let algorithms = self.chosen(algorithm)?;
        let made = make_all(
            &self.masters[0],
            algorithms.clone(),
            SigningKeyState::Current,
            now,
        )
        .await?;
        let new = made.clone();
        store
            .write::<_, KeyRingError, _>(move |tx| {
                Box::pin(async move {
                    for mut key in tx.signing_keys().await? {
                        if algorithms.contains(&key.algorithm)
                            && key.state != SigningKeyState::Retired
                        {
                            key.retire(now);
                            key.distrusted = true;
                            tx.update_signing_key(&key).await?;
                        }
                    }
                    for key in &made {
                        tx.insert_signing_key(key).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.reload(store).await?;
        Ok(new)
    }

    fn chosen(
        &self,
        algorithm: Option<SigningAlgorithm>,
    ) -> Result<Vec<SigningAlgorithm>, KeyRingError> {
        match algorithm {
            None => Ok(self.algorithms.clone()),
            Some(one) if self.algorithms.contains(&one) => Ok(vec![one]),
            Some(other) => Err(KeyRingError::NoCurrentKey(other)),
        }
    }
}

async fn take(
    tx: &mut dyn Transaction,
    keys: &[SigningKeyRecord],
    steps: &DueSteps,
    made: &[SigningKeyRecord],
    now: Timestamp,
) -> Result<(), StorageError> {
    for key in made
        .iter()
        .filter(|key| steps.announce.contains(&key.algorithm))
    {
        tx.insert_signing_key(key).await?;
    }
    for next in keys.iter().filter(|key| steps.activate.contains(&key.kid)) {
        if let Some(current) = key_in(keys, next.algorithm, SigningKeyState::Current) {
            let mut retired = current.clone();
            retired.retire(now);
            tx.update_signing_key(&retired).await?;
        }
        let mut current = next.clone();
        current.activate(now);
        tx.update_signing_key(&current).await?;
    }
    for kid in &steps.forget {
        tx.delete_signing_key(kid).await?;
    }
    Ok(())
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
#[path = "rotation_tests.rs"]
mod tests;

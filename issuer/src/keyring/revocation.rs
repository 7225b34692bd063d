//! Takes one signing key back: nothing that it signed is believed any more.
//!
//! A key that signs is replaced in the same transaction, so that there is always one that does.
//! Its announced successor goes as well, for it lay in the same place; of a key that does not sign
//! only that one goes. `rotation.rs` replaces all keys of an algorithm at once.

use logout_shared::Timestamp;

use super::first_keys::make_all;
use super::{KeyRing, KeyRingError};
use crate::domain::event_log::LogEvent;
use crate::domain::signing_key::{SigningKeyRecord, SigningKeyState};
use crate::storage::Store;

impl KeyRing {
    /// Takes a key back, and gives it as it is then; `None` if no key has this name.
    ///
    /// Taking back what was taken back before changes nothing but the event log, into which
    /// `records` go.
    ///
    /// # Security
    ///
    /// A verifier that keeps the key set believes the key until it looks again: up to an hour, the
    /// `max-age` of the key set.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`] if its successor cannot be made or the store fails.
    pub async fn revoke(
        &self,
        store: &dyn Store,
        kid: &str,
        records: Vec<LogEvent>,
        now: Timestamp,
    ) -> Result<Option<SigningKeyRecord>, KeyRingError> {
        let stored = store.read().await?.signing_keys().await?;
        let Some(found) = stored.into_iter().find(|key| key.kid == kid) else {
            return Ok(None);
        };
        // A next key may begin to sign before the transaction, so it gets a successor too.
        let may_sign = found.state != SigningKeyState::Retired;
        let successor = (may_sign && self.algorithms.contains(&found.algorithm))
            .then_some(found.algorithm)
            .into_iter()
            .collect();
        let made = make_all(&self.masters[0], successor, SigningKeyState::Current, now).await?;
        let kid = kid.to_owned();
        let revoked = store.write::<_, KeyRingError, _>(move |tx| {
            Box::pin(async move {
                let keys = tx.signing_keys().await?;
                let Some(wanted) = keys.iter().find(|key| key.kid == kid).cloned() else {
                    return Ok(None);
                };
                let signs = wanted.state == SigningKeyState::Current;
                let goes = |key: &SigningKeyRecord| {
                    let beside = signs
                        && key.algorithm == wanted.algorithm
                        && key.state != SigningKeyState::Retired;
                    key.kid == kid || beside
                };
                for mut key in keys.into_iter().filter(goes) {
                    take_back(&mut key, now);
                    tx.update_signing_key(&key).await?;
                }
                for key in made.iter().filter(|_| signs) {
                    tx.insert_signing_key(key).await?;
                }
                tx.append_events(&records).await?;
                let mut keys = tx.signing_keys().await?;
                keys.retain(|key| key.kid == kid);
                Ok(keys.pop())
            })
        });
        let revoked = revoked.await?;
        self.reload(store).await?;
        Ok(revoked)
    }
}

fn take_back(key: &mut SigningKeyRecord, now: Timestamp) {
    if key.state != SigningKeyState::Retired {
        key.retire(now);
    }
    key.distrusted = true;
}

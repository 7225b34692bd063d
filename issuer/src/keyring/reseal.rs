//! Moves what is sealed from a master key that is going to the one that seals.
//!
//! It goes piece by piece and looks at what each value is sealed under, so that it can be stopped
//! and run again. A value that somebody changed meanwhile stays as they wrote it. Whatever else is
//! sealed some day must be moved here as well, or the old master key could never be taken away.

use logout_shared::ClientId;
use logout_shared::seal::sealed_under;

use super::{
    ACTION_SECRET_PURPOSE, CLIENT_SECRET_PURPOSE, KeyRing, KeyRingError, SIGNING_KEY_PURPOSE,
    action_secret_row,
};
use crate::storage::{StorageError, Store};

/// How many client secrets are moved in one transaction.
const PIECE: u32 = 100;

/// What was moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Private signing keys.
    pub signing_keys: u64,
    /// Client secrets.
    pub client_secrets: u64,
    /// Secrets of Actions.
    pub action_secrets: u64,
}

/// A value, as it was sealed and as it is sealed now.
struct Moved<Id> {
    id: Id,
    before: String,
    now: String,
}

impl KeyRing {
    /// The name of the master key that seals.
    pub fn sealing_key(&self) -> &str {
        self.masters[0].kid()
    }

    /// Seals everything under the first master key that is sealed under another.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::Seal`] for a value that no configured master key opens, and
    /// [`KeyRingError::Storage`]; what was moved before stays moved.
    pub async fn reseal(&self, store: &dyn Store) -> Result<Resealed, KeyRingError> {
        let mut done = Resealed {
            signing_keys: self.reseal_signing_keys(store).await?,
            client_secrets: 0,
            action_secrets: self.reseal_action_secrets(store).await?,
        };
        let mut after = None;
        loop {
            let mut view = store.read().await?;
            let piece = view.sealed_secrets(after.as_ref(), PIECE).await?;
            drop(view);
            let Some((last, _)) = piece.last() else {
                break;
            };
            after = Some(last.clone());
            done.client_secrets += self.reseal_piece(store, piece).await?;
        }
        self.reload(store).await?;
        Ok(done)
    }

    async fn reseal_signing_keys(&self, store: &dyn Store) -> Result<u64, KeyRingError> {
        let mut moved = Vec::new();
        for key in store.read().await?.signing_keys().await? {
            if let Some(before) = key.sealed_private_key {
                moved.extend(self.moved(SIGNING_KEY_PURPOSE, key.kid, before)?);
            }
        }
        store
            .write::<_, KeyRingError, _>(move |tx| {
                Box::pin(async move {
                    let mut count = 0;
                    for one in moved {
                        let replaced = tx.replace_sealed_key(&one.id, &one.before, &one.now);
                        count += u64::from(replaced.await?);
                    }
                    Ok(count)
                })
            })
            .await
    }

    async fn reseal_action_secrets(&self, store: &dyn Store) -> Result<u64, KeyRingError> {
        let mut moved = Vec::new();
        for action in store.read().await?.list_actions().await? {
            for secret in action.secrets {
                let row = action_secret_row(&action.id, &secret.name);
                moved.extend(self.moved(ACTION_SECRET_PURPOSE, row, secret.sealed)?);
            }
        }
        if moved.is_empty() {
            return Ok(0);
        }
        let count = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move {
                let mut count = 0;
                for mut action in tx.list_actions().await? {
                    for secret in &mut action.secrets {
                        let row = action_secret_row(&action.id, &secret.name);
                        let same =
                            |one: &&Moved<String>| one.id == row && one.before == secret.sealed;
                        if let Some(one) = moved.iter().find(same) {
                            secret.sealed.clone_from(&one.now);
                            count += 1;
                        }
                    }
                    tx.save_action(&action).await?;
                }
                Ok(count)
            })
        });
        Ok(count.await?)
    }

    async fn reseal_piece(
        &self,
        store: &dyn Store,
        piece: Vec<(ClientId, String)>,
    ) -> Result<u64, KeyRingError> {
        let mut moved = Vec::new();
        for (client, before) in piece {
            moved.extend(self.moved(CLIENT_SECRET_PURPOSE, client, before)?);
        }
        if moved.is_empty() {
            return Ok(0);
        }
        let count = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move {
                let mut count = 0;
                for one in moved {
                    let replaced = tx.replace_sealed_secret(&one.id, &one.before, &one.now);
                    count += u64::from(replaced.await?);
                }
                Ok(count)
            })
        });
        Ok(count.await?)
    }

    /// The value under the first master key; `None` if it is sealed under that already.
    fn moved<Id: AsRef<str>>(
        &self,
        purpose: &str,
        id: Id,
        before: String,
    ) -> Result<Option<Moved<Id>>, KeyRingError> {
        if sealed_under(&before).as_deref() == Some(self.sealing_key()) {
            return Ok(None);
        }
        let opened = self.unseal(purpose, id.as_ref(), &before)?;
        let now = self.seal(purpose, id.as_ref(), opened.expose())?;
        Ok(Some(Moved { id, before, now }))
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use logout_shared::seal::SealingKey;
    use logout_shared::{SigningAlgorithm, SystemRandom, Timestamp};

    use super::*;
    use crate::domain::action::{Action, ActionSecret};
    use crate::domain::client::Client;
    use crate::storage::sqlite::SqliteStore;

    const NOW: Timestamp = Timestamp::from_secs(1_795_413_600);

    async fn ring(store: &dyn Store, masters: &[&SealingKey]) -> Result<KeyRing, KeyRingError> {
        let masters = masters.iter().map(|key| (*key).clone()).collect();
        KeyRing::open(store, masters, &[SigningAlgorithm::Es256], NOW).await
    }

    /// A client whose secret this ring has sealed.
    async fn add_client(store: &dyn Store, ring: &KeyRing, id: &str) {
        let secret = ring.seal(CLIENT_SECRET_PURPOSE, id, id.as_bytes()).unwrap();
        let client = Client {
            sealed_secret: Some(secret),
            ..Client::new(id.parse().unwrap(), id, NOW)
        };
        let added = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.insert_client(&client).await })
        });
        assert!(added.await.unwrap());
    }

    /// An Action whose secret this ring has sealed.
    async fn add_action(store: &dyn Store, ring: &KeyRing) {
        let row = action_secret_row("a", "KEY");
        let secret = ActionSecret {
            name: "KEY".into(),
            sealed: ring.seal(ACTION_SECRET_PURPOSE, &row, b"hush").unwrap(),
            updated_at: NOW,
        };
        let action = Action {
            id: "a".into(),
            name: "A".into(),
            code: String::new(),
            runtime: None,
            secrets: vec![secret],
            deployed: None,
            created_at: NOW,
            updated_at: NOW,
        };
        let added = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.save_action(&action).await })
        });
        assert!(added.await.unwrap());
    }

    #[tokio::test]
    async fn everything_moves_once_and_the_old_master_key_is_not_needed_any_more() {
        let store: std::sync::Arc<dyn Store> = SqliteStore::in_memory().await.unwrap();
        let store = &*store;
        let [old, new] = [(); 2].map(|()| SealingKey::generate(&SystemRandom));
        let before = ring(store, &[&old]).await.unwrap();
        let many = PIECE + 1;
        for number in 0..many {
            add_client(store, &before, &format!("c{number:03}")).await;
        }
        add_action(store, &before).await;
        let both = ring(store, &[&new, &old]).await.unwrap();
        add_client(store, &both, "moved-already").await;
        let moved = Resealed {
            signing_keys: 1,
            client_secrets: u64::from(many),
            action_secrets: 1,
        };
        assert_eq!(both.reseal(store).await.unwrap(), moved);
        assert_eq!(both.reseal(store).await.unwrap(), Resealed::default());

        assert!(ring(store, &[&old]).await.is_err());
        let after = ring(store, &[&new]).await.unwrap();
        let mut view = store.read().await.unwrap();
        let secret = view
            .find_action("a")
            .await
            .unwrap()
            .unwrap()
            .secrets
            .remove(0);
        let row = action_secret_row("a", "KEY");
        let opened = after.unseal(ACTION_SECRET_PURPOSE, &row, &secret.sealed);
        assert_eq!(opened.unwrap().expose(), b"hush");
        for client in view.list_clients(0, 200).await.unwrap() {
            let (id, sealed) = (client.id.as_str(), client.sealed_secret.unwrap());
            let opened = after.unseal(CLIENT_SECRET_PURPOSE, id, &sealed).unwrap();
            assert_eq!(opened.expose(), id.as_bytes());
        }
    }

    #[tokio::test]
    async fn what_no_master_key_opens_is_told_and_what_came_before_it_stays_moved() {
        let store: std::sync::Arc<dyn Store> = SqliteStore::in_memory().await.unwrap();
        let store = &*store;
        let [old, new, lost] = [(); 3].map(|()| SealingKey::generate(&SystemRandom));
        ring(store, &[&old]).await.unwrap();
        let both = ring(store, &[&new, &old]).await.unwrap();
        let other_store = SqliteStore::in_memory().await.unwrap();
        let stranger = ring(&*other_store, &[&lost]).await.unwrap();
        add_client(store, &stranger, "shop").await;
        let error = both.reseal(store).await.unwrap_err();
        assert!(matches!(&error, KeyRingError::Seal { row_id, .. } if row_id == "shop"));
        assert!(
            ring(store, &[&new]).await.is_ok(),
            "the signing key has moved"
        );
    }
}

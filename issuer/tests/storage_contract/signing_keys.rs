//! Signing keys.

use logout_issuer::domain::signing_key::{SigningKeyRecord, SigningKeyState};
use logout_issuer::storage::Store;

use crate::samples::{at, signing_key};
use crate::{commit, each_store};

each_store! {
    async fn keys_come_oldest_first_as_they_were_stored(store: &dyn Store) {
        let young = SigningKeyRecord { created_at: at(5), ..signing_key("a") };
        let old = signing_key("b");
        let both = [young.clone(), old.clone()];
        commit!(store, |tx| {
            for key in &both {
                tx.insert_signing_key(key).await?;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(store.read().await.unwrap().signing_keys().await.unwrap(), [old, young]);
    }

    async fn a_retired_key_keeps_its_public_half_only(store: &dyn Store) {
        commit!(store, |tx| tx.insert_signing_key(&signing_key("a")).await).unwrap();
        let retired = SigningKeyRecord {
            state: SigningKeyState::Retired,
            sealed_private_key: None,
            activated_at: Some(at(1)),
            retired_at: Some(at(2)),
            distrusted: true,
            ..signing_key("a")
        };
        let again = retired.clone();
        commit!(store, |tx| tx.update_signing_key(&again).await).unwrap();
        assert_eq!(store.read().await.unwrap().signing_keys().await.unwrap(), [retired]);
    }

    async fn a_key_is_sealed_anew_unless_it_was_changed_meanwhile(store: &dyn Store) {
        commit!(store, |tx| tx.insert_signing_key(&signing_key("a")).await).unwrap();
        let before = signing_key("a").sealed_private_key.unwrap();
        let (first, second) = (before.clone(), before);
        assert!(commit!(store, |tx| tx.replace_sealed_key("a", &first, "new").await).unwrap());
        assert!(!commit!(store, |tx| tx.replace_sealed_key("a", &second, "late").await).unwrap());
        let keys = store.read().await.unwrap().signing_keys().await.unwrap();
        assert_eq!(keys[0].sealed_private_key.as_deref(), Some("new"));
    }

    async fn a_forgotten_key_is_gone(store: &dyn Store) {
        for kid in ["a", "b"] {
            commit!(store, |tx| tx.insert_signing_key(&signing_key(kid)).await).unwrap();
        }
        commit!(store, |tx| tx.delete_signing_key("a").await).unwrap();
        let keys = store.read().await.unwrap().signing_keys().await.unwrap();
        assert_eq!(keys, [signing_key("b")]);
    }

    async fn a_key_is_stored_once(store: &dyn Store) {
        commit!(store, |tx| tx.insert_signing_key(&signing_key("a")).await).unwrap();
        assert!(commit!(store, |tx| tx.insert_signing_key(&signing_key("a")).await).is_err());
    }
}

//! Authorization codes.

use logout_issuer::domain::authorization::digest;
use logout_issuer::storage::{CodeUse, Store};

use crate::samples::{at, code};
use crate::{commit, each_store};

each_store! {
    async fn a_code_is_used_once_and_then_still_known(store: &dyn Store) {
        let stored = code("c", "shop");
        let again = stored.clone();
        commit!(store, |tx| tx.insert_code(&again).await).unwrap();
        let first = commit!(store, |tx| tx.use_code(&digest("c"), at(1)).await).unwrap();
        assert_eq!(first, CodeUse::First(stored.clone()));
        let second = commit!(store, |tx| tx.use_code(&digest("c"), at(2)).await).unwrap();
        assert_eq!(second, CodeUse::Again(stored));
        let unknown = commit!(store, |tx| tx.use_code(&digest("x"), at(2)).await).unwrap();
        assert_eq!(unknown, CodeUse::Unknown);
    }

    async fn of_many_uses_at_once_one_is_the_first(store: &dyn Store) {
        commit!(store, |tx| tx.insert_code(&code("c", "shop")).await).unwrap();
        let uses = (0..20).map(|_| async {
            commit!(store, |tx| tx.use_code(&digest("c"), at(1)).await).unwrap()
        });
        let uses = futures_util::future::join_all(uses).await;
        let first = uses.iter().filter(|one| matches!(one, CodeUse::First(_)));
        assert_eq!(first.count(), 1);
    }

    async fn old_codes_are_forgotten_and_young_ones_are_not(store: &dyn Store) {
        commit!(store, |tx| {
            let mut old = code("old", "shop");
            old.issued_at = at(-1);
            tx.insert_code(&old).await?;
            tx.insert_code(&code("young", "shop")).await
        })
        .unwrap();
        assert_eq!(commit!(store, |tx| tx.delete_codes_before(at(0), 0).await).unwrap(), 0);
        assert_eq!(commit!(store, |tx| tx.delete_codes_before(at(0), 9).await).unwrap(), 1);
        let old = commit!(store, |tx| tx.use_code(&digest("old"), at(1)).await).unwrap();
        assert_eq!(old, CodeUse::Unknown);
        let young = commit!(store, |tx| tx.use_code(&digest("young"), at(1)).await).unwrap();
        assert!(matches!(young, CodeUse::First(_)));
    }
}

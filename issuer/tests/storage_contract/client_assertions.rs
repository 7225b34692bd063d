//! Assertions of clients, each of which is good once.

use logout_issuer::domain::client_assertion::UsedAssertion;
use logout_issuer::storage::Store;

use crate::samples::{at, id};
use crate::{commit, each_store};

fn used(jti: &str, dead: i64) -> UsedAssertion {
    UsedAssertion::new(&id("shop"), &id(jti), at(dead))
}

each_store! {
    async fn an_assertion_is_good_once_until_it_is_dead(store: &dyn Store) {
        for (now, good) in [(0, true), (1, false), (9, false), (10, true), (11, false)] {
            // Whoever uses the same jti again after its death is judged by the new death.
            let assertion = used("j", if now < 10 { 10 } else { 20 });
            let first = commit!(store, |tx| tx.use_assertion(&assertion, at(now)).await).unwrap();
            assert_eq!(first, good, "{now}");
        }
        let other = commit!(store, |tx| tx.use_assertion(&used("k", 10), at(1)).await).unwrap();
        assert!(other);
    }

    async fn of_many_uses_of_an_assertion_at_once_one_is_the_first(store: &dyn Store) {
        let uses = (0..20).map(|_| async {
            commit!(store, |tx| tx.use_assertion(&used("j", 10), at(0)).await).unwrap()
        });
        let uses = futures_util::future::join_all(uses).await;
        assert_eq!(uses.iter().filter(|first| **first).count(), 1);
    }

    async fn dead_assertions_are_forgotten_and_living_ones_are_not(store: &dyn Store) {
        commit!(store, |tx| {
            tx.use_assertion(&used("old", 10), at(0)).await?;
            tx.use_assertion(&used("older", 9), at(0)).await?;
            tx.use_assertion(&used("young", 11), at(0)).await
        })
        .unwrap();
        let mut forgotten = Vec::new();
        for (now, limit) in [(8, 9), (10, 1), (10, 9), (10, 9)] {
            let deleted = commit!(store, |tx| tx.delete_dead_assertions(at(now), limit).await);
            forgotten.push(deleted.unwrap());
        }
        assert_eq!(forgotten, [0, 1, 1, 0]);
        let again = commit!(store, |tx| tx.use_assertion(&used("young", 11), at(10)).await);
        assert!(!again.unwrap());
    }
}

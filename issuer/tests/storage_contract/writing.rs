//! Transactions: all or nothing, one by one, also in company.

use logout_issuer::storage::{StorageError, Store, Transaction};

use crate::samples::{client, id};
use crate::{commit, each_store};

fn changed_my_mind() -> StorageError {
    StorageError::new("testing", "changed my mind")
}

async fn clients(store: &dyn Store) -> Vec<String> {
    let mut view = store.read().await.unwrap();
    let mut names: Vec<_> = view.list_clients(0, 100).await.unwrap();
    names.sort_by(|a, b| a.id.cmp(&b.id));
    names.into_iter().map(|one| one.id.to_string()).collect()
}

async fn insert(tx: &mut dyn Transaction, name: &str) -> Result<(), StorageError> {
    assert!(tx.insert_client(&client(name)).await?);
    Ok(())
}

each_store! {
    async fn undone_work_leaves_nothing(store: &dyn Store) {
        let undone: Result<(), _> = commit!(store, |tx| {
            insert(tx, "a").await?;
            insert(tx, "b").await?;
            Err(changed_my_mind())
        });
        assert_eq!(undone.unwrap_err().source.to_string(), "changed my mind");
        assert!(clients(store).await.is_empty());
    }

    async fn work_sees_what_it_wrote_and_others_do_not_yet(store: &dyn Store) {
        let mut before = store.read().await.unwrap();
        assert_eq!(before.count_clients().await.unwrap(), 0);
        let counted = commit!(store, |tx| {
            insert(tx, "a").await?;
            tx.count_clients().await
        });
        assert_eq!(counted.unwrap(), 1);
        // A view shows one moment, however long it is looked at.
        assert_eq!(before.count_clients().await.unwrap(), 0);
        drop(before);
        assert_eq!(clients(store).await, ["a"]);
    }

    async fn work_in_company_fails_alone(store: &dyn Store) {
        let good = |name: &'static str| async move { commit!(store, |tx| insert(tx, name).await) };
        let bad = async {
            commit!(store, |tx| {
                insert(tx, "undone").await?;
                Err::<(), _>(changed_my_mind())
            })
        };
        // The first piece is under way while the others queue, so these share a commit.
        let results = tokio::join!(good("a"), good("b"), bad, good("c"));
        assert!(results.0.is_ok() && results.1.is_ok() && results.3.is_ok());
        assert!(results.2.is_err());
        assert_eq!(clients(store).await, ["a", "b", "c"]);
    }

    async fn a_panic_is_an_error_for_its_piece_alone(store: &dyn Store) {
        let good = |name: &'static str| async move { commit!(store, |tx| insert(tx, name).await) };
        let panics = async {
            commit!(store, |tx| {
                insert(tx, "undone").await?;
                assert!(tx.count_clients().await? > 99, "this panic is part of the test");
                Ok(())
            })
        };
        let results = tokio::join!(good("a"), good("b"), panics, good("c"));
        assert!(results.0.is_ok() && results.1.is_ok() && results.3.is_ok());
        assert!(results.2.is_err());
        let alone: Result<(), StorageError> = commit!(store, |tx| {
            insert(tx, "undone").await?;
            panic!("this panic is part of the test");
        });
        assert!(alone.is_err());
        assert!(good("d").await.is_ok());
        assert_eq!(clients(store).await, ["a", "b", "c", "d"]);
    }

    async fn work_that_swallows_a_failed_statement_is_undone(store: &dyn Store) {
        commit!(store, |tx| insert(tx, "a").await).unwrap();
        let swallows = async {
            commit!(store, |tx| {
                insert(tx, "undone").await?;
                // A session that does not exist has no participants.
                let joined = tx.join_session(&id("none"), &id("a"), crate::samples::at(0)).await;
                assert!(joined.is_err());
                let after = tx.insert_client(&client("after")).await;
                assert!(after.is_err());
                Ok(())
            })
        };
        let good = |name: &'static str| async move { commit!(store, |tx| insert(tx, name).await) };
        let results = tokio::join!(good("b"), swallows, good("c"));
        assert!(results.0.is_ok() && results.1.is_err() && results.2.is_ok());
        assert_eq!(clients(store).await, ["a", "b", "c"]);
    }

    async fn many_writers_at_once_all_get_their_answer(store: &dyn Store) {
        let writes = (0..1_000).map(|number| async move {
            commit!(store, |tx| {
                tx.insert_client(&client(&format!("c{number}"))).await?;
                if number % 7 == 0 { Err(changed_my_mind()) } else { Ok(number) }
            })
        });
        let results = futures_util::future::join_all(writes).await;
        for (number, result) in results.iter().enumerate() {
            assert_eq!(result.is_ok(), number % 7 != 0, "{number}");
        }
        let kept = store.read().await.unwrap().count_clients().await.unwrap();
        assert_eq!(kept, 1_000 - 143);
    }

    async fn who_stops_waiting_does_not_stop_the_work(store: &dyn Store) {
        let write = async { commit!(store, |tx| insert(tx, "a").await) };
        let mut write = Box::pin(write);
        // Polled once, the work is queued; then nobody waits for it.
        let polled = futures_util::FutureExt::now_or_never(&mut write);
        assert!(polled.is_none());
        drop(write);
        commit!(store, |tx| insert(tx, "b").await).unwrap();
        assert_eq!(clients(store).await, ["a", "b"]);
    }

    async fn a_closed_store_refuses_work_and_views(store: &dyn Store) {
        commit!(store, |tx| insert(tx, "a").await).unwrap();
        store.close().await;
        assert!(commit!(store, |tx| insert(tx, "b").await).is_err());
        assert!(store.read().await.is_err());
        store.close().await;
    }

    async fn closing_finishes_what_is_queued(store: &dyn Store) {
        let writes = (0..50).map(|number| async move {
            commit!(store, |tx| insert(tx, &format!("c{number:02}")).await)
        });
        let (results, ()) =
            tokio::join!(futures_util::future::join_all(writes), store.close());
        assert!(results.iter().all(Result::is_ok));
    }
}

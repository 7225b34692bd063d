//! Recording attempts.

use logout_issuer::domain::delivery::{Attempt, DeliveryState};
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::storage::{RecordedAttempt, Store};

use crate::outbox_claim::claim;
use crate::samples::{at, attempt, delivery, delivery_id, insert_deliveries, tried};
use crate::{commit, each_store};

pub(crate) async fn record(
    store: &dyn Store,
    worker: &'static str,
    recorded: Vec<RecordedAttempt>,
) {
    commit!(store, |tx| tx.record_attempts(worker, &recorded).await).unwrap();
}

async fn attempts(store: &dyn Store, number: u128) -> Vec<Attempt> {
    let mut view = store.read().await.unwrap();
    view.attempts(delivery_id(number)).await.unwrap()
}

each_store! {
    async fn a_result_is_stored_and_gives_the_lease_back(store: &dyn Store) {
        insert_deliveries(store, vec![delivery(1, "shop")]).await;
        let held = claim(store, "w", at(0), 10).await.remove(0);
        let result = tried(held.delivery, attempt(1, Some(503)));
        record(store, "w", vec![result.clone()]).await;
        let found = store.read().await.unwrap().find_delivery(delivery_id(1)).await.unwrap();
        assert_eq!(found, Some(result.delivery));
        assert!(claim(store, "w", at(10), 10).await.is_empty());
        assert_eq!(claim(store, "w", at(11), 10).await.len(), 1);
    }

    async fn a_heard_delivery_is_never_claimed_again(store: &dyn Store) {
        insert_deliveries(store, vec![delivery(1, "shop")]).await;
        let held = claim(store, "w", at(0), 10).await.remove(0);
        record(store, "w", vec![tried(held.delivery, attempt(1, Some(200)))]).await;
        assert!(claim(store, "w", at(99_999), 10).await.is_empty());
        assert_eq!(store.read().await.unwrap().next_due().await.unwrap(), None);
        assert_eq!(attempts(store, 1).await, [attempt(1, Some(200))]);
    }

    async fn every_attempt_is_kept_first_to_last(store: &dyn Store) {
        insert_deliveries(store, vec![delivery(1, "shop")]).await;
        let mut made = Vec::new();
        for (number, status) in [(1, None), (2, Some(500)), (3, Some(200))] {
            let held = claim(store, "w", at(40 * i64::from(number)), 10).await.remove(0);
            let one = Attempt {
                oauth_error: Some("temporarily_unavailable".into()),
                oauth_error_description: Some("é".repeat(200)),
                ..attempt(number, status)
            };
            made.push(one.clone());
            record(store, "w", vec![tried(held.delivery, one)]).await;
        }
        assert_eq!(attempts(store, 1).await, made);
    }

    async fn a_worker_that_lost_its_lease_changes_nothing(store: &dyn Store) {
        insert_deliveries(store, vec![delivery(1, "shop"), delivery(2, "shop")]).await;
        let mut slow = claim(store, "slow", at(0), 10).await;
        let fast = claim(store, "fast", at(30), 1).await.remove(0);
        assert_eq!(fast.delivery.id, delivery_id(1));
        let results = slow.drain(..).map(|one| tried(one.delivery, attempt(1, Some(500))));
        record(store, "slow", results.collect()).await;
        // The first was taken over; of the second nobody else had taken hold.
        let mut view = store.read().await.unwrap();
        let first = view.find_delivery(delivery_id(1)).await.unwrap().unwrap();
        assert_eq!((first.state, first.attempts), (DeliveryState::InFlight, 0));
        assert!(attempts(store, 1).await.is_empty());
        let second = view.find_delivery(delivery_id(2)).await.unwrap().unwrap();
        assert_eq!((second.state, second.attempts), (DeliveryState::Pending, 1));
        record(store, "fast", vec![tried(fast.delivery, attempt(1, Some(200)))]).await;
        assert_eq!(attempts(store, 1).await, [attempt(1, Some(200))]);
    }

    async fn a_result_for_a_cancelled_delivery_changes_nothing(store: &dyn Store) {
        insert_deliveries(store, vec![delivery(1, "shop")]).await;
        let held = claim(store, "w", at(0), 10).await.remove(0);
        let client = held.delivery.client.clone();
        commit!(store, |tx| tx.cancel_deliveries_of_client(&client, at(1), 100).await).unwrap();
        record(store, "w", vec![tried(held.delivery, attempt(1, Some(500)))]).await;
        let found = store.read().await.unwrap().find_delivery(delivery_id(1)).await.unwrap();
        assert_eq!(found.unwrap().state, DeliveryState::Cancelled);
        assert!(attempts(store, 1).await.is_empty());
    }

    async fn a_result_without_an_exchange_has_no_attempt(store: &dyn Store) {
        insert_deliveries(store, vec![delivery(1, "shop")]).await;
        let mut held = claim(store, "w", at(0), 10).await.remove(0).delivery;
        held.state = DeliveryState::Expanded;
        held.finished_at = Some(at(1));
        record(store, "w", vec![RecordedAttempt { delivery: held.clone(), attempt: None }]).await;
        let found = store.read().await.unwrap().find_delivery(delivery_id(1)).await.unwrap();
        assert_eq!(found, Some(held));
        assert!(attempts(store, 1).await.is_empty());
    }

    async fn a_delivery_that_moved_to_another_url_keeps_it_and_where_it_was_sent(
        store: &dyn Store
    ) {
        insert_deliveries(store, vec![delivery(1, "shop")]).await;
        let mut held = claim(store, "w", at(0), 10).await.remove(0).delivery;
        held.url = LogoutUrl::from_stored("https://new.example/bcl".into());
        record(store, "w", vec![tried(held.clone(), attempt(1, Some(200)))]).await;
        let found = store.read().await.unwrap().find_delivery(delivery_id(1)).await.unwrap();
        assert_eq!(found.unwrap().url, held.url);
        assert_eq!(attempts(store, 1).await, [attempt(1, Some(200))]);
    }

    async fn a_large_batch_is_recorded_as_a_whole(store: &dyn Store) {
        insert_deliveries(store, (0..700).map(|number| delivery(number, "shop")).collect()).await;
        let held = claim(store, "w", at(0), 700).await;
        let results = held.into_iter().map(|one| tried(one.delivery, attempt(1, Some(500))));
        record(store, "w", results.collect()).await;
        for number in [0, 127, 128, 699] {
            assert_eq!(attempts(store, number).await.len(), 1, "{number}");
        }
        assert_eq!(claim(store, "w", at(60), 1_000).await.len(), 700);
    }
}

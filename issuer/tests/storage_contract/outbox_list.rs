//! Finding and listing deliveries.

use std::time::Duration;

use logout_issuer::domain::delivery::{About, AttemptError, Delivery, DeliveryState, LastAttempt};
use logout_issuer::storage::{DeliveryFilter, Store};
use logout_shared::SessionMetadata;

use crate::each_store;
use crate::samples::{at, delivery, delivery_id, id, insert_deliveries};

async fn listed(store: &dyn Store, filter: &DeliveryFilter) -> Vec<u128> {
    let mut view = store.read().await.unwrap();
    let page = view.list_deliveries(filter, None, 100).await.unwrap();
    assert_eq!(page.next, None);
    page.deliveries
        .iter()
        .map(|one| one.id.0.as_u128())
        .collect()
}

each_store! {
    async fn a_delivery_is_read_back_as_it_was_stored(store: &dyn Store) {
        let waiting = delivery(1, "shop");
        let refusing = Delivery {
            about: About::AllSessions(vec![id("s1"), id("s2")]),
            metadata: SessionMetadata::new(),
            state: DeliveryState::Refusing,
            attempts: 2,
            next_attempt_at: Some(at(60)),
            last: Some(LastAttempt {
                at: at(1),
                status: Some(404),
                error: Some(AttemptError::Status),
                duration: Duration::from_millis(7),
            }),
            follow_up: true,
            ..delivery(2, "shop")
        };
        let finished = Delivery {
            state: DeliveryState::GivenUp,
            attempts: 30,
            next_attempt_at: None,
            finished_at: Some(at(99)),
            last: Some(LastAttempt {
                at: at(98),
                status: None,
                error: Some(AttemptError::Dns),
                duration: Duration::ZERO,
            }),
            ..delivery(3, "shop")
        };
        let all = vec![waiting, refusing, finished];
        insert_deliveries(store, all.clone()).await;
        let mut view = store.read().await.unwrap();
        for one in all {
            assert_eq!(view.find_delivery(one.id).await.unwrap(), Some(one));
        }
        assert_eq!(view.find_delivery(delivery_id(4)).await.unwrap(), None);
        assert!(view.attempts(delivery_id(1)).await.unwrap().is_empty());
    }

    async fn filters_narrow_and_add_up(store: &dyn Store) {
        let heard = |number, client| Delivery {
            state: DeliveryState::Heard,
            next_attempt_at: None,
            finished_at: Some(at(1)),
            ..delivery(number, client)
        };
        let of_s2 = Delivery { about: About::Session(id("s2")), ..delivery(3, "shop") };
        insert_deliveries(
            store,
            vec![delivery(1, "shop"), heard(2, "shop"), of_s2, heard(4, "bank")],
        )
        .await;
        let (client, session) = (Some(id("shop")), Some(id("s1")));
        let state = Some(DeliveryState::Heard);
        let filter = |client: &Option<_>, state, session: &Option<_>| DeliveryFilter {
            client: client.clone(),
            state,
            session: session.clone(),
        };
        assert_eq!(listed(store, &filter(&None, None, &None)).await, [4, 3, 2, 1]);
        assert_eq!(listed(store, &filter(&client, None, &None)).await, [3, 2, 1]);
        assert_eq!(listed(store, &filter(&None, state, &None)).await, [4, 2]);
        assert_eq!(listed(store, &filter(&None, None, &session)).await, [4, 2, 1]);
        assert_eq!(listed(store, &filter(&client, state, &None)).await, [2]);
        assert_eq!(listed(store, &filter(&client, None, &session)).await, [2, 1]);
        assert_eq!(listed(store, &filter(&None, state, &session)).await, [4, 2]);
        assert_eq!(listed(store, &filter(&client, state, &session)).await, [2]);
    }

    async fn pages_of_deliveries_cover_all_once(store: &dyn Store) {
        insert_deliveries(store, (1..=7).map(|number| delivery(number, "shop")).collect()).await;
        let filter = DeliveryFilter { client: Some(id("shop")), ..DeliveryFilter::default() };
        let (mut from, mut seen) = (None, Vec::new());
        loop {
            let mut view = store.read().await.unwrap();
            let page = view.list_deliveries(&filter, from.as_deref(), 3).await.unwrap();
            seen.push(page.deliveries.iter().map(|one| one.id.0.as_u128()).collect::<Vec<_>>());
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(seen, [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
        let mut view = store.read().await.unwrap();
        let nonsense = view.list_deliveries(&filter, Some("nonsense"), 3).await.unwrap();
        assert_eq!((nonsense.deliveries.len(), nonsense.next), (0, None));
    }
}

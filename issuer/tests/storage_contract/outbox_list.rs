//! Finding and listing deliveries.

use std::time::Duration;

use logout_issuer::domain::delivery::{
    About, AttemptError, Delivery, DeliveryId, DeliveryState, LastAttempt,
};
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::storage::{DeliveryFilter, Store};
use logout_shared::{SessionMetadata, SystemRandom};

use crate::outbox_claim::claim;
use crate::samples::{
    at, delivery, delivery_id, end_session, id, insert_deliveries, insert_session, session,
};
use crate::{commit, each_store};

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
        let filter = |client: &Option<_>, state: Option<_>, session: &Option<_>| DeliveryFilter {
            client: client.clone(),
            states: state.into_iter().collect(),
            session: session.clone(),
            ..DeliveryFilter::default()
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

    async fn several_states_are_any_of_them(store: &dyn Store) {
        let in_state = |number, state| Delivery { state, ..delivery(number, "shop") };
        let states = [DeliveryState::Pending, DeliveryState::Refusing, DeliveryState::Pending];
        let all = (1..).zip(states).map(|(number, state)| in_state(number, state)).collect();
        insert_deliveries(store, all).await;
        let filter = |states: &[_]| DeliveryFilter {
            states: states.to_vec(),
            ..DeliveryFilter::default()
        };
        assert_eq!(listed(store, &filter(&states)).await, [3, 2, 1]);
        assert_eq!(listed(store, &filter(&states[..1])).await, [3, 1]);
        assert_eq!(listed(store, &filter(&[DeliveryState::Heard, states[1]])).await, [2]);
    }

    async fn the_deliveries_of_a_user_are_those_of_the_users_sessions(store: &dyn Store) {
        insert_session(store, &session("s1", "u1")).await;
        insert_session(store, &session("s2", "u2")).await;
        let of_s2 = Delivery {
            about: About::Session(id("s2")),
            user: id("u2"),
            ..delivery(2, "shop")
        };
        let of_all = Delivery {
            about: About::AllSessions(vec![id("s1"), id("s0")]),
            ..delivery(3, "shop")
        };
        insert_deliveries(store, vec![delivery(1, "shop"), of_s2, of_all]).await;
        end_session(store, "s1", at(1)).await;
        for (user, found) in [("u1", vec![3, 1]), ("u2", vec![2]), ("u3", vec![])] {
            let filter = DeliveryFilter { user: Some(id(user)), ..DeliveryFilter::default() };
            assert_eq!(listed(store, &filter).await, found, "{user}");
        }
    }

    async fn times_are_those_of_the_making_to_the_millisecond(store: &dyn Store) {
        let made = |number: u64| {
            let time = at(0) + Duration::from_millis(number);
            let id = DeliveryId::generate(time, &SystemRandom);
            Delivery { id, ..delivery(0, "shop") }
        };
        let all: Vec<_> = (0..4).map(made).collect();
        let ids: Vec<_> = all.iter().map(|one| one.id.0.as_u128()).collect();
        insert_deliveries(store, all).await;
        let after = Some(at(0) + Duration::from_millis(1));
        let before = Some(at(0) + Duration::from_millis(3));
        let filter = DeliveryFilter { after, before, ..DeliveryFilter::default() };
        assert_eq!(listed(store, &filter).await, [ids[2], ids[1]]);
        let mut view = store.read().await.unwrap();
        let first = view.list_deliveries(&filter, None, 1).await.unwrap();
        let second = view.list_deliveries(&filter, first.next.as_deref(), 1).await.unwrap();
        assert_eq!(second.deliveries[0].id.0.as_u128(), ids[1]);
        assert_eq!(second.next, None);
    }

    async fn what_nobody_holds_and_is_not_due_is_made_due(store: &dyn Store) {
        let finished = |number, state| Delivery {
            state,
            attempts: 7,
            next_attempt_at: None,
            finished_at: Some(at(1)),
            ..delivery(number, "shop")
        };
        let later = Delivery { next_attempt_at: Some(at(60)), ..delivery(1, "shop") };
        let all = vec![
            later,
            finished(2, DeliveryState::GivenUp),
            finished(3, DeliveryState::Expanded),
            delivery(4, "shop"),
        ];
        insert_deliveries(store, all.clone()).await;
        assert_eq!(claim(store, "w", at(0), 1).await.len(), 1, "4 is held");
        let ids: Vec<_> = (1..=5).map(delivery_id).collect();
        let retry = || {
            let ids = ids.clone();
            async move { commit!(store, |tx| tx.retry_deliveries(&ids, at(10), at(99)).await) }
        };
        assert_eq!(retry().await.unwrap(), 2);
        assert_eq!(retry().await.unwrap(), 0, "a second time changes nothing");
        let mut view = store.read().await.unwrap();
        for number in [1, 2] {
            let found = view.find_delivery(delivery_id(number)).await.unwrap();
            let wanted = Delivery {
                state: DeliveryState::Pending,
                next_attempt_at: Some(at(10)),
                give_up_at: at(99),
                finished_at: None,
                ..all[usize::try_from(number).unwrap() - 1].clone()
            };
            assert_eq!(found, Some(wanted));
        }
        let left = view.find_delivery(delivery_id(3)).await.unwrap();
        assert_eq!(left.as_ref(), Some(&all[2]));
    }

    async fn what_is_unfinished_is_counted_by_client_and_url(store: &dyn Store) {
        let finished = Delivery {
            state: DeliveryState::Heard,
            next_attempt_at: None,
            finished_at: Some(at(1)),
            event_at: at(-9),
            ..delivery(1, "shop")
        };
        let of = |number, client, event_at, url: &str| Delivery {
            event_at,
            url: LogoutUrl::from_stored(url.to_owned()),
            ..delivery(number, client)
        };
        insert_deliveries(store, vec![
            finished,
            of(2, "shop", at(1), "https://a.example/"),
            of(3, "shop", at(2), "https://a.example/"),
            of(4, "shop", at(3), "https://b.example/"),
            of(5, "bank", at(4), "https://a.example/"),
        ]).await;
        claim(store, "w", at(0), 1).await;
        let mut found = store.read().await.unwrap().endpoint_backlogs().await.unwrap();
        found.sort_by(|a, b| a.endpoint.cmp(&b.endpoint));
        let told: Vec<_> = found
            .iter()
            .map(|it| (it.endpoint.client.as_str(), it.unfinished, it.oldest_event_at))
            .collect();
        assert_eq!(told, [("bank", 1, at(4)), ("shop", 2, at(1)), ("shop", 1, at(3))]);
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

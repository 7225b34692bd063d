//! What one client waits for.

use logout_issuer::domain::delivery::{About, Delivery, DeliveryState};
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::storage::Store;

use crate::outbox_claim::claim;
use crate::outbox_record::record;
use crate::samples::{at, attempt, delivery, delivery_id, id, insert_deliveries, tried};
use crate::{commit, each_store};

const OLD: &str = "https://old.example/";
const NEW: &str = "https://new.example/";

fn url(text: &str) -> LogoutUrl {
    LogoutUrl::from_stored(text.into())
}

fn to(number: u128, client: &str, at: &str) -> Delivery {
    Delivery {
        url: url(at),
        ..delivery(number, client)
    }
}

/// About two sessions of a user.
fn subject(number: u128, user: &str, client: &str) -> Delivery {
    Delivery {
        user: id(user),
        about: About::AllSessions(vec![id("s1"), id("s2")]),
        ..delivery(number, client)
    }
}

each_store! {
    async fn cancelling_takes_a_few_at_a_time_and_only_what_is_unfinished(store: &dyn Store) {
        insert_deliveries(store, (0..6).map(|number| delivery(number, "shop")).collect()).await;
        insert_deliveries(store, vec![delivery(9, "art")]).await;
        let heard = claim(store, "w", at(0), 1).await.remove(0);
        record(store, "w", vec![tried(heard.delivery, attempt(1, Some(200)))]).await;
        claim(store, "w", at(0), 1).await;
        let unfinished = async |take| {
            let mut view = store.read().await.unwrap();
            let (count, ids) = view.unfinished_of_client(&id("shop"), take).await.unwrap();
            (count, ids.len())
        };
        assert_eq!(unfinished(3).await, (5, 3));
        assert_eq!(unfinished(9).await, (5, 5));
        let cancel = async |limit| {
            let client = id("shop");
            commit!(store, |tx| tx.cancel_deliveries_of_client(&client, at(1), limit).await).unwrap()
        };
        assert_eq!((cancel(3).await, cancel(3).await, cancel(3).await), (3, 2, 0));
        assert_eq!(unfinished(9).await, (0, 0));
        let mut view = store.read().await.unwrap();
        let states = |found: Option<Delivery>| found.map(|it| (it.state, it.finished_at));
        let heard = view.find_delivery(delivery_id(0)).await.unwrap();
        assert_eq!(heard.map(|it| it.state), Some(DeliveryState::Heard));
        for number in 1..6 {
            let found = view.find_delivery(delivery_id(number)).await.unwrap();
            assert_eq!(states(found), Some((DeliveryState::Cancelled, Some(at(1)))));
        }
        let other = view.find_delivery(delivery_id(9)).await.unwrap();
        assert_eq!(states(other), Some((DeliveryState::Pending, None)));
    }

    async fn what_waits_for_other_urls_is_found_and_cancelled_unless_it_is_held(store: &dyn Store) {
        let queued = Delivery { queued_at: Some(at(0)), next_attempt_at: None, ..to(2, "shop", OLD) };
        let later = Delivery { next_attempt_at: Some(at(500)), ..to(1, "shop", OLD) };
        let rows = vec![later, queued, to(3, "shop", NEW), to(4, "art", OLD), to(5, "shop", OLD)];
        insert_deliveries(store, rows).await;
        let others = async |take| {
            let mut view = store.read().await.unwrap();
            let (client, urls) = (id("shop"), [url(NEW)]);
            let found = view.deliveries_to_other_urls(&client, &urls, take);
            let mut ids: Vec<_> = found.await.unwrap().iter().map(|one| one.id).collect();
            ids.sort();
            ids
        };
        assert_eq!(others(10).await, [1, 2, 5].map(delivery_id));
        assert_eq!(others(2).await.len(), 2);
        claim(store, "w", at(0), 10).await;
        assert_eq!(others(10).await, [1, 2].map(delivery_id));
        let ids = [1, 2, 5].map(delivery_id);
        commit!(store, |tx| tx.cancel_deliveries(&ids, at(1)).await).unwrap();
        assert!(others(10).await.is_empty());
        let mut view = store.read().await.unwrap();
        for (number, state) in [
            (1, DeliveryState::Cancelled),
            (2, DeliveryState::Cancelled),
            (3, DeliveryState::InFlight),
            (5, DeliveryState::InFlight),
        ] {
            let found = view.find_delivery(delivery_id(number)).await.unwrap();
            assert_eq!(found.map(|one| one.state), Some(state), "{number}");
        }
    }

    async fn where_a_client_was_told_is_known_by_event(store: &dyn Store) {
        let with_trace = |one: Delivery| Delivery { trace_id: id("fedcba9876543210"), ..one };
        let rows = [
            to(1, "shop", "https://a.example/"),
            to(2, "shop", "https://b.example/"),
            to(3, "art", "https://c.example/"),
            with_trace(to(4, "shop", "https://d.example/")),
            Delivery { url: url("https://e.example/"), ..subject(5, "u1", "shop") },
            Delivery { url: url("https://f.example/"), ..subject(6, "u1", "shop") },
            Delivery { url: url("https://g.example/"), ..subject(7, "u2", "shop") },
        ];
        insert_deliveries(store, rows.to_vec()).await;
        let told = async |delivery: &Delivery| {
            let mut view = store.read().await.unwrap();
            let mut urls = view.urls_told(delivery).await.unwrap();
            urls.sort();
            urls.iter().map(|url| url.as_str()[8..9].to_owned()).collect::<String>()
        };
        assert_eq!(told(&rows[0]).await, "ab");
        assert_eq!(told(&rows[3]).await, "d");
        assert_eq!(told(&rows[4]).await, "ef");
    }

    async fn an_attempt_about_all_sessions_is_under_way_as_long_as_its_lease(store: &dyn Store) {
        let under_way = async |user: &str, client: &str, now: i64| {
            let mut view = store.read().await.unwrap();
            view.has_subject_attempt(&id(user), &id(client), at(now)).await.unwrap()
        };
        insert_deliveries(store, vec![subject(1, "u1", "shop"), delivery(2, "art")]).await;
        assert!(!under_way("u1", "shop", 0).await, "nobody holds it yet");
        let held = claim(store, "w", at(0), 10).await;
        assert!(under_way("u1", "shop", 0).await);
        assert!(!under_way("u1", "art", 0).await, "that one is about one session");
        assert!(!under_way("u2", "shop", 0).await);
        assert!(!under_way("u1", "shop", 3_600).await, "the lease has run out");
        let held = held.into_iter().find(|one| one.delivery.id == delivery_id(1)).unwrap();
        record(store, "w", vec![tried(held.delivery, attempt(1, Some(503)))]).await;
        assert!(!under_way("u1", "shop", 0).await);
    }
}

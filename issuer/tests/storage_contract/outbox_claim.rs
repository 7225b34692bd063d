//! Leasing deliveries, and the bell.

use std::collections::HashSet;
use std::time::Duration;

use logout_issuer::domain::delivery::{About, Delivery, DeliveryId, DeliveryState, Endpoint};
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::storage::{ClaimedDelivery, DeliveryFilter, DueDeliveries, Lease, Store};
use logout_shared::Timestamp;

use crate::samples::{
    at, attempt, client, delivery, delivery_id, end_session, id, insert_deliveries, insert_session,
    join, session, tried,
};
use crate::{commit, each_store};

pub(crate) async fn claim(
    store: &dyn Store,
    worker: &'static str,
    now: Timestamp,
    limit: u32,
) -> Vec<ClaimedDelivery> {
    claim_with_slots(store, worker, now, limit, |_| true)
        .await
        .leased
}

async fn claim_with_slots(
    store: &dyn Store,
    worker: &'static str,
    now: Timestamp,
    limit: u32,
    mut take_slot: impl FnMut(&Endpoint) -> bool + Send + 'static,
) -> DueDeliveries {
    let lease = lease(worker, now);
    commit!(store, |tx| tx
        .claim_due_deliveries(&lease, limit, &mut take_slot)
        .await)
    .unwrap()
}

fn lease(worker: &str, now: Timestamp) -> Lease {
    Lease {
        worker: worker.into(),
        now,
        until: now + Duration::from_secs(30),
    }
}

async fn claim_queued(
    store: &dyn Store,
    wanted: Vec<(Endpoint, u32)>,
    now: Timestamp,
) -> Vec<u128> {
    let lease = lease("w", now);
    let claimed = commit!(store, |tx| tx
        .claim_queued_deliveries(&lease, &wanted)
        .await);
    numbers(&claimed.unwrap())
}

fn numbers(claimed: &[ClaimedDelivery]) -> Vec<u128> {
    claimed
        .iter()
        .map(|one| one.delivery.id.0.as_u128())
        .collect()
}

async fn state(store: &dyn Store, number: u128) -> DeliveryState {
    let mut view = store.read().await.unwrap();
    view.find_delivery(delivery_id(number))
        .await
        .unwrap()
        .unwrap()
        .state
}

/// Whether the bell has rung since it was last waited for.
async fn has_rung(store: &dyn Store) -> bool {
    let long = store.wait_for_deliveries(Duration::from_hours(1));
    // A bell that rings without delay wins against the timer.
    tokio::time::timeout(Duration::from_millis(20), long)
        .await
        .is_ok()
}

each_store! {
    async fn only_what_is_due_is_claimed_earliest_first(store: &dyn Store) {
        let due = |number, secs| Delivery {
            next_attempt_at: Some(at(secs)),
            ..delivery(number, "shop")
        };
        insert_deliveries(store, vec![due(1, 5), due(2, 3), due(3, 4), due(4, 6)]).await;
        assert_eq!(numbers(&claim(store, "w", at(2), 10).await), [] as [u128; 0]);
        assert_eq!(numbers(&claim(store, "w", at(5), 2).await), [2, 3]);
        assert_eq!(numbers(&claim(store, "w", at(5), 10).await), [1]);
    }

    async fn a_claimed_delivery_is_in_flight_and_not_claimed_again(store: &dyn Store) {
        insert_deliveries(store, vec![delivery(1, "shop")]).await;
        let claimed = claim(store, "a", at(0), 10).await;
        assert_eq!(claimed[0].delivery.state, DeliveryState::InFlight);
        assert_eq!(claimed[0].delivery.next_attempt_at, None);
        assert_eq!(claimed[0].delivery.metadata, delivery(1, "shop").metadata);
        assert!(claim(store, "b", at(29), 10).await.is_empty());
        assert_eq!(state(store, 1).await, DeliveryState::InFlight);
        let mut view = store.read().await.unwrap();
        for (filter, found) in [(DeliveryState::InFlight, 1), (DeliveryState::Pending, 0)] {
            let filter = DeliveryFilter { states: vec![filter], ..DeliveryFilter::default() };
            let page = view.list_deliveries(&filter, None, 10).await.unwrap();
            assert_eq!(page.deliveries.len(), found);
        }
    }

    async fn a_lease_that_ran_out_is_as_good_as_none(store: &dyn Store) {
        insert_deliveries(store, vec![delivery(1, "shop")]).await;
        claim(store, "dead", at(0), 10).await;
        assert_eq!(numbers(&claim(store, "b", at(30), 10).await), [1]);
    }

    async fn concurrent_claims_never_share_a_delivery(store: &dyn Store) {
        insert_deliveries(store, (1..=500).map(|number| delivery(number, "shop")).collect()).await;
        let workers = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let claims = workers.map(|worker| async move {
            let mut mine = Vec::new();
            loop {
                let claimed = claim(store, worker, at(0), 17).await;
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(numbers(&claimed));
            }
        });
        let claimed = futures_util::future::join_all(claims).await.concat();
        assert_eq!(claimed.len(), 500);
        assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 500);
    }

    async fn what_has_no_slot_is_queued_for_its_endpoint_and_not_looked_at_again(store: &dyn Store) {
        let other_url = LogoutUrl::from_stored("https://shop.example/other".into());
        let elsewhere = Delivery { url: other_url, ..delivery(2, "shop") };
        let full = delivery(1, "shop").endpoint();
        insert_deliveries(store, vec![delivery(1, "shop"), elsewhere, delivery(3, "bank")]).await;
        let is_full = full.clone();
        let due = claim_with_slots(store, "w", at(0), 10, move |one| *one != is_full).await;
        assert_eq!(numbers(&due.leased), [2, 3]);
        assert_eq!(due.queued, [full]);
        assert!(claim(store, "w", at(1), 10).await.is_empty());
        assert_eq!(state(store, 1).await, DeliveryState::Pending);
        let queued = store.read().await.unwrap().find_delivery(delivery_id(1)).await.unwrap();
        let queued = queued.unwrap();
        assert_eq!((queued.queued_at, queued.next_attempt_at), (Some(at(0)), None));
    }

    async fn queues_are_served_first_come_first_served(store: &dyn Store) {
        let all = (1..=5).map(|number| delivery(number, "shop"));
        insert_deliveries(store, all.chain([delivery(9, "bank")]).collect()).await;
        for secs in 0..6 {
            claim_with_slots(store, "w", at(secs), 1, |_| false).await;
        }
        let (shop, bank) = (delivery(1, "shop").endpoint(), delivery(9, "bank").endpoint());
        let mut view = store.read().await.unwrap();
        assert_eq!(view.queued_endpoints().await.unwrap(), [bank.clone(), shop.clone()]);
        drop(view);
        let none = Endpoint { client: id("nobody"), ..shop.clone() };
        let wanted = vec![(shop.clone(), 2), (none, 3), (bank, 7)];
        assert_eq!(claim_queued(store, wanted, at(10)).await, [1, 2, 9]);
        assert_eq!(state(store, 1).await, DeliveryState::InFlight);
        assert_eq!(claim_queued(store, vec![(shop.clone(), 2)], at(10)).await, [3, 4]);
        // What was held and not recorded is due again when its lease has run out.
        let due = claim_with_slots(store, "w", at(40), 10, |_| false).await;
        assert_eq!((due.leased.len(), due.queued.len()), (0, 2));
        assert_eq!(claim_queued(store, vec![(shop, 9)], at(40)).await, [1, 2, 3, 4, 5]);
    }

    async fn what_is_queued_when_its_time_is_over_is_given_up(store: &dyn Store) {
        let late = at(72 * 3_600);
        insert_deliveries(store, vec![delivery(1, "shop"), delivery(2, "shop")]).await;
        claim_with_slots(store, "w", at(0), 10, |_| false).await;
        let before = claim_with_slots(store, "w", late - Duration::from_millis(1), 10, |_| false);
        assert_eq!(before.await, DueDeliveries::default());
        // With a slot it is tried once more; without, it is over.
        let mut slots = 1;
        let due = claim_with_slots(store, "w", late, 10, move |_| {
            slots -= 1;
            slots >= 0
        })
        .await;
        assert_eq!((due.leased.len(), due.given_up.len()), (1, 1));
        assert_eq!(due.given_up[0].state, DeliveryState::GivenUp);
        assert_eq!(due.given_up[0].finished_at, Some(late));
        assert_eq!(state(store, due.given_up[0].id.0.as_u128()).await, DeliveryState::GivenUp);
    }

    async fn what_failed_at_an_endpoint_that_is_back_does_not_wait_for_its_time(store: &dyn Store) {
        insert_deliveries(store, (1..=4).map(|number| delivery(number, "shop")).collect()).await;
        let mut held = claim(store, "w", at(0), 3).await;
        let heard = tried(held.remove(0).delivery, attempt(1, Some(200)));
        let follow_up = logout_issuer::storage::RecordedAttempt {
            delivery: Delivery {
                state: DeliveryState::Pending,
                next_attempt_at: Some(at(11)),
                finished_at: None,
                ..heard.delivery
            },
            ..heard
        };
        let failed = held.into_iter().map(|one| tried(one.delivery, attempt(1, Some(503))));
        let recorded: Vec<_> = failed.chain([follow_up]).collect();
        commit!(store, |tx| tx.record_attempts("w", &recorded).await).unwrap();
        let shop = delivery(1, "shop").endpoint();
        let hasten = async |limit| {
            let shop = shop.clone();
            commit!(store, |tx| tx.hasten_deliveries(&shop, at(2), limit).await).unwrap()
        };
        assert_eq!([hasten(1).await, hasten(9).await, hasten(9).await], [1, 1, 0]);
        let queued = claim_queued(store, vec![(shop.clone(), 9)], at(2)).await;
        assert_eq!(queued, [2, 3], "the extra attempt after a success keeps its time");
    }

    async fn a_claim_brings_the_client_as_it_is_now(store: &dyn Store) {
        let shop = client("shop");
        let again = shop.clone();
        commit!(store, |tx| tx.insert_client(&again).await).unwrap();
        insert_deliveries(store, vec![delivery(1, "shop"), delivery(2, "gone")]).await;
        let claimed = claim(store, "w", at(0), 10).await;
        assert_eq!(claimed[0].client.as_deref(), Some(&shop));
        assert_eq!(claimed[1].client, None);
    }

    async fn a_claim_tells_whether_the_user_has_another_live_session_there(store: &dyn Store) {
        for sid in ["s1", "s2", "s3"] {
            insert_session(store, &session(sid, "u1")).await;
            join(store, sid, "shop", at(0)).await;
        }
        join(store, "s3", "bank", at(0)).await;
        insert_session(store, &session("s9", "u9")).await;
        join(store, "s9", "bank", at(0)).await;
        end_session(store, "s1", at(1)).await;
        let about = |number, client, sids: &[&str]| Delivery {
            about: match sids {
                [sid] => About::Session(id(sid)),
                sids => About::AllSessions(sids.iter().map(|sid| id(sid)).collect()),
            },
            ..delivery(number, client)
        };
        insert_deliveries(
            store,
            vec![
                about(1, "shop", &["s1"]),
                about(2, "shop", &["s1", "s2", "s3"]),
                about(3, "shop", &["s1", "s2"]),
                about(4, "bank", &["s3"]),
                about(5, "bank", &["s1"]),
                about(6, "cafe", &["s1"]),
            ],
        )
        .await;
        let others = async |now| {
            let claimed = claim(store, "w", now, 10).await;
            assert_eq!(numbers(&claimed), [1, 2, 3, 4, 5, 6]);
            claimed.iter().map(|one| one.other_live_session).collect::<Vec<_>>()
        };
        assert_eq!(others(at(1)).await, [true, false, true, false, true, false]);
        end_session(store, "s3", at(40)).await;
        assert_eq!(others(at(40)).await, [true, false, false, false, false, false]);
        // The other session of the shop expires without having been ended.
        assert_eq!(others(at(200 * 3_600)).await, [false; 6]);
    }

    async fn a_released_delivery_can_be_claimed_at_once_in_its_old_state(store: &dyn Store) {
        let refusing = Delivery { state: DeliveryState::Refusing, ..delivery(1, "shop") };
        insert_deliveries(store, vec![refusing, delivery(2, "shop")]).await;
        claim(store, "a", at(0), 10).await;
        let ids: Vec<DeliveryId> = vec![delivery_id(1), delivery_id(2)];
        let others = ids.clone();
        commit!(store, |tx| tx.release_deliveries("b", &others, at(1)).await).unwrap();
        assert_eq!(state(store, 1).await, DeliveryState::InFlight);
        commit!(store, |tx| tx.release_deliveries("a", &ids, at(1)).await).unwrap();
        assert_eq!(state(store, 1).await, DeliveryState::Refusing);
        assert_eq!(state(store, 2).await, DeliveryState::Pending);
        assert_eq!(numbers(&claim(store, "b", at(1), 10).await), [1, 2]);
    }

    async fn all_leases_are_given_back_at_once(store: &dyn Store) {
        insert_deliveries(store, (1..=3).map(|number| delivery(number, "shop")).collect()).await;
        claim(store, "a", at(0), 1).await;
        claim(store, "b", at(0), 1).await;
        let released = commit!(store, |tx| tx.release_all_deliveries(at(1)).await);
        assert_eq!(released.unwrap(), 2);
        assert_eq!(claim(store, "c", at(1), 10).await.len(), 3);
    }

    async fn the_next_due_one_is_the_earliest_that_nobody_holds(store: &dyn Store) {
        let next = async || store.read().await.unwrap().next_due().await.unwrap();
        assert_eq!(next().await, None);
        let later = Delivery { next_attempt_at: Some(at(9)), ..delivery(2, "shop") };
        insert_deliveries(store, vec![delivery(1, "shop"), later]).await;
        assert_eq!(next().await, Some(at(0)));
        claim(store, "w", at(0), 10).await;
        assert_eq!(next().await, Some(at(9)));
    }

    async fn what_a_client_has_not_heard_can_be_cancelled(store: &dyn Store) {
        insert_deliveries(
            store,
            vec![delivery(1, "shop"), delivery(2, "shop"), delivery(3, "bank")],
        )
        .await;
        let held = claim(store, "w", at(0), 1).await.remove(0);
        let heard = tried(held.delivery, attempt(1, Some(200)));
        commit!(store, |tx| tx.record_attempts("w", &[heard]).await).unwrap();
        let cancel = async || {
            commit!(store, |tx| tx.cancel_deliveries_of_client(&id("shop"), at(5), 100).await).unwrap()
        };
        assert_eq!(cancel().await, 1);
        assert_eq!(cancel().await, 0);
        assert_eq!(state(store, 1).await, DeliveryState::Heard);
        assert_eq!(state(store, 2).await, DeliveryState::Cancelled);
        assert_eq!(numbers(&claim(store, "w", at(9), 10).await), [3]);
        let found = store.read().await.unwrap().find_delivery(delivery_id(2)).await.unwrap();
        assert_eq!(found.unwrap().finished_at, Some(at(5)));
    }

    async fn the_bell_rings_when_deliveries_are_made_or_moved(store: &dyn Store) {
        assert!(!has_rung(store).await);
        insert_deliveries(store, vec![delivery(1, "shop")]).await;
        assert!(has_rung(store).await);
        assert!(!has_rung(store).await);
        claim(store, "w", at(0), 10).await;
        assert!(!has_rung(store).await);
        let ids = [delivery_id(1)];
        commit!(store, |tx| tx.release_deliveries("w", &ids, at(0)).await).unwrap();
        assert!(has_rung(store).await);
        store.ring_bell();
        assert!(has_rung(store).await);
    }

    async fn undone_deliveries_do_not_ring(store: &dyn Store) {
        let undone = commit!(store, |tx| {
            tx.insert_deliveries(&[delivery(1, "shop")]).await?;
            Err::<(), _>(logout_issuer::storage::StorageError::new("testing", "changed my mind"))
        });
        assert!(undone.is_err());
        assert!(!has_rung(store).await);
    }

    async fn who_waits_is_woken_by_a_commit(store: &dyn Store) {
        let wait = store.wait_for_deliveries(Duration::from_hours(1));
        let insert = insert_deliveries(store, vec![delivery(1, "shop")]);
        tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(wait, insert) })
            .await
            .expect("woken");
    }

    async fn ten_thousand_deliveries_are_stored_and_claimed_in_batches(store: &dyn Store) {
        let all = (0..10_000).map(|number| delivery(number, "shop")).collect();
        insert_deliveries(store, all).await;
        let mut seen = HashSet::new();
        loop {
            let claimed = claim(store, "w", at(0), 200).await;
            if claimed.is_empty() {
                break;
            }
            seen.extend(numbers(&claimed));
            let heard: Vec<_> = claimed
                .into_iter()
                .map(|one| tried(one.delivery, attempt(1, Some(200))))
                .collect();
            commit!(store, |tx| tx.record_attempts("w", &heard).await).unwrap();
        }
        assert_eq!(seen.len(), 10_000);
        let filter = DeliveryFilter {
            states: vec![DeliveryState::Heard],
            ..DeliveryFilter::default()
        };
        let mut view = store.read().await.unwrap();
        let page = view.list_deliveries(&filter, None, 20_000).await.unwrap();
        assert_eq!(page.deliveries.len(), 10_000);
    }
}

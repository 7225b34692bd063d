//! The clients of sessions: joining, leaving, and who was not told.

use logout_issuer::storage::Store;
use logout_shared::{ClientId, SessionId};

use crate::samples::{at, end_session, id, insert_session, join, metadata, session};
use crate::{commit, each_store};

fn pairs(pairs: &[(&str, &str)]) -> Vec<(SessionId, ClientId)> {
    let pairs = pairs.iter().map(|(sid, client)| (id(sid), id(client)));
    pairs.collect()
}

async fn mark(store: &dyn Store, marked: &[(&str, &str)], untold: bool) {
    let marked = pairs(marked);
    commit!(store, |tx| tx.mark_untold(&marked, untold).await).unwrap();
}

async fn untold(store: &dyn Store, user: &str, after: i64) -> String {
    let mut view = store.read().await.unwrap();
    let found = view
        .untold_participants(&id(user), at(after))
        .await
        .unwrap();
    assert!(found.iter().all(|one| one.metadata == metadata()));
    let found = found
        .iter()
        .map(|one| format!("{} {}", one.session, one.participant.client));
    found.collect::<Vec<_>>().join("|")
}

each_store! {
    async fn participants_come_in_the_order_they_joined(store: &dyn Store) {
        insert_session(store, &session("s1", "u1")).await;
        join(store, "s1", "zoo", at(1)).await;
        join(store, "s1", "art", at(2)).await;
        join(store, "s1", "zoo", at(3)).await;
        let participants = store.read().await.unwrap().participants(&id("s1")).await.unwrap();
        let seen: Vec<_> = participants
            .iter()
            .map(|one| (one.client.as_str(), one.joined_at, one.last_joined_at))
            .collect();
        assert_eq!(seen, [("zoo", at(1), at(3)), ("art", at(2), at(2))]);
    }

    async fn participants_of_many_sessions_are_read_at_once(store: &dyn Store) {
        for sid in ["s1", "s2", "s3"] {
            insert_session(store, &session(sid, "u1")).await;
            join(store, sid, "shop", at(1)).await;
        }
        join(store, "s2", "art", at(0)).await;
        let mut view = store.read().await.unwrap();
        let found = view.participants_of(&[id("s2"), id("s3"), id("unknown")]).await.unwrap();
        let of = |sid: &str| {
            let sid: SessionId = id(sid);
            let found = found.iter().filter(|(known, _)| *known == sid);
            found.map(|(_, one)| one.client.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!([of("s1"), of("s2"), of("s3")], ["", "art shop", "shop"]);
    }

    async fn who_leaves_is_no_participant_until_it_joins_again(store: &dyn Store) {
        for sid in ["s1", "s2"] {
            insert_session(store, &session(sid, "u1")).await;
            join(store, sid, "shop", at(1)).await;
            join(store, sid, "art", at(1)).await;
        }
        let left = pairs(&[("s1", "shop"), ("s2", "art"), ("s2", "unknown")]);
        commit!(store, |tx| tx.leave_sessions(&left).await).unwrap();
        let clients = async |sid: &str| {
            let mut view = store.read().await.unwrap();
            let found = view.participants(&id(sid)).await.unwrap();
            found.iter().map(|one| one.client.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((clients("s1").await, clients("s2").await), ("art".into(), "shop".into()));
        join(store, "s1", "shop", at(2)).await;
        assert_eq!(clients("s1").await, "art shop");
    }

    async fn the_untold_of_a_users_ended_sessions_are_found(store: &dyn Store) {
        for (sid, user) in [("s1", "u1"), ("s2", "u1"), ("s3", "u2"), ("live", "u1")] {
            insert_session(store, &session(sid, user)).await;
            join(store, sid, "shop", at(0)).await;
            join(store, sid, "art", at(1)).await;
        }
        end_session(store, "s1", at(5)).await;
        end_session(store, "s2", at(6)).await;
        end_session(store, "s3", at(7)).await;
        assert_eq!(untold(store, "u1", 0).await, "");
        let marked = [("s1", "shop"), ("s1", "art"), ("s2", "art"), ("s3", "art"), ("live", "art")];
        mark(store, &marked, true).await;
        assert_eq!(untold(store, "u1", 0).await, "s1 shop|s1 art|s2 art");
        assert_eq!(untold(store, "u1", 4).await, "s1 shop|s1 art|s2 art");
        assert_eq!(untold(store, "u1", 5).await, "s2 art");
        mark(store, &[("s1", "shop")], false).await;
        assert_eq!(untold(store, "u1", 0).await, "s1 art|s2 art");
        commit!(store, |tx| tx.delete_client(&id("art")).await).unwrap();
        assert_eq!(untold(store, "u1", 0).await, "");
    }
}

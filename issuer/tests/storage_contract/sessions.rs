//! Sessions and participants.

use std::time::Duration;

use logout_issuer::domain::authorization::digest;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::session::{CookieMode, Session};
use logout_issuer::storage::Store;
use logout_shared::{SessionId, Subject};

use crate::samples::{at, end_session, id, insert_session, join, session};
use crate::{commit, each_store};

async fn insert_with_handle(store: &dyn Store, session: Session, handle: &str) {
    let handle = digest(handle);
    commit!(store, |tx| tx.insert_session(&session, Some(&handle)).await).unwrap();
}

each_store! {
    async fn a_session_is_read_back_as_it_was_stored(store: &dyn Store) {
        let mut stored = session("s1", "u1");
        stored.cookie_mode = CookieMode::NonPersistent;
        insert_with_handle(store, stored.clone(), "h").await;
        let mut view = store.read().await.unwrap();
        assert_eq!(view.find_session(&stored.id, at(0)).await.unwrap(), Some(stored.clone()));
        let found = view.find_session_by_handle(&digest("h"), at(0)).await.unwrap();
        assert_eq!(found, Some(stored));
        assert_eq!(view.find_session(&id("s2"), at(0)).await.unwrap(), None);
        assert_eq!(view.find_session_by_handle(&digest("x"), at(0)).await.unwrap(), None);
    }

    async fn changes_of_a_session_are_kept(store: &dyn Store) {
        insert_session(store, &session("s1", "u1")).await;
        let changed = commit!(store, |tx| {
            let mut session = tx.lock_session(&id("s1")).await?.unwrap();
            session.metadata.clear();
            session.metadata.set("k", "v").unwrap();
            session.idle_expires_at = at(50);
            session.updated_at = at(10);
            session.device.last_ip = Some("2001:db8::1".into());
            tx.update_session(&session).await?;
            Ok(session)
        })
        .unwrap();
        let found = store.read().await.unwrap().find_session(&changed.id, at(49)).await;
        assert_eq!(found.unwrap(), Some(changed));
    }

    async fn an_expired_session_is_not_found_but_can_be_locked(store: &dyn Store) {
        let mut idle = session("s1", "u1");
        idle.idle_expires_at = at(60);
        insert_with_handle(store, idle.clone(), "h").await;
        let mut view = store.read().await.unwrap();
        let before = at(60) - Duration::from_millis(1);
        assert!(view.find_session(&idle.id, before).await.unwrap().is_some());
        assert_eq!(view.find_session(&idle.id, at(60)).await.unwrap(), None);
        assert_eq!(view.find_session_by_handle(&digest("h"), at(60)).await.unwrap(), None);
        assert!(view.list_sessions(None, 10, at(60)).await.unwrap().sessions.is_empty());
        let of_user = view.list_sessions_of_user(&id("u1"), None, 10, at(60)).await.unwrap();
        assert!(of_user.sessions.is_empty());
        let locked = commit!(store, |tx| tx.lock_session(&id("s1")).await).unwrap();
        assert_eq!(locked, Some(idle));
    }

    async fn an_ended_session_is_gone_for_readers_and_kept_for_history(store: &dyn Store) {
        insert_with_handle(store, session("s1", "u1"), "h").await;
        join(store, "s1", "shop", at(1)).await;
        end_session(store, "s1", at(5)).await;
        let sid: SessionId = id("s1");
        let mut view = store.read().await.unwrap();
        assert_eq!(view.find_session(&sid, at(5)).await.unwrap(), None);
        assert_eq!(view.find_session_by_handle(&digest("h"), at(5)).await.unwrap(), None);
        assert!(view.list_sessions(None, 10, at(5)).await.unwrap().sessions.is_empty());
        let end = view.find_session_end(&sid).await.unwrap();
        assert_eq!(end, Some((Initiator::SessionRevoked, at(5))));
        assert_eq!(view.participants(&sid).await.unwrap().len(), 1);
    }

    async fn a_session_ends_once(store: &dyn Store) {
        insert_session(store, &session("s1", "u1")).await;
        end_session(store, "s1", at(5)).await;
        let late = session("s1", "u1").end(Initiator::RpLogout, at(9));
        let locked = commit!(store, |tx| {
            tx.end_sessions(std::slice::from_ref(&late)).await?;
            let mut changed = late.session.clone();
            changed.updated_at = at(9);
            tx.update_session(&changed).await?;
            tx.replace_handle(&late.session.id, &digest("h")).await?;
            tx.lock_session(&late.session.id).await
        });
        assert_eq!(locked.unwrap(), None);
        let mut view = store.read().await.unwrap();
        let end = view.find_session_end(&id("s1")).await.unwrap();
        assert_eq!(end, Some((Initiator::SessionRevoked, at(5))));
    }

    async fn metadata_are_stored_alone(store: &dyn Store) {
        insert_session(store, &session("s1", "u1")).await;
        let mut expected = session("s1", "u1");
        expected.metadata.set("device", "kiosk").unwrap();
        expected.updated_at = at(3);
        let mut changed = expected.clone();
        changed.expires_at = at(4);
        let locked = commit!(store, |tx| {
            tx.update_session_metadata(&changed).await?;
            tx.lock_session(&changed.id).await
        });
        assert_eq!(locked.unwrap(), Some(expected));
    }

    async fn a_live_session_has_no_end(store: &dyn Store) {
        insert_session(store, &session("s1", "u1")).await;
        let mut view = store.read().await.unwrap();
        assert_eq!(view.find_session_end(&id("s1")).await.unwrap(), None);
    }

    async fn an_ended_session_has_no_handle(store: &dyn Store) {
        insert_with_handle(store, session("s1", "u1"), "h").await;
        end_session(store, "s1", at(5)).await;
        // Handles are unique, so this works only if the ended one is gone.
        insert_with_handle(store, session("s2", "u1"), "h").await;
    }

    async fn a_new_handle_replaces_the_old_one(store: &dyn Store) {
        insert_with_handle(store, session("s1", "u1"), "old").await;
        commit!(store, |tx| tx.replace_handle(&id("s1"), &digest("new")).await).unwrap();
        let mut view = store.read().await.unwrap();
        assert_eq!(view.find_session_by_handle(&digest("old"), at(0)).await.unwrap(), None);
        assert!(view.find_session_by_handle(&digest("new"), at(0)).await.unwrap().is_some());
    }

    async fn two_sessions_cannot_have_one_handle(store: &dyn Store) {
        insert_with_handle(store, session("s1", "u1"), "h").await;
        let second = session("s2", "u2");
        let stored = commit!(store, |tx| tx.insert_session(&second, Some(&digest("h"))).await);
        assert!(stored.is_err());
    }

    async fn pages_of_sessions_cover_all_once_and_carry_participants(store: &dyn Store) {
        for number in 0..5 {
            insert_session(store, &session(&format!("s{number}"), "u1")).await;
            insert_session(store, &session(&format!("t{number}"), "u2")).await;
            join(store, &format!("s{number}"), &format!("c{number}"), at(1)).await;
        }
        let user: Subject = id("u1");
        let (mut from, mut seen, mut pages) = (None, Vec::new(), 0);
        loop {
            let mut view = store.read().await.unwrap();
            let page = view.list_sessions_of_user(&user, from.as_deref(), 2, at(0)).await.unwrap();
            for (session, participants) in page.sessions {
                let clients: Vec<_> = participants.iter().map(|one| one.client.as_str()).collect();
                seen.push(format!("{} {}", session.id, clients.join(",")));
            }
            pages += 1;
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        assert_eq!((pages, seen.join("|").as_str()), (3, "s0 c0|s1 c1|s2 c2|s3 c3|s4 c4"));
        let all = store.read().await.unwrap().list_sessions(None, 100, at(0)).await.unwrap();
        assert_eq!((all.sessions.len(), all.next), (10, None));
        let even = store.read().await.unwrap().list_sessions(None, 10, at(0)).await.unwrap();
        assert_eq!(even.next, None);
    }

    async fn another_live_session_counts_only_at_that_client_and_unless_named(store: &dyn Store) {
        insert_session(store, &session("s1", "u1")).await;
        insert_session(store, &session("s2", "u1")).await;
        insert_session(store, &session("s3", "u2")).await;
        for sid in ["s1", "s2", "s3"] {
            join(store, sid, "shop", at(0)).await;
        }
        let other = async |user: &str, client: &str, besides: &[&str], now| {
            let besides: Vec<SessionId> = besides.iter().map(|sid| id(sid)).collect();
            let (user, client) = (id(user), id(client));
            let mut view = store.read().await.unwrap();
            let found = view.has_other_live_session_at(&user, &client, &besides, now);
            found.await.unwrap()
        };
        assert!(other("u1", "shop", &["s1"], at(0)).await);
        assert!(other("u1", "shop", &[], at(0)).await);
        assert!(!other("u1", "shop", &["s1", "s2"], at(0)).await);
        assert!(!other("u1", "bank", &["s1"], at(0)).await);
        assert!(!other("u2", "shop", &["s3"], at(0)).await);
        assert!(!other("u1", "shop", &["s1"], at(400 * 3_600)).await);
        end_session(store, "s2", at(1)).await;
        assert!(!other("u1", "shop", &["s1"], at(1)).await);
    }

    async fn the_sweep_finds_what_is_over_and_not_ended(store: &dyn Store) {
        for (sid, idle, absolute) in [("idle", 10, 500), ("old", 20, 20), ("live", 99, 500)] {
            let mut session = session(sid, "u1");
            session.idle_expires_at = at(idle);
            session.expires_at = at(absolute);
            insert_session(store, &session).await;
        }
        let expired = async |now, limit| {
            let found = commit!(store, |tx| tx.lock_expired_sessions(now, limit).await).unwrap();
            let has_some = store.read().await.unwrap().has_expired_session(now).await.unwrap();
            assert_eq!(has_some, !found.is_empty());
            found.iter().map(|one| one.id.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(expired(at(10) - Duration::from_millis(1), 10).await, "");
        assert_eq!(expired(at(20), 10).await, "idle old");
        assert_eq!(expired(at(20), 1).await, "idle");
        end_session(store, "idle", at(20)).await;
        assert_eq!(expired(at(20), 10).await, "old");
    }

    async fn many_sessions_end_at_once_and_each_for_its_own_reason(store: &dyn Store) {
        for number in 0..700 {
            insert_session(store, &session(&format!("s{number}"), "u1")).await;
        }
        let ended: Vec<_> = (0..699)
            .map(|number| {
                let initiator = Initiator::ALL[number % 10];
                session(&format!("s{number}"), "u1").end(initiator, at(1))
            })
            .collect();
        commit!(store, |tx| tx.end_sessions(&ended).await).unwrap();
        let mut view = store.read().await.unwrap();
        for number in [0, 1, 698] {
            let end = view.find_session_end(&id(&format!("s{number}"))).await.unwrap();
            assert_eq!(end, Some((Initiator::ALL[number % 10], at(1))));
        }
        assert_eq!(view.find_session_end(&id("s699")).await.unwrap(), None);
    }

    async fn what_ended_long_ago_is_forgotten_with_its_participants(store: &dyn Store) {
        for (number, ended_at) in [1, 2, 3, 4].into_iter().zip([10, 20, 30, 31]) {
            let sid = format!("s{number}");
            insert_session(store, &session(&sid, "u1")).await;
            join(store, &sid, "shop", at(0)).await;
            end_session(store, &sid, at(ended_at)).await;
        }
        insert_session(store, &session("live", "u1")).await;
        let has_some = async |then| {
            store.read().await.unwrap().has_session_ended_by(then).await.unwrap()
        };
        let forget = async |limit| {
            commit!(store, |tx| tx.forget_sessions_ended_by(at(30), limit).await).unwrap()
        };
        assert!(!has_some(at(9)).await && has_some(at(10)).await);
        assert_eq!((forget(2).await, forget(2).await, forget(2).await), (2, 1, 0));
        assert!(!has_some(at(30)).await && has_some(at(31)).await);
        let mut view = store.read().await.unwrap();
        assert!(view.participants(&id("s3")).await.unwrap().is_empty());
        assert_eq!(view.participants(&id("s4")).await.unwrap().len(), 1);
        assert!(view.find_session_end(&id("s4")).await.unwrap().is_some());
        assert!(view.find_session(&id("live"), at(40)).await.unwrap().is_some());
    }

    async fn all_sessions_of_a_user_that_were_not_ended_are_locked(store: &dyn Store) {
        for (sid, user) in [("s1", "u1"), ("s2", "u1"), ("s3", "u1"), ("s4", "u2")] {
            insert_session(store, &session(sid, user)).await;
        }
        end_session(store, "s2", at(1)).await;
        let locked = commit!(store, |tx| tx.lock_sessions_of_user(&id("u1")).await).unwrap();
        let ids: Vec<_> = locked.iter().map(|session| session.id.as_str()).collect();
        assert_eq!(ids, ["s1", "s3"]);
    }
}

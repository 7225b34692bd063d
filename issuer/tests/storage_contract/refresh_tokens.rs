//! Refresh tokens: what follows what, and which grants are revoked together.

use logout_issuer::domain::authorization::{TokenDigest, digest};
use logout_issuer::domain::refresh_token::{RefreshAccess, RefreshGrant};
use logout_issuer::storage::{RefreshGrants, Store};
use logout_shared::{SessionId, Subject, TokenId};

use crate::samples::{at, end_session, id, insert_session, join, metadata, session};
use crate::{commit, each_store};

/// A grant of `u1` in `s1` to the shop with every member filled.
fn grant(name: &str) -> RefreshGrant {
    RefreshGrant {
        id: id(name),
        handle: digest(name),
        code: digest("code"),
        client: id("shop"),
        user: id("u1"),
        session: id("s1"),
        access: RefreshAccess::Offline,
        scope: "openid offline_access".into(),
        authenticated_at: at(-5),
        password_version: 3,
        device: session("s1", "u1").device,
        generation: 7,
        generation_since: at(1),
        created_at: at(0),
        last_exchanged_at: Some(at(1)),
        expires_at: Some(at(1_000)),
        idle_expires_at: Some(at(500)),
        revoked_at: None,
    }
}

async fn insert(store: &dyn Store, grant: &RefreshGrant) {
    let grant = grant.clone();
    commit!(store, |tx| tx
        .insert_refresh_grant(&grant, &digest("first"))
        .await)
    .unwrap();
}

async fn find(store: &dyn Store, name: &str) -> Option<RefreshGrant> {
    let mut view = store.read().await.unwrap();
    view.find_refresh_grant(&id(name)).await.unwrap()
}

async fn generation(store: &dyn Store, name: &str, token: &str) -> Option<i64> {
    let mut view = store.read().await.unwrap();
    let token: TokenDigest = digest(token);
    view.refresh_token_generation(&id(name), &token)
        .await
        .unwrap()
}

/// Grants that differ in what they are revoked by.
async fn insert_many(store: &dyn Store) {
    let online = RefreshGrant {
        access: RefreshAccess::Online,
        code: digest("another code"),
        ..grant("online")
    };
    let elsewhere = RefreshGrant {
        session: id("s2"),
        ..grant("elsewhere")
    };
    let anothers = RefreshGrant {
        session: id("s3"),
        user: id("u2"),
        ..grant("anothers")
    };
    for one in [grant("offline"), online, elsewhere, anothers] {
        insert(store, &one).await;
    }
}

async fn revoked(store: &dyn Store) -> String {
    let mut revoked = Vec::new();
    for name in ["offline", "online", "elsewhere", "anothers"] {
        if find(store, name).await.unwrap().revoked_at == Some(at(2)) {
            revoked.push(name);
        }
    }
    revoked.join(" ")
}

each_store! {
    async fn a_grant_is_found_as_it_was_stored(store: &dyn Store) {
        let endless = RefreshGrant {
            expires_at: None,
            idle_expires_at: None,
            last_exchanged_at: None,
            access: RefreshAccess::Online,
            ..grant("endless")
        };
        for stored in [grant("full"), endless] {
            insert(store, &stored).await;
            assert_eq!(find(store, stored.id.as_str()).await.as_ref(), Some(&stored));
            let handle = stored.handle;
            let found = store.read().await.unwrap().find_refresh_grant_by_handle(&handle).await;
            assert_eq!(found.unwrap().as_ref(), Some(&stored));
            let name: TokenId = stored.id.clone();
            let locked = commit!(store, |tx| tx.lock_refresh_grant(&name).await).unwrap();
            assert_eq!(locked.as_ref(), Some(&stored));
            assert_eq!(generation(store, stored.id.as_str(), "first").await, Some(7));
        }
        assert_eq!(find(store, "nobody").await, None);
        assert_eq!(generation(store, "nobody", "first").await, None);
        assert_eq!(generation(store, "full", "second").await, None);
    }

    async fn an_exchange_keeps_the_latest_tokens_and_those_before_them(store: &dyn Store) {
        let mut stored = grant("g");
        insert(store, &stored).await;
        insert(store, &grant("other")).await;
        for (token, generation) in [("second", 8), ("sibling", 8), ("third", 9)] {
            stored.generation = generation;
            stored.generation_since = at(generation);
            stored.last_exchanged_at = Some(at(generation));
            stored.idle_expires_at = Some(at(generation + 500));
            stored.device.last_ip = Some("192.0.2.9".into());
            let exchanged = stored.clone();
            let write = commit!(store, |tx| {
                tx.record_refresh_exchange(&exchanged, Some(&digest(token))).await
            });
            write.unwrap();
        }
        assert_eq!(find(store, "g").await, Some(stored.clone()));
        let of = async |token| generation(store, "g", token).await;
        assert_eq!(of("first").await, None);
        assert_eq!((of("second").await, of("sibling").await), (Some(8), Some(8)));
        assert_eq!(of("third").await, Some(9));
        assert_eq!(generation(store, "other", "first").await, Some(7));
        let same = stored.clone();
        let write = commit!(store, |tx| tx.record_refresh_exchange(&same, None).await);
        write.unwrap();
        assert_eq!((of("second").await, of("third").await), (Some(8), Some(9)));
    }

    async fn a_grant_is_revoked_once(store: &dyn Store) {
        insert_many(store).await;
        for (now, count) in [(2, 1), (3, 0)] {
            let revoked = commit!(store, |tx| {
                let one = id("offline");
                tx.revoke_refresh_grants(RefreshGrants::One(&one), at(now)).await
            });
            assert_eq!(revoked.unwrap(), count);
        }
        assert_eq!(revoked(store).await, "offline");
    }

    async fn a_codes_grants_are_revoked_in_its_session(store: &dyn Store) {
        insert_many(store).await;
        commit!(store, |tx| {
            let session: SessionId = id("s1");
            let code = digest("code");
            tx.revoke_refresh_grants(RefreshGrants::OfCode(&session, &code), at(2)).await
        })
        .unwrap();
        assert_eq!(revoked(store).await, "offline");
    }

    async fn all_grants_of_sessions_are_revoked_or_those_without_offline_access(store: &dyn Store) {
        insert_many(store).await;
        let sessions: Vec<SessionId> = vec![id("s1"), id("s3"), id("unknown")];
        let these = sessions.clone();
        commit!(store, |tx| {
            tx.revoke_refresh_grants(RefreshGrants::OnlineOfSessions(&these), at(2)).await
        })
        .unwrap();
        assert_eq!(revoked(store).await, "online");
        let count = commit!(store, |tx| {
            tx.revoke_refresh_grants(RefreshGrants::OfSessions(&sessions), at(2)).await
        });
        assert_eq!(count.unwrap(), 2);
        assert_eq!(revoked(store).await, "offline online anothers");
    }

    async fn a_sessions_grants_are_revoked_if_it_is_the_users(store: &dyn Store) {
        insert_many(store).await;
        for (user, expected) in [("u2", ""), ("u1", "offline online")] {
            let (user, session): (Subject, SessionId) = (id(user), id("s1"));
            commit!(store, |tx| {
                tx.revoke_refresh_grants(RefreshGrants::OfSession(&user, &session), at(2)).await
            })
            .unwrap();
            assert_eq!(revoked(store).await, expected);
        }
    }

    async fn all_grants_of_users_are_revoked(store: &dyn Store) {
        insert_many(store).await;
        commit!(store, |tx| {
            let users: [Subject; 1] = [id("u1")];
            tx.revoke_refresh_grants(RefreshGrants::OfUsers(&users), at(2)).await
        })
        .unwrap();
        assert_eq!(revoked(store).await, "offline online elsewhere");
    }

    async fn a_clients_grants_are_revoked_a_few_at_a_time(store: &dyn Store) {
        insert_many(store).await;
        let others = RefreshGrant { client: id("other"), ..grant("other") };
        insert(store, &others).await;
        for count in [3, 1, 0] {
            let revoked = commit!(store, |tx| {
                let shop = id("shop");
                tx.revoke_refresh_grants(RefreshGrants::OfClient(&shop, 3), at(2)).await
            });
            assert_eq!(revoked.unwrap(), count);
        }
        assert_eq!(revoked(store).await, "offline online elsewhere anothers");
        assert_eq!(find(store, "other").await, Some(others));
    }

    async fn dead_grants_are_forgotten_and_living_ones_are_not(store: &dyn Store) {
        let revoked_grant = RefreshGrant {
            revoked_at: Some(at(10)),
            ..grant("revoked")
        };
        let endless = RefreshGrant {
            expires_at: None,
            idle_expires_at: None,
            ..grant("endless")
        };
        let idle = RefreshGrant {
            expires_at: None,
            idle_expires_at: Some(at(20)),
            ..grant("idle")
        };
        let old = RefreshGrant {
            expires_at: Some(at(30)),
            idle_expires_at: None,
            ..grant("old")
        };
        for one in [revoked_grant, endless, idle, old] {
            insert(store, &one).await;
        }
        let forget = async |before, limit| {
            commit!(store, |tx| tx.delete_dead_refresh_grants(at(before), limit).await).unwrap()
        };
        assert_eq!(forget(10, 9).await, 0);
        assert_eq!(forget(11, 9).await, 1);
        assert_eq!(find(store, "revoked").await, None);
        assert_eq!(generation(store, "revoked", "first").await, None);
        assert_eq!(forget(31, 1).await, 1);
        assert_eq!(find(store, "idle").await, None, "the longest dead goes first");
        assert_eq!(forget(1_000_000_000, 9).await, 1);
        assert!(find(store, "endless").await.is_some());
    }

    async fn who_holds_an_offline_grant_alone_is_found(store: &dyn Store) {
        for sid in ["s1", "s2", "s4"] {
            insert_session(store, &session(sid, "u1")).await;
            join(store, sid, "shop", at(1)).await;
        }
        end_session(store, "s1", at(2)).await;
        let left = vec![(id("s4"), id("shop"))];
        commit!(store, |tx| tx.leave_sessions(&left).await).unwrap();
        let of = |name: &str, sid: &str| RefreshGrant {
            session: id(sid),
            ..grant(name)
        };
        let online = RefreshGrant { access: RefreshAccess::Online, ..of("online", "s1") };
        let revoked = RefreshGrant { revoked_at: Some(at(2)), ..of("revoked", "s5") };
        let expired = RefreshGrant { idle_expires_at: Some(at(3)), ..of("expired", "s6") };
        let anothers = RefreshGrant { user: id("u2"), ..of("anothers", "s7") };
        let later = RefreshGrant { created_at: at(1), ..of("later", "s1") };
        let ended = of("ended", "s1");
        let (live, gone, left) = (of("live", "s2"), of("gone", "s3"), of("left", "s4"));
        for one in [ended, later, live, gone, left, online, revoked, expired, anothers] {
            insert(store, &one).await;
        }
        let mut view = store.read().await.unwrap();
        let found = view.clients_with_offline_grant_only(&id("u1"), at(3)).await.unwrap();
        let seen: Vec<_> = found
            .iter()
            .map(|one| {
                let joined = (one.participant.joined_at, one.participant.last_joined_at);
                (one.session.as_str(), one.participant.client.as_str(), joined)
            })
            .collect();
        let once = (at(0), at(0));
        let wanted = [
            ("s1", "shop", (at(0), at(1))),
            ("s3", "shop", once),
            ("s4", "shop", once),
        ];
        assert_eq!(seen, wanted);
        assert_eq!(found[0].metadata, metadata());
        assert!(found[1].metadata.is_empty(), "the session is gone");
    }
}

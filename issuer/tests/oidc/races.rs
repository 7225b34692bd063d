//! What happens at the same moment: exchanges of one code or refresh token, an exchange and the session's end, a
//! sign-in and the change that makes its password the old one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use logout_issuer::domain::client::Client;
use logout_issuer::domain::delivery::{About, Delivery, DeliveryId, DeliveryState, Endpoint};
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl, UrlPolicy};
use logout_issuer::domain::user::PasswordHash;
use logout_issuer::login::account_changes::{AccountChange, change_account};
use logout_issuer::logout::LogContext;
use logout_issuer::storage::{Lease, StorageError};
use logout_shared::{Secret, SessionMetadata, SystemRandom, TraceId};
use tokio::sync::Barrier;

use crate::house::{EMAIL, House, PASSWORD, Reply, SPA_CALLBACK, VERIFIER, client, shop_request};
use crate::refresh;
use crate::token::code;

#[tokio::test]
async fn of_many_exchanges_at_once_one_succeeds() {
    let house = House::open().await;
    let code = code(&house, &[]).await;
    let replies = join_all((0..8).map(|_| house.redeem(&code))).await;
    let good = replies
        .iter()
        .filter(|reply| reply.status == StatusCode::OK);
    assert_eq!(good.count(), 1);
}

#[tokio::test]
async fn of_many_exchanges_of_one_refresh_token_at_once_one_wins_and_the_family_dies() {
    let house = House::open().await;
    let token = refresh::offline(&house).await;
    let replies = join_all((0..8).map(|_| refresh::exchange(&house, &token))).await;
    let good: Vec<&Reply> = replies
        .iter()
        .filter(|reply| reply.status == StatusCode::OK)
        .collect();
    assert_eq!(good.len(), 1);
    let latest = refresh::refresh_token(&good[0].json());
    let reply = refresh::exchange(&house, &latest).await;
    let why = "the refresh token was revoked";
    refresh::assert_refused(&reply, "invalid_grant", why);
}

#[tokio::test]
async fn of_many_exchanges_of_one_refresh_token_in_the_leeway_all_win() {
    let house = House::open().await;
    refresh::set_rules(&house, serde_json::json!({ "leeway": 1 })).await;
    let token = refresh::offline(&house).await;
    let replies = join_all((0..8).map(|_| refresh::exchange(&house, &token))).await;
    for reply in replies {
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        let latest = refresh::refresh_token(&reply.json());
        let reply = refresh::exchange(&house, &latest).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    }
}

/// Whichever comes second, no token outlives the session that it cannot live without.
#[tokio::test]
async fn an_exchange_beside_the_sessions_end_leaves_no_online_token_behind() {
    let house = House::open().await;
    for round in 0..10 {
        let scope = "openid online_access";
        let tokens = refresh::sign_in(&house, &mut house.browser(), scope).await;
        let (sid, token) = (refresh::sid(&tokens), refresh::refresh_token(&tokens));
        let barrier = Barrier::new(2);
        let exchange = async {
            barrier.wait().await;
            refresh::exchange(&house, &token).await
        };
        let sessions = house.issuer.sessions();
        let end = async {
            barrier.wait().await;
            sessions.end(&sid, Initiator::RpLogout).await.unwrap()
        };
        let reply = if round % 2 == 0 {
            tokio::join!(exchange, end).0
        } else {
            tokio::join!(end, exchange).1
        };
        let latest = match reply.json()["refresh_token"].as_str() {
            Some(latest) => latest.to_owned(),
            None => token,
        };
        let reply = refresh::exchange(&house, &latest).await;
        let why = "the refresh token was revoked";
        refresh::assert_refused(&reply, "invalid_grant", why);
    }
}

/// A client joins a session and is told of its end, or does not join: never in between.
#[tokio::test]
async fn whoever_joins_a_session_that_ends_at_that_moment_is_told_or_refused() {
    let house = House::open().await;
    let url = LogoutUrl::parse(
        "https://forum.example/logout",
        UrlPolicy {
            danger_allow_http: false,
        },
    )
    .unwrap();
    let settings = LogoutSettings {
        urls: vec![url],
        initiators: Some(Initiators::All),
        ..LogoutSettings::default()
    };
    let callbacks = vec![SPA_CALLBACK.to_owned()];
    house
        .add_client(Client {
            callbacks,
            logout: Some(settings),
            ..client("forum")
        })
        .await;
    for round in 0..10 {
        let changes = [("client_id", "forum"), ("redirect_uri", SPA_CALLBACK)];
        let code = code(&house, &changes).await;
        let mut snapshot = house.issuer.store().read().await.unwrap();
        let now = house.issuer.now();
        let page = snapshot
            .list_sessions_of_user(&house.ada.id, None, 10, now)
            .await
            .unwrap();
        let sid = page.sessions[0].0.id.clone();
        drop(snapshot);
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", "forum"),
            ("code", code.as_str()),
            ("redirect_uri", SPA_CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let barrier = Barrier::new(2);
        let exchange = async {
            barrier.wait().await;
            house.post("/oauth/token", None, &fields).await
        };
        let sessions = house.issuer.sessions();
        let end = async {
            barrier.wait().await;
            sessions.end(&sid, Initiator::SessionRevoked).await
        };
        let (reply, ended) = if round % 2 == 0 {
            tokio::join!(exchange, end)
        } else {
            let (ended, reply) = tokio::join!(end, exchange);
            (reply, ended)
        };
        let told = !ended.unwrap().deliveries.is_empty();
        assert_eq!(
            reply.status == StatusCode::OK,
            told,
            "round {round}: {reply:?}"
        );
    }
}

/// The sessions of Ada that live.
async fn live(house: &House) -> usize {
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let now = house.issuer.now();
    let page = snapshot.list_sessions_of_user(&house.ada.id, None, 10, now);
    page.await.unwrap().sessions.len()
}

/// A sign-in whose password was checked before the change, and one whose session began before it.
#[tokio::test(flavor = "multi_thread")]
async fn no_session_begun_with_the_old_password_outlives_the_change() {
    let house = House::open().await;
    for round in 0..12 {
        let (old, new) = if round % 2 == 0 {
            (PASSWORD, "another password")
        } else {
            ("another password", PASSWORD)
        };
        let mut browser = house.browser();
        let page = browser.get(&house.url(&shop_request(&[]))).await;
        let page = browser.follow(&page).await;
        let fields = [("email", EMAIL), ("password", old)];
        let sign_in = browser.submit(&page, &fields);
        let change = AccountChange::Password {
            password: Secret::new(new.to_owned()),
            keep: None,
        };
        let change = change_account(&house.issuer, &house.ada.id, change, LogContext::default());
        let barrier = Barrier::new(2);
        let (reply, changed) = tokio::join!(
            async {
                barrier.wait().await;
                sign_in.await
            },
            async {
                barrier.wait().await;
                change.await
            }
        );
        assert_eq!(live(&house).await, 0, "round {round}: {reply:?}");
        changed.unwrap();
    }
}

/// Signs Ada in while something else happens to her between the check and the session's start.
///
/// On a busy machine the sign-in may be over before it happens; that proves nothing and is done
/// again. With the fault that this looks for, every time is like that.
async fn sign_in_while(change: impl AsyncFn(&House)) -> (House, Reply) {
    const TRIES: usize = 10;
    for _ in 1..TRIES {
        let (house, reply) = sign_in_once_while(&change).await;
        if !reply.status.is_redirection() {
            return (house, reply);
        }
    }
    sign_in_once_while(&change).await
}

async fn sign_in_once_while(change: &impl AsyncFn(&House)) -> (House, Reply) {
    let house = House::open().await;
    let mut browser = house.browser();
    let page = browser.get(&house.url(&shop_request(&[]))).await;
    let page = browser.follow(&page).await;
    let fields = [("email", EMAIL), ("password", PASSWORD)];
    let meanwhile = async {
        // The hash is read by then, and checking it takes many times as long.
        for _ in 0..20 {
            live(&house).await;
        }
        change(&house).await;
    };
    let reply = tokio::join!(browser.submit(&page, &fields), meanwhile).0;
    drop(browser);
    (house, reply)
}

#[tokio::test]
async fn a_user_blocked_after_the_password_was_checked_begins_no_session() {
    let block = async |house: &House| {
        let (block, context) = (AccountChange::Block, LogContext::default());
        let blocked = change_account(&house.issuer, &house.ada.id, block, context);
        drop(blocked.await.unwrap());
    };
    let (house, reply) = sign_in_while(block).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{reply:?}");
    assert_eq!(live(&house).await, 0);
}

#[tokio::test]
async fn a_password_changed_after_it_was_checked_begins_no_session() {
    let change = async |house: &House| {
        let id = house.ada.id.clone();
        let another = PasswordHash {
            phc: "another".to_owned(),
            version: house.ada.password_version + 1,
        };
        let changed = house.issuer.store().write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.set_password(&id, &another).await })
        });
        changed.await.unwrap();
    };
    let (house, reply) = sign_in_while(change).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{reply:?}");
    assert_eq!(live(&house).await, 0);
}

/// Another node tells the forum that all of Ada's sessions are over, while she signs in there.
#[tokio::test]
async fn an_exchange_waits_while_the_client_is_told_that_all_sessions_are_over() {
    let house = House::open().await;
    let code = code(&house, &[]).await;
    let now = house.issuer.now();
    let delivery = Delivery {
        id: DeliveryId::generate(now, &SystemRandom),
        client: "shop".parse().unwrap(),
        user: house.ada.id.clone(),
        about: About::AllSessions(vec!["s1".parse().unwrap(), "s2".parse().unwrap()]),
        initiator: Initiator::SessionRevoked,
        url: LogoutUrl::from_stored("https://shop.example/logout".into()),
        trace_id: TraceId::generate(&SystemRandom),
        metadata: SessionMetadata::new(),
        event_at: now,
        state: DeliveryState::Pending,
        attempts: 0,
        next_attempt_at: Some(now),
        queued_at: None,
        give_up_at: now + Duration::from_hours(72),
        finished_at: None,
        last: None,
        follow_up: false,
    };
    let (id, store) = (delivery.id, house.issuer.store());
    let lease = Lease {
        worker: "another node".into(),
        now,
        until: now + Duration::from_secs(30),
    };
    let mut take_all = |_: &Endpoint| true;
    let claim = store.write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            tx.insert_deliveries(&[delivery]).await?;
            let held = tx.claim_due_deliveries(&lease, 1, &mut take_all);
            Ok(held.await?.leased.len())
        })
    });
    assert_eq!(claim.await.unwrap(), 1);
    let released = AtomicBool::new(false);
    let release = async {
        // Time enough for an exchange that does not wait.
        for turn in 0..50 {
            let name = format!("turn {turn}");
            let turn =
                store.write(move |tx| Box::pin(async move { tx.mark_bootstrapped(&name).await }));
            turn.await.unwrap();
        }
        released.store(true, Ordering::SeqCst);
        let release = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.release_deliveries("another node", &[id], now).await })
        });
        release.await.unwrap();
    };
    let exchange = async {
        let reply = house.redeem(&code).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        assert!(
            released.load(Ordering::SeqCst),
            "joined while it was under way"
        );
    };
    tokio::join!(exchange, release);
}

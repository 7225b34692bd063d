//! Ending sessions: who is told, who is not, and what else may happen at the same time.

use std::time::Duration;

use logout_issuer::domain::delivery::DeliveryState;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::AskedWait;
use logout_issuer::domain::session::Device;
use logout_issuer::logout::{EndSessionError, Ended, LogContext};
use logout_issuer::sessions::SessionError;
use logout_issuer::storage::sqlite::SqliteStore;
use logout_shared::ManualClock;
use logout_tests::relying_party::{Answer, TestRelyingParty};
use serde_json::json;

use crate::world::{START, World, master};

#[tokio::test]
async fn g23_g24_only_the_clients_of_the_session_that_ended_are_told() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let till = TestRelyingParty::start().await;
    let here = world.client("shop", &shop.url()).await;
    let elsewhere = world.client("till", &till.url()).await;
    let sid = world.session(&[&here]).await;
    let other = world.session(&[&elsewhere]).await;
    world.revoke(&sid).await;
    assert_eq!(shop.wait_for(1).await[0].claims()["sid"], json!(sid));
    assert!(till.requests().is_empty());
    assert!(
        world
            .issuer
            .sessions()
            .set_metadata(&other, "still", "alive")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn g28_a_second_end_tells_nobody() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let client = world.client("shop", &shop.url()).await;
    let sid = world.session(&[&client]).await;
    assert_eq!(world.revoke(&sid).await.deliveries.len(), 1);
    assert_eq!(world.revoke(&sid).await, Ended::default());
    let again = world
        .issuer
        .sessions()
        .end(&sid, Initiator::RpLogout)
        .await
        .unwrap();
    assert_eq!(again, Ended::default());
    assert_eq!(world.events("session_revoked").await.len(), 1);
    let next = world.revoke_one(&client).await;
    world.until_state(next, DeliveryState::Heard).await;
    assert_eq!(shop.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn g28_of_many_ends_at_once_one_tells() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let client = world.client("shop", &shop.url()).await;
    for round in 1..=10 {
        let sid = world.session(&[&client]).await;
        let ends = futures_util::future::join_all((0..8).map(|_| world.revoke(&sid))).await;
        let deliveries: Vec<_> = ends.iter().flat_map(|ended| &ended.deliveries).collect();
        assert_eq!(deliveries.len(), 1);
        world
            .until_state(*deliveries[0], DeliveryState::Heard)
            .await;
        assert_eq!(shop.requests().len(), round);
    }
}

#[tokio::test]
async fn an_unknown_session_and_an_initiator_that_ends_none_are_refused() {
    let world = World::start().await;
    let sessions = world.issuer.sessions();
    let unknown = "nobody".parse().unwrap();
    let error = sessions
        .end(&unknown, Initiator::RpLogout)
        .await
        .unwrap_err();
    assert!(matches!(error, EndSessionError::NotFound(_)), "{error}");
    let sid = world.session(&[]).await;
    let error = sessions
        .end(&sid, Initiator::ProfileChanged)
        .await
        .unwrap_err();
    assert!(
        matches!(error, EndSessionError::EndsNoSession(_)),
        "{error}"
    );
    assert!(sessions.set_metadata(&sid, "still", "alive").await.is_ok());
}

#[tokio::test]
async fn nobody_joins_or_writes_to_a_session_that_is_over() {
    let world = World::start().await;
    let client = world.client("shop", "http://127.0.0.1:9/").await;
    let sessions = world.issuer.sessions();
    let ended = world.session(&[]).await;
    world.revoke(&ended).await;
    let expired = world.session(&[]).await;
    world.clock.advance(Duration::from_hours(73));
    for sid in [ended, expired] {
        let error = sessions.join(&sid, &client).await.unwrap_err();
        assert!(matches!(error, SessionError::NotFound(_)), "{error}");
        let error = sessions
            .set_metadata(&sid, "key", "value")
            .await
            .unwrap_err();
        assert!(matches!(error, SessionError::NotFound(_)), "{error}");
    }
}

#[tokio::test]
async fn a_metadata_entry_that_breaks_a_rule_leaves_the_others_as_they_were() {
    let world = World::start().await;
    let sid = world.session(&[]).await;
    let sessions = world.issuer.sessions();
    sessions.set_metadata(&sid, "good", "one").await.unwrap();
    let error = sessions
        .set_metadata(&sid, "not good", "two")
        .await
        .unwrap_err();
    assert!(matches!(error, SessionError::Metadata(_)), "{error}");
    let mut snapshot = world.issuer.store().read().await.unwrap();
    let session = snapshot
        .find_session(&sid, world.clock_now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        session.metadata.iter().collect::<Vec<_>>(),
        [("good", "one")]
    );
}

#[tokio::test]
async fn g24_all_sessions_of_a_user_end_but_the_one_that_stays() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let client = world.client("shop", &shop.url()).await;
    let (first, stays) = (
        world.session(&[&client]).await,
        world.session(&[&client]).await,
    );
    let third = world.session(&[&client]).await;
    let sessions = world.issuer.sessions();
    let (user, why) = ("auth0|7".parse().unwrap(), Initiator::PasswordChanged);
    let ended = sessions
        .end_all_of_user(&user, Some(&stays), why, LogContext::default())
        .await;
    let mut ended = ended.unwrap().sessions;
    ended.sort();
    let mut expected = [first, third];
    expected.sort();
    assert_eq!(ended, expected);
    shop.wait_for(2).await;
    assert!(
        sessions
            .set_metadata(&stays, "still", "alive")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_session_whose_time_has_come_ends_as_expired_and_one_that_was_used_lives_on() {
    let shop = TestRelyingParty::start().await;
    let store = SqliteStore::in_memory().await.unwrap();
    let world = World::on(store, ManualClock::at(START), master()).await;
    let client = world.client("shop", &shop.url()).await;
    let over = world.session(&[&client]).await;
    world.clock.advance(Duration::from_hours(71));
    let young = world.session(&[&client]).await;
    assert_eq!(world.issuer.end_expired_sessions().await.unwrap(), 0);
    world.clock.advance(Duration::from_hours(2));
    assert_eq!(world.issuer.end_expired_sessions().await.unwrap(), 1);
    // Only now, or its own sweep might have come first.
    world.issuer.start_delivery();
    assert_eq!(shop.wait_for(1).await[0].claims()["sid"], json!(over));
    let mut snapshot = world.issuer.store().read().await.unwrap();
    let (initiator, _) = snapshot.find_session_end(&over).await.unwrap().unwrap();
    assert_eq!(initiator, Initiator::SessionExpired);
    assert_eq!(snapshot.find_session_end(&young).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn g23_a_client_that_joins_while_the_session_ends_is_told_or_refused() {
    let world = World::start().await;
    let client = world.client("shop", "http://127.0.0.1:9/").await;
    for _ in 0..50 {
        let sid = world.session(&[]).await;
        let sessions = world.issuer.sessions();
        let (joined, ended) = tokio::join!(
            sessions.join(&sid, &client),
            sessions.end(&sid, Initiator::RpLogout)
        );
        assert_eq!(
            joined.is_ok(),
            ended.unwrap().deliveries.len() == 1,
            "{joined:?}"
        );
    }
}

#[tokio::test]
async fn a_sign_out_is_a_log_row_with_the_sessions_metadata_and_who_asked() {
    let world = World::start().await;
    let sid = world.session(&[]).await;
    let sessions = world.issuer.sessions();
    sessions
        .set_metadata(&sid, "deviceName", "kiosk")
        .await
        .unwrap();
    let mut context = LogContext {
        ip: Some("192.0.2.1".into()),
        ..LogContext::default()
    };
    context
        .details
        .insert("return_to".into(), json!("https://shop.example/"));
    sessions
        .end_for(&sid, Initiator::RpLogout, context)
        .await
        .unwrap();
    let row = world.events("slo").await.remove(0);
    assert_eq!(row.event["details"]["session_id"], json!(sid));
    assert_eq!(
        row.event["details"]["session_metadata"],
        json!({ "deviceName": "kiosk" })
    );
    assert_eq!(row.event["details"]["return_to"], "https://shop.example/");
    assert_eq!(row.event["ip"], "192.0.2.1");
}

#[tokio::test]
async fn g25_a_sign_out_waits_for_first_answers_but_not_longer_than_the_client_allows() {
    let (world, quick) = (World::start().await, TestRelyingParty::start().await);
    let hangs = TestRelyingParty::start().await;
    hangs.always_answer(Answer::Hang);
    let answers = world
        .client_with("quick", &[&quick.url()], |it| it.delivery.wait_ms = 5_000)
        .await;
    let stuck = world
        .client_with("stuck", &[&hangs.url()], |it| it.delivery.wait_ms = 1)
        .await;
    let sid = world.session(&[&answers, &stuck]).await;
    let ended = world.revoke(&sid).await;
    let begun = std::time::Instant::now();
    let all = world.issuer.wait_for_answers(&ended, None).await.unwrap();
    assert!(!all, "one client has not answered");
    assert!(
        begun.elapsed() < Duration::from_millis(4_500),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(quick.requests().len(), 1);

    let wait = world
        .issuer
        .wait_for_first_attempts(&ended.deliveries, Duration::from_millis(1));
    assert!(!wait.await.unwrap(), "one client has not answered");
    let wait = world
        .issuer
        .wait_for_first_attempts(&[], Duration::from_hours(1));
    assert!(wait.await.unwrap());
}

#[tokio::test]
async fn g25_whoever_ends_a_session_can_ask_for_another_wait() {
    let (world, slow) = (World::start().await, TestRelyingParty::start().await);
    let hangs = TestRelyingParty::start().await;
    hangs.always_answer(Answer::Hang);
    let late = Answer::After(Duration::from_millis(50), Answer::Status(200).into());
    slow.always_answer(late);
    let impatient = world
        .client_with("slow", &[&slow.url()], |it| it.delivery.wait_ms = 0)
        .await;
    let patient = world
        .client_with("hangs", &[&hangs.url()], |it| it.delivery.wait_ms = 5_000)
        .await;
    let wait = |ms| Some(AskedWait::from_millis(ms).unwrap());
    let ended = world.revoke(&world.session(&[&impatient]).await).await;
    let all = world.issuer.wait_for_answers(&ended, wait(5_000)).await;
    assert!(all.unwrap(), "longer than the client's own wait");
    assert_eq!(slow.requests().len(), 1);

    let ended = world.revoke(&world.session(&[&patient]).await).await;
    for ms in [0, 1] {
        let asked = world.issuer.wait_for_answers(&ended, wait(ms));
        let all = tokio::time::timeout(Duration::from_secs(4), asked).await;
        assert!(!all.expect("shorter than the client's own wait").unwrap());
    }
}

#[tokio::test]
async fn g25_waiting_for_an_answer_that_has_come_already_is_over_at_once() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let client = world.client("shop", &shop.url()).await;
    let id = world.revoke_one(&client).await;
    world.until_state(id, DeliveryState::Heard).await;
    let ids = [id];
    let wait = world
        .issuer
        .wait_for_first_attempts(&ids, Duration::from_hours(1));
    assert!(
        tokio::time::timeout(Duration::from_secs(30), wait)
            .await
            .unwrap()
            .unwrap()
    );
}

#[tokio::test]
async fn a_user_need_not_be_known_but_a_blocked_one_begins_no_session() {
    let world = World::start().await;
    let user = logout_issuer::domain::user::User {
        id: "auth0|blocked".parse().unwrap(),
        email: "blocked@example.com".into(),
        email_verified: true,
        blocked: true,
        admin: false,
        profile: serde_json::Map::new(),
        user_metadata: serde_json::Map::new(),
        app_metadata: serde_json::Map::new(),
        password_version: 0,
        created_at: world.clock_now(),
        updated_at: world.clock_now(),
        last_login: None,
        logins_count: 0,
    };
    let id = user.id.clone();
    let work = world
        .issuer
        .store()
        .write(move |tx| Box::pin(async move { tx.insert_user(&user, None).await }));
    assert!(work.await.unwrap());
    let error = world
        .issuer
        .sessions()
        .begin(&id, Device::default())
        .await
        .unwrap_err();
    assert!(matches!(error, SessionError::Blocked(_)), "{error}");
}

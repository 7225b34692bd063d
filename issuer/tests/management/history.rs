//! How long history is kept.

use std::time::Duration;

use logout_issuer::domain::delivery::{AttemptError, Delivery, DeliveryState};
use logout_issuer::domain::event_log::{LogCode, LogEvent};
use logout_issuer::issuer::Deleted;
use logout_issuer::storage::StorageError;
use serde_json::Value;

use crate::api::{Api, START};
use crate::deliveries::{READ, attempt, delivery, put};

const KEPT: Duration = Duration::from_hours(30 * 24);
const MILLI: Duration = Duration::from_millis(1);

async fn left(api: &Api) -> Vec<Value> {
    let listed = api.get(READ, "/logout-deliveries").await.expect(200);
    let deliveries = listed["deliveries"].as_array().unwrap().iter();
    deliveries.map(|it| it["session_id"].clone()).collect()
}

#[tokio::test]
async fn a_finished_delivery_goes_with_its_attempts_at_the_end_of_its_time_and_not_before() {
    let api = Api::start().await;
    let refused = delivery(1, "shop");
    put(&api, vec![refused.clone()]).await;
    attempt(&api, Some(400), Some(AttemptError::Status)).await;
    let waiting = Delivery {
        next_attempt_at: Some(START + KEPT * 3),
        ..delivery(2, "shop")
    };
    let later = Delivery {
        state: DeliveryState::GivenUp,
        next_attempt_at: None,
        finished_at: Some(START + MILLI),
        ..delivery(3, "shop")
    };
    put(&api, vec![waiting, later]).await;
    api.clock.advance(KEPT.saturating_sub(MILLI));
    assert_eq!(
        api.issuer.delete_old_history().await.unwrap(),
        Deleted::default()
    );
    assert_eq!(left(&api).await, ["s3", "s2", "s1"]);
    api.clock.advance(MILLI);
    let deleted = api.issuer.delete_old_history().await.unwrap();
    assert_eq!(deleted.deliveries, 1);
    assert_eq!(left(&api).await, ["s3", "s2"]);
    let mut read = api.issuer.store().read().await.unwrap();
    assert!(read.attempts(refused.id).await.unwrap().is_empty());
    drop(read);
    api.clock.advance(KEPT * 2);
    api.issuer.delete_old_history().await.unwrap();
    assert_eq!(left(&api).await, ["s2"], "what is not finished stays");
}

#[tokio::test]
async fn a_record_of_the_event_log_goes_at_the_end_of_its_time_and_not_before() {
    let api = Api::start().await;
    let written = api.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            let event = |date| LogEvent::new(LogCode::Warning, "careful", date);
            tx.append_events(&[event(START), event(START + MILLI)])
                .await
        })
    });
    written.await.unwrap();
    api.clock.advance(KEPT.saturating_sub(MILLI));
    for (events, left) in [(0, 2), (1, 1), (1, 0), (0, 0)] {
        let deleted = api.issuer.delete_old_history().await.unwrap();
        assert_eq!(deleted.events, events);
        assert_eq!(api.events("w").await.len(), left);
        api.clock.advance(MILLI);
    }
}

#[tokio::test]
async fn more_than_one_piece_is_deleted() {
    let api = Api::start().await;
    let over = |n| Delivery {
        state: DeliveryState::Heard,
        next_attempt_at: None,
        finished_at: Some(START),
        ..delivery(n, "shop")
    };
    put(&api, (0..401).map(over).collect()).await;
    api.clock.advance(KEPT);
    let deleted = api.issuer.delete_old_history().await.unwrap();
    assert_eq!(deleted.deliveries, 401);
}

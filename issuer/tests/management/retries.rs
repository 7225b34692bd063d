//! Deliveries sent again by hand.

use std::time::Duration;

use logout_issuer::domain::delivery::{AttemptError, Delivery, DeliveryState};
use serde_json::{Value, json};

use crate::api::{Answer, Api, START, USER};
use crate::deliveries::{READ, attempt, delivery, put};

const RETRY: &str = "update:logout_deliveries";

/// A delivery in a final state, made `n` seconds after the start.
fn finished(n: u32, client: &str, state: DeliveryState) -> Delivery {
    Delivery {
        state,
        next_attempt_at: None,
        finished_at: Some(START),
        ..delivery(n, client)
    }
}

/// A delivery that waits for its next attempt.
fn later(n: u32, client: &str) -> Delivery {
    Delivery {
        next_attempt_at: Some(START + Duration::from_hours(2)),
        ..delivery(n, client)
    }
}

/// An API whose clock shows an hour after the start.
async fn api_with(deliveries: Vec<Delivery>) -> Api {
    let api = Api::start().await;
    api.clock.advance(Duration::from_hours(1));
    put(&api, deliveries).await;
    api
}

async fn retry(api: &Api, delivery: &Delivery) -> Answer {
    let line = format!("POST /logout-deliveries/{}/retry", delivery.id);
    api.call(RETRY, &line, Value::Null).await
}

async fn read(api: &Api, delivery: &Delivery) -> Value {
    let path = format!("/logout-deliveries/{}", delivery.id);
    api.get(READ, &path).await.expect(200)
}

#[tokio::test]
async fn what_can_be_sent_again_is_due_now_with_a_new_time_to_give_up() {
    for state in [
        DeliveryState::GivenUp,
        DeliveryState::Refused,
        DeliveryState::Cancelled,
        DeliveryState::Heard,
    ] {
        let over = finished(1, "shop", state);
        let api = api_with(vec![over.clone()]).await;
        let told = retry(&api, &over).await.expect(202);
        assert_eq!(
            told,
            json!({"count": 1, "message": "It is sent again now."})
        );
        let now = read(&api, &over).await;
        assert_eq!(now["state"], "pending", "{state:?}");
        assert_eq!(now["next_attempt_at"], "2026-11-23T07:00:00.000Z");
        assert_eq!(now["give_up_at"], "2026-11-26T07:00:00.000Z");
        assert_eq!(now["finished_at"], Value::Null);
        let events = api.events("sapi").await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].event["user"], USER);
    }
}

#[tokio::test]
async fn a_second_click_changes_nothing_and_says_so() {
    let waiting = later(1, "shop");
    let api = api_with(vec![waiting.clone()]).await;
    retry(&api, &waiting).await.expect(202);
    let before = read(&api, &waiting).await;
    api.clock.advance(Duration::from_secs(1));
    let again = retry(&api, &waiting).await.expect(202);
    let text = "It was due already: nothing has changed.";
    assert_eq!(again, json!({"count": 0, "message": text}));
    assert_eq!(read(&api, &waiting).await, before);
    assert_eq!(api.events("sapi").await.len(), 1);
    crate::deliveries::hold(&api).await;
    let held = retry(&api, &waiting).await.expect(202);
    assert_eq!(
        held["message"],
        "An attempt is under way: nothing has changed."
    );
}

#[tokio::test]
async fn what_was_replaced_and_what_is_unknown_cannot_be_sent_again() {
    let replaced = finished(1, "shop", DeliveryState::Expanded);
    let api = api_with(vec![replaced.clone()]).await;
    let text = "The logout delivery was replaced by one for each session; send those again.";
    retry(&api, &replaced).await.refused(409, text, None);
    let text = "The logout delivery does not exist.";
    let code = Some("inexistent_logout_delivery");
    retry(&api, &delivery(2, "shop"))
        .await
        .refused(404, text, code);
    let line = "POST /logout-deliveries/nonsense/retry";
    api.call(RETRY, line, Value::Null)
        .await
        .refused(404, text, code);
    for line in [line, "POST /logout-deliveries/retry"] {
        api.call(READ, line, Value::Null).await.refused(
            403,
            "Insufficient scope, expected any of: update:logout_deliveries",
            Some("insufficient_scope"),
        );
    }
}

#[tokio::test]
async fn history_is_kept_and_numbered_on() {
    let api = api_with(vec![delivery(1, "shop")]).await;
    let this = delivery(1, "shop");
    attempt(&api, Some(200), None).await;
    retry(&api, &this).await.expect(202);
    attempt(&api, Some(400), Some(AttemptError::Status)).await;
    let now = read(&api, &this).await;
    assert_eq!(
        (&now["state"], &now["attempts"]),
        (&json!("refused"), &json!(2))
    );
    let numbers: Vec<_> = now["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["number"].clone(), it["status"].clone()))
        .collect();
    assert_eq!(numbers, [(json!(1), json!(200)), (json!(2), json!(400))]);
}

/// One delivery in each state, to two clients in turn.
fn one_of_each() -> Vec<Delivery> {
    let states = DeliveryState::ALL
        .into_iter()
        .filter(|state| state.is_final());
    let mut all: Vec<_> = (10..)
        .zip(states)
        .map(|(n, state)| finished(n, "shop", state))
        .collect();
    all.push(later(1, "shop"));
    all.push(Delivery {
        state: DeliveryState::Refusing,
        ..later(2, "blog")
    });
    all.push(delivery(3, "shop"));
    all
}

#[tokio::test]
async fn many_are_sent_again_by_description_and_counted_exactly() {
    for (body, count) in [
        (json!({}), 4),
        (json!({"client_id": "blog"}), 1),
        (json!({"client_id": null, "state": "heard"}), 1),
        (json!({"state": "cancelled"}), 1),
        (json!({"state": "refusing", "client_id": "shop"}), 0),
        (json!({"after": "2026-11-23T06:00:02Z"}), 3),
        (json!({"before": "2026-11-23T06:00:02Z"}), 1),
    ] {
        let api = api_with(one_of_each()).await;
        let line = "POST /logout-deliveries/retry";
        let mut dry = body.clone();
        dry["dry_run"] = json!(true);
        let wanted = json!({ "count": count });
        assert_eq!(
            api.call(RETRY, line, dry).await.expect(202),
            wanted,
            "{body}"
        );
        assert_eq!(
            api.events("sapi").await.len(),
            0,
            "a dry run changes nothing"
        );
        let told = api.call(RETRY, line, body.clone()).await.expect(202);
        assert_eq!(told, wanted, "{body}");
        assert_eq!(api.events("sapi").await.len(), 1);
        let again = api.call(RETRY, line, body.clone()).await.expect(202);
        assert_eq!(again, json!({"count": 0}), "{body}");
    }
}

#[tokio::test]
async fn more_than_a_page_are_sent_again_and_none_that_is_made_meanwhile() {
    let mut all: Vec<_> = (0..501)
        .map(|n| finished(n, "shop", DeliveryState::GivenUp))
        .collect();
    // The clock shows 3600 s after the start.
    all.push(finished(3_601, "shop", DeliveryState::GivenUp));
    let api = api_with(all).await;
    let body = json!({"state": "given_up"});
    let told = api.call(RETRY, "POST /logout-deliveries/retry", body).await;
    assert_eq!(told.expect(202), json!({"count": 501}));
}

#[tokio::test]
async fn a_description_that_breaks_a_rule_is_told_what_is_wrong() {
    let api = Api::start().await;
    for (body, part) in [
        (
            json!({"clientid": "shop"}),
            "Additional properties not allowed: clientid",
        ),
        (
            json!({"state": "in_flight"}),
            "No enum match for: in_flight",
        ),
        (json!({"state": "expanded"}), "No enum match for: expanded"),
        (
            json!({"after": "yesterday"}),
            "on property after (Made at this time or later).",
        ),
        (
            json!({"before": 7}),
            "Expected type string but found type number",
        ),
        (
            json!({"client_id": "\n"}),
            "on property client_id (The client).",
        ),
        (json!({"dry_run": "true"}), "Expected type boolean"),
        (json!([]), "Expected type object but found type array"),
    ] {
        let told = api
            .call(RETRY, "POST /logout-deliveries/retry", body.clone())
            .await;
        let told = told.expect(400);
        assert_eq!(told["errorCode"], "invalid_body");
        assert!(told["message"].as_str().unwrap().contains(part), "{told}");
    }
}

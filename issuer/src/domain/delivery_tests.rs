//! What each answer makes of a delivery.

use super::*;

fn delivery() -> Delivery {
    Delivery {
        id: DeliveryId(Uuid::nil()),
        client: "shop".parse().unwrap(),
        user: "u1".parse().unwrap(),
        about: About::Session("s1".parse().unwrap()),
        initiator: Initiator::SessionRevoked,
        url: LogoutUrl::from_stored("https://shop.example/bcl".into()),
        trace_id: "0123456789abcdef".parse().unwrap(),
        metadata: SessionMetadata::new(),
        event_at: Timestamp::from_secs(0),
        state: DeliveryState::InFlight,
        attempts: 0,
        next_attempt_at: None,
        queued_at: None,
        give_up_at: Timestamp::from_secs(72 * 3_600),
        finished_at: None,
        last: None,
        follow_up: false,
    }
}

fn tried(number: u32, status: Option<u16>, error: Option<AttemptError>) -> AttemptOutcome {
    let attempt = Attempt {
        number,
        at: Timestamp::from_secs(0),
        jti: "j1".parse().unwrap(),
        url: LogoutUrl::from_stored("https://shop.example/bcl".into()),
        status,
        error,
        duration: Duration::from_millis(5),
        oauth_error: None,
        oauth_error_description: None,
    };
    AttemptOutcome::Tried(attempt, None)
}

fn after(delivery: Delivery, outcome: &AttemptOutcome, now_secs: i64) -> Delivery {
    delivery.after(
        outcome,
        &RetrySchedule::default(),
        Timestamp::from_secs(now_secs),
        0.5,
    )
}

#[test]
fn g13_success_is_heard_and_every_other_status_is_not() {
    for (status, state) in [
        (200, DeliveryState::Heard),
        (204, DeliveryState::Heard),
        (202, DeliveryState::Heard),
        (400, DeliveryState::Refused),
        (410, DeliveryState::Refused),
        (413, DeliveryState::Refused),
        (415, DeliveryState::Refused),
        (408, DeliveryState::Pending),
        (425, DeliveryState::Pending),
        (429, DeliveryState::Pending),
        (500, DeliveryState::Pending),
        (503, DeliveryState::Pending),
        (301, DeliveryState::Refusing),
        (304, DeliveryState::Refusing),
        (401, DeliveryState::Refusing),
        (403, DeliveryState::Refusing),
        (404, DeliveryState::Refusing),
        (418, DeliveryState::Refusing),
    ] {
        let error = (!(200..300).contains(&status)).then_some(AttemptError::Status);
        let delivery = after(delivery(), &tried(1, Some(status), error), 10);
        assert_eq!(delivery.state, state, "{status}");
        assert_eq!(delivery.finished_at.is_some(), state.is_final(), "{status}");
        assert_eq!(
            delivery.next_attempt_at.is_none(),
            state.is_final(),
            "{status}"
        );
    }
}

#[test]
fn g16_a_failed_exchange_is_repeated_on_the_schedule_and_a_forbidden_address_after_a_minute() {
    for (error, wait) in [
        (AttemptError::Timeout, 1),
        (AttemptError::Connect, 1),
        (AttemptError::Dns, 1),
        (AttemptError::Tls, 1),
        (AttemptError::Reset, 1),
        (AttemptError::AddressRefused, 60),
    ] {
        let delivery = after(delivery(), &tried(1, None, Some(error)), 10);
        assert_eq!(
            delivery.next_attempt_at,
            Some(Timestamp::from_secs(10 + wait)),
            "{error:?}"
        );
    }
}

#[test]
fn g16_retry_after_counts_on_429_and_503_only() {
    for (status, due) in [(429, 40), (503, 40), (500, 11)] {
        let AttemptOutcome::Tried(attempt, _) = tried(1, Some(status), Some(AttemptError::Status))
        else {
            unreachable!()
        };
        let outcome = AttemptOutcome::Tried(attempt, Some(Duration::from_secs(30)));
        let delivery = after(delivery(), &outcome, 10);
        assert_eq!(
            delivery.next_attempt_at,
            Some(Timestamp::from_secs(due)),
            "{status}"
        );
    }
}

#[test]
fn g16_a_delivery_is_given_up_at_its_time_and_has_its_last_attempt_then() {
    let end = 72 * 3_600;
    let failed = tried(20, None, Some(AttemptError::Connect));
    let waiting = after(delivery(), &failed, end - 10);
    assert_eq!(waiting.next_attempt_at, Some(Timestamp::from_secs(end)));
    assert_eq!(after(waiting, &failed, end).state, DeliveryState::GivenUp);
}

#[test]
fn a_follow_up_comes_once_ten_seconds_after_the_first_success() {
    let delivery = Delivery {
        follow_up: true,
        ..delivery()
    };
    let delivery = after(delivery, &tried(1, Some(200), None), 10);
    assert_eq!(delivery.next_attempt_at, Some(Timestamp::from_secs(20)));
    assert_eq!(
        after(delivery, &tried(2, Some(200), None), 20).state,
        DeliveryState::Heard
    );
}

#[test]
fn g20_an_answer_is_kept_without_control_characters_and_cut() {
    assert_eq!(sanitise_oauth_error("a\r\nb\u{1b}[0m"), "a  b [0m");
    assert_eq!(sanitise_oauth_error(&"é".repeat(201)).chars().count(), 200);
}

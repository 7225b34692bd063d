//! Which claims a token has, and which it has not.

use std::time::Duration;

use logout_shared::logout_token::EVENT_URI;
use serde_json::{Value, json};

use super::*;
use crate::delivery::sample;

const NOW: Timestamp = Timestamp::from_secs(1_795_413_600);

fn minted(delivery: &Delivery, settings: &LogoutSettings, other_live_session: bool) -> Value {
    let issuer = "https://issuer.example/".parse().unwrap();
    let jti = "j1".parse().unwrap();
    let claims = claims(&issuer, delivery, settings, other_live_session, NOW, &jti);
    serde_json::from_slice(&claims.to_json()).unwrap()
}

fn all_sessions() -> Delivery {
    let about = About::AllSessions(vec!["s1".parse().unwrap(), "s2".parse().unwrap()]);
    Delivery {
        about,
        ..sample::delivery()
    }
}

#[test]
fn g2_g3_g4_g10_the_claims_are_exactly_these() {
    let token = minted(&sample::delivery(), &sample::settings(), false);
    assert_eq!(
        token,
        json!({
            "iss": "https://issuer.example/", "sub": "auth0|7", "aud": "shop",
            "iat": 1_795_413_600, "exp": 1_795_413_720, "jti": "j1",
            "events": { EVENT_URI: {} }, "sid": "s1", "trace_id": "0123456789abcdef",
        })
    );
}

#[test]
fn g2_a_token_without_sid_carries_the_time_of_the_event() {
    let event_at = NOW - Duration::from_mins(10);
    let token = minted(
        &Delivery {
            event_at,
            ..all_sessions()
        },
        &sample::settings(),
        false,
    );
    assert_eq!(
        (&token["sub"], &token["toe"]),
        (&json!("auth0|7"), &json!(1_795_413_000))
    );
    assert!(token.get("sid").is_none());
}

#[test]
fn g11_a_token_lives_two_minutes_at_most_and_half_a_minute_at_least() {
    for (asked, lifetime) in [(30, 30), (45, 45), (120, 120), (86_400, 120), (0, 30)] {
        let mut settings = sample::settings();
        settings.delivery.lifetime_seconds = asked;
        let token = minted(&sample::delivery(), &settings, false);
        let seconds = token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap();
        assert_eq!(seconds, lifetime, "{asked}");
    }
}

#[test]
fn g27_the_subject_is_named_as_the_client_wants_it() {
    for (subject, other_live_session, named) in [
        (SubjectInToken::Auto, false, true),
        (SubjectInToken::Auto, true, false),
        (SubjectInToken::Always, true, true),
        (SubjectInToken::Never, false, false),
    ] {
        let mut settings = sample::settings();
        settings.delivery.subject = subject;
        let token = minted(&sample::delivery(), &settings, other_live_session);
        assert_eq!(
            token.get("sub").is_some(),
            named,
            "{subject:?} {other_live_session}"
        );
        assert_eq!(token["sid"], "s1", "{subject:?}");
    }
}

#[test]
fn g30_metadata_travels_only_if_opted_in_then_and_now_and_not_empty() {
    let mut with_metadata = sample::delivery();
    with_metadata.metadata.set("deviceName", "kiosk").unwrap();
    for (delivery, include, travels) in [
        (&with_metadata, Some(true), true),
        (&with_metadata, Some(false), false),
        (&with_metadata, None, false),
        // Not opted in at the event: nothing was kept. Or the session had none.
        (&sample::delivery(), Some(true), false),
    ] {
        let settings = LogoutSettings {
            include_session_metadata: include,
            ..sample::settings()
        };
        let token = minted(delivery, &settings, false);
        let expected = travels.then(|| json!({ "deviceName": "kiosk" }));
        assert_eq!(
            token.get("session_metadata"),
            expected.as_ref(),
            "{include:?}"
        );
        assert_eq!(token["events"], json!({ EVENT_URI: {} }));
    }
}

#[test]
fn g8_a_client_that_requires_sid_is_told_of_each_session() {
    let mut settings = sample::settings();
    assert!(must_expand(&all_sessions(), &settings, false), "opted out");
    settings.delivery.subject_logout = true;
    assert!(!must_expand(&all_sessions(), &settings, false));
    assert!(must_expand(&all_sessions(), &settings, true));
    settings.delivery.session_required = true;
    assert!(must_expand(&all_sessions(), &settings, false));
    assert!(!must_expand(&sample::delivery(), &settings, true));
}

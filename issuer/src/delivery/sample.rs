//! A client and a delivery for the tests of this room.

use std::sync::Arc;
use std::time::Duration;

use logout_shared::{SessionMetadata, SigningAlgorithm, Timestamp};
use uuid::Uuid;

use crate::domain::client::Client;
use crate::domain::delivery::{About, Delivery, DeliveryId, DeliveryState};
use crate::domain::initiator::Initiator;
use crate::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl};
use crate::storage::ClaimedDelivery;

pub(super) const URL: &str = "https://shop.example/bcl";

pub(super) fn settings() -> LogoutSettings {
    LogoutSettings {
        urls: vec![LogoutUrl::from_stored(URL.into())],
        initiators: Some(Initiators::All),
        ..LogoutSettings::default()
    }
}

pub(super) fn client() -> Client {
    Client {
        signing_algorithm: SigningAlgorithm::Es256,
        logout: Some(settings()),
        ..Client::new("shop".parse().unwrap(), "Shop", Timestamp::from_secs(0))
    }
}

pub(super) fn delivery() -> Delivery {
    let event_at = Timestamp::from_secs(1_795_413_600);
    Delivery {
        id: DeliveryId(Uuid::nil()),
        client: "shop".parse().unwrap(),
        user: "auth0|7".parse().unwrap(),
        about: About::Session("s1".parse().unwrap()),
        initiator: Initiator::SessionRevoked,
        url: LogoutUrl::from_stored(URL.into()),
        trace_id: "0123456789abcdef".parse().unwrap(),
        metadata: SessionMetadata::new(),
        event_at,
        state: DeliveryState::InFlight,
        attempts: 0,
        next_attempt_at: Some(event_at),
        queued_at: None,
        give_up_at: event_at + Duration::from_hours(72),
        finished_at: None,
        last: None,
        follow_up: false,
    }
}

pub(super) fn claimed() -> ClaimedDelivery {
    ClaimedDelivery {
        delivery: delivery(),
        client: Some(Arc::new(client())),
        other_live_session: false,
    }
}

//! Who is told of what.

use logout_shared::random::SeededRandom;
use logout_shared::{SessionMetadata, SigningAlgorithm};
use serde_json::Map;

use super::*;
use crate::domain::initiator::Initiator;
use crate::domain::logout_settings::{Initiators, LogoutUrl};
use crate::domain::session::{AuthenticationMethod, Device, Session, SessionLifetimes};

const START: Timestamp = Timestamp::from_secs(1_795_413_600);
const DAY: Duration = Duration::from_hours(24);

fn client(id: &str, logout: Option<LogoutSettings>) -> Client {
    Client {
        id: id.parse().unwrap(),
        name: id.into(),
        sealed_secret: None,
        token_endpoint_auth_method: None,
        callbacks: Vec::new(),
        allowed_logout_urls: Vec::new(),
        grant_types: Vec::new(),
        signing_algorithm: SigningAlgorithm::Rs256,
        management_scopes: Vec::new(),
        logout,
        other: Map::new(),
        created_at: START,
        updated_at: START,
    }
}

fn settings(urls: &[&str], initiators: Option<Initiators>) -> LogoutSettings {
    let urls = urls
        .iter()
        .map(|url| LogoutUrl::from_stored((*url).into()))
        .collect();
    LogoutSettings {
        urls,
        initiators,
        ..LogoutSettings::default()
    }
}

fn ended(initiator: Initiator) -> EndedSession {
    let mut session = Session::start(
        "s1".parse().unwrap(),
        "auth0|7".parse().unwrap(),
        Device::default(),
        AuthenticationMethod::password(START),
        &SessionLifetimes::default(),
    );
    session.metadata.set("deviceName", "kiosk").unwrap();
    session.end(initiator, START + DAY)
}

fn participant(client: &str, joined_at: Timestamp) -> Participant {
    Participant {
        client: client.parse().unwrap(),
        joined_at: START,
        last_joined_at: joined_at,
    }
}

fn told(ended: &EndedSession, participants: &[Participant], clients: &[Client]) -> Vec<Delivery> {
    let random = SeededRandom::new(1);
    let told = fan_out(ended, participants, clients, 3 * DAY, &random);
    told.into_iter().flat_map(|told| told.deliveries).collect()
}

#[test]
fn g23_only_participants_that_want_it_and_are_still_there_are_told() {
    let clients = [
        client(
            "wants",
            Some(settings(&["https://a.example/"], Some(Initiators::All))),
        ),
        client(
            "stranger",
            Some(settings(&["https://b.example/"], Some(Initiators::All))),
        ),
        client("default", Some(settings(&["https://c.example/"], None))),
        client("no-url", Some(settings(&[], Some(Initiators::All)))),
        client("unset", None),
    ];
    let participants: Vec<_> = ["wants", "default", "no-url", "unset", "deleted"]
        .map(|id| participant(id, START))
        .into();
    let names = |initiator| {
        let deliveries = told(&ended(initiator), &participants, &clients);
        deliveries
            .iter()
            .map(|told| told.client.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(Initiator::SessionRevoked), ["wants"]);
    assert_eq!(names(Initiator::RpLogout), ["wants", "default"]);
}

#[test]
fn each_url_is_a_delivery_of_its_own_with_the_same_trace_id() {
    let urls = ["https://a.example/1", "https://a.example/2"];
    let clients = [
        client("shop", Some(settings(&urls, Some(Initiators::All)))),
        client("till", Some(settings(&urls[..1], Some(Initiators::All)))),
    ];
    let participants = [participant("shop", START), participant("till", START)];
    let deliveries = told(&ended(Initiator::SessionRevoked), &participants, &clients);
    let [first, second, till] = &deliveries[..] else {
        panic!("{deliveries:?}")
    };
    assert_eq!([first.url.as_str(), second.url.as_str()], urls);
    assert_eq!(first.trace_id, second.trace_id);
    assert_ne!(first.trace_id, till.trace_id);
    assert_ne!(first.id, second.id);
    assert_eq!(first.event_at, START + DAY);
    assert_eq!(first.next_attempt_at, Some(START + DAY));
    assert_eq!(first.give_up_at, START + 4 * DAY);
}

#[test]
fn g30_the_snapshot_of_metadata_is_for_those_that_opted_in() {
    let opted_in = LogoutSettings {
        include_session_metadata: Some(true),
        ..settings(&["https://a.example/"], Some(Initiators::All))
    };
    let opted_out = settings(&["https://b.example/"], Some(Initiators::All));
    let clients = [client("in", Some(opted_in)), client("out", Some(opted_out))];
    let participants = [participant("in", START), participant("out", START)];
    let deliveries = told(&ended(Initiator::SessionRevoked), &participants, &clients);
    assert_eq!(deliveries[0].metadata.get("deviceName"), Some("kiosk"));
    assert_eq!(deliveries[1].metadata, SessionMetadata::new());
}

#[test]
fn who_joined_less_than_ten_seconds_before_the_end_is_told_once_more() {
    let clients = [client(
        "shop",
        Some(settings(&["https://a.example/"], Some(Initiators::All))),
    )];
    let end = START + DAY;
    for (joined_at, follow_up) in [
        (end - Duration::from_millis(9_999), true),
        (end - Duration::from_secs(10), false),
        (end, true),
    ] {
        let participants = [participant("shop", joined_at)];
        let deliveries = told(&ended(Initiator::SessionRevoked), &participants, &clients);
        assert_eq!(deliveries[0].follow_up, follow_up);
    }
}

#[test]
fn an_initiator_that_ends_no_session_is_told_to_those_that_name_it() {
    let named = Initiators::Custom(vec![Initiator::ProfileChanged]);
    let clients = [
        client(
            "all",
            Some(settings(&["https://a.example/"], Some(Initiators::All))),
        ),
        client(
            "named",
            Some(settings(&["https://b.example/"], Some(named))),
        ),
    ];
    let participants = [participant("all", START), participant("named", START)];
    let deliveries = told(&ended(Initiator::ProfileChanged), &participants, &clients);
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].client.as_str(), "named");
}

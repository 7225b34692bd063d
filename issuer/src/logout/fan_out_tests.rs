//! Who is told of what.

use logout_shared::random::SeededRandom;

use super::*;
use crate::domain::client::Client;
use crate::domain::logout_settings::{Initiators, LogoutUrl};

const START: Timestamp = Timestamp::from_secs(1_795_413_600);
const DAY: Duration = Duration::from_hours(24);

fn client(id: &str, logout: Option<LogoutSettings>) -> Client {
    Client {
        logout,
        ..Client::new(id.parse().unwrap(), id, START)
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

fn event(initiator: Initiator) -> Event {
    Event {
        initiator,
        at: START + DAY,
        give_up_at: START + 4 * DAY,
    }
}

fn concerned(session: &str, participants: &[Participant]) -> Concerned {
    let mut metadata = SessionMetadata::new();
    metadata.set("deviceName", "kiosk").unwrap();
    Concerned {
        session: session.parse().unwrap(),
        user: "auth0|7".parse().unwrap(),
        metadata,
        participants: participants.to_vec(),
    }
}

fn participant(client: &str, joined_at: Timestamp) -> Participant {
    Participant {
        client: client.parse().unwrap(),
        joined_at: START,
        last_joined_at: joined_at,
    }
}

fn out(
    initiator: Initiator,
    concerned: &[Concerned],
    clients: &[Client],
    coalescing: &Coalescing,
) -> FanOut {
    let clients = clients.iter();
    let clients = clients
        .filter_map(|client| Some((&client.id, client.logout.as_ref()?)))
        .collect();
    let random = SeededRandom::new(1);
    fan_out(event(initiator), concerned, &clients, coalescing, &random)
}

fn told(initiator: Initiator, participants: &[Participant], clients: &[Client]) -> Vec<Delivery> {
    let concerned = [concerned("s1", participants)];
    out(initiator, &concerned, clients, &Coalescing::Never).deliveries
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
        let deliveries = told(initiator, &participants, &clients);
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
    let deliveries = told(Initiator::SessionRevoked, &participants, &clients);
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
    let deliveries = told(Initiator::SessionRevoked, &participants, &clients);
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
        let deliveries = told(Initiator::SessionRevoked, &participants, &clients);
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
    let deliveries = told(Initiator::ProfileChanged, &participants, &clients);
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].client.as_str(), "named");
}

#[test]
fn who_is_not_told_is_known() {
    let wants = Some(settings(&["https://a.example/"], Some(Initiators::All)));
    let only_sign_out = Some(settings(&["https://b.example/"], None));
    let clients = [client("wants", wants), client("sign-out", only_sign_out)];
    let participants = ["wants", "sign-out", "deleted"].map(|id| participant(id, START));
    let out = out(
        Initiator::SessionExpired,
        &[concerned("s1", &participants)],
        &clients,
        &Coalescing::Never,
    );
    let names = |pairs: &[(SessionId, ClientId)]| {
        let names = pairs.iter().map(|(sid, client)| format!("{sid} {client}"));
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&out.told), ["s1 wants"]);
    assert_eq!(names(&out.untold), ["s1 sign-out", "s1 deleted"]);
}

/// The settings of a client that one token for all sessions may reach.
fn opted_in(change: impl FnOnce(&mut LogoutSettings)) -> LogoutSettings {
    let mut settings = settings(
        &["https://a.example/1", "https://a.example/2"],
        Some(Initiators::All),
    );
    settings.delivery.subject_logout = true;
    change(&mut settings);
    settings
}

/// What a client is told of two sessions that end together: sids, `+` between those of one token.
fn of_two(settings: LogoutSettings, coalescing: &Coalescing) -> Vec<String> {
    let shop = [participant("shop", START)];
    let both = [concerned("s1", &shop), concerned("s2", &shop)];
    let clients = [client("shop", Some(settings))];
    let out = out(Initiator::AccountDeleted, &both, &clients, coalescing);
    let text = |about: &About| match about {
        About::Session(sid) => sid.to_string(),
        About::AllSessions(sids) => sids
            .iter()
            .map(SessionId::as_str)
            .collect::<Vec<_>>()
            .join("+"),
    };
    assert_eq!(out.told.len(), 2);
    out.deliveries.iter().map(|one| text(&one.about)).collect()
}

#[test]
fn all_sessions_at_a_client_that_opted_in_are_one_delivery_for_each_url() {
    let all = Coalescing::AllBut(HashSet::new());
    assert_eq!(of_two(opted_in(|_| {}), &all), ["s1+s2", "s1+s2"]);
}

#[test]
fn each_session_is_told_on_its_own_where_one_token_would_not_do() {
    let all = Coalescing::AllBut(HashSet::new());
    let apart = ["s1", "s1", "s2", "s2"];
    let stays = Coalescing::AllBut(["shop".parse().unwrap()].into());
    assert_eq!(of_two(opted_in(|_| {}), &stays), apart);
    assert_eq!(of_two(opted_in(|_| {}), &Coalescing::Never), apart);
    for change in [
        |it: &mut LogoutSettings| it.delivery.subject_logout = false,
        |it: &mut LogoutSettings| it.delivery.session_required = true,
        |it: &mut LogoutSettings| it.include_session_metadata = Some(true),
    ] {
        assert_eq!(of_two(opted_in(change), &all), apart);
    }
}

#[test]
fn a_single_session_keeps_its_sid() {
    let shop = [participant("shop", START)];
    let clients = [client("shop", Some(opted_in(|_| {})))];
    let out = out(
        Initiator::AccountDeleted,
        &[concerned("s1", &shop)],
        &clients,
        &Coalescing::AllBut(HashSet::new()),
    );
    assert!(
        out.deliveries
            .iter()
            .all(|one| one.about.session().is_some())
    );
}

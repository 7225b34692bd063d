//! Slots, queues and probes of several endpoints together.

use std::time::Duration;

use super::*;
use crate::domain::logout_settings::LogoutUrl;

const NOW: Timestamp = Timestamp::from_secs(1_795_413_600);
const FAILS: Sign = Sign::Fails {
    refusing: false,
    retry_after: None,
};

fn to(name: &str) -> Endpoint {
    Endpoint {
        client: "shop".parse().unwrap(),
        url: LogoutUrl::from_stored(format!("https://{name}.example/")),
    }
}

fn windows(slots: u32) -> Windows {
    Windows::new(slots, WindowSettings::default())
}

fn names(slots: &[Slot]) -> Vec<&str> {
    slots
        .iter()
        .map(|slot| slot.endpoint().url.as_str())
        .collect()
}

fn go_down(windows: &Windows, endpoint: &Endpoint) {
    for failure in 1..=4 {
        let slot = windows.take(endpoint, NOW).unwrap();
        assert_eq!(slot.finish(FAILS, NOW, 0.5).1, failure == 4);
    }
}

#[test]
fn g15_endpoints_that_hang_leave_slots_for_the_others() {
    let windows = windows(2_048);
    let hanging: Vec<Endpoint> = (0..100).map(|number| to(&format!("h{number}"))).collect();
    let mut held = Vec::new();
    // Each has proved before that it keeps up, so each could have 256.
    for _ in 0..300 {
        for endpoint in &hanging {
            let Some(slot) = windows.take(endpoint, NOW) else {
                continue;
            };
            slot.finish(Sign::Answers, NOW, 0.5);
            held.extend(windows.take(endpoint, NOW));
        }
    }
    assert!(windows.free() > 50, "{} free", windows.free());
    assert!(windows.take(&to("quick"), NOW).is_some());
}

#[test]
fn a_dropped_slot_is_free_again_and_an_idle_endpoint_costs_nothing() {
    let windows = windows(1);
    let slot = windows.take(&to("a"), NOW).unwrap();
    assert!(windows.take(&to("b"), NOW).is_none());
    drop(slot);
    assert_eq!(windows.free(), 1);
    assert!(windows.view().is_empty());
}

#[test]
fn queues_are_served_in_turn() {
    let windows = windows(2_048);
    windows.note_queue([&to("a"), &to("b")]);
    assert!(windows.has_work(NOW));
    let first = windows.take_for_queues(NOW, 10);
    assert_eq!(
        names(&first)
            .iter()
            .filter(|name| name.contains("a."))
            .count(),
        8
    );
    assert_eq!(first.len(), 10);
    // `b` had room left, `a` is full until a slot of its own comes back.
    let second = windows.take_for_queues(NOW, 10);
    assert_eq!(second.len(), 6);
    assert!(!windows.has_work(NOW));
    drop(first);
    assert!(windows.has_work(NOW));
}

#[test]
fn an_endpoint_whose_queue_is_empty_is_no_longer_asked() {
    let windows = windows(10);
    windows.note_queue([&to("a")]);
    windows.note_empty_queue(&to("a"));
    assert!(windows.take_for_queues(NOW, 10).is_empty());
    assert!(!windows.has_work(NOW));
    assert!(windows.view().is_empty());
}

#[test]
fn nothing_new_overtakes_a_queue() {
    let windows = windows(10);
    assert!(windows.take_unless_queued(&to("a"), NOW).is_some());
    windows.note_queue([&to("a")]);
    assert!(windows.take_unless_queued(&to("a"), NOW).is_none());
}

#[test]
fn an_endpoint_that_is_down_is_probed_for_what_it_is_owed_and_then_served() {
    let windows = windows(100);
    let a = to("a");
    go_down(&windows, &a);
    assert_eq!(windows.next_probe_at(), None, "nothing is owed to it");
    windows.note_queue([&a]);
    let probe_at = NOW + Duration::from_secs(1);
    assert_eq!(windows.next_probe_at(), Some(probe_at));
    assert!(windows.take_for_queues(NOW, 10).is_empty());
    let mut probe = windows.take_for_queues(probe_at, 10);
    assert_eq!(probe.len(), 1);
    assert_eq!(windows.next_probe_at(), None, "one probe at a time");
    let (turn, is_down) = probe.remove(0).finish(Sign::Answers, probe_at, 0.5);
    assert_eq!((turn, is_down), (Some(Turn::CameBack), false));
    assert_eq!(windows.take_for_queues(probe_at, 10).len(), 1);
}

#[test]
fn a_probe_can_be_asked_for() {
    let windows = windows(100);
    let a = to("a");
    assert!(!windows.probe_now(&a, NOW), "it is not down");
    go_down(&windows, &a);
    windows.note_queue([&a]);
    assert!(windows.probe_now(&a, NOW));
    assert_eq!(windows.take_for_queues(NOW, 10).len(), 1);
}

#[test]
fn an_endpoint_that_went_down_long_ago_is_forgotten_unless_it_is_owed_something() {
    let windows = windows(100);
    go_down(&windows, &to("a"));
    go_down(&windows, &to("b"));
    windows.note_queue([&to("b")]);
    windows.forget_quiet(NOW + Duration::from_secs(3_601));
    assert_eq!(windows.view().len(), 2);
    windows.forget_quiet(NOW + Duration::from_secs(3_602));
    assert_eq!(windows.view().len(), 1);
}

//! How many requests may be under way to each URL of each client, and what waits for a slot.
//!
//! An endpoint has a fixed number of slots. What was claimed for it beyond them waits here, up to
//! a limit, as long as its lease lasts; an endpoint that is full is left out of further claims, so
//! that one that hangs holds its own slots and nothing else.

use std::collections::{HashMap, VecDeque};

use logout_shared::Timestamp;

use crate::domain::delivery::{DeliveryId, Endpoint};
use crate::storage::ClaimedDelivery;

/// How many deliveries may wait for an endpoint, for each of its slots.
const WAITING_PER_SLOT: usize = 7;

/// How many deliveries may wait here in all.
const MAX_WAITING: usize = 8_192;

/// The slots of this process.
#[derive(Debug)]
pub(super) struct Windows {
    slots_per_endpoint: usize,
    slots: usize,
    endpoints: HashMap<Endpoint, Window>,
    running: usize,
    waiting: usize,
}

#[derive(Debug, Default)]
struct Window {
    running: usize,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    claimed: ClaimedDelivery,
    lease_until: Timestamp,
}

/// What becomes of a claimed delivery.
#[derive(Debug)]
pub(super) enum Admission {
    /// It has a slot: attempt it now.
    Start(Box<ClaimedDelivery>),
    /// It waits for a slot.
    Waits,
    /// There is no room: give its lease back.
    Surplus(DeliveryId),
}

impl Windows {
    pub(super) fn new(slots: u32, slots_per_endpoint: u32) -> Self {
        let at_least_one = |slots: u32| usize::try_from(slots.max(1)).unwrap_or(usize::MAX);
        Self {
            slots_per_endpoint: at_least_one(slots_per_endpoint),
            slots: at_least_one(slots),
            endpoints: HashMap::new(),
            running: 0,
            waiting: 0,
        }
    }

    /// How many slots are free in this process.
    pub(super) fn free(&self) -> usize {
        self.slots.saturating_sub(self.running)
    }

    /// The endpoints for which nothing more should be claimed.
    pub(super) fn full(&self) -> Vec<Endpoint> {
        let full = self
            .endpoints
            .iter()
            .filter(|(_, window)| is_full(window, self.slots_per_endpoint, self.waiting));
        full.map(|(endpoint, _)| endpoint.clone()).collect()
    }

    /// Gives a claimed delivery a slot, a place to wait, or neither.
    pub(super) fn admit(&mut self, claimed: ClaimedDelivery, lease_until: Timestamp) -> Admission {
        let endpoint = claimed.delivery.endpoint();
        let surplus = Admission::Surplus(claimed.delivery.id);
        let running = self
            .endpoints
            .get(&endpoint)
            .map_or(0, |window| window.running);
        if running < self.slots_per_endpoint {
            if self.free() == 0 {
                return surplus;
            }
            self.endpoints.entry(endpoint).or_default().running += 1;
            self.running += 1;
            return Admission::Start(Box::new(claimed));
        }
        match self.endpoints.get_mut(&endpoint) {
            Some(window) if !is_full(window, self.slots_per_endpoint, self.waiting) => {
                window.waiting.push_back(Waiting {
                    claimed,
                    lease_until,
                });
                self.waiting += 1;
                Admission::Waits
            }
            _ => surplus,
        }
    }

    /// Frees a slot and hands it to the first that waits with a lease that still lasts; gives also
    /// those whose lease is too short for an attempt and is to be given back.
    pub(super) fn finished(
        &mut self,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> (Option<ClaimedDelivery>, Vec<DeliveryId>) {
        let mut too_late = Vec::new();
        let Some(window) = self.endpoints.get_mut(endpoint) else {
            return (None, too_late);
        };
        window.running = window.running.saturating_sub(1);
        self.running = self.running.saturating_sub(1);
        let mut next = None;
        while let Some(waiting) = window.waiting.pop_front() {
            self.waiting -= 1;
            if lasts(&waiting, now) {
                window.running += 1;
                self.running += 1;
                next = Some(waiting.claimed);
                break;
            }
            // A lease that is over is not ours to give back: another claim may hold it by now.
            if now < waiting.lease_until {
                too_late.push(waiting.claimed.delivery.id);
            }
        }
        if window.running == 0 && window.waiting.is_empty() {
            self.endpoints.remove(endpoint);
        }
        (next, too_late)
    }

    /// Empties the waiting places.
    pub(super) fn give_up_waiting(&mut self) -> Vec<DeliveryId> {
        self.waiting = 0;
        let windows = self.endpoints.values_mut();
        let waiting = windows.flat_map(|window| window.waiting.drain(..));
        waiting.map(|waiting| waiting.claimed.delivery.id).collect()
    }
}

fn is_full(window: &Window, slots: usize, waiting_in_all: usize) -> bool {
    let places = slots * (1 + WAITING_PER_SLOT);
    window.running + window.waiting.len() >= places
        || (window.running >= slots && waiting_in_all >= MAX_WAITING)
}

/// Whether the lease outlasts an attempt that begins now.
fn lasts(waiting: &Waiting, now: Timestamp) -> bool {
    let client = waiting.claimed.client.as_deref();
    let settings = client.and_then(|client| client.logout.as_ref());
    let timeout = settings
        .map(|settings| settings.delivery.timeout())
        .unwrap_or_default();
    now + timeout < waiting.lease_until
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::delivery::sample;
    use crate::domain::logout_settings::LogoutUrl;

    const NOW: Timestamp = Timestamp::from_secs(1_795_413_600);

    fn to(url: &str) -> ClaimedDelivery {
        let mut claimed = sample::claimed();
        claimed.delivery.url = LogoutUrl::from_stored(url.into());
        claimed
    }

    fn admit(windows: &mut Windows, url: &str) -> &'static str {
        match windows.admit(to(url), NOW + Duration::from_secs(30)) {
            Admission::Start(_) => "starts",
            Admission::Waits => "waits",
            Admission::Surplus(_) => "surplus",
        }
    }

    #[test]
    fn g15_an_endpoint_that_is_full_leaves_the_slots_of_others_alone() {
        let mut windows = Windows::new(100, 2);
        let slow: Vec<_> = (0..17)
            .map(|_| admit(&mut windows, "https://slow.example/"))
            .collect();
        assert_eq!(slow.iter().filter(|it| **it == "starts").count(), 2);
        assert_eq!(slow.iter().filter(|it| **it == "waits").count(), 14);
        assert_eq!(slow[16], "surplus");
        assert_eq!(
            windows.full(),
            [to("https://slow.example/").delivery.endpoint()]
        );
        assert_eq!(admit(&mut windows, "https://quick.example/"), "starts");
    }

    #[test]
    fn a_freed_slot_goes_to_the_first_that_waits() {
        let mut windows = Windows::new(100, 1);
        let endpoint = to("https://a.example/").delivery.endpoint();
        assert_eq!(admit(&mut windows, "https://a.example/"), "starts");
        assert_eq!(admit(&mut windows, "https://a.example/"), "waits");
        assert!(windows.finished(&endpoint, NOW).0.is_some());
        assert!(windows.finished(&endpoint, NOW).0.is_none());
        assert_eq!(windows.free(), 100);
        assert!(
            windows.endpoints.is_empty(),
            "an idle endpoint costs nothing"
        );
    }

    #[test]
    fn what_waited_past_its_lease_is_not_attempted() {
        let mut windows = Windows::new(100, 1);
        let endpoint = to("https://a.example/").delivery.endpoint();
        admit(&mut windows, "https://a.example/");
        admit(&mut windows, "https://a.example/");
        // An attempt may take 5 s, so 25 s is the first moment at which 30 s are too short.
        let (next, too_late) = windows.finished(&endpoint, NOW + Duration::from_secs(25));
        assert!(next.is_none());
        assert_eq!(too_late.len(), 1);
    }

    #[test]
    fn a_lease_that_has_run_out_is_not_given_back() {
        let mut windows = Windows::new(100, 1);
        let endpoint = to("https://a.example/").delivery.endpoint();
        admit(&mut windows, "https://a.example/");
        admit(&mut windows, "https://a.example/");
        let (next, too_late) = windows.finished(&endpoint, NOW + Duration::from_secs(30));
        assert!(next.is_none() && too_late.is_empty());
        assert_eq!(windows.free(), 100);
    }

    #[test]
    fn the_slots_of_the_process_bound_all_endpoints_together() {
        let mut windows = Windows::new(2, 8);
        assert_eq!(admit(&mut windows, "https://a.example/"), "starts");
        assert_eq!(admit(&mut windows, "https://b.example/"), "starts");
        assert_eq!(admit(&mut windows, "https://c.example/"), "surplus");
        assert_eq!(windows.free(), 0);
    }
}

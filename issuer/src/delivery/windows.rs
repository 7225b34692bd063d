//! The windows of all endpoints of this process, and the slots that they give out.
//!
//! A [`Slot`] frees itself when it is dropped, so none is ever lost. The process has a number of
//! slots of its own; an endpoint takes at most a quarter of those that are free, so that however
//! many of them hang at once, there are always some for the others. An endpoint with a queue is
//! listed: in `ready` while it may have room, in `probes` while it is down. The rules for one
//! endpoint are `window.rs`'s.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use logout_shared::Timestamp;

use super::settings::WindowSettings;
use super::window::{Sign, Turn, Window, WindowView};
use crate::domain::delivery::Endpoint;

/// One endpoint may take this part of the free slots.
const SHARE: u32 = 4;

/// The windows of this process. Clones are the same windows.
#[derive(Debug, Clone)]
pub struct Windows(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: WindowSettings,
    slots: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    endpoints: HashMap<Arc<Endpoint>, Listed>,
    in_flight: u32,
    /// Open endpoints with a queue, in turn.
    ready: VecDeque<Arc<Endpoint>>,
    /// Endpoints that are down and have a queue.
    probes: BTreeSet<(Timestamp, Arc<Endpoint>)>,
}

#[derive(Debug)]
struct Listed {
    window: Window,
    is_ready: bool,
    probe_at: Option<Timestamp>,
}

/// The right to one request to one endpoint.
#[derive(Debug)]
pub(super) struct Slot {
    windows: Windows,
    endpoint: Arc<Endpoint>,
    probe: bool,
    sign: Sign,
    at: (Timestamp, f64),
    turn: Option<Turn>,
    is_free: bool,
}

impl Windows {
    /// Windows for a process with that many slots.
    pub(super) fn new(slots: u32, settings: WindowSettings) -> Self {
        Self(Arc::new(Shared {
            settings,
            slots: slots.max(1),
            state: Mutex::default(),
        }))
    }

    /// A slot of this endpoint, if it has one now.
    pub(super) fn take(&self, endpoint: &Endpoint, now: Timestamp) -> Option<Slot> {
        let mut state = self.lock();
        let endpoint = state.find_or_add(endpoint, &self.0.settings);
        let slot = self.take_locked(&mut state, &endpoint, now);
        state.settle(&endpoint, &self.0.settings);
        slot
    }

    /// A slot for a delivery that nothing waits before.
    pub(super) fn take_unless_queued(&self, endpoint: &Endpoint, now: Timestamp) -> Option<Slot> {
        let waits = self
            .lock()
            .endpoints
            .get(endpoint)
            .is_some_and(|listed| listed.window.backlog || listed.window.is_down());
        (!waits).then(|| self.take(endpoint, now)).flatten()
    }

    /// Slots for endpoints that have a queue, `at_most` in all, endpoint after endpoint in turn.
    pub(super) fn take_for_queues(&self, now: Timestamp, at_most: u32) -> Vec<Slot> {
        let mut state = self.lock();
        let mut taken = Vec::new();
        let due: Vec<_> = state
            .probes
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(_, endpoint)| Arc::clone(endpoint))
            .collect();
        for endpoint in due {
            taken.extend(self.take_locked(&mut state, &endpoint, now));
            state.settle(&endpoint, &self.0.settings);
        }
        for _ in 0..state.ready.len() {
            if taken.len() >= at_most as usize || state.in_flight >= self.0.slots {
                break;
            }
            let Some(endpoint) = state.ready.pop_front() else {
                break;
            };
            let mut has_room = match state.endpoints.get_mut(&endpoint) {
                Some(listed) => {
                    listed.is_ready = false;
                    listed.window.backlog
                }
                None => false,
            };
            if !has_room {
                state.settle(&endpoint, &self.0.settings);
            }
            while has_room && taken.len() < at_most as usize {
                let slot = self.take_locked(&mut state, &endpoint, now);
                has_room = slot.is_some();
                taken.extend(slot);
            }
            // Without room it is listed again when one of its own slots comes back.
            if has_room || state.in_flight >= self.0.slots {
                state.settle(&endpoint, &self.0.settings);
            }
        }
        taken
    }

    /// Notes that deliveries are queued for these endpoints.
    pub(super) fn note_queue<'e>(&self, endpoints: impl IntoIterator<Item = &'e Endpoint>) {
        let mut state = self.lock();
        for endpoint in endpoints {
            let endpoint = state.find_or_add(endpoint, &self.0.settings);
            if let Some(listed) = state.endpoints.get_mut(&endpoint) {
                listed.window.backlog = true;
            }
            state.settle(&endpoint, &self.0.settings);
        }
    }

    /// Notes that the queue of an endpoint is empty.
    pub(super) fn note_empty_queue(&self, endpoint: &Endpoint) {
        let mut state = self.lock();
        if let Some((key, listed)) = state.find(endpoint) {
            listed.window.backlog = false;
            state.settle(&key, &self.0.settings);
        }
    }

    /// Whether something queued may be sent now.
    pub(super) fn has_work(&self, now: Timestamp) -> bool {
        let state = self.lock();
        let probe = state.probes.first().is_some_and(|(at, _)| *at <= now);
        state.in_flight < self.0.slots && (probe || !state.ready.is_empty())
    }

    /// When the next probe goes out.
    pub(super) fn next_probe_at(&self) -> Option<Timestamp> {
        self.lock().probes.first().map(|(at, _)| *at)
    }

    /// How many slots of the process are free.
    pub(super) fn free(&self) -> u32 {
        self.0.slots.saturating_sub(self.lock().in_flight)
    }

    /// Lets the next probe of an endpoint that is down go out now; gives whether it is down.
    pub fn probe_now(&self, endpoint: &Endpoint, now: Timestamp) -> bool {
        let mut state = self.lock();
        let Some((key, listed)) = state.find(endpoint) else {
            return false;
        };
        listed.window.hasten_probe(now);
        let is_down = listed.window.is_down();
        state.settle(&key, &self.0.settings);
        is_down
    }

    /// Forgets endpoints that went down long ago and have been owed nothing since.
    pub(crate) fn forget_quiet(&self, now: Timestamp) {
        let endpoints = &mut self.lock().endpoints;
        endpoints.retain(|_, listed| listed.is_ready || !listed.window.is_quiet(now));
    }

    /// All windows that are not as new: endpoints that are busy, had failures, or are down.
    pub fn view(&self) -> Vec<(Endpoint, WindowView)> {
        let state = self.lock();
        let views = state.endpoints.iter();
        views
            .map(|(endpoint, listed)| (Endpoint::clone(endpoint), listed.window.view()))
            .collect()
    }

    fn take_locked(
        &self,
        state: &mut State,
        endpoint: &Arc<Endpoint>,
        now: Timestamp,
    ) -> Option<Slot> {
        let free = self.0.slots.saturating_sub(state.in_flight);
        if free == 0 {
            return None;
        }
        let listed = state.endpoints.get_mut(endpoint)?;
        let probe = listed.window.take(free / SHARE, now)?;
        state.in_flight += 1;
        Some(Slot {
            windows: self.clone(),
            endpoint: Arc::clone(endpoint),
            probe,
            sign: Sign::Nothing,
            at: (now, 0.5),
            turn: None,
            is_free: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0
            .state
            .lock()
            .expect("no code panics while it holds this lock")
    }
}

impl State {
    fn find_or_add(&mut self, endpoint: &Endpoint, settings: &WindowSettings) -> Arc<Endpoint> {
        if let Some((known, _)) = self.find(endpoint) {
            return known;
        }
        let endpoint = Arc::new(endpoint.clone());
        let listed = Listed {
            window: Window::new(settings),
            is_ready: false,
            probe_at: None,
        };
        self.endpoints.insert(Arc::clone(&endpoint), listed);
        endpoint
    }

    fn find(&mut self, endpoint: &Endpoint) -> Option<(Arc<Endpoint>, &mut Listed)> {
        let (known, _) = self.endpoints.get_key_value(endpoint)?;
        let known = Arc::clone(known);
        let listed = self.endpoints.get_mut(endpoint)?;
        Some((known, listed))
    }

    /// Lists an endpoint where it belongs now, and forgets it once it is as a new one.
    fn settle(&mut self, endpoint: &Arc<Endpoint>, settings: &WindowSettings) {
        let Some(listed) = self.endpoints.get_mut(endpoint) else {
            return;
        };
        if listed.window.is_idle(settings) && !listed.is_ready {
            self.endpoints.remove(endpoint);
            return;
        }
        let probe_at = listed
            .window
            .next_probe_at()
            .filter(|_| listed.window.backlog);
        if listed.probe_at != probe_at {
            if let Some(at) = std::mem::replace(&mut listed.probe_at, probe_at) {
                self.probes.remove(&(at, Arc::clone(endpoint)));
            }
            self.probes
                .extend(probe_at.map(|at| (at, Arc::clone(endpoint))));
        }
        if listed.window.backlog && !listed.window.is_down() && !listed.is_ready {
            listed.is_ready = true;
            self.ready.push_back(Arc::clone(endpoint));
        }
    }
}

impl Slot {
    /// The endpoint.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Gives the slot back with what its attempt says about the endpoint; gives what that changed,
    /// and whether the endpoint is down now.
    pub(super) fn finish(
        mut self,
        sign: Sign,
        now: Timestamp,
        jitter: f64,
    ) -> (Option<Turn>, bool) {
        (self.sign, self.at) = (sign, (now, jitter));
        let is_down = self.free();
        (self.turn, is_down)
    }

    fn free(&mut self) -> bool {
        if std::mem::replace(&mut self.is_free, true) {
            return false;
        }
        let settings = &self.windows.0.settings;
        let mut state = self.windows.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        let Some(listed) = state.endpoints.get_mut(&self.endpoint) else {
            return false;
        };
        self.turn = listed
            .window
            .give_back(self.probe, self.sign, settings, self.at);
        let is_down = listed.window.is_down();
        state.settle(&self.endpoint, settings);
        is_down
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.free();
    }
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;

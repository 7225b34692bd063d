//! How much one endpoint is trusted with: the window of one URL of one client.
//!
//! Pure: times and jitter come in as values. A window starts with a few slots, doubles when all
//! were in use and an answer came, and halves with each failure. At zero the endpoint is down:
//! what is owed to it waits in its queue, and one delivery after another is sent as a probe, until
//! one is answered. The windows of a process together are `windows.rs`.

use std::time::Duration;

use logout_shared::Timestamp;

use super::settings::WindowSettings;

/// How long past its next probe an endpoint is remembered as down while nothing is owed to it.
const REMEMBERED: Duration = Duration::from_hours(1);

/// The window of one endpoint.
#[derive(Debug)]
pub(super) struct Window {
    limit: u32,
    in_flight: u32,
    /// Whether deliveries may be queued for it.
    pub(super) backlog: bool,
    down: Option<Down>,
}

#[derive(Debug)]
struct Down {
    since: Timestamp,
    failed_probes: u32,
    probe_at: Timestamp,
    probing: bool,
}

/// What an attempt says about its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It answers: it heard, or it said for good that it will not.
    Answers,
    /// It does not.
    Fails {
        /// Whether a person may have to mend something.
        refusing: bool,
        /// When it asked to be left alone until.
        retry_after: Option<Duration>,
    },
    /// Nothing was sent.
    Nothing,
}

/// What a sign changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The endpoint went down with this attempt.
    WentDown,
    /// It is back.
    CameBack,
}

/// What an operator may see of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowView {
    /// How many requests may be under way; 0 while it is down.
    pub limit: u32,
    /// How many are.
    pub in_flight: u32,
    /// Since when it is down, if it is.
    pub down_since: Option<Timestamp>,
    /// When it is tried next while it is down.
    pub next_probe_at: Option<Timestamp>,
}

impl Window {
    pub(super) fn new(settings: &WindowSettings) -> Self {
        Self {
            limit: settings.first,
            in_flight: 0,
            backlog: false,
            down: None,
        }
    }

    /// Takes a slot if there is one; `share` is what the process can spare for one endpoint, and
    /// the first slot is always spared. Gives whether it is a probe.
    pub(super) fn take(&mut self, share: u32, now: Timestamp) -> Option<bool> {
        let probe = match &mut self.down {
            Some(down) if down.probing || now < down.probe_at => return None,
            Some(down) => {
                down.probing = true;
                true
            }
            None if self.in_flight >= self.limit.min(share.max(1)) => return None,
            None => false,
        };
        self.in_flight += 1;
        Some(probe)
    }

    /// Gives a slot back, with what its attempt says.
    pub(super) fn give_back(
        &mut self,
        probe: bool,
        sign: Sign,
        settings: &WindowSettings,
        (now, jitter): (Timestamp, f64),
    ) -> Option<Turn> {
        let was_full = self.in_flight >= self.limit;
        self.in_flight = self.in_flight.saturating_sub(1);
        match (sign, &mut self.down) {
            (Sign::Answers, Some(_)) => {
                self.down = None;
                self.limit = 1;
                return Some(Turn::CameBack);
            }
            (Sign::Answers, None) if was_full => {
                self.limit = self.limit.saturating_mul(2).min(settings.most);
            }
            (Sign::Nothing, Some(down)) => down.probing &= !probe,
            (
                Sign::Fails {
                    refusing,
                    retry_after,
                },
                Some(down),
            ) if probe => {
                down.probing = false;
                down.failed_probes += 1;
                let wait = settings.probe_wait(down.failed_probes, refusing, retry_after, jitter);
                down.probe_at = now + wait;
            }
            // What else was under way when it went down says nothing new.
            (Sign::Answers | Sign::Nothing, None) | (Sign::Fails { .. }, Some(_)) => {}
            (
                Sign::Fails {
                    refusing,
                    retry_after,
                },
                None,
            ) => {
                self.limit /= 2;
                if self.limit == 0 {
                    self.down = Some(Down {
                        since: now,
                        failed_probes: 0,
                        probe_at: now + settings.probe_wait(0, refusing, retry_after, jitter),
                        probing: false,
                    });
                    return Some(Turn::WentDown);
                }
            }
        }
        None
    }

    /// Lets the next probe go out now.
    pub(super) fn hasten_probe(&mut self, now: Timestamp) {
        if let Some(down) = &mut self.down {
            down.probe_at = now;
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// When the next probe may go out, unless one is under way.
    pub(super) fn next_probe_at(&self) -> Option<Timestamp> {
        let down = self.down.as_ref().filter(|down| !down.probing)?;
        Some(down.probe_at)
    }

    /// Whether it is as good as a new one.
    pub(super) fn is_idle(&self, settings: &WindowSettings) -> bool {
        self.in_flight == 0 && !self.backlog && self.down.is_none() && self.limit >= settings.first
    }

    /// Whether it went down, was owed nothing since, and is no longer worth remembering.
    pub(super) fn is_quiet(&self, now: Timestamp) -> bool {
        self.in_flight == 0
            && !self.backlog
            && self.next_probe_at().is_some_and(|at| at + REMEMBERED < now)
    }

    pub(super) fn view(&self) -> WindowView {
        WindowView {
            limit: if self.is_down() { 0 } else { self.limit },
            in_flight: self.in_flight,
            down_since: self.down.as_ref().map(|down| down.since),
            next_probe_at: self.down.as_ref().map(|down| down.probe_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_795_413_600);
    const PLENTY: u32 = 1_000;
    const FAILS: Sign = Sign::Fails {
        refusing: false,
        retry_after: None,
    };

    struct Tried {
        window: Window,
        settings: WindowSettings,
        now: Timestamp,
    }

    impl Tried {
        fn new() -> Self {
            let settings = WindowSettings::default();
            Self {
                window: Window::new(&settings),
                settings,
                now: START,
            }
        }

        /// Takes as many slots as there are.
        fn fill(&mut self) -> u32 {
            let mut taken = 0;
            while self.window.take(PLENTY, self.now).is_some() {
                taken += 1;
            }
            taken
        }

        fn end(&mut self, probe: bool, sign: Sign) -> Option<Turn> {
            let at = (self.now, 0.5);
            self.window.give_back(probe, sign, &self.settings, at)
        }

        fn go_down(&mut self) {
            self.fill();
            let turns: Vec<_> = (0..8).map(|_| self.end(false, FAILS)).collect();
            assert_eq!(turns[3], Some(Turn::WentDown), "8, 4, 2, 1, 0");
            assert!(turns[4..].iter().all(Option::is_none));
        }
    }

    #[test]
    fn it_starts_with_eight_and_doubles_up_to_256_while_all_are_in_use() {
        let mut tried = Tried::new();
        assert_eq!(tried.fill(), 8);
        for limit in [16, 32, 64, 128, 256, 256] {
            assert_eq!(tried.end(false, Sign::Answers), None);
            tried.fill();
            assert_eq!(tried.window.view().in_flight, limit);
        }
    }

    #[test]
    fn an_answer_while_slots_are_free_proves_nothing() {
        let mut tried = Tried::new();
        for _ in 0..100 {
            assert_eq!(tried.window.take(PLENTY, tried.now), Some(false));
            tried.end(false, Sign::Answers);
        }
        assert_eq!(tried.window.view().limit, 8);
    }

    #[test]
    fn g15_it_halves_with_each_failure_and_is_down_at_zero() {
        let mut tried = Tried::new();
        tried.go_down();
        assert!(tried.window.is_down());
        assert_eq!(tried.fill(), 0);
    }

    #[test]
    fn probes_go_out_one_at_a_time_after_1_5_15_and_then_every_60_seconds() {
        let mut tried = Tried::new();
        tried.go_down();
        for wait in [1, 5, 15, 60, 60, 60] {
            tried.now = tried.now + Duration::from_millis(wait * 1_000 - 1);
            assert_eq!(
                tried.window.take(PLENTY, tried.now),
                None,
                "before {wait} s"
            );
            tried.now = tried.now + Duration::from_millis(1);
            assert_eq!(tried.window.take(PLENTY, tried.now), Some(true), "{wait} s");
            assert_eq!(tried.window.take(PLENTY, tried.now), None, "one probe");
            assert_eq!(tried.end(true, FAILS), None);
        }
    }

    #[test]
    fn a_probe_that_is_answered_opens_the_window_again_and_it_grows_from_one() {
        let mut tried = Tried::new();
        tried.go_down();
        tried.now = tried.now + Duration::from_secs(1);
        assert_eq!(tried.window.take(PLENTY, tried.now), Some(true));
        assert_eq!(tried.end(true, Sign::Answers), Some(Turn::CameBack));
        for limit in [1, 2, 4, 8, 16] {
            tried.fill();
            assert_eq!(tried.window.view().in_flight, limit);
            tried.end(false, Sign::Answers);
        }
    }

    #[test]
    fn a_probe_that_was_not_sent_can_be_taken_at_once() {
        let mut tried = Tried::new();
        tried.go_down();
        tried.now = tried.now + Duration::from_secs(1);
        assert_eq!(tried.window.take(PLENTY, tried.now), Some(true));
        tried.end(true, Sign::Nothing);
        assert_eq!(tried.window.take(PLENTY, tried.now), Some(true));
    }

    #[test]
    fn probes_wait_as_long_as_the_app_asks_and_a_minute_where_a_person_has_to_act() {
        let asked = Sign::Fails {
            refusing: false,
            retry_after: Some(Duration::from_mins(5)),
        };
        let refusing = Sign::Fails {
            refusing: true,
            retry_after: None,
        };
        for (sign, wait) in [(asked, 300), (refusing, 60)] {
            let mut tried = Tried::new();
            tried.fill();
            while tried.end(false, sign).is_none() {}
            let probe_at = tried.window.next_probe_at();
            assert_eq!(probe_at, Some(START + Duration::from_secs(wait)));
        }
    }

    #[test]
    fn the_share_of_the_process_bounds_it_but_for_the_first_slot() {
        let mut tried = Tried::new();
        assert_eq!(tried.window.take(0, START), Some(false));
        assert_eq!(tried.window.take(1, START), None);
        assert_eq!(tried.window.take(2, START), Some(false));
    }
}

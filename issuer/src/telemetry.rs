//! What operators can count, recorded into the `metrics` facade.
//!
//! A program that embeds the issuer installs the recorder it likes, or none, and then this costs
//! next to nothing; the server's own exporter is `http/metrics.rs`. Names and labels are stable.
//! Labels are our own words: never a URL, a client, a user or anything a caller sent, so that
//! nobody outside can make their number grow.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

const ATTEMPTS: &str = "logout_issuer_attempts_total";
const ATTEMPT: &str = "logout_issuer_attempt_duration_seconds";
const FIRST_ATTEMPT: &str = "logout_issuer_first_attempt_delay_seconds";
const HEARD: &str = "logout_issuer_heard_delay_seconds";
const FINISHED: &str = "logout_issuer_deliveries_finished_total";
const SIGNING: &str = "logout_issuer_signing_duration_seconds";
const UNFINISHED: &str = "logout_issuer_deliveries_unfinished";
const OLDEST: &str = "logout_issuer_oldest_unfinished_age_seconds";
const WINDOWS_DOWN: &str = "logout_issuer_windows_down";
const REQUESTS: &str = "logout_issuer_http_requests_total";
const REQUEST: &str = "logout_issuer_http_request_duration_seconds";

/// Says what each metric is; an exporter shows it.
pub fn describe() {
    describe_counter!(ATTEMPTS, "Attempts to tell a client, by outcome and error");
    describe_histogram!(
        ATTEMPT,
        Unit::Seconds,
        "From the first byte of an attempt to the last"
    );
    describe_histogram!(
        FIRST_ATTEMPT,
        Unit::Seconds,
        "From the end of a session to the first attempt to tell a client"
    );
    describe_histogram!(
        HEARD,
        Unit::Seconds,
        "From the end of a session to a client's answer that it heard"
    );
    describe_counter!(
        FINISHED,
        "Deliveries that were finished, by their last state"
    );
    describe_histogram!(
        SIGNING,
        Unit::Seconds,
        "Signing one logout token, the wait for a thread included"
    );
    describe_gauge!(
        UNFINISHED,
        "Deliveries that wait or are under way, by the state of their client's window"
    );
    describe_gauge!(
        OLDEST,
        Unit::Seconds,
        "Time since the end of the session of the oldest unfinished delivery"
    );
    describe_gauge!(
        WINDOWS_DOWN,
        "Windows (one for each client and URL) that are down: only probes are sent"
    );
    describe_counter!(REQUESTS, "HTTP requests, by method, route and status");
    describe_histogram!(REQUEST, Unit::Seconds, "Answering an HTTP request");
}

/// An attempt has ended.
#[derive(Debug, Clone, Copy)]
pub struct Attempted {
    /// `heard`, `refused`, `retry` or `refusing`.
    pub outcome: &'static str,
    /// What went wrong, in a word; empty if nothing did.
    pub error: &'static str,
    /// Whether it was the first at this delivery.
    pub is_first: bool,
    /// From the end of the session to the beginning of the attempt.
    pub delay: Duration,
    /// How long the attempt took.
    pub duration: Duration,
}

/// Counts an attempt.
pub fn attempted(attempt: Attempted) {
    let (outcome, took) = (attempt.outcome, attempt.duration);
    counter!(ATTEMPTS, "outcome" => outcome, "error" => attempt.error).increment(1);
    histogram!(ATTEMPT, "outcome" => outcome).record(took.as_secs_f64());
    if attempt.is_first {
        histogram!(FIRST_ATTEMPT).record(attempt.delay.as_secs_f64());
    }
    if outcome == "heard" {
        histogram!(HEARD).record((attempt.delay + took).as_secs_f64());
    }
}

/// Counts a finished delivery.
pub fn finished(state: &'static str) {
    counter!(FINISHED, "state" => state).increment(1);
}

/// Counts a signature.
pub fn signed(algorithm: &'static str, took: Duration) {
    histogram!(SIGNING, "alg" => algorithm).record(took.as_secs_f64());
}

/// What has not been finished, for windows in one state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backlog {
    /// How many windows there are: of the open ones those with unfinished deliveries.
    pub windows: u64,
    /// How many deliveries are unfinished.
    pub deliveries: u64,
    /// The age of the oldest.
    pub oldest: Duration,
}

/// Shows what has not been finished.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub fn backlog(open: Backlog, down: Backlog) {
    for (window, backlog) in [("open", open), ("down", down)] {
        gauge!(UNFINISHED, "window" => window).set(backlog.deliveries as f64);
        gauge!(OLDEST, "window" => window).set(backlog.oldest.as_secs_f64());
    }
    gauge!(WINDOWS_DOWN).set(down.windows as f64);
}

/// Counts an HTTP request; the route is the pattern that it matched.
pub fn answered(method: &str, route: Option<&str>, status: u16, took: Duration) {
    const KNOWN: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    let known = KNOWN.into_iter().find(|known| *known == method);
    let method = known.unwrap_or("other");
    let route = route.unwrap_or("none").to_owned();
    counter!(REQUESTS, "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    histogram!(REQUEST, "method" => method, "route" => route).record(took.as_secs_f64());
}

//! What operators see: log lines always, counters and histograms with the feature `metrics`.
//!
//! Names and labels are stable. Labels come from the configuration and from our own codes, never
//! from a token, so that nobody outside can make their number grow. No line says whose session
//! ended.

use std::time::Duration;

use logout_shared::Timestamp;
use logout_shared::jwks::JwkSet;
use tokio::time::Instant;

use crate::backchannel_logout::CompletedLogout;
use crate::error::VerifyError;
use crate::jwks::KeyFetchError;
use crate::session_index::Scope;

/// Measures how long a logout took.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The span in which one token is dealt with.
pub(crate) fn span(scope: &Scope) -> tracing::Span {
    let (issuer, client) = (scope.issuer.as_str(), scope.client_id.as_str());
    tracing::info_span!("logout_token", issuer, client.id = client)
}

/// A logout token was dealt with.
pub(crate) fn received(
    scope: &Scope,
    result: &Result<CompletedLogout, VerifyError>,
    watch: &Stopwatch,
) {
    let (outcome, reason) = match result {
        Ok(_) => ("accepted", ""),
        Err(error @ VerifyError::Invalid(_)) => ("refused", error.code()),
        Err(error @ VerifyError::Unavailable(_)) => ("unavailable", error.code()),
        Err(error @ VerifyError::Hook(_)) => ("hook", error.code()),
    };
    let (client, took) = (scope.client_id.as_str(), watch.elapsed());
    match result {
        Ok(done) => tracing::info!(
            client.id = client,
            sessions = done.ended.len(),
            trace_id = done.token.trace_id().map(tracing::field::display),
            duration_ms = took.as_secs_f64() * 1e3,
            "logout done"
        ),
        // Anybody can send such a token: worth a count, not an alarm.
        Err(VerifyError::Invalid(_)) => {
            tracing::info!(
                client.id = client,
                reason,
                "logout token refused ({reason})"
            );
        }
        Err(error) => {
            let error: &dyn std::error::Error = error;
            tracing::error!(
                client.id = client,
                reason,
                error,
                "logout not done ({reason})"
            );
        }
    }
    metric::received(scope, outcome, reason, took);
}

/// A token named a session together with somebody who does not own it; nothing was ended.
pub(crate) fn owner_differs(scope: &Scope) {
    let client = scope.client_id.as_str();
    tracing::warn!(
        client.id = client,
        "a logout token named a session and a user who does not own it: nothing ended"
    );
    metric::owner_differs(scope);
}

/// A fetch of the issuer's keys ended.
pub(crate) fn keys_fetched(source: &str, result: &Result<JwkSet, KeyFetchError>, now: Timestamp) {
    match result {
        Ok(keys) => {
            let (count, skipped) = (keys.len(), keys.skipped());
            tracing::debug!(source, keys = count, skipped, "issuer keys fetched");
        }
        Err(error) => {
            let error: &dyn std::error::Error = error;
            tracing::warn!(source, error, "issuer keys not fetched");
        }
    }
    metric::keys_fetched(source, result.as_ref().ok(), now);
}

#[cfg(feature = "metrics")]
mod metric {
    use std::time::Duration;

    use logout_shared::Timestamp;
    use logout_shared::jwks::JwkSet;
    use metrics::{counter, gauge, histogram};

    use crate::session_index::Scope;

    pub(super) fn received(
        scope: &Scope,
        outcome: &'static str,
        reason: &'static str,
        took: Duration,
    ) {
        let (issuer, client) = labels(scope);
        counter!("logout_receiver_tokens_total", "issuer" => issuer.clone(),
            "client_id" => client.clone(), "outcome" => outcome, "reason" => reason)
        .increment(1);
        histogram!("logout_receiver_token_seconds", "issuer" => issuer, "client_id" => client)
            .record(took.as_secs_f64());
    }

    pub(super) fn owner_differs(scope: &Scope) {
        let (issuer, client) = labels(scope);
        counter!("logout_receiver_owner_differs_total", "issuer" => issuer, "client_id" => client)
            .increment(1);
    }

    /// The gauges stay as they are when a fetch fails, as the keys do.
    #[expect(
        clippy::cast_precision_loss,
        reason = "at most 100 keys, and seconds far below 2^53"
    )]
    pub(super) fn keys_fetched(source: &str, keys: Option<&JwkSet>, now: Timestamp) {
        let source = source.to_owned();
        let outcome = if keys.is_some() { "ok" } else { "failed" };
        counter!("logout_receiver_key_fetches_total", "source" => source.clone(), "outcome" => outcome)
            .increment(1);
        let Some(keys) = keys else {
            return;
        };
        for (gauge, value) in [
            (
                gauge!("logout_receiver_keys", "source" => source.clone()),
                keys.len() as f64,
            ),
            (
                gauge!("logout_receiver_keys_skipped", "source" => source.clone()),
                keys.skipped() as f64,
            ),
            (
                gauge!("logout_receiver_keys_fetched_at_seconds", "source" => source.clone()),
                now.as_secs() as f64,
            ),
        ] {
            gauge.set(value);
        }
    }

    fn labels(scope: &Scope) -> (String, String) {
        (
            scope.issuer.as_str().to_owned(),
            scope.client_id.as_str().to_owned(),
        )
    }
}

#[cfg(not(feature = "metrics"))]
mod metric {
    use std::time::Duration;

    use logout_shared::Timestamp;
    use logout_shared::jwks::JwkSet;

    use crate::session_index::Scope;

    pub(super) fn received(_: &Scope, _: &'static str, _: &'static str, _: Duration) {}

    pub(super) fn owner_differs(_: &Scope) {}

    pub(super) fn keys_fetched(_: &str, _: Option<&JwkSet>, _: Timestamp) {}
}

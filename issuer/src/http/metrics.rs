//! `/metrics`: what the issuer counts, as Prometheus reads it.
//!
//! It tells how many people sign out and which parts of the house are slow, so the world does not
//! get it: `server/` serves it on an address of its own, or, in development, on the main one. A
//! process has one recorder; where the host of the library has installed another, that one gets
//! the numbers and there is no page here. What is counted is in `telemetry.rs`.

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{Router, get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::AppState;
use crate::issuer::Issuer;
use crate::telemetry;

/// The upper ends of the buckets of every duration, in seconds: a signature takes less than one
/// millisecond, a client that was away for a weekend hears after two days.
const BUCKETS: [f64; 18] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
    600.0, 3_600.0, 86_400.0,
];

/// How often recorded durations are put into their buckets, also while nobody looks.
const UPKEEP: Duration = Duration::from_secs(5);

/// How long counting what is unfinished may take before the page goes out without it.
const COUNT_WITHIN: Duration = Duration::from_secs(5);

/// The recorder of this process.
#[derive(Clone, Debug)]
pub struct Exporter(PrometheusHandle);

impl Exporter {
    /// Installs the recorder, or gives the one installed before; `None` where the process has
    /// another.
    ///
    /// # Panics
    ///
    /// Never: there are buckets.
    pub fn install() -> Option<Self> {
        static INSTALLED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
        let install = || {
            let builder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
                .expect("there are buckets");
            let handle = builder.install_recorder().ok()?;
            telemetry::describe();
            Some(handle)
        };
        INSTALLED.get_or_init(install).clone().map(Self)
    }

    /// Keeps memory bounded while nobody reads the page; runs until it is dropped.
    pub async fn upkeep(self) {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            self.0.run_upkeep();
        }
    }
}

/// The page on an address of its own.
pub fn app(issuer: Issuer, exporter: Exporter) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .with_state((issuer, exporter))
}

/// The page beside everything else.
pub(super) fn router(issuer: Issuer, exporter: Exporter) -> Router<AppState> {
    Router::new()
        .route("/metrics", get(show))
        .with_state((issuer, exporter))
}

async fn show(State((issuer, exporter)): State<(Issuer, Exporter)>) -> Response {
    match tokio::time::timeout(COUNT_WITHIN, issuer.count_backlog()).await {
        Ok(Ok((open, down))) => telemetry::backlog(open, down),
        Ok(Err(error)) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "what is unfinished cannot be counted");
        }
        Err(_) => tracing::error!("counting what is unfinished took more than {COUNT_WITHIN:?}"),
    }
    let headers = [
        (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::OK, headers, exporter.0.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_sends_makes_no_label() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            for (method, route) in [("GET", Some("/a/{id}")), ("BREW", None), ("STEAM", None)] {
                telemetry::answered(method, route, 404, Duration::ZERO);
            }
        });
        let page = handle.render();
        let name = "logout_issuer_http_requests_total";
        let other = format!("{name}{{method=\"other\",route=\"none\",status=\"404\"}} 2\n");
        assert!(page.contains(&other), "{page}");
        assert!(page.contains("route=\"/a/{id}\""), "{page}");
    }

    #[test]
    fn the_latest_state_of_the_backlog_is_shown() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let backlog = |deliveries, secs| telemetry::Backlog {
            windows: 2,
            deliveries,
            oldest: Duration::from_secs(secs),
        };
        metrics::with_local_recorder(&recorder, || {
            telemetry::backlog(backlog(7, 70), backlog(8, 80));
            telemetry::backlog(backlog(1, 10), backlog(3, 30));
        });
        let page = handle.render();
        for line in [
            "logout_issuer_deliveries_unfinished{window=\"open\"} 1\n",
            "logout_issuer_deliveries_unfinished{window=\"down\"} 3\n",
            "logout_issuer_oldest_unfinished_age_seconds{window=\"down\"} 30\n",
            "logout_issuer_windows_down 2\n",
        ] {
            assert!(page.contains(line), "{line} in\n{page}");
        }
    }
}

//! What every handler can reach.
//!
//! One state for the whole router, so that a test builds it once. Cloning is a few reference
//! counts. `server/` fills it; a handler takes `State<AppState>` or, through [`FromRef`], the
//! part that it needs.

use std::sync::Arc;

use axum::extract::FromRef;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::management::clients::logout_test::Tested;
use super::management::logout_deliveries::events::Listeners;
use super::management::stats::Turn;
use super::metrics::Exporter;
use crate::issuer::Issuer;

/// The state of the router.
#[derive(Clone)]
pub struct AppState {
    /// The engine: store, keys, clock, randomness, deliveries.
    pub issuer: Issuer,
    /// How this server talks HTTP.
    pub http: Arc<Settings>,
    /// Where `/metrics` is beside everything else: what it shows.
    pub metrics: Option<Exporter>,
    /// Ends the answers that go on by themselves.
    pub stop: CancellationToken,
    listeners: Listeners,
    tested: Tested,
    stats: Turn,
}

impl AppState {
    /// Puts the state together.
    pub fn new(issuer: Issuer, http: Settings) -> Self {
        let stop = CancellationToken::new();
        Self {
            issuer,
            http: Arc::new(http),
            metrics: None,
            listeners: Listeners::new(stop.clone()),
            stop,
            tested: Tested::default(),
            stats: Turn::default(),
        }
    }
}

impl FromRef<AppState> for Issuer {
    fn from_ref(state: &AppState) -> Self {
        state.issuer.clone()
    }
}

impl FromRef<AppState> for Arc<Settings> {
    fn from_ref(state: &AppState) -> Self {
        Arc::clone(&state.http)
    }
}

impl FromRef<AppState> for Listeners {
    fn from_ref(state: &AppState) -> Self {
        state.listeners.clone()
    }
}

impl FromRef<AppState> for Tested {
    fn from_ref(state: &AppState) -> Self {
        state.tested.clone()
    }
}

impl FromRef<AppState> for Turn {
    fn from_ref(state: &AppState) -> Self {
        state.stats.clone()
    }
}

//! What every handler can reach.
//!
//! One state for the whole router, so that a test builds it once. Cloning is two reference
//! counts. `server/` fills it; a handler takes `State<AppState>` or, through [`FromRef`], the
//! part that it needs.

use std::sync::Arc;

use axum::extract::FromRef;

use super::Settings;
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
}

impl AppState {
    /// Puts the state together.
    pub fn new(issuer: Issuer, http: Settings) -> Self {
        Self {
            issuer,
            http: Arc::new(http),
            metrics: None,
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

//! Where `/metrics` is served: on an address of its own, beside everything else in development,
//! or nowhere.
//!
//! A proxy in front of the main address passes everything on, so that address has the page only
//! where nobody but this machine can reach the issuer. Without a page nothing is recorded.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use super::connections::{self, Door};
use crate::config::Config;
use crate::http::AppState;
use crate::http::metrics::{Exporter, app};

/// The page, as long as it is served.
#[derive(Debug)]
pub(super) struct MetricsPage {
    /// The page's own address, if it has one.
    pub(super) address: Option<SocketAddr>,
    _stop: DropGuard,
    _upkeep: AbortOnDropHandle<()>,
}

impl MetricsPage {
    /// Opens the page if there is to be one: on `own`, else beside everything else in `state`.
    pub(super) fn open(
        config: &Config,
        own: Option<TcpListener>,
        state: &mut AppState,
    ) -> Option<Self> {
        if own.is_none() && !config.is_development() {
            return None;
        }
        let Some(exporter) = Exporter::install() else {
            tracing::warn!("this process records metrics by itself: there is no /metrics page");
            return None;
        };
        let upkeep = AbortOnDropHandle::new(tokio::spawn(exporter.clone().upkeep()));
        let stop = CancellationToken::new();
        let address = own.as_ref().and_then(|own| own.local_addr().ok());
        if let Some(own) = own {
            let app = app(state.issuer.clone(), exporter);
            let settings = Arc::clone(&state.http);
            let door = Door {
                listener: own,
                tls: None,
            };
            tokio::spawn(connections::serve(door, app, settings, stop.clone()));
        } else {
            state.metrics = Some(exporter);
        }
        Some(Self {
            address,
            _stop: stop.drop_guard(),
            _upkeep: upkeep,
        })
    }
}

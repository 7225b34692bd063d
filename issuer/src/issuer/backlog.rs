//! What clients still have to be told, client by client and URL by URL.

use std::collections::HashSet;

use super::Issuer;
use crate::domain::delivery::Endpoint;
use crate::storage::{EndpointBacklog, StorageError};
use crate::telemetry::Backlog;

impl Issuer {
    /// The endpoints with unfinished deliveries.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store fails.
    pub async fn endpoint_backlogs(&self) -> Result<Vec<EndpointBacklog>, StorageError> {
        self.store().read().await?.endpoint_backlogs().await
    }

    /// What is unfinished behind windows that are open, and behind those that are down.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store fails.
    pub async fn count_backlog(&self) -> Result<(Backlog, Backlog), StorageError> {
        let windows = self.endpoint_windows().into_iter();
        let down: HashSet<Endpoint> = windows
            .filter(|(_, window)| window.down_since.is_some())
            .map(|(endpoint, _)| endpoint)
            .collect();
        let now = self.now();
        let (mut open_side, mut down_side) = (Backlog::default(), Backlog::default());
        down_side.windows = down.len() as u64;
        for backlog in self.endpoint_backlogs().await? {
            let side = if down.contains(&backlog.endpoint) {
                &mut down_side
            } else {
                open_side.windows += 1;
                &mut open_side
            };
            side.deliveries += backlog.unfinished;
            side.oldest = side.oldest.max(now.saturating_since(backlog.oldest_event_at));
        }
        Ok((open_side, down_side))
    }
}

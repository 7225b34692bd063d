//! Where clients are told: what the process knows of each URL, and what the store owes to it.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use logout_shared::{ClientId, Timestamp};
use sha2::{Digest as _, Sha256};

use super::Issuer;
use crate::delivery::WindowView;
use crate::domain::client::Client;
use crate::domain::delivery::{Endpoint, LastAttempt};
use crate::storage::StorageError;
use crate::telemetry::Backlog;

/// How many clients are read at a time.
const PAGE: u32 = 100;

/// One URL of one client.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointState {
    /// The client and the URL.
    pub endpoint: Endpoint,
    /// How much it is trusted with by this process.
    pub window: WindowView,
    /// How many deliveries wait for it or are under way.
    pub unfinished: u64,
    /// How many of them wait until it has room or is back.
    pub queued: u64,
    /// When the session of the oldest of them ended.
    pub oldest_event_at: Option<Timestamp>,
    /// The latest attempt, as far as it was looked for.
    pub last: Option<LastAttempt>,
}

impl EndpointState {
    /// A name that is safe in URLs and the same for the same client and URL.
    pub fn id(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.endpoint.client.as_str());
        // No client id and no URL has a NUL.
        digest.update([0]);
        digest.update(self.endpoint.url.as_str());
        let digest: [u8; 32] = digest.finalize().into();
        let (half, _) = digest.split_at(16);
        half.iter().fold(String::with_capacity(32), |mut id, byte| {
            // Writing to a text cannot fail.
            let _ = write!(id, "{byte:02x}");
            id
        })
    }
}

impl Issuer {
    /// All endpoints, or those of one client, by client and URL: those registered, and those for
    /// which something still waits.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store fails.
    pub async fn endpoints(
        &self,
        client: Option<&ClientId>,
    ) -> Result<Vec<EndpointState>, StorageError> {
        let mut all = BTreeMap::new();
        for one in self.clients(client).await? {
            for url in one.logout.iter().flat_map(|logout| &logout.urls) {
                let endpoint = Endpoint {
                    client: one.id.clone(),
                    url: url.clone(),
                };
                all.entry(endpoint).or_insert_with_key(|it| self.as_new(it));
            }
        }
        let wanted = |id: &ClientId| client.is_none_or(|only| only == id);
        for backlog in self.store().read().await?.endpoint_backlogs().await? {
            if !wanted(&backlog.endpoint.client) {
                continue;
            }
            let state = all
                .entry(backlog.endpoint)
                .or_insert_with_key(|it| self.as_new(it));
            state.unfinished = backlog.unfinished;
            state.queued = backlog.queued;
            state.oldest_event_at = Some(backlog.oldest_event_at);
        }
        for (endpoint, window) in self.endpoint_windows() {
            if let Some(state) = all.get_mut(&endpoint) {
                state.window = window;
            }
        }
        Ok(all.into_values().collect())
    }

    /// Looks the latest attempts at endpoints up.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store fails.
    pub async fn add_last_outcomes(
        &self,
        endpoints: &mut [EndpointState],
    ) -> Result<(), StorageError> {
        let mut snapshot = self.store().read().await?;
        for state in endpoints {
            state.last = snapshot.last_outcome(&state.endpoint).await?;
        }
        Ok(())
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
        for backlog in self.store().read().await?.endpoint_backlogs().await? {
            let side = if down.contains(&backlog.endpoint) {
                &mut down_side
            } else {
                open_side.windows += 1;
                &mut open_side
            };
            side.deliveries += backlog.unfinished;
            side.oldest = side
                .oldest
                .max(now.saturating_since(backlog.oldest_event_at));
        }
        Ok((open_side, down_side))
    }

    fn as_new(&self, endpoint: &Endpoint) -> EndpointState {
        EndpointState {
            endpoint: endpoint.clone(),
            window: WindowView {
                limit: self.delivery_settings().endpoint_in_flight,
                in_flight: 0,
                down_since: None,
                next_probe_at: None,
            },
            unfinished: 0,
            queued: 0,
            oldest_event_at: None,
            last: None,
        }
    }

    async fn clients(&self, only: Option<&ClientId>) -> Result<Vec<Client>, StorageError> {
        let mut snapshot = self.store().read().await?;
        if let Some(id) = only {
            return Ok(snapshot.find_client(id).await?.into_iter().collect());
        }
        let (mut all, mut offset) = (Vec::new(), 0);
        loop {
            let page = snapshot.list_clients(offset, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
            offset += PAGE;
        }
    }
}

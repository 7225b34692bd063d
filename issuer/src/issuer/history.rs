//! Deletes history whose time is over.
//!
//! Finished deliveries go with their attempts, records of the event log by their date, runs of Actions
//! and authorization codes by their age, refresh grants a day after their death, assertions of
//! clients when they are dead; a delivery that is not finished stays, however old it is. A few rows
//! go in each transaction, so that others write in between. A wall clock that jumped must not cost
//! anybody's history, so it is held against a
//! monotonic one as in `sweep.rs`.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, MissedTickBehavior};

use super::{Inner, Issuer};
use crate::domain::action::EXECUTIONS_ARE_KEPT;
use crate::domain::authorization::CODES_ARE_KEPT;
use crate::domain::refresh_token::DEAD_GRANTS_ARE_KEPT;
use crate::logout::expiry::ClockWatch;
use crate::storage::{StorageError, Store, Transaction};

/// How often history is looked through.
const INTERVAL: Duration = Duration::from_mins(1);

/// How many rows go in one transaction; others wait to write that long.
const ROWS_AT_A_TIME: u32 = 200;

/// How much history was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deleted {
    /// Finished deliveries.
    pub deliveries: u64,
    /// Records of the event log.
    pub events: u64,
    /// Runs of Actions.
    pub action_executions: u64,
    /// Authorization codes, used or not.
    pub codes: u64,
    /// Refresh grants that were revoked or had expired, with their tokens.
    pub refresh_grants: u64,
    /// Used assertions of clients.
    pub client_assertions: u64,
}

/// Deletes old history, time and again, until the issuer is gone.
pub(super) async fn run(issuer: Weak<Inner>) {
    let mut watch = ClockWatch::default();
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(issuer) = issuer.upgrade().map(Issuer) else {
            return;
        };
        if !watch.trusts(issuer.now(), begun.elapsed()) {
            continue;
        }
        match issuer.delete_old_history().await {
            Ok(deleted) if deleted == Deleted::default() => {}
            Ok(deleted) => tracing::debug!("deleted what was old: {deleted:?}"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "old history could not be deleted");
            }
        }
    }
}

impl Issuer {
    /// Deletes the history whose time is over, now; gives how much. It also happens by itself.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store fails; what was deleted until then is gone.
    pub async fn delete_old_history(&self) -> Result<Deleted, StorageError> {
        let (now, keep) = (self.now(), self.0.config.retention);
        let (finished, dated) = (now - keep.deliveries, now - keep.events);
        let deliveries = delete(self.store(), move |tx| {
            tx.delete_finished_deliveries(finished, ROWS_AT_A_TIME)
        });
        let deliveries = deliveries.await?;
        let events = delete(self.store(), move |tx| {
            tx.delete_events(dated, ROWS_AT_A_TIME)
        });
        let events = events.await?;
        let then = now - EXECUTIONS_ARE_KEPT;
        let executions = delete(self.store(), move |tx| {
            tx.delete_action_executions(then, ROWS_AT_A_TIME)
        });
        let action_executions = executions.await?;
        let issued = now - CODES_ARE_KEPT;
        let codes = delete(self.store(), move |tx| {
            tx.delete_codes_before(issued, ROWS_AT_A_TIME)
        });
        let codes = codes.await?;
        let died = now - DEAD_GRANTS_ARE_KEPT;
        let grants = delete(self.store(), move |tx| {
            tx.delete_dead_refresh_grants(died, ROWS_AT_A_TIME)
        });
        let grants = grants.await?;
        let assertions = delete(self.store(), move |tx| {
            tx.delete_dead_assertions(now, ROWS_AT_A_TIME)
        });
        Ok(Deleted {
            deliveries,
            events,
            action_executions,
            codes,
            refresh_grants: grants,
            client_assertions: assertions.await?,
        })
    }
}

/// Deletes piece by piece until a piece is not full.
async fn delete<F>(store: &Arc<dyn Store>, piece: F) -> Result<u64, StorageError>
where
    F: for<'t> Fn(&'t mut dyn Transaction) -> BoxFuture<'t, Result<u64, StorageError>>
        + Copy
        + Send
        + 'static,
{
    let mut deleted = 0;
    loop {
        let here = store.write(move |tx| piece(tx)).await?;
        deleted += here;
        if here < u64::from(ROWS_AT_A_TIME) {
            return Ok(deleted);
        }
    }
}

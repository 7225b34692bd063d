//! Sending again by hand: one delivery, or all that fit a description.
//!
//! What is sent again is due at once, has a new time to be given up, and keeps its history: its
//! next attempt is numbered on, with a token signed then. Asking twice is harmless: what is due
//! already or under way is left alone. Many are looked up outside of the writer and changed a few
//! at a time, so that a million of them hold up nobody.

use std::time::Duration;

use logout_shared::Timestamp;

use crate::domain::delivery::{Delivery, DeliveryId, DeliveryState};
use crate::storage::{DeliveryFilter, StorageError, Store, Transaction};

/// How many deliveries are changed in one transaction.
const AT_A_TIME: u32 = 200;

/// What is sent again where no state is named: all that a client should have heard and has not.
/// Not what it no longer wants (`cancelled`), and not what it has heard.
pub const NOT_HEARD: [DeliveryState; 4] = [
    DeliveryState::Pending,
    DeliveryState::Refusing,
    DeliveryState::Refused,
    DeliveryState::GivenUp,
];

/// What can be sent again if it is asked for by name.
pub const CAN_BE_SENT_AGAIN: [DeliveryState; 6] = [
    DeliveryState::Pending,
    DeliveryState::Refusing,
    DeliveryState::Heard,
    DeliveryState::Refused,
    DeliveryState::GivenUp,
    DeliveryState::Cancelled,
];

/// What came of asking for one delivery to be sent again.
#[derive(Debug, Clone, PartialEq)]
pub enum Resent {
    /// It is due now; this is what it was before.
    Now(Box<Delivery>),
    /// It was due already, or waits for its app: this is it.
    AlreadyDue(Box<Delivery>),
    /// An attempt is under way.
    UnderWay,
}

/// A delivery cannot be sent again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResendError {
    /// No delivery has this id.
    #[error("no delivery {0}")]
    NotFound(DeliveryId),
    /// It was replaced by one for each session.
    #[error("delivery {0} was replaced by one for each session; send those again")]
    Replaced(DeliveryId),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Sends one delivery again, in the caller's transaction.
///
/// # Errors
///
/// [`ResendError`] if there is no such delivery or others took its place.
pub async fn resend(
    tx: &mut dyn Transaction,
    id: DeliveryId,
    now: Timestamp,
    give_up_after: Duration,
) -> Result<Resent, ResendError> {
    let found = tx.find_delivery(id).await?;
    let delivery = found.ok_or(ResendError::NotFound(id))?;
    match delivery.state {
        DeliveryState::Expanded => return Err(ResendError::Replaced(id)),
        DeliveryState::InFlight => return Ok(Resent::UnderWay),
        _ => {}
    }
    let sent = tx.retry_deliveries(&[id], now, now + give_up_after).await?;
    Ok(if sent > 0 {
        Resent::Now(Box::new(delivery))
    } else {
        Resent::AlreadyDue(Box::new(delivery))
    })
}

/// Sends again what fits the filter and can be sent again; gives how many there were.
///
/// Each delivery is counted once, also where an attempt changes it in the meantime. Whoever stops
/// waiting for this stops it; asking again goes on with what is left.
///
/// # Errors
///
/// [`StorageError`] if the store fails; what was changed until then stays so.
pub async fn resend_all(
    store: &dyn Store,
    filter: &DeliveryFilter,
    now: Timestamp,
    give_up_after: Duration,
) -> Result<u64, StorageError> {
    let mut count = 0;
    let mut pages = Pages::over(filter, now);
    while let Some(page) = pages.next(store).await? {
        let ids: Vec<_> = page.iter().map(|delivery| delivery.id).collect();
        let give_up_at = now + give_up_after;
        let work = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.retry_deliveries(&ids, now, give_up_at).await })
        });
        count += work.await?;
    }
    Ok(count)
}

/// How many deliveries [`resend_all`] would send again.
///
/// # Errors
///
/// [`StorageError`] if the store fails.
pub async fn count_resendable(
    store: &dyn Store,
    filter: &DeliveryFilter,
    now: Timestamp,
) -> Result<u64, StorageError> {
    let mut count = 0;
    let mut pages = Pages::over(filter, now);
    while let Some(page) = pages.next(store).await? {
        let waits = |delivery: &&Delivery| {
            let is_due = delivery.next_attempt_at.is_some_and(|due| due <= now);
            !is_due && delivery.queued_at.is_none()
        };
        count += page.iter().filter(waits).count() as u64;
    }
    Ok(count)
}

/// What a filter finds, page by page, newest first.
struct Pages {
    filter: DeliveryFilter,
    from: Option<String>,
    over: bool,
}

impl Pages {
    fn over(filter: &DeliveryFilter, now: Timestamp) -> Self {
        let mut filter = filter.clone();
        if filter.states.is_empty() {
            filter.states = NOT_HEARD.to_vec();
        }
        filter
            .states
            .retain(|state| CAN_BE_SENT_AGAIN.contains(state));
        // What is made while this runs is told by itself.
        let end = now + Duration::from_millis(1);
        filter.before = Some(filter.before.map_or(end, |before| before.min(end)));
        Self {
            over: filter.states.is_empty(),
            filter,
            from: None,
        }
    }

    async fn next(&mut self, store: &dyn Store) -> Result<Option<Vec<Delivery>>, StorageError> {
        if self.over {
            return Ok(None);
        }
        let mut snapshot = store.read().await?;
        let page = snapshot
            .list_deliveries(&self.filter, self.from.as_deref(), AT_A_TIME)
            .await?;
        self.over = page.next.is_none();
        self.from = page.next;
        Ok(Some(page.deliveries))
    }
}

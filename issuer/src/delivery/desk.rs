//! Where new deliveries are handed over, so that their first attempt needs no claim.
//!
//! While a delivery is written, the desk is asked for a slot. With one, the delivery is born
//! leased to this process and comes over the desk right after the commit; without, it is born into
//! its endpoint's queue. Another process, and one that is about to stop, has no desk: there
//! deliveries are born due, and whoever claims them first has them.

use std::sync::Arc;
use std::time::Duration;

use logout_shared::Clock;
use tokio::sync::mpsc::UnboundedSender;

use super::windows::{Slot, Windows};
use crate::domain::delivery::{Delivery, DeliveryState};
use crate::storage::{Birth, Births, DeliveryDesk, Lease};

/// The desk of one worker.
pub(super) struct Desk {
    pub(super) worker: Arc<str>,
    pub(super) lease: Duration,
    pub(super) windows: Windows,
    pub(super) clock: Arc<dyn Clock>,
    /// Never holds more than there are slots.
    pub(super) born: UnboundedSender<Births>,
}

impl DeliveryDesk for Desk {
    fn lease(&self) -> Lease {
        let now = self.clock.now();
        Lease {
            worker: Arc::clone(&self.worker),
            now,
            until: now + self.lease,
        }
    }

    fn reserve(&self, delivery: &Delivery, lease: &Lease) -> Birth {
        let is_due = delivery.state == DeliveryState::Pending
            && delivery.queued_at.is_none()
            && delivery.next_attempt_at.is_some_and(|at| at <= lease.now);
        if !is_due {
            return Birth::AsItIs;
        }
        let slot: Option<Slot> = self
            .windows
            .take_unless_queued(&delivery.endpoint(), lease.now);
        slot.map_or(Birth::Queued, |slot| Birth::Leased(Box::new(slot)))
    }

    fn hand_over(&self, births: Births) {
        // A worker that is gone has let go of the leases, or they run out.
        let _ = self.born.send(births);
    }
}

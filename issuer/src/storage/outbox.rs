//! The outbox: deliveries, their attempts, and the leases of the workers.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use logout_shared::{ClientId, SessionId, Subject, Timestamp};

use super::StorageError;
use crate::domain::client::Client;
use crate::domain::delivery::{
    Attempt, Delivery, DeliveryId, DeliveryState, Endpoint, LastAttempt,
};
use crate::domain::logout_settings::LogoutUrl;

/// A delivery that a worker holds a lease on, with all that an attempt needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// The client as it is now, shared among the deliveries of one claim; `None` once it is
    /// deleted.
    pub client: Option<Arc<Client>>,
    /// Whether the user has another live session at that client now.
    pub other_live_session: bool,
}

/// Who takes deliveries for itself, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The worker's name, its own among all processes.
    pub worker: Arc<str>,
    /// The time of the claim.
    pub now: Timestamp,
    /// When the deliveries are anybody's again.
    pub until: Timestamp,
}

/// The right to attempt one delivery, as the desk gave it out; dropping it gives it back.
pub type Seat = Box<dyn Any + Send + Sync>;

/// How a new delivery comes into the outbox.
pub enum Birth {
    /// Leased to this process, which attempts it right after the commit.
    Leased(Seat),
    /// Into the queue of its endpoint, which is down, full, or has a queue already.
    Queued,
    /// Due at its time, for whoever claims it.
    AsItIs,
}

/// What one commit brought into the outbox.
#[derive(Default)]
pub struct Births {
    /// To be attempted now.
    pub leased: Vec<(ClaimedDelivery, Seat)>,
    /// Where deliveries were queued.
    pub queued: Vec<Endpoint>,
}

/// Who attempts deliveries in this process, as the store sees it.
pub trait DeliveryDesk: Send + Sync {
    /// The lease of what is born now.
    fn lease(&self) -> Lease;

    /// Decides how a delivery is born; called inside the transaction, so it must not wait.
    fn reserve(&self, delivery: &Delivery, lease: &Lease) -> Birth;

    /// Takes over what was born, after the commit.
    fn hand_over(&self, births: Births);
}

/// Says whether an endpoint has a slot, and takes it.
pub type TakeSlot<'a> = &'a mut (dyn FnMut(&Endpoint) -> bool + Send);

/// What a look at the due deliveries brought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DueDeliveries {
    /// Leased to the worker, one for each slot that was taken.
    pub leased: Vec<ClaimedDelivery>,
    /// Where deliveries were queued instead.
    pub queued: Vec<Endpoint>,
    /// Given up while they were queued.
    pub given_up: Vec<Delivery>,
    /// Whether the limit was reached, so that there may be more.
    pub limit_reached: bool,
}

/// A delivery after an attempt, with the attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedAttempt {
    /// The delivery as it is now.
    pub delivery: Delivery,
    /// The attempt; `None` where there was no exchange.
    pub attempt: Option<Attempt>,
}

/// Which deliveries to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this client only.
    pub client: Option<ClientId>,
    /// In one of these states only; in any if there is none.
    pub states: Vec<DeliveryState>,
    /// About the session with this `sid` only.
    pub session: Option<SessionId>,
    /// About sessions of this user only.
    pub user: Option<Subject>,
    /// Made at this time or later.
    pub after: Option<Timestamp>,
    /// Made before this time.
    pub before: Option<Timestamp>,
}

/// What has not been finished at one URL of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointBacklog {
    /// The client and the URL.
    pub endpoint: Endpoint,
    /// How many deliveries wait or are under way.
    pub unfinished: u64,
    /// How many of them wait for the endpoint and not for a time.
    pub queued: u64,
    /// When the session of the oldest of them ended.
    pub oldest_event_at: Timestamp,
}

/// A page of deliveries, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// Give it as `from` for the next page; none on the last.
    pub next: Option<String>,
}

/// Reads the outbox.
#[async_trait]
pub trait OutboxReads {
    /// One delivery.
    async fn find_delivery(&mut self, id: DeliveryId) -> Result<Option<Delivery>, StorageError>;

    /// The attempts of a delivery, first to last.
    async fn attempts(&mut self, id: DeliveryId) -> Result<Vec<Attempt>, StorageError>;

    /// Deliveries, newest first, `take` at most, after the cursor `from`.
    async fn list_deliveries(
        &mut self,
        filter: &DeliveryFilter,
        from: Option<&str>,
        take: u32,
    ) -> Result<DeliveryPage, StorageError>;

    /// Deliveries that wait for other URLs of a client than these, `take` at most.
    async fn deliveries_to_other_urls(
        &mut self,
        client: &ClientId,
        urls: &[LogoutUrl],
        take: u32,
    ) -> Result<Vec<Delivery>, StorageError>;

    /// Where the client was or will be told of what this delivery is about.
    async fn urls_told(&mut self, delivery: &Delivery) -> Result<Vec<LogoutUrl>, StorageError>;

    /// Whether a worker holds a delivery about all sessions of the user at the client.
    async fn has_subject_attempt(
        &mut self,
        user: &Subject,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// How many deliveries to a client are unfinished, and the ids of `take` of them.
    async fn unfinished_of_client(
        &mut self,
        client: &ClientId,
        take: u32,
    ) -> Result<(u64, Vec<DeliveryId>), StorageError>;

    /// The endpoints that have unfinished deliveries.
    async fn endpoint_backlogs(&mut self) -> Result<Vec<EndpointBacklog>, StorageError>;

    /// The latest attempt at an endpoint, as far as it can be found cheaply.
    async fn last_outcome(
        &mut self,
        endpoint: &Endpoint,
    ) -> Result<Option<LastAttempt>, StorageError>;

    /// When the next delivery is due, leased ones left out.
    async fn next_due(&mut self) -> Result<Option<Timestamp>, StorageError>;

    /// The endpoints for which deliveries are queued.
    async fn queued_endpoints(&mut self) -> Result<Vec<Endpoint>, StorageError>;
}

/// Writes the outbox.
#[async_trait]
pub trait OutboxWrites {
    /// Stores new deliveries in one statement a chunk, each as the desk decides.
    async fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<(), StorageError>;

    /// Deals with up to `limit` due deliveries, earliest first: those whose endpoint gives a slot
    /// are leased and in flight, the others are queued for their endpoint, and what was queued until
    /// its give-up time is given up. A lease that ran out is as good as none.
    ///
    /// No delivery is looked at a second time while it is queued: an endpoint that is slow or down
    /// costs the others nothing, however much waits for it.
    async fn claim_due_deliveries(
        &mut self,
        lease: &Lease,
        limit: u32,
        take_slot: TakeSlot<'_>,
    ) -> Result<DueDeliveries, StorageError>;

    /// Leases deliveries from the queues of endpoints, for each as many as are wanted, first come
    /// first served.
    async fn claim_queued_deliveries(
        &mut self,
        lease: &Lease,
        wanted: &[(Endpoint, u32)],
    ) -> Result<Vec<ClaimedDelivery>, StorageError>;

    /// Queues up to `limit` deliveries that failed and wait for their next time, since their
    /// endpoint is back; gives how many.
    async fn hasten_deliveries(
        &mut self,
        endpoint: &Endpoint,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;

    /// Stores what attempts made of deliveries this worker holds, and gives the leases back. A
    /// delivery that another worker has taken over or that was finished meanwhile is left as it is.
    async fn record_attempts(
        &mut self,
        worker: &str,
        recorded: &[RecordedAttempt],
    ) -> Result<(), StorageError>;

    /// Gives back leases without an attempt, so that another worker can take the deliveries now.
    async fn release_deliveries(
        &mut self,
        worker: &str,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> Result<(), StorageError>;

    /// Gives back all leases: no other process uses this store.
    async fn release_all_deliveries(&mut self, now: Timestamp) -> Result<u64, StorageError>;

    /// Makes deliveries due now, to be given up at `give_up_at`; gives how many. One that somebody
    /// holds, that is due or queued already or that was replaced by others is left as it is.
    async fn retry_deliveries(
        &mut self,
        ids: &[DeliveryId],
        now: Timestamp,
        give_up_at: Timestamp,
    ) -> Result<u64, StorageError>;

    /// Deletes up to `limit` deliveries that were finished at this time or earlier, with their
    /// attempts; gives how many.
    async fn delete_finished_deliveries(
        &mut self,
        until: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;

    /// Cancels what is unfinished for a client, `limit` at most; gives how many.
    async fn cancel_deliveries_of_client(
        &mut self,
        client: &ClientId,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;

    /// Cancels these deliveries, unless a worker holds them or they are finished.
    async fn cancel_deliveries(
        &mut self,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> Result<(), StorageError>;
}

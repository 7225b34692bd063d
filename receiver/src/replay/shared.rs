//! Lets a replay cache behind an `Arc` be handed to several `BackchannelLogout`s.
//!
//! Every method passes through; the contract is the trait's in `mod.rs`.

use std::sync::Arc;

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::{ReplayCache, ReservationOwner, Reserved, TokenKey};
use crate::error::StoreError;

#[async_trait]
impl<T: ReplayCache + ?Sized> ReplayCache for Arc<T> {
    async fn reserve(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<Reserved, StoreError> {
        (**self).reserve(token, owner, now, keep_until).await
    }

    async fn commit(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<(), StoreError> {
        (**self).commit(token, owner, now, keep_until).await
    }

    async fn release(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
    ) -> Result<(), StoreError> {
        (**self).release(token, owner).await
    }
}

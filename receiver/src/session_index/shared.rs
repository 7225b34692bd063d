//! Lets an index behind an `Arc` be handed to several `BackchannelLogout`s.
//!
//! Every method passes through; the contract is the trait's in `mod.rs`.

use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use logout_shared::Timestamp;

use super::{
    LocalSession, LocalSessionId, Login, LoginIdentity, Logout, Marked, Recorded, Scope,
    SessionIndex,
};
use crate::error::StoreError;

#[async_trait]
impl<T: SessionIndex + ?Sized> SessionIndex for Arc<T> {
    async fn record_login(&self, login: &Login, now: Timestamp) -> Result<Recorded, StoreError> {
        (**self).record_login(login, now).await
    }

    async fn mark(&self, logout: &Logout, now: Timestamp) -> Result<Marked, StoreError> {
        (**self).mark(logout, now).await
    }

    async fn remove(&self, scope: &Scope, ended: &[LocalSessionId]) -> Result<(), StoreError> {
        (**self).remove(scope, ended).await
    }

    async fn find(
        &self,
        scope: &Scope,
        local: &LocalSessionId,
        now: Timestamp,
    ) -> Result<LocalSession, StoreError> {
        (**self).find(scope, local, now).await
    }

    async fn is_logged_out(
        &self,
        scope: &Scope,
        login: &LoginIdentity,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        (**self).is_logged_out(scope, login, now).await
    }

    async fn renew(
        &self,
        scope: &Scope,
        old: &LocalSessionId,
        new: &LocalSessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        (**self).renew(scope, old, new, now).await
    }

    fn presented(&self, request: &Parts) -> Option<LocalSessionId> {
        (**self).presented(request)
    }

    fn survives_restart(&self) -> bool {
        (**self).survives_restart()
    }
}

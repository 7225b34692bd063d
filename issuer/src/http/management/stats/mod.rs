//! `/api/v2/stats`: what happened, counted.
//!
//! One is counted after the other, so that statistics never take all connections of the store.

mod active_users;
mod daily;
mod logouts;

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::AppState;
use crate::http::api_error::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(active_users::handle))
        .routes(routes!(daily::handle))
        .routes(routes!(logouts::handle))
}

/// One statistic at a time.
#[derive(Debug, Clone)]
pub(in crate::http) struct Turn(Arc<Semaphore>);

impl Default for Turn {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Turn {
    /// Waits until nobody else counts.
    async fn take(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.0.acquire().await.map_err(ApiError::internal)
    }
}

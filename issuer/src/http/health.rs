//! Whether the server is alive and whether it can serve.
//!
//! `/healthz` says that the process answers; a supervisor restarts what does not. `/readyz` says
//! that the store can be read; a load balancer sends nobody to what cannot. Neither tells a
//! stranger why: the reason is in the log.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{Router, get};

use super::AppState;
use crate::issuer::Issuer;
use crate::storage::StorageError;

/// How long the store may take to answer before the server counts as not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// The routes.
pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
}

async fn healthz() -> Response {
    answer(StatusCode::OK, "ok")
}

async fn readyz(State(issuer): State<Issuer>) -> Response {
    match tokio::time::timeout(READY_WITHIN, read_something(&issuer)).await {
        Ok(Ok(())) => answer(StatusCode::OK, "ok"),
        Ok(Err(error)) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "not ready: {error}"
            );
            answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
        Err(_) => {
            tracing::error!("not ready: the store did not answer within {READY_WITHIN:?}");
            answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    }
}

async fn read_something(issuer: &Issuer) -> Result<(), StorageError> {
    issuer.store().read().await?.count_clients().await?;
    Ok(())
}

fn answer(status: StatusCode, text: &str) -> Response {
    let body = format!("{{\"status\":\"{text}\"}}\n");
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

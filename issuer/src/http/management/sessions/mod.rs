//! `/api/v2/sessions/{id}`: read a session, write its metadata, end it.
//!
//! A session that ended or expired does not exist here, from the moment of its end.

mod delete;
mod get;
mod revoke;
mod update;
pub(super) mod wire;

use std::sync::Arc;

use axum::http::StatusCode;
use logout_shared::SessionId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use wire::SessionBody;

use super::audit::Call;
use crate::domain::event_log::LogEvent;
use crate::domain::initiator::Initiator;
use crate::domain::refresh_token::RefreshTokensLost;
use crate::http::AppState;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::issuer::Issuer;
use crate::logout::{EndSession, Ended, end_session};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get::handle, update::handle, delete::handle))
        .routes(routes!(revoke::handle))
}

/// The session id in a path. What cannot be one is the id of no session.
fn session_id(text: &str) -> Result<SessionId, ApiError> {
    text.parse().map_err(|_| ApiError::SessionNotFound)
}

/// Ends a live session, with its refresh tokens and the records of it, in one write.
async fn end(
    issuer: &Issuer,
    id: SessionId,
    bearer: &Bearer,
    call: &Call,
    (what, lost): (&str, RefreshTokensLost),
) -> Result<Ended, ApiError> {
    let now = issuer.now();
    let changed = call.changed(bearer, what, (StatusCode::ACCEPTED, Vec::new()), now);
    let ending = issuer.ending(Initiator::SessionRevoked, call.context(bearer));
    let ending = ending.losing(lost);
    let random = Arc::clone(issuer.random());
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            // An expired session that nobody has swept up yet ends as expired, not as revoked.
            let session = tx
                .lock_session(&id)
                .await?
                .filter(|session| session.is_live(now));
            let session = session.ok_or(ApiError::SessionNotFound)?;
            let ended = end_session(tx, EndSession { id, ending }, now, &*random).await?;
            let user = Some(session.user);
            tx.append_events(&[LogEvent { user, ..changed }]).await?;
            Ok(ended)
        })
    });
    written.await
}

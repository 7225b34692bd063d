//! `PATCH /api/v2/sessions/{id}`: replaces a session's metadata.
//!
//! The map in the body is the new map: keys that it lacks are gone, `null` and `{}` leave none.
//! A body that breaks a rule changes nothing. The session is locked and must be live in the same
//! write, so that no metadata is written into a session that has just ended.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use logout_shared::{MetadataError, SessionMetadata};
use serde_json::{Map, Value};

use super::session_id;
use super::wire::SessionBody;
use crate::domain::event_log::LogEvent;
use crate::http::api_error::{ApiError, Invalid, Place};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::property::{missing, unknown};
use crate::http::management::query::Id;
use crate::issuer::Issuer;

/// What the contract says where a limit in number or length is passed.
const TOO_MUCH: &str =
    "Metadata must not exceed 25 entries. Each key and value must be ≤ 255 characters.";

const METADATA: &str = "session_metadata";

#[utoipa::path(
    patch,
    path = "/sessions/{id}",
    operation_id = "update_session",
    tag = "sessions",
    summary = "Replaces the metadata of a session",
    params(
        ("id" = String, Path, description = "The session"),
    ),
    request_body = openapi::MetadataChange,
    responses(
        (status = 200, description = "Done.", body = SessionBody),
    ),
    security(("bearer" = ["update:sessions"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
    body: UnreadBody,
) -> Result<Json<SessionBody>, ApiError> {
    bearer.require("update:sessions")?;
    let id = session_id(&id)?;
    let metadata = read_metadata(&body.object_or_form().await?)?;
    let now = issuer.now();
    let properties = (StatusCode::OK, vec![METADATA.to_owned()]);
    let event = call.changed(&bearer, "Update session metadata", properties, now);
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let session = tx
                .lock_session(&id)
                .await?
                .filter(|session| session.is_live(now));
            let mut session = session.ok_or(ApiError::SessionNotFound)?;
            session.metadata = metadata;
            session.updated_at = now;
            tx.update_session_metadata(&session).await?;
            let user = Some(session.user.clone());
            tx.append_events(&[LogEvent { user, ..event }]).await?;
            let clients = tx.participants(&id).await?;
            Ok(SessionBody::new(session, clients))
        })
    });
    written.await.map(Json)
}

fn read_metadata(body: &Map<String, Value>) -> Result<SessionMetadata, ApiError> {
    for slip in ["oidc_backchannel_logout", "oidc_logout"] {
        if body.contains_key(slip) {
            let reason = "This is a setting of a client: send it to PATCH /api/v2/clients/{id}";
            return Err(Invalid::property(Place::Payload, reason, slip, "").into());
        }
    }
    let others: Vec<_> = body
        .keys()
        .map(String::as_str)
        .filter(|key| *key != METADATA)
        .collect();
    if !others.is_empty() {
        return Err(unknown(&others));
    }
    match body.get(METADATA) {
        None => Err(missing(METADATA)),
        Some(Value::Null) => Ok(SessionMetadata::new()),
        Some(metadata) => SessionMetadata::from_json(metadata).map_err(refuse),
    }
}

fn refuse(error: MetadataError) -> ApiError {
    ApiError::InvalidMetadata(match error {
        MetadataError::TooManyEntries | MetadataError::KeyTooLong | MetadataError::ValueTooLong => {
            TOO_MUCH.to_owned()
        }
        other => other.to_string(),
    })
}

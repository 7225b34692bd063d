//! `POST /api/v2/users/{id}/revoke-access`: ends sessions of a user and takes the refresh tokens
//! away, of one session or of all.
//!
//! A user or session that is not there has no access to lose: that is answered alike.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use logout_shared::SessionId;
use serde_json::{Map, Value};

use super::user_id;
use crate::domain::event_log::LogEvent;
use crate::domain::initiator::Initiator;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::property::{Property, unknown};
use crate::http::management::query::Id;
use crate::issuer::Issuer;
use crate::logout::{RevokeAccess, revoke_access};

const SESSION: &str = "session_id";
const PRESERVE: &str = "preserve_refresh_tokens";

/// The most characters of a session's id.
const MAX_SESSION_CHARS: usize = 50;

#[utoipa::path(
    post,
    path = "/users/{id}/revoke-access",
    operation_id = "revoke_user_access",
    tag = "users",
    summary = "Ends sessions of a user and revokes the refresh tokens",
    params(
        ("id" = String, Path, description = "The user"),
    ),
    request_body = Option<openapi::RevokeAccess>,
    responses(
        (status = 202, description = "Done."),
    ),
    security(("bearer" = ["delete:sessions", "delete:refresh_tokens"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
    body: UnreadBody,
) -> Result<StatusCode, ApiError> {
    bearer.require_all(&["delete:sessions", "delete:refresh_tokens"])?;
    let body = body.optional_object().await?;
    let (session, preserve_refresh_tokens) = read(&body)?;
    let session: Option<Result<SessionId, _>> = session.map(str::parse);
    let (Ok(user), Ok(session)) = (user_id(&id), session.transpose()) else {
        return Ok(StatusCode::ACCEPTED);
    };
    let now = issuer.now();
    let properties = body.into_iter().map(|(name, _)| name).collect();
    let what = (StatusCode::ACCEPTED, properties);
    let changed = call.changed(&bearer, "Revoke the access of a user", what, now);
    let revoke = RevokeAccess {
        user: user.clone(),
        session,
        preserve_refresh_tokens,
        ending: issuer.ending(Initiator::SessionRevoked, call.context(&bearer)),
    };
    let random = Arc::clone(issuer.random());
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            if tx.find_user(&user).await?.is_none() {
                return Ok(());
            }
            revoke_access(tx, revoke, now, &*random).await?;
            let user = Some(user);
            tx.append_events(&[LogEvent { user, ..changed }]).await?;
            Ok(())
        })
    });
    written.await?;
    Ok(StatusCode::ACCEPTED)
}

/// The session that is meant, if only one is, and whether refresh tokens stay.
fn read(body: &Map<String, Value>) -> Result<(Option<&str>, bool), ApiError> {
    let names = body.keys().map(String::as_str);
    let strange: Vec<_> = names
        .filter(|name| ![SESSION, PRESERVE].contains(name))
        .collect();
    if !strange.is_empty() {
        return Err(unknown(&strange));
    }
    let get = |name: &str, what| Some(Property::new(name, body.get(name)?, what));
    let session = get(SESSION, "The session; without it all of the user's");
    let session = session.map(|session| session.text_of(1, MAX_SESSION_CHARS));
    let session = session.transpose()?;
    let preserve = match get(PRESERVE, "Whether refresh tokens with offline access stay") {
        None => false,
        Some(preserve) => preserve.boolean()?,
    };
    Ok((session, preserve))
}

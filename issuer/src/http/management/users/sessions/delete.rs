//! `DELETE /api/v2/users/{id}/sessions`: ends all sessions of a user.
//!
//! A session that the user begins after this call is not touched by it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::domain::event_log::LogEvent;
use crate::domain::initiator::Initiator;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::http::management::users::user_id;
use crate::issuer::Issuer;
use crate::logout::{EndSessionsOfUser, end_sessions_of_user};

#[utoipa::path(
    delete,
    path = "/users/{id}/sessions",
    operation_id = "delete_user_sessions",
    tag = "users",
    summary = "Ends all sessions of a user",
    params(
        ("id" = String, Path, description = "The user"),
    ),
    responses(
        (status = 202, description = "Done."),
    ),
    security(("bearer" = ["delete:sessions"])),
)]
pub(in crate::http::management::users) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
) -> Result<StatusCode, ApiError> {
    bearer.require("delete:sessions")?;
    let user = user_id(&id)?;
    let now = issuer.now();
    let what = "Delete the sessions of a user";
    let changed = call.changed(&bearer, what, (StatusCode::ACCEPTED, Vec::new()), now);
    let ending = issuer.ending(Initiator::SessionRevoked, call.context(&bearer));
    let random = Arc::clone(issuer.random());
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            tx.find_user(&user).await?.ok_or(ApiError::UserNotFound)?;
            let event = LogEvent {
                user: Some(user.clone()),
                ..changed
            };
            let end = EndSessionsOfUser {
                user,
                except: None,
                ending,
            };
            end_sessions_of_user(tx, end, now, &*random).await?;
            Ok(tx.append_events(&[event]).await?)
        })
    });
    written.await?;
    Ok(StatusCode::ACCEPTED)
}

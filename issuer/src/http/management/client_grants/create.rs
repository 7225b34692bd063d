//! `POST /api/v2/client-grants`: gives a client scopes that had none.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::change::{self, Granting};
use super::wire::GrantBody;
use crate::http::api_error::{ApiError, ErrorBody};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::issuer::Issuer;

#[utoipa::path(
    post,
    path = "/client-grants",
    operation_id = "create_client_grant",
    tag = "client-grants",
    summary = "Gives a client scopes that had none",
    request_body = openapi::ClientGrantChange,
    responses(
        (status = 201, description = "Made.", body = GrantBody),
        (status = 409, description = "It is in the way of another.", body = ErrorBody),
        (status = 404, description = "There is no such thing.", body = ErrorBody),
    ),
    security(("bearer" = ["create:client_grants"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    call: Call,
    body: UnreadBody,
) -> Result<(StatusCode, Json<GrantBody>), ApiError> {
    bearer.require("create:client_grants")?;
    let body = body.object().await?;
    let granting = Granting {
        client: change::client(&body, &issuer)?,
        scopes: change::scopes(&body, true)?,
        is_new: true,
    };
    let what = ("Create a client grant", StatusCode::CREATED);
    let event = change::record(&call, &bearer, what, body, &issuer);
    let client = change::write(&issuer, granting, event).await?;
    Ok((
        StatusCode::CREATED,
        Json(change::body_of(&client, &issuer)?),
    ))
}

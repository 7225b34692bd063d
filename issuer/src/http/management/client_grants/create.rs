//! `POST /api/v2/client-grants`: gives a client scopes that had none.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::change::{self, Granting};
use super::wire::GrantBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::issuer::Issuer;

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

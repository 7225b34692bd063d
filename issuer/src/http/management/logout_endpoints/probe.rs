//! `POST /api/v2/logout-endpoints/{id}/probe`: tries an endpoint that is down now.
//!
//! What is sent is a delivery that waits for it, so nothing is sent where nothing waits.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProbedEndpoint)]
pub(super) struct Probed {
    probing: bool,
    message: &'static str,
}

#[utoipa::path(
    post,
    path = "/logout-endpoints/{id}/probe",
    operation_id = "probe_logout_endpoint",
    tag = "logout-deliveries",
    summary = "Tries an endpoint that is down",
    params(
        ("id" = String, Path, description = "The endpoint"),
    ),
    responses(
        (status = 202, description = "Done.", body = Probed),
    ),
    security(("bearer" = ["update:logout_deliveries"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
) -> Result<(StatusCode, Json<Probed>), ApiError> {
    bearer.require("update:logout_deliveries")?;
    let endpoints = issuer.endpoints(None).await?;
    let found = endpoints.into_iter().find(|endpoint| endpoint.id() == id);
    let found = found.ok_or(ApiError::EndpointNotFound)?;
    let what = "Probe a logout endpoint";
    let properties = (StatusCode::ACCEPTED, Vec::new());
    let event = call.changed(&bearer, what, properties, issuer.now());
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move { Ok(tx.append_events(&[event]).await?) })
    });
    written.await?;
    let (probing, message) = match (issuer.probe_endpoint(&found.endpoint), found.unfinished) {
        (false, _) => (false, "It is not down: what is due is sent anyway."),
        (true, 0) => (
            false,
            "It is down and nothing waits for it: use a logout test.",
        ),
        (true, _) => (true, "It is tried now."),
    };
    Ok((StatusCode::ACCEPTED, Json(Probed { probing, message })))
}

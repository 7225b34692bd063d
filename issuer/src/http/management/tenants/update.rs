//! `PATCH /api/v2/tenants/settings`: changes settings; what the body does not name stays.
//!
//! `null` takes a setting back: the configuration file holds again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::change::SettingsChange;
use super::wire::settings_body;
use crate::http::api_error::{ApiError, Invalid, Place};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::issuer::Issuer;

#[utoipa::path(
    patch,
    path = "/tenants/settings",
    operation_id = "update_tenant_settings",
    tag = "tenants",
    summary = "Changes settings; `null` takes one back",
    request_body = openapi::TenantSettings,
    responses(
        (status = 200, description = "Done.", body = openapi::TenantSettings),
    ),
    security(("bearer" = ["update:tenant_settings"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    call: Call,
    body: UnreadBody,
) -> Result<Json<Map<String, Value>>, ApiError> {
    bearer.require("update:tenant_settings")?;
    let body = body.object().await?;
    if body.is_empty() {
        let reason = "Too few properties defined (0), minimum 1";
        return Err(Invalid::whole(Place::Payload, reason).into());
    }
    let change = SettingsChange::read(&body)?;
    let now = issuer.now();
    let properties = (
        StatusCode::OK,
        body.into_iter().map(|(name, _)| name).collect(),
    );
    let event = call.changed(&bearer, "Update tenant settings", properties, now);
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let mut settings = tx.tenant_settings().await?;
            change.apply(&mut settings);
            tx.save_tenant_settings(&settings, now).await?;
            tx.append_events(&[event]).await?;
            Ok(settings)
        })
    });
    let settings = written.await?;
    issuer.reload_tenant_settings().await?;
    Ok(Json(settings_body(
        &settings,
        issuer.configured_lifetimes(),
    )))
}

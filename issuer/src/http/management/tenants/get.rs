//! `GET /api/v2/tenants/settings`: the settings that hold.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::wire::settings_body;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::Query;
use crate::issuer::Issuer;

#[utoipa::path(
    get,
    path = "/tenants/settings",
    operation_id = "get_tenant_settings",
    tag = "tenants",
    summary = "The settings",
    params(
        openapi::Selected,
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::TenantSettings),
    ),
    security(("bearer" = ["read:tenant_settings"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
) -> Result<Json<Map<String, Value>>, ApiError> {
    bearer.require("read:tenant_settings")?;
    let fields = query.fields()?;
    let settings = issuer.store().read().await?.tenant_settings().await?;
    let mut body = settings_body(&settings, issuer.configured_lifetimes());
    fields.select(&mut body);
    Ok(Json(body))
}

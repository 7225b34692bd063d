//! `GET /api/v2/resource-servers/{id}`: one API, by its id or its identifier.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::wire::ResourceServerBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::listing;
use crate::http::management::query::{Id, Query};
use crate::issuer::Issuer;

pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    query: Query,
) -> Result<Json<Map<String, Value>>, ApiError> {
    bearer.require("read:resource_servers")?;
    let body = ResourceServerBody::of(&issuer);
    if id != body.id && id != body.identifier {
        return Err(ApiError::Missing(
            "The resource server does not exist",
            Some("inexistent_resource_server"),
        ));
    }
    listing::selected(&body, &query.fields()?).map(Json)
}

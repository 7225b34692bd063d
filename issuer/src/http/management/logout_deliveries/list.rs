//! `GET /api/v2/logout-deliveries`: deliveries, newest first, page by page.
//!
//! `client_id`, `user_id`, `session_id`, `state`, `after` and `before` narrow the list; a parameter
//! that is not known is refused, since without it the list would be another.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::wire::DeliveryBody;
use crate::domain::delivery::DeliveryState;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::{A_TIME, Query};
use crate::issuer::Issuer;
use crate::storage::DeliveryFilter;

/// A page of deliveries; `next` is null on the last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutDeliveries)]
pub(super) struct Deliveries {
    deliveries: Vec<DeliveryBody>,
    next: Option<String>,
}

#[utoipa::path(
    get,
    path = "/logout-deliveries",
    operation_id = "list_logout_deliveries",
    tag = "logout-deliveries",
    summary = "Deliveries, newest first",
    params(
        openapi::Cursor,
        ("client_id" = Option<String>, Query),
        ("user_id" = Option<String>, Query),
        ("session_id" = Option<String>, Query),
        ("state" = Option<String>, Query),
        ("after" = Option<String>, Query, description = "Made at this time or later"),
        ("before" = Option<String>, Query, description = "Made before this time"),
    ),
    responses(
        (status = 200, description = "Done.", body = Deliveries),
    ),
    security(("bearer" = ["read:logout_deliveries"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
) -> Result<Json<Deliveries>, ApiError> {
    bearer.require("read:logout_deliveries")?;
    query.only(&PARAMETERS)?;
    let take = query.take()?;
    let mut read = issuer.store().read().await?;
    let page = read
        .list_deliveries(&filter(&query)?, query.text("from"), take)
        .await?;
    let deliveries = page.deliveries.iter().map(DeliveryBody::new).collect();
    Ok(Json(Deliveries {
        deliveries,
        next: page.next,
    }))
}

const PARAMETERS: [&str; 8] = [
    "client_id",
    "user_id",
    "session_id",
    "state",
    "after",
    "before",
    "from",
    "take",
];

fn filter(query: &Query) -> Result<DeliveryFilter, ApiError> {
    let state = query.text("state").map(|text| {
        let state = DeliveryState::ALL
            .into_iter()
            .find(|state| state.as_str() == text);
        state.ok_or_else(|| query.refuse("state", "a state of a delivery"))
    });
    Ok(DeliveryFilter {
        client: query.parsed("client_id", "a client's id")?,
        user: query.parsed("user_id", "a user's id")?,
        session: query.parsed("session_id", "a session's id")?,
        states: state.transpose()?.into_iter().collect(),
        after: query.parsed("after", A_TIME)?,
        before: query.parsed("before", A_TIME)?,
    })
}

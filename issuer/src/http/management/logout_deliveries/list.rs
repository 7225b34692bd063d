//! `GET /api/v2/logout-deliveries`: deliveries, newest first, page by page.
//!
//! `client_id`, `state` and `session_id` narrow the list.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::wire::DeliveryBody;
use crate::domain::delivery::DeliveryState;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::Query;
use crate::issuer::Issuer;
use crate::storage::DeliveryFilter;

/// A page of deliveries; `next` is null on the last.
#[derive(Debug, Serialize)]
pub(super) struct Deliveries {
    deliveries: Vec<DeliveryBody>,
    next: Option<String>,
}

pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
) -> Result<Json<Deliveries>, ApiError> {
    bearer.require("read:logout_deliveries")?;
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

fn filter(query: &Query) -> Result<DeliveryFilter, ApiError> {
    let client = query.text("client_id").map(|text| {
        text.parse()
            .map_err(|_| query.refuse("client_id", "a client's id"))
    });
    let session = query.text("session_id").map(|text| {
        text.parse()
            .map_err(|_| query.refuse("session_id", "a session's id"))
    });
    let state = query.text("state").map(|text| {
        let state = DeliveryState::ALL
            .into_iter()
            .find(|state| state.as_str() == text);
        state.ok_or_else(|| query.refuse("state", "a state of a delivery"))
    });
    Ok(DeliveryFilter {
        client: client.transpose()?,
        state: state.transpose()?,
        session: session.transpose()?,
    })
}

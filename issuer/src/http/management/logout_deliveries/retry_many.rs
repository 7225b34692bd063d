//! `POST /api/v2/logout-deliveries/retry`: sends again all that fit a description.
//!
//! Without a state these are the deliveries that their clients should have heard and have not;
//! what was heard or cancelled is sent again only if that state is named. `dry_run` counts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use logout_shared::{ClientId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::delivery::{CAN_BE_SENT_AGAIN, count_resendable, resend_all};
use crate::domain::delivery::DeliveryState;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::property::{Property, unknown};
use crate::http::management::query::A_TIME;
use crate::issuer::Issuer;
use crate::storage::DeliveryFilter;

/// How many deliveries are or would be sent again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetriedDeliveries)]
pub(super) struct Count {
    count: u64,
}

#[utoipa::path(
    post,
    path = "/logout-deliveries/retry",
    operation_id = "retry_logout_deliveries",
    tag = "logout-deliveries",
    summary = "Sends again all that fit a description",
    request_body = openapi::RetryMany,
    responses(
        (status = 202, description = "Done.", body = Count),
    ),
    security(("bearer" = ["update:logout_deliveries"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    call: Call,
    body: UnreadBody,
) -> Result<(StatusCode, Json<Count>), ApiError> {
    bearer.require("update:logout_deliveries")?;
    let body = body.object().await?;
    let (filter, dry_run) = read(&body)?;
    let (store, now) = (&**issuer.store(), issuer.now());
    let count = if dry_run {
        count_resendable(store, &filter, now).await?
    } else {
        let properties = (StatusCode::ACCEPTED, body.keys().cloned().collect());
        let what = "Send logout deliveries again";
        let event = call.changed(&bearer, what, properties, now);
        // Before the first change: one that stops half-way has its record too.
        let recorded = store.write::<_, ApiError, _>(move |tx| {
            Box::pin(async move { Ok(tx.append_events(&[event]).await?) })
        });
        recorded.await?;
        let give_up_after = issuer.delivery_settings().retry.give_up_after();
        let count = resend_all(store, &filter, now, give_up_after).await?;
        // An app that is down is tried now as well.
        let wanted = |id: &ClientId| filter.client.as_ref().is_none_or(|only| only == id);
        for (endpoint, _) in issuer.endpoint_windows() {
            if wanted(&endpoint.client) {
                issuer.probe_endpoint(&endpoint);
            }
        }
        count
    };
    Ok((StatusCode::ACCEPTED, Json(Count { count })))
}

const PROPERTIES: [&str; 5] = ["client_id", "state", "after", "before", "dry_run"];

fn read(body: &Map<String, Value>) -> Result<(DeliveryFilter, bool), ApiError> {
    let others: Vec<_> = body
        .keys()
        .map(String::as_str)
        .filter(|name| !PROPERTIES.contains(name))
        .collect();
    if !others.is_empty() {
        return Err(unknown(&others));
    }
    let property = |name, description| {
        let property = body
            .get(name)
            .map(|value| Property::new(name, value, description));
        property.and_then(Property::not_null)
    };
    let client = property("client_id", "The client").map(|it| {
        let id = it.text()?.parse();
        id.map_err(|_| it.refuse("Object didn't pass validation for format client-id"))
    });
    let state = property("state", "The state before").map(|it| {
        let name = it.one_of(&CAN_BE_SENT_AGAIN.map(DeliveryState::as_str))?;
        let state = CAN_BE_SENT_AGAIN
            .into_iter()
            .find(|state| state.as_str() == name);
        Ok::<_, ApiError>(state)
    });
    let after = property("after", "Made at this time or later").map(|it| time(&it));
    let before = property("before", "Made before this time").map(|it| time(&it));
    let dry_run = property("dry_run", "Whether to count only").map(|it| it.boolean());
    let filter = DeliveryFilter {
        client: client.transpose()?,
        states: state.transpose()?.flatten().into_iter().collect(),
        after: after.transpose()?,
        before: before.transpose()?,
        ..DeliveryFilter::default()
    };
    Ok((filter, dry_run.transpose()?.unwrap_or(false)))
}

fn time(property: &Property<'_>) -> Result<Timestamp, ApiError> {
    let time = property.text()?.parse();
    time.map_err(|_| property.refuse(format!("{A_TIME} expected")))
}

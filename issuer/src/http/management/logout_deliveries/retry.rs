//! `POST /api/v2/logout-deliveries/{id}/retry`: sends one delivery again.
//!
//! Any delivery can be sent again but one that was replaced by others. One that is due already or
//! under way is left alone, and the answer says so.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::delivery::{Resent, resend};
use crate::domain::delivery::DeliveryId;
use crate::domain::event_log::LogEvent;
use crate::http::api_error::{ApiError, ErrorBody};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetriedDelivery)]
pub(super) struct Retried {
    count: u64,
    message: &'static str,
}

#[utoipa::path(
    post,
    path = "/logout-deliveries/{id}/retry",
    operation_id = "retry_logout_delivery",
    tag = "logout-deliveries",
    summary = "Sends a delivery again",
    params(
        ("id" = String, Path, description = "The delivery"),
    ),
    responses(
        (status = 202, description = "Done.", body = Retried),
        (status = 409, description = "It is in the way of another.", body = ErrorBody),
    ),
    security(("bearer" = ["update:logout_deliveries"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
) -> Result<(StatusCode, Json<Retried>), ApiError> {
    bearer.require("update:logout_deliveries")?;
    let id: DeliveryId = id.parse().map_err(|_| ApiError::DeliveryNotFound)?;
    let now = issuer.now();
    let give_up_after = issuer.delivery_settings().retry.give_up_after();
    let what = "Send a logout delivery again";
    let changed = call.changed(&bearer, what, (StatusCode::ACCEPTED, Vec::new()), now);
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let resent = resend(tx, id, now, give_up_after).await?;
            if let Resent::Now(delivery) = &resent {
                let user = Some(delivery.user.clone());
                tx.append_events(&[LogEvent { user, ..changed }]).await?;
            }
            Ok(resent)
        })
    });
    let (count, message) = match written.await? {
        Resent::Now(delivery) => {
            issuer.probe_endpoint(&delivery.endpoint());
            (1, "It is sent again now.")
        }
        Resent::AlreadyDue(delivery) => {
            if issuer.probe_endpoint(&delivery.endpoint()) {
                (0, "It waits for its app, which is down and is tried now.")
            } else {
                (0, "It was due already: nothing has changed.")
            }
        }
        Resent::UnderWay => (0, "An attempt is under way: nothing has changed."),
    };
    Ok((StatusCode::ACCEPTED, Json(Retried { count, message })))
}

//! `GET /api/v2/logout-endpoints`: one entry for each client and URL, by client and URL.
//!
//! URLs that a client has registered are there, and URLs that it had and for which something still
//! waits.

use axum::Json;
use axum::extract::State;
use logout_shared::{ClientId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::delivery::AttemptError;
use crate::domain::logout_settings::LogoutUrl;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::Query;
use crate::issuer::{EndpointState, Issuer};

/// A page of endpoints; `next` is null on the last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutEndpoints)]
pub(super) struct Endpoints {
    endpoints: Vec<EndpointBody>,
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutEndpoint)]
struct EndpointBody {
    id: String,
    #[schema(value_type = String)]
    client_id: ClientId,
    #[schema(value_type = String)]
    url: LogoutUrl,
    state: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    down_since: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_probe_at: Option<Timestamp>,
    limit: u32,
    in_flight: u32,
    pending: u64,
    parked: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_pending_at: Option<Timestamp>,
    last: Option<LastBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutEndpointLast)]
struct LastBody {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    status: Option<u16>,
    #[schema(value_type = Option<String>)]
    error: Option<AttemptError>,
    duration_ms: u64,
}

#[utoipa::path(
    get,
    path = "/logout-endpoints",
    operation_id = "list_logout_endpoints",
    tag = "logout-deliveries",
    summary = "Endpoints, one for each client and URL",
    params(
        openapi::Cursor,
        ("client_id" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "Done.", body = Endpoints),
    ),
    security(("bearer" = ["read:logout_deliveries"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
) -> Result<Json<Endpoints>, ApiError> {
    bearer.require("read:logout_deliveries")?;
    query.only(&["client_id", "from", "take"])?;
    let client: Option<ClientId> = query.parsed("client_id", "a client's id")?;
    let take = usize::try_from(query.take()?).unwrap_or(usize::MAX);
    let mut all = issuer.endpoints(client.as_ref()).await?;
    if let Some(from) = query.text("from") {
        // A cursor whose endpoint is gone, or that is none, has nothing behind it.
        let at = all.iter().position(|it| it.id() == from);
        all.drain(..at.map_or(all.len(), |at| at + 1));
    }
    let next = (all.len() > take).then(|| all[take - 1].id());
    all.truncate(take);
    issuer.add_last_outcomes(&mut all).await?;
    Ok(Json(Endpoints {
        endpoints: all.into_iter().map(EndpointBody::new).collect(),
        next,
    }))
}

impl EndpointBody {
    fn new(state: EndpointState) -> Self {
        let last = state.last.as_ref().map(|last| LastBody {
            at: last.at,
            status: last.status,
            error: last.error,
            duration_ms: u64::try_from(last.duration.as_millis()).unwrap_or(u64::MAX),
        });
        Self {
            id: state.id(),
            state: if state.window.down_since.is_some() {
                "down"
            } else {
                "open"
            },
            down_since: state.window.down_since,
            next_probe_at: state.window.next_probe_at,
            limit: state.window.limit,
            in_flight: state.window.in_flight,
            pending: state.unfinished,
            parked: state.queued,
            oldest_pending_at: state.oldest_event_at,
            client_id: state.endpoint.client,
            url: state.endpoint.url,
            last,
        }
    }
}

//! `GET /api/v2/client-grants`: the grants of all clients, page by page.
//!
//! `client_id` and `audience` narrow the list. Grants come in the order in which their clients were
//! made.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::wire::GrantBody;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::listing::{self, Item};
use crate::http::management::openapi;
use crate::http::management::query::Query;
use crate::issuer::Issuer;
use crate::login::access_token::management_audience;

/// How many clients are read at once.
const CHUNK: u32 = 500;

#[utoipa::path(
    get,
    path = "/client-grants",
    operation_id = "list_client_grants",
    tag = "client-grants",
    summary = "Grants, page by page",
    params(
        openapi::Numbered,
        openapi::Cursor,
        openapi::Selected,
        ("client_id" = Option<String>, Query),
        ("audience" = Option<String>, Query),
        ("subject_type" = Option<String>, Query),
        ("allow_any_organization" = Option<bool>, Query),
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::ClientGrants),
    ),
    security(("bearer" = ["read:client_grants"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    bearer.require("read:client_grants")?;
    let audience = management_audience(issuer.id());
    let of_another = query.text("audience").is_some_and(|it| it != audience)
        || query.text("subject_type").is_some_and(|it| it != "client")
        || query.flag("allow_any_organization")? == Some(true);
    let items = if of_another {
        Vec::new()
    } else {
        grants(&issuer, query.text("client_id"), &audience).await?
    };
    listing::answer(&query, "client_grants", items).map(Json)
}

async fn grants(
    issuer: &Issuer,
    of: Option<&str>,
    audience: &str,
) -> Result<Vec<Item<GrantBody>>, ApiError> {
    let mut snapshot = issuer.store().read().await?;
    let mut items = Vec::new();
    let mut offset = 0;
    loop {
        let clients = snapshot.list_clients(offset, CHUNK).await?;
        for client in &clients {
            let wanted = of.is_none_or(|id| id == client.id.as_str());
            if let Some(body) = GrantBody::of(client, audience).filter(|_| wanted) {
                // As long for every time, so that texts are in the order of times.
                let made = client.created_at.as_millis();
                let key = format!("{made:020}.{}", client.id);
                items.push(Item { key, body });
            }
        }
        if clients.len() < CHUNK as usize {
            items.sort_by(|a, b| a.key.cmp(&b.key));
            return Ok(items);
        }
        offset += CHUNK;
    }
}

//! `GET /api/v2/clients`: all clients, page by page.
//!
//! Three forms, as SDKs ask for them: `page`/`per_page` gives a bare array, with `include_totals`
//! an object with the total, and `from`/`take` an object with the cursor of the next page. Clients
//! come in the order in which they were made, so that a client made meanwhile is on a later page.

use std::cmp::Ordering;

use axum::Json;
use axum::extract::State;
use logout_shared::Timestamp;
use serde_json::{Map, Value, json};

use super::get::record_secrets;
use super::open_secret;
use super::wire::{READ_SCOPES, View, client_body};
use crate::domain::client::Client;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::openapi;
use crate::http::management::query::Query;
use crate::issuer::Issuer;
use crate::storage::Snapshot;

/// How many clients are read at once where all have to be looked at.
const CHUNK: u32 = 500;

#[utoipa::path(
    get,
    path = "/clients",
    operation_id = "list_clients",
    tag = "clients",
    summary = "Clients, page by page",
    params(
        openapi::Numbered,
        openapi::Cursor,
        openapi::Selected,
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::Clients),
    ),
    security(("bearer" = ["read:clients"]), ("bearer" = ["read:client_keys"]), ("bearer" = ["read:client_credentials"]), ("bearer" = ["read:client_summary"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
    call: Call,
) -> Result<Json<Value>, ApiError> {
    bearer.require_any(&READ_SCOPES)?;
    let (filter, fields) = (Filter::read(&query)?, query.fields()?);
    let mut read = issuer.store().read().await?;
    let list = if query.text("from").is_some() || query.text("take").is_some() {
        List::after(&mut *read, &filter, query.text("from"), query.take()?).await?
    } else {
        List::numbered(&mut *read, &filter, &query).await?
    };
    let view = View::of(&bearer);
    let mut bodies = Vec::with_capacity(list.clients.len());
    for client in &list.clients {
        let secret = if view.shows_secret() {
            open_secret(&issuer, client)?
        } else {
            None
        };
        let mut body = client_body(client, secret.as_ref(), &issuer, view);
        fields.select(&mut body);
        bodies.push(body);
    }
    record_secrets(&bodies, &bearer, &call, &issuer).await?;
    Ok(Json(list.form.around(&bodies)))
}

/// What of a list goes out, and how.
struct List {
    clients: Vec<Client>,
    form: Form,
}

enum Form {
    Bare,
    Totals { start: u32, limit: u32, total: u64 },
    Cursor { next: Option<String> },
}

impl Form {
    fn around(self, clients: &[Map<String, Value>]) -> Value {
        match self {
            Self::Bare => json!(clients),
            Self::Totals {
                start,
                limit,
                total,
            } => json!({
                "start": start,
                "limit": limit,
                "length": clients.len(),
                "total": total,
                "clients": clients,
            }),
            Self::Cursor { next: None } => json!({"clients": clients}),
            Self::Cursor { next } => json!({"clients": clients, "next": next}),
        }
    }
}

impl List {
    async fn numbered(
        read: &mut dyn Snapshot,
        filter: &Filter,
        query: &Query,
    ) -> Result<Self, ApiError> {
        let page = query.page()?;
        let (clients, total) = if filter.is_open() {
            (
                read.list_clients(page.start, page.limit).await?,
                read.count_clients().await?,
            )
        } else {
            let mut matching = matching(read, filter).await?;
            let total = matching.len() as u64;
            let start = (page.start as usize).min(matching.len());
            matching.drain(..start);
            matching.truncate(page.limit as usize);
            (matching, total)
        };
        let totals = Form::Totals {
            start: page.start,
            limit: page.limit,
            total,
        };
        Ok(Self {
            clients,
            form: if page.totals { totals } else { Form::Bare },
        })
    }

    async fn after(
        read: &mut dyn Snapshot,
        filter: &Filter,
        from: Option<&str>,
        take: u32,
    ) -> Result<Self, ApiError> {
        let mut clients = matching(read, filter).await?;
        if let Some(from) = from {
            clients.retain(|client| is_after(client, from));
        }
        let more = clients.len() > take as usize;
        clients.truncate(take as usize);
        let next = clients.last().filter(|_| more).map(cursor);
        Ok(Self {
            clients,
            form: Form::Cursor { next },
        })
    }
}

/// The place of a client in the list; it stays when the client is deleted.
fn cursor(client: &Client) -> String {
    format!("{}.{}", client.created_at.as_millis(), client.id)
}

fn is_after(client: &Client, cursor: &str) -> bool {
    let Some((millis, id)) = cursor.split_once('.') else {
        return false;
    };
    let Ok(millis) = millis.parse() else {
        return false;
    };
    let made = client.created_at.cmp(&Timestamp::from_millis(millis));
    made.then_with(|| client.id.as_str().cmp(id)) == Ordering::Greater
}

async fn matching(read: &mut dyn Snapshot, filter: &Filter) -> Result<Vec<Client>, ApiError> {
    let mut matching = Vec::new();
    let mut offset = 0;
    loop {
        let chunk = read.list_clients(offset, CHUNK).await?;
        let last = chunk.len() < CHUNK as usize;
        matching.extend(chunk.into_iter().filter(|client| filter.lets(client)));
        if last {
            matching.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
            return Ok(matching);
        }
        offset += CHUNK;
    }
}

/// Which clients are wanted.
#[derive(Debug, Default)]
struct Filter {
    app_types: Option<Vec<String>>,
    first_party: Option<bool>,
    /// Asked for what no client of ours is: global, registered by its metadata, an organization's.
    nothing: bool,
}

impl Filter {
    fn read(query: &Query) -> Result<Self, ApiError> {
        let app_types = query.text("app_type");
        Ok(Self {
            app_types: app_types.map(|list| list.split(',').map(str::to_owned).collect()),
            first_party: query.flag("is_first_party")?,
            nothing: query.flag("is_global")? == Some(true)
                || query.text("external_client_id").is_some()
                || query.text("q").is_some(),
        })
    }

    fn is_open(&self) -> bool {
        self.app_types.is_none() && self.first_party.is_none() && !self.nothing
    }

    fn lets(&self, client: &Client) -> bool {
        let app_type = client
            .other
            .get("app_type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let first_party = client.other.get("is_first_party").and_then(Value::as_bool);
        !self.nothing
            && self
                .app_types
                .as_ref()
                .is_none_or(|types| types.iter().any(|it| it == app_type))
            && self
                .first_party
                .is_none_or(|wanted| wanted == first_party.unwrap_or(true))
    }
}

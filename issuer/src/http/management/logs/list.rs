//! `GET /api/v2/logs`: the event log, searched or read on from a record.
//!
//! Two modes. A search (`q`, or `search`, which SDKs send) gives the newest records that fit, page
//! by page, up to the thousandth. A checkpoint (`from`, `take`) gives what was written after a
//! record, without end: its answer is always an array, with the URL of the next call in `Link`.
//! `from` wins over everything else. `take` alone begins with the oldest record.

use std::convert::Infallible;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header::{HeaderName, HeaderValue, LINK};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use logout_shared::Timestamp;
use serde::Serialize;

use super::Sight;
use super::search::{read_search, read_sort};
use super::wire::LogBody;
use crate::domain::log_id::LogId;
use crate::http::api_error::ErrorBody;
use crate::http::api_error::{ApiError, Invalid, Place};
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::{Fields, Page, Query};
use crate::http::management::search_query::MAX_BYTES;
use crate::issuer::Issuer;
use crate::storage::search::Condition;
use crate::storage::{EventKey, EventSearch, EventTest, FoundEvents, REACHABLE};

/// Tells that a search stopped before it had all it was asked for, and at which record.
const STOPPED_AT: HeaderName = HeaderName::from_static("x-search-stopped-at");

#[utoipa::path(
    get,
    path = "/logs",
    operation_id = "list_logs",
    tag = "logs",
    summary = "The event log, searched or read on from a record",
    params(
        openapi::Numbered,
        openapi::Cursor,
        openapi::Selected,
        ("q" = Option<String>, Query),
        ("search" = Option<String>, Query, description = "The same as `q`"),
        ("sort" = Option<String>, Query, description = "`<field>:1` or `<field>:-1`"),
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::LogRecords),
        (status = 414, description = "The query is too long.", body = ErrorBody),
    ),
    security(("bearer" = ["read:logs"]), ("bearer" = ["read:logs_users"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
    searched: Searched,
) -> Result<Found, ApiError> {
    let sight = Sight::of(&bearer)?;
    if searched.length > MAX_BYTES {
        return Err(ApiError::UriTooLong(MAX_BYTES));
    }
    if query.text("from").is_some() || query.text("take").is_some() {
        return after(&issuer, &query, sight).await;
    }
    let numbered = Numbered::read(&query)?;
    let condition = sight.limit(searched.condition()?);
    numbered.find(&issuer, condition).await
}

/// All that is searched for. Command lines send `q` twice: both count.
#[derive(Debug)]
pub(super) struct Searched {
    queries: Vec<(&'static str, String)>,
    length: usize,
}

impl<S: Sync> FromRequestParts<S> for Searched {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let mut queries = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let known = ["q", "search"].into_iter().find(|known| *known == name);
            queries.extend(known.map(|name| (name, value.into_owned())));
        }
        let length = query.len();
        Ok(Self { queries, length })
    }
}

impl Searched {
    fn condition(&self) -> Result<Condition<EventTest>, ApiError> {
        let mut all = Condition::everything();
        for (name, query) in &self.queries {
            let refuse = |error: super::LogSearchError| {
                Invalid::property(Place::Query, error.to_string(), *name, "The search")
            };
            all = all.and(read_search(query).map_err(refuse)?);
        }
        Ok(all)
    }
}

/// One page of a search.
pub(super) struct Numbered {
    page: Page,
    key: EventKey,
    descending: bool,
    fields: Option<Fields>,
}

impl Numbered {
    pub(super) fn read(query: &Query) -> Result<Self, ApiError> {
        let page = query.page()?;
        if page.start.saturating_add(page.limit) > REACHABLE {
            return Err(ApiError::PastReach(REACHABLE));
        }
        let (key, descending) = match query.text("sort") {
            None => (EventKey::Number, true),
            Some(sort) => read_sort(sort)
                .ok_or_else(|| query.refuse("sort", "a field with :1 or :-1, such as date:-1"))?,
        };
        let fields = query.fields()?;
        Ok(Self {
            page,
            key,
            descending,
            fields: query.text("fields").map(|_| fields),
        })
    }

    pub(super) async fn find(
        self,
        issuer: &Issuer,
        condition: Condition<EventTest>,
    ) -> Result<Found, ApiError> {
        let search = EventSearch {
            condition,
            key: self.key,
            descending: self.descending,
            skip: self.page.start,
            take: self.page.limit,
            count: self.page.totals,
        };
        let mut read = issuer.store().read().await?;
        let FoundEvents {
            records,
            count,
            stopped_at,
        } = read.search_events(&search).await?;
        let body = |record| {
            let body = LogBody::new(record);
            match &self.fields {
                Some(fields) => body.select(fields),
                None => body,
            }
        };
        let logs: Vec<LogBody> = records.into_iter().map(body).collect();
        let logs = match count {
            None => Logs::Bare(logs),
            Some(total) => Logs::Totals {
                start: self.page.start,
                limit: self.page.limit,
                length: logs.len(),
                total,
                logs,
            },
        };
        Ok(Found {
            logs,
            stopped_at,
            next: None,
        })
    }
}

/// What was written after a record.
async fn after(issuer: &Issuer, query: &Query, sight: Sight) -> Result<Found, ApiError> {
    let take = query.take()?;
    let from: Option<LogId> = query.parsed("from", "the log_id of a record")?;
    let of_users = sight == Sight::Users;
    let mut read = issuer.store().read().await?;
    let number = from.map_or(0, |from| from.number);
    let records = read.list_events_after(number, of_users, take).await?;
    let last = records.last().map(|record| record.log_id).or(from);
    let last = last.unwrap_or(LogId {
        number: 0,
        date: Timestamp::from_secs(0),
    });
    let next = format!("{}api/v2/logs?from={last}&take={take}", issuer.id());
    Ok(Found {
        logs: Logs::Bare(records.into_iter().map(LogBody::new).collect()),
        stopped_at: None,
        next: Some(next),
    })
}

/// Records, with what is said about them in headers.
pub(super) struct Found {
    logs: Logs,
    stopped_at: Option<u64>,
    next: Option<String>,
}

/// The two forms of a list of records.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Logs {
    Bare(Vec<LogBody>),
    Totals {
        start: u32,
        limit: u32,
        length: usize,
        total: u32,
        logs: Vec<LogBody>,
    },
}

impl IntoResponse for Found {
    fn into_response(self) -> Response {
        let mut response = Json(self.logs).into_response();
        let stopped = self.stopped_at.map(|number| {
            let date = Timestamp::from_secs(0);
            (STOPPED_AT, LogId { number, date }.to_string())
        });
        let next = self
            .next
            .map(|url| (LINK, format!("<{url}>; rel=\"next\"")));
        for (name, value) in stopped.into_iter().chain(next) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

//! `GET /api/v2/users`: the users, searched and page by page.
//!
//! Without `sort` they come in the order in which they were made, so that whoever pages through
//! them sees each of them, also while others are being made.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};

use super::search::{read_search, read_sort};
use super::wire;
use crate::http::api_error::{ApiError, Invalid, Place};
use crate::http::bearer::Bearer;
use crate::http::management::openapi;
use crate::http::management::query::Query;
use crate::issuer::Issuer;
use crate::login::actions::CONNECTION;
use crate::storage::search::Condition;
use crate::storage::{FoundUsers, UserKey, UserSearch, UserTest, UserTime};

/// The two forms of the list.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Users {
    Bare(Vec<Map<String, Value>>),
    Totals {
        start: u32,
        limit: u32,
        length: usize,
        total: u64,
        users: Vec<Map<String, Value>>,
    },
}

#[utoipa::path(
    get,
    path = "/users",
    operation_id = "list_users",
    tag = "users",
    summary = "Users, searched and page by page",
    params(
        openapi::Numbered,
        openapi::Selected,
        ("q" = Option<String>, Query),
        ("sort" = Option<String>, Query, description = "`<field>:1` or `<field>:-1`"),
        ("connection" = Option<String>, Query),
        ("search_engine" = Option<String>, Query, description = "`v3`"),
        ("primary_order" = Option<bool>, Query),
    ),
    responses(
        (status = 200, description = "Done.", body = openapi::Users),
    ),
    security(("bearer" = ["read:users"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    query: Query,
) -> Result<Json<Users>, ApiError> {
    bearer.require("read:users")?;
    let (page, fields) = (query.page()?, query.fields()?);
    let (key, descending) = match query.text("sort") {
        None => (UserKey::Time(UserTime::Created), false),
        Some(sort) => read_sort(sort)
            .ok_or_else(|| query.refuse("sort", "a field with :1 or :-1, such as created_at:-1"))?,
    };
    let search = UserSearch {
        condition: condition(&query)?,
        key,
        descending,
        skip: page.start,
        take: page.limit,
        count: page.totals,
    };
    let mut read = issuer.store().read().await?;
    let FoundUsers { users, count } = read.search_users(&search).await?;
    let users: Vec<_> = users
        .iter()
        .map(|user| wire::selected(user, &fields))
        .collect();
    Ok(Json(match count {
        None => Users::Bare(users),
        Some(total) => Users::Totals {
            start: page.start,
            limit: page.limit,
            length: users.len(),
            total,
            users,
        },
    }))
}

fn condition(query: &Query) -> Result<Condition<UserTest>, ApiError> {
    if query.text("search_engine").is_some_and(|it| it != "v3") {
        return Err(query.refuse("search_engine", "v3"));
    }
    query.flag("primary_order")?;
    if query.text("connection").is_some_and(|it| it != CONNECTION) {
        return Ok(Condition::nothing());
    }
    let refuse = |error: super::UserSearchError| {
        ApiError::from(Invalid::property(
            Place::Query,
            error.to_string(),
            "q",
            "The search",
        ))
    };
    query.text("q").map_or_else(
        || Ok(Condition::everything()),
        |q| read_search(q).map_err(refuse),
    )
}

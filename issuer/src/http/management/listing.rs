//! Lists that are small enough to be made as a whole, in the three forms that SDKs ask for.
//!
//! `page`/`per_page` gives a bare array, with `include_totals` an object with the total, and
//! `from`/`take` an object with the cursor of the next page. The cursor is the key of the last
//! item, which stays a place in the order when that item is deleted. `clients/list.rs` has the same
//! forms for a list that may be long.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::query::{Fields, Query};
use crate::http::api_error::ApiError;

/// An item with its place in the list.
#[derive(Debug)]
pub(super) struct Item<T> {
    /// Its place: items come in the order of their keys, and each has its own.
    pub(super) key: String,
    /// What goes out.
    pub(super) body: T,
}

/// The answer with what the caller asks for; `items` is in the order of keys, and `name` is what
/// the items are called where there is more than the array.
pub(super) fn answer<T: Serialize>(
    query: &Query,
    name: &str,
    items: Vec<Item<T>>,
) -> Result<Value, ApiError> {
    let fields = query.fields()?;
    if query.text("from").is_some() || query.text("take").is_some() {
        return after(query, name, items, &fields);
    }
    let page = query.page()?;
    let total = items.len();
    let items = bodies(page.of(items), &fields)?;
    if !page.totals {
        return Ok(json!(items));
    }
    let mut answer = json!({
        "start": page.start, "limit": page.limit, "length": items.len(), "total": total,
    });
    answer[name] = json!(items);
    Ok(answer)
}

fn after<T: Serialize>(
    query: &Query,
    name: &str,
    mut items: Vec<Item<T>>,
    fields: &Fields,
) -> Result<Value, ApiError> {
    let take = query.take()? as usize;
    if let Some(from) = query.text("from") {
        items.retain(|item| item.key.as_str() > from);
    }
    let more = items.len() > take;
    items.truncate(take);
    let next = items.last().filter(|_| more).map(|item| item.key.clone());
    let mut answer = json!({});
    answer[name] = json!(bodies(items, fields)?);
    if let Some(next) = next {
        answer["next"] = json!(next);
    }
    Ok(answer)
}

fn bodies<T: Serialize>(
    items: Vec<Item<T>>,
    fields: &Fields,
) -> Result<Vec<Map<String, Value>>, ApiError> {
    let bodies = items.into_iter().map(|item| selected(&item.body, fields));
    bodies.collect()
}

/// What the caller wants of one body.
pub(super) fn selected<T: Serialize>(
    body: &T,
    fields: &Fields,
) -> Result<Map<String, Value>, ApiError> {
    let mut body = match serde_json::to_value(body).map_err(ApiError::internal)? {
        Value::Object(body) => body,
        _ => Map::new(),
    };
    fields.select(&mut body);
    Ok(body)
}

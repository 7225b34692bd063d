//! `GET /api/v2/stats/daily`: sign-ins and sign-ups of each day of UTC.
//!
//! `from` and `to` are days such as 20261123, both counted; without them the last 30 days. Days on
//! which nothing happened have zeros and no times. They are counted in the event log, so no further
//! back than it is kept.

use axum::Json;
use axum::extract::State;
use logout_shared::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Turn;
use crate::domain::daily_stats::{DAY, DayCounts, MAX_DAYS};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::Query;
use crate::issuer::Issuer;

/// How many days there are unless the caller says otherwise.
const DAYS: u32 = 30;

/// One day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DailyStats)]
pub(super) struct Day {
    #[schema(value_type = String, format = DateTime)]
    date: Timestamp,
    logins: u64,
    signups: u64,
    leaked_passwords: u64,
    /// When the first of it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    /// When the last of it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

impl Day {
    fn new(date: Timestamp, counted: Option<&DayCounts>) -> Self {
        Self {
            date,
            logins: counted.map_or(0, |day| day.logins),
            signups: counted.map_or(0, |day| day.signups),
            leaked_passwords: counted.map_or(0, |day| day.leaked_passwords),
            created_at: counted.map(|day| day.first),
            updated_at: counted.map(|day| day.last),
        }
    }
}

#[utoipa::path(
    get,
    path = "/stats/daily",
    operation_id = "list_daily_stats",
    tag = "stats",
    summary = "Sign-ins by day",
    params(
        ("from" = Option<String>, Query, description = "A day such as 20261123"),
        ("to" = Option<String>, Query, description = "A day such as 20261123"),
    ),
    responses(
        (status = 200, description = "Done.", body = Vec<Day>),
    ),
    security(("bearer" = ["read:stats"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    State(turn): State<Turn>,
    query: Query,
) -> Result<Json<Vec<Day>>, ApiError> {
    bearer.require("read:stats")?;
    let (from, days) = range(&query, issuer.now())?;
    let permit = turn.take().await?;
    let mut snapshot = issuer.store().read().await?;
    let counted = snapshot.count_days(from, from + DAY * days).await?;
    drop(permit);
    let day = |number| {
        let date = from + DAY * number;
        Day::new(date, counted.iter().find(|counts| counts.day == date))
    };
    Ok(Json((0..days).map(day).collect()))
}

/// The first day, and how many there are.
fn range(query: &Query, now: Timestamp) -> Result<(Timestamp, u32), ApiError> {
    let day_millis = i64::try_from(DAY.as_millis()).map_err(ApiError::internal)?;
    let today = now.as_millis().div_euclid(day_millis) * day_millis;
    let today = Timestamp::from_millis(today);
    let to = day(query, "to")?.unwrap_or(today);
    let from = day(query, "from")?.unwrap_or(to - DAY * (DAYS - 1));
    let days = to.saturating_since(from).as_secs() / DAY.as_secs() + 1;
    if from > to || days > MAX_DAYS {
        return Err(query.refuse("from", "a day not after \"to\", 366 days at most"));
    }
    let days = u32::try_from(days).map_err(ApiError::internal)?;
    Ok((from, days))
}

const A_DAY: &str = "a day such as 20261123";

fn day(query: &Query, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = query.text(name) else {
        return Ok(None);
    };
    let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let refuse = || query.refuse(name, A_DAY);
    if !digits {
        return Err(refuse());
    }
    let written = format!("{}-{}-{}T00:00:00Z", &text[..4], &text[4..6], &text[6..]);
    written.parse().map(Some).map_err(|_| refuse())
}

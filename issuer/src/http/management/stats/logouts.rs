//! `GET /api/v2/stats/logouts`: what ended and what was heard, step of time by step.
//!
//! `after` and `before` bound the time, a day until now by default, 31 days at most; `step` is in
//! seconds, from a minute, and there are 500 steps at most.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use logout_shared::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Turn;
use crate::domain::logout_stats::{LogoutCounts, MAX_RANGE, MAX_STEPS, StatsRange};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::query::{A_TIME, Query};
use crate::issuer::Issuer;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutStats)]
pub(super) struct Stats {
    #[schema(value_type = String, format = DateTime)]
    after: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    before: Timestamp,
    step: u64,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutStatsStep)]
struct Step {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    sessions_ended: u64,
    heard: u64,
    refused: u64,
    given_up: u64,
    cancelled: u64,
    latency_ms: Option<Latency>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutLatency)]
struct Latency {
    p50: u64,
    p95: u64,
    p99: u64,
    max: u64,
}

#[utoipa::path(
    get,
    path = "/stats/logouts",
    operation_id = "list_logout_stats",
    tag = "stats",
    summary = "What ended and what was heard, step by step",
    params(
        ("after" = Option<String>, Query, description = "A time"),
        ("before" = Option<String>, Query, description = "A time"),
        ("step" = Option<u64>, Query, description = "Seconds of a step"),
    ),
    responses(
        (status = 200, description = "Done.", body = Stats),
    ),
    security(("bearer" = ["read:stats"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    State(turn): State<Turn>,
    query: Query,
) -> Result<Json<Stats>, ApiError> {
    bearer.require("read:stats")?;
    let range = range(&query, issuer.now())?;
    let permit = turn.take().await?;
    let counts = issuer.store().read().await?.count_logouts(&range).await?;
    drop(permit);
    let starts = (0_u32..).map(|number| range.after + range.step * number);
    Ok(Json(Stats {
        after: range.after,
        before: range.before,
        step: range.step.as_secs(),
        steps: starts
            .zip(&counts)
            .map(|(at, counts)| step(at, counts))
            .collect(),
    }))
}

fn step(at: Timestamp, counts: &LogoutCounts) -> Step {
    let quantile = |percent| counts.quantile(percent);
    let latency = || {
        Some(Latency {
            p50: quantile(50)?,
            p95: quantile(95)?,
            p99: quantile(99)?,
            max: quantile(100)?,
        })
    };
    Step {
        at,
        sessions_ended: counts.sessions_ended,
        heard: counts.heard,
        refused: counts.refused,
        given_up: counts.given_up,
        cancelled: counts.cancelled,
        latency_ms: latency(),
    }
}

fn range(query: &Query, now: Timestamp) -> Result<StatsRange, ApiError> {
    query.only(&["after", "before", "step"])?;
    let before = query.parsed("before", A_TIME)?.unwrap_or(now);
    let a_day = Duration::from_hours(24);
    let after = query.parsed("after", A_TIME)?.unwrap_or(before - a_day);
    if after >= before || before.saturating_since(after) > MAX_RANGE {
        return Err(query.refuse("after", "a time before \"before\", 31 days at most"));
    }
    let secs: u64 = query.parsed("step", A_STEP)?.unwrap_or(3_600);
    let range = StatsRange {
        after,
        before,
        step: Duration::from_secs(secs.min(MAX_RANGE.as_secs())),
    };
    if secs < 60 || range.steps() > u64::from(MAX_STEPS) {
        return Err(query.refuse("step", A_STEP));
    }
    Ok(range)
}

const A_STEP: &str = "a number of seconds from 60 that makes 500 steps at most";

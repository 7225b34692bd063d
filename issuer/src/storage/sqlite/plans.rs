//! For tests: how SQLite goes about a statement.

use sqlx::{AssertSqlSafe, Row as _};

use super::{SqliteOptions, open};

/// The steps of a statement, one a line, as `EXPLAIN QUERY PLAN` tells them.
pub(super) async fn plan_of(sql: &str) -> String {
    let mut opened = open::open(&SqliteOptions::in_memory()).await.unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let steps = sqlx::query(explain).fetch_all(&mut opened.writer).await;
    let steps = steps.unwrap_or_else(|error| panic!("{error} in {sql}"));
    let steps: Vec<String> = steps.iter().map(|row| row.get("detail")).collect();
    steps.join("\n")
}

/// Checks that a statement looks up these indexes and reads nothing large from end to end.
pub(super) async fn assert_plan(sql: &str, lookups: &[&str]) {
    let plan = plan_of(sql).await;
    for lookup in lookups {
        assert!(plan.contains(lookup), "no {lookup} in\n{plan}\nof\n{sql}");
    }
    for step in plan.lines() {
        let reads_all = step.starts_with("SCAN")
            && ![
                "json_each",
                "CONSTANT",
                "made",
                "(subquery",
                "logout_deliveries_held",
            ]
            .iter()
            .any(|small| step.contains(small));
        assert!(!reads_all, "{step}\nof\n{sql}");
    }
}

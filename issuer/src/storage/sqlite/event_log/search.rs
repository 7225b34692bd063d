//! Searching the event log.
//!
//! First the numbers of the records are found, then the records of one page are read. An index
//! leads where the condition allows it; else records are looked at one by one in the order asked
//! for. Either way no more than [`LOOKED_AT`] of them are looked at: each way is first asked how
//! far back that number reaches, and the one that reaches furthest is gone.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;

use super::columns::{self, column};
use super::lead::{Key, Lead, Parts};
use super::position::Window;
use super::{FIND_ALL, record};
use crate::storage::sqlite::condition::{Sql, SqlValue};
use crate::storage::sqlite::handle::{Link, SqliteHandle};
use crate::storage::sqlite::row::{number, to_json};
use crate::storage::{
    EventKey, EventNumber, EventSearch, FoundEvents, LOOKED_AT, LogRecord, REACHABLE, StorageError,
};

/// A way that is gone, and how far.
struct Way {
    lead: Lead,
    window: Window,
    /// The last number that is looked at, if that is not the last there is.
    stop: Option<i64>,
}

impl<C: Link> SqliteHandle<C> {
    pub(super) async fn found_events(
        &mut self,
        search: &EventSearch,
    ) -> Result<FoundEvents, StorageError> {
        let parts = Parts::of(&search.condition);
        let Some(window) = self.window(&parts).await? else {
            let count = search.count.then_some(0);
            return Ok(FoundEvents {
                count,
                ..FoundEvents::default()
            });
        };
        let way = self.way(&parts, search, window).await?;
        let page = search.skip.saturating_add(search.take);
        let wanted = if search.count {
            page.max(REACHABLE)
        } else {
            page
        };
        let sql = numbers(&way, search, wanted);
        let read = |row: &SqliteRow| number(row, "id");
        let found: Vec<i64> = self.all("searching events", sql.query(), read).await?;
        let (skip, take) = (search.skip as usize, search.take as usize);
        let numbers: Vec<i64> = found.iter().skip(skip).take(take).copied().collect();
        let stop = way.stop.filter(|_| found.len() < wanted as usize);
        Ok(FoundEvents {
            records: self.records(&numbers).await?,
            count: search.count.then(|| {
                let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
                count.min(REACHABLE)
            }),
            stopped_at: stop.and_then(|stop| EventNumber::try_from(stop).ok()),
        })
    }

    /// The numbers among which the records are; `None` if there are none.
    async fn window(&mut self, parts: &Parts) -> Result<Option<Window>, StorageError> {
        if parts.are_impossible() {
            return Ok(None);
        }
        let Some(all) = self.all_events().await? else {
            return Ok(None);
        };
        let mut window = parts.window(all);
        for dates in &parts.dates {
            if window.is_empty() {
                break;
            }
            window = self.dated(window, *dates).await?;
        }
        Ok(Some(window).filter(|window| !window.is_empty()))
    }

    async fn way(
        &mut self,
        parts: &Parts,
        search: &EventSearch,
        window: Window,
    ) -> Result<Way, StorageError> {
        let mut best: Option<Way> = None;
        for lead in parts.leads() {
            let way = self.measured(lead, search, window).await?;
            // By number alone as good as an index is no better: it has more to look at.
            let reaches = |way: &Way| way.stop.map_or(u64::MAX, |stop| reach(way, search, stop));
            let is_better = best
                .as_ref()
                .is_none_or(|best| !way.lead.keys.is_empty() && reaches(&way) > reaches(best));
            if is_better {
                best = Some(way);
            }
            if best.as_ref().is_some_and(|best| best.stop.is_none()) {
                break;
            }
        }
        Ok(best.expect("there is always the way by number"))
    }

    /// How far a way may be gone.
    async fn measured(
        &mut self,
        lead: Lead,
        search: &EventSearch,
        window: Window,
    ) -> Result<Way, StorageError> {
        let by_number = search.key == EventKey::Number;
        // The first records that such a way leads to are the ones that are wanted.
        if lead.is_exact() && by_number {
            let stop = None;
            return Ok(Way { lead, window, stop });
        }
        // What is sorted by something else is taken from the newest.
        let from_newest = search.descending || !by_number;
        let most = i64::from(LOOKED_AT);
        let mut stop = None;
        if lead.keys.is_empty() {
            let last = if from_newest {
                window.last.saturating_sub(most - 1)
            } else {
                window.first.saturating_add(most - 1)
            };
            stop = (window.first < last && last < window.last).then_some(last);
        }
        let each = most / i64::try_from(lead.keys.len().max(1)).unwrap_or(most);
        for key in &lead.keys {
            let sql = nth(key, window, each, from_newest);
            let found = self.one("measuring a search", sql.query(), |row| number(row, "id"));
            let nearer = |stop: i64, found: i64| {
                if from_newest {
                    stop.max(found)
                } else {
                    stop.min(found)
                }
            };
            stop = match (stop, found.await?) {
                (Some(stop), Some(found)) => Some(nearer(stop, found)),
                (stop, found) => stop.or(found),
            };
        }
        let window = match stop {
            Some(stop) if from_newest => window.within(stop, i64::MAX),
            Some(stop) => window.within(i64::MIN, stop),
            None => window,
        };
        Ok(Way { lead, window, stop })
    }

    /// The records with these numbers, in this order.
    async fn records(&mut self, numbers: &[i64]) -> Result<Vec<LogRecord>, StorageError> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(FIND_ALL).bind(to_json(numbers));
        let records = self.all("reading events", query, record).await?;
        let keyed = records.into_iter().map(|one| (one.log_id.number, one));
        let mut records: HashMap<EventNumber, LogRecord> = keyed.collect();
        let number = |number: &i64| EventNumber::try_from(*number).ok();
        let numbers = numbers.iter().filter_map(number);
        Ok(numbers.filter_map(|it| records.remove(&it)).collect())
    }
}

/// How many numbers a way has behind it when it stops.
fn reach(way: &Way, search: &EventSearch, stop: i64) -> u64 {
    let reach = if search.descending || search.key != EventKey::Number {
        way.window.last.saturating_sub(stop)
    } else {
        stop.saturating_sub(way.window.first)
    };
    u64::try_from(reach).unwrap_or_default()
}

/// The number of the last record of a value that may be looked at, if there are more after it.
fn nth(key: &Key, window: Window, most: i64, from_newest: bool) -> Sql {
    let mut sql = Sql::default();
    sql.push("SELECT id FROM (SELECT id FROM ");
    branch(&mut sql, key, window);
    sql.push(if from_newest {
        " ORDER BY id DESC LIMIT 2 OFFSET "
    } else {
        " ORDER BY id LIMIT 2 OFFSET "
    });
    sql.bind(SqlValue::Number(most - 1));
    // The one before the last, and only if there is a last.
    sql.push(if from_newest {
        ") ORDER BY id LIMIT 1 OFFSET 1"
    } else {
        ") ORDER BY id DESC LIMIT 1 OFFSET 1"
    });
    sql
}

fn branch(sql: &mut Sql, key: &Key, window: Window) {
    sql.push(key.table()).bind(key.value()).push(" AND ");
    between(sql, window);
}

fn between(sql: &mut Sql, window: Window) {
    sql.push("id BETWEEN ")
        .bind(SqlValue::Number(window.first))
        .push(" AND ")
        .bind(SqlValue::Number(window.last));
}

/// The statement that gives the numbers of the records that fit, in the order asked for.
fn numbers(way: &Way, search: &EventSearch, limit: u32) -> Sql {
    let mut sql = Sql::default();
    match sort_column(search.key) {
        None => candidates(&mut sql, way),
        Some(column) => {
            sql.push("SELECT id FROM logout_events WHERE id IN (");
            candidates(&mut sql, way);
            sql.push(") ORDER BY ").push(column);
            sql.push(if search.descending { " DESC," } else { "," });
        }
    }
    if search.key == EventKey::Number {
        sql.push(" ORDER BY");
    }
    sql.push(if search.descending {
        " id DESC LIMIT "
    } else {
        " id LIMIT "
    });
    sql.bind(SqlValue::Number(i64::from(limit)));
    sql
}

fn sort_column(key: EventKey) -> Option<&'static str> {
    match key {
        EventKey::Number => None,
        EventKey::Field(field) => Some(column(field)),
        EventKey::Details => Some("event ->> 'details'"),
    }
}

/// The numbers of the records that fit; several values are merged in the order of numbers.
fn candidates(sql: &mut Sql, way: &Way) {
    if way.lead.keys.is_empty() {
        sql.push("SELECT id FROM logout_events WHERE ");
        between(sql, way.window);
        rest(sql, &way.lead);
    }
    for (at, key) in way.lead.keys.iter().enumerate() {
        if at > 0 {
            sql.push(" UNION ");
        }
        sql.push("SELECT id FROM ");
        branch(sql, key, way.window);
        rest(sql, &way.lead);
    }
}

fn rest(sql: &mut Sql, lead: &Lead) {
    if !lead.is_exact() {
        sql.push(" AND ");
        sql.condition(&lead.rest, columns::test);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::search::{Condition, TextTest};
    use crate::storage::sqlite::plans::plan_of;
    use crate::storage::{EventField, EventTest};

    fn is(field: EventField, text: &str) -> Condition<EventTest> {
        Condition::Test(EventTest::Text(field, TextTest::Is(text.into())))
    }

    async fn plan(condition: Condition<EventTest>, descending: bool) -> String {
        let lead = Parts::of(&condition).leads().remove(0);
        let way = Way {
            lead,
            window: Window { first: 1, last: 9 },
            stop: None,
        };
        let search = EventSearch {
            descending,
            ..EventSearch::latest(condition, 10)
        };
        plan_of(numbers(&way, &search, 10).text()).await
    }

    #[tokio::test]
    async fn what_an_index_leads_is_read_in_order_without_sorting() {
        let code = is(EventField::Code, "s");
        let user = is(EventField::User, "u1");
        let client = is(EventField::Client, "shop");
        for (condition, index) in [
            (code.clone(), "COVERING INDEX logout_events_by_code (code=?"),
            (client.clone(), "logout_events_by_client (client_id=?"),
            (user.clone(), "logout_events_by_user (user_id=?"),
            (
                Condition::All(vec![code.clone(), user.clone()]),
                "logout_events_by_user (user_id=?",
            ),
            (
                Condition::Any(vec![code.clone(), user]),
                "logout_events_by_user (user_id=?",
            ),
            (Condition::everything(), "INTEGER PRIMARY KEY (rowid>? AND"),
            (is(EventField::Ip, "x"), "INTEGER PRIMARY KEY (rowid>? AND"),
        ] {
            for descending in [true, false] {
                let plan = plan(condition.clone(), descending).await;
                assert!(plan.contains(index), "no {index} in {plan}");
                assert!(!plan.contains("FOR ORDER BY"), "{plan}");
                assert!(!plan.contains("SCAN"), "{plan}");
            }
        }
    }

    #[tokio::test]
    async fn how_far_an_index_reaches_is_read_from_it_alone() {
        let key = Parts::of(&is(EventField::Code, "s")).leads().remove(0).keys;
        let window = Window { first: 1, last: 9 };
        let plan = plan_of(nth(&key[0], window, 5, true).text()).await;
        assert!(
            plan.contains("COVERING INDEX logout_events_by_code"),
            "{plan}"
        );
    }
}

//! Reading deliveries and their attempts.
//!
//! Ids sort by the time of making, so the last id of a page is the cursor of the next. Each kind
//! of filter has a text that begins with the column whose index serves it.

use logout_shared::Timestamp;
use sqlx::sqlite::SqliteRow;

use crate::domain::delivery::{Attempt, Delivery, DeliveryId, DeliveryState, Endpoint};
use crate::domain::logout_settings::LogoutUrl;
use crate::storage::sqlite::handle::{Link, SqliteHandle, Unreadable};
use crate::storage::sqlite::row::{number, parsed, text, time, to_json};
use crate::storage::{DeliveryFilter, DeliveryPage, EndpointBacklog, StorageError};

use super::row::{attempt, delivery, delivery_columns};

const FIND: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM logout_deliveries WHERE id = ?1"
);

/// Deliveries that pass every filter; `$by` names the index, or the column whose index it is.
macro_rules! filtered {
    ($by:literal) => {
        concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM logout_deliveries ",
            $by,
            " id < ?1 AND id >= ?2 AND (?4 IS NULL OR session_id = ?4) \
             AND (?5 IS NULL OR client_id = ?5) AND (?6 IS NULL OR user_id = ?6) \
             AND (?7 IS NULL OR CASE WHEN lease_owner IS NULL THEN state ELSE 'in_flight' END \
             IN (SELECT value FROM json_each(?7)))"
        )
    };
}

macro_rules! list {
    ($by:literal $(, $also_by:literal)?) => {
        concat!(
            filtered!($by),
            $(" UNION ALL ", filtered!($also_by),)?
            " ORDER BY id DESC LIMIT ?3"
        )
    };
}

const LIST: &str = list!("WHERE");
const LIST_OF_SESSION: &str = list!("WHERE session_id = ?4 AND");
const LIST_OF_CLIENT: &str = list!(
    "WHERE lease_owner IS NULL AND client_id = ?5 AND",
    "INDEXED BY logout_deliveries_held WHERE lease_owner IS NOT NULL AND"
);
const LIST_IN_FLIGHT: &str =
    list!("INDEXED BY logout_deliveries_held WHERE lease_owner IS NOT NULL AND");
const LIST_IN_STATE: &str = list!("WHERE lease_owner IS NULL AND state = ?7 ->> 0 AND");
/// Through the user's sessions, so that no index by user has to be kept for every delivery; those
/// about several sessions at once are few and have one.
const LIST_OF_USER: &str = list!(
    "WHERE +number IN (SELECT number FROM logout_deliveries WHERE session_id IN \
             (SELECT id FROM logout_sessions WHERE user_id = ?6) \
         UNION ALL SELECT number FROM logout_deliveries \
             WHERE session_id IS NULL AND user_id = ?6) AND"
);

/// The attempts that have rows, and the first one where the delivery itself tells it.
const ATTEMPTS: &str = "SELECT number, at, jti, url, status, error, duration_ms, oauth_error, \
         oauth_error_description FROM logout_attempts WHERE delivery_id = ?1 \
     UNION ALL SELECT attempts, last_at, last_jti, url, last_status, last_error, \
         last_duration_ms, NULL, NULL FROM logout_deliveries \
         WHERE id = ?1 AND last_jti IS NOT NULL \
     ORDER BY 1";

/// Rows are numbered as they are made, so the first of an endpoint is its oldest.
const BACKLOGS: &str = "SELECT waiting.client_id, waiting.url, unfinished, queued, first.event_at \
     FROM (SELECT client_id, url, sum(unfinished) AS unfinished, sum(queued) AS queued, \
             min(number) AS number \
         FROM (SELECT client_id, url, count(*) AS unfinished, count(queued_at) AS queued, \
                 min(number) AS number \
             FROM logout_deliveries INDEXED BY logout_deliveries_unfinished \
             WHERE finished_at IS NULL AND lease_owner IS NULL GROUP BY client_id, url \
             UNION ALL SELECT client_id, url, 1, 0, number FROM logout_deliveries \
             INDEXED BY logout_deliveries_held WHERE lease_owner IS NOT NULL) \
         GROUP BY client_id, url) waiting \
     JOIN logout_deliveries first ON first.number = waiting.number";

/// Sorts after every id.
const NO_CURSOR: [u8; 17] = [0xff; 17];

impl<C: Link> SqliteHandle<C> {
    pub(super) async fn read_delivery(
        &mut self,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StorageError> {
        let query = sqlx::query(FIND).bind(id.0.as_bytes().as_slice());
        self.one("reading a delivery", query, delivery).await
    }

    pub(super) async fn read_attempts(
        &mut self,
        id: DeliveryId,
    ) -> Result<Vec<Attempt>, StorageError> {
        let query = sqlx::query(ATTEMPTS).bind(id.0.as_bytes().as_slice());
        self.all("reading attempts", query, attempt).await
    }

    pub(super) async fn read_backlogs(&mut self) -> Result<Vec<EndpointBacklog>, StorageError> {
        let query = sqlx::query(BACKLOGS);
        self.all("counting what is unfinished", query, backlog)
            .await
    }

    /// A page; a cursor that this store did not give has nothing behind it.
    pub(super) async fn page_of_deliveries(
        &mut self,
        filter: &DeliveryFilter,
        from: Option<&str>,
        take: u32,
    ) -> Result<DeliveryPage, StorageError> {
        let before = filter.before.map(first_id_at);
        let cursor = match from.map(str::parse::<DeliveryId>) {
            None => before.map_or_else(|| NO_CURSOR.to_vec(), |id| id.to_vec()),
            Some(Ok(id)) => before
                .map_or(id.0.into_bytes(), |end| end.min(id.0.into_bytes()))
                .to_vec(),
            Some(Err(_)) => {
                return Ok(DeliveryPage {
                    deliveries: Vec::new(),
                    next: None,
                });
            }
        };
        let query = sqlx::query(text_for(filter))
            .bind(cursor)
            .bind(
                filter
                    .after
                    .map_or_else(Vec::new, |after| first_id_at(after).to_vec()),
            )
            .bind(i64::from(take) + 1)
            .bind(filter.session.as_ref().map(AsRef::<str>::as_ref))
            .bind(filter.client.as_ref().map(AsRef::<str>::as_ref))
            .bind(filter.user.as_ref().map(AsRef::<str>::as_ref))
            .bind((!filter.states.is_empty()).then(|| to_json(&filter.states)));
        let mut deliveries = self.all("listing deliveries", query, delivery).await?;
        let take = usize::try_from(take).unwrap_or(usize::MAX);
        let more = deliveries.len() > take;
        deliveries.truncate(take);
        let last = deliveries.last().filter(|_| more);
        let next = last.map(|last| last.id.to_string());
        Ok(DeliveryPage { deliveries, next })
    }
}

fn backlog(row: &SqliteRow) -> Result<EndpointBacklog, Unreadable> {
    Ok(EndpointBacklog {
        endpoint: Endpoint {
            client: parsed(row, "client_id")?,
            url: LogoutUrl::from_stored(text(row, "url")?),
        },
        unfinished: number(row, "unfinished")?,
        queued: number(row, "queued")?,
        oldest_event_at: time(row, "event_at")?,
    })
}

fn text_for(filter: &DeliveryFilter) -> &'static str {
    match (&filter.states[..], filter) {
        (
            _,
            DeliveryFilter {
                session: Some(_), ..
            },
        ) => LIST_OF_SESSION,
        (_, DeliveryFilter { user: Some(_), .. }) => LIST_OF_USER,
        ([DeliveryState::InFlight], _) => LIST_IN_FLIGHT,
        (
            _,
            DeliveryFilter {
                client: Some(_), ..
            },
        ) => LIST_OF_CLIENT,
        ([_], _) => LIST_IN_STATE,
        _ => LIST,
    }
}

/// The lowest id that can be made at this time: ids begin with it.
fn first_id_at(time: Timestamp) -> [u8; 16] {
    let millis = u64::try_from(time.as_millis()).unwrap_or_default();
    let mut id = [0; 16];
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::{assert_plan, plan_of};

    #[tokio::test]
    async fn each_filter_is_served_by_an_index() {
        for (sql, lookup) in [
            (FIND, "(id=?)"),
            (
                ATTEMPTS,
                "logout_attempts USING PRIMARY KEY (delivery_id=?)",
            ),
            (LIST, "(id>? AND id<?)"),
            (
                LIST_OF_SESSION,
                "logout_deliveries_by_session (session_id=? AND id>? AND id<?)",
            ),
            (
                LIST_OF_CLIENT,
                "logout_deliveries_by_client (client_id=? AND id>? AND id<?)",
            ),
            (LIST_OF_CLIENT, "logout_deliveries_held"),
            (LIST_IN_FLIGHT, "logout_deliveries_held"),
            (
                LIST_IN_STATE,
                "logout_deliveries_by_state (state=? AND id>? AND id<?)",
            ),
            (LIST_OF_USER, "logout_deliveries_by_session (session_id=?)"),
            (
                LIST_OF_USER,
                "logout_deliveries_of_all_sessions (user_id=?)",
            ),
        ] {
            assert_plan(sql, &[lookup]).await;
        }
    }

    #[tokio::test]
    async fn no_row_is_read_to_count_what_is_unfinished() {
        let plan = plan_of(BACKLOGS).await;
        let scan = "SCAN logout_deliveries USING COVERING INDEX logout_deliveries_unfinished";
        assert!(plan.contains(scan), "{plan}");
    }
}

//! `log`: shows the event log, and what is added to it.
//!
//! What is searched for is written as in the Management API's `q`.

use std::ops::Bound;
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use super::{WrongUsage, output};
use crate::domain::log_id::LogId;
use crate::http::management::logs::{LogBody, read_search};
use crate::issuer::Issuer;
use crate::storage::search::Condition;
use crate::storage::{
    EventKey, EventNumber, EventSearch, EventTest, FoundEvents, LOOKED_AT, Store,
};

/// How often it is looked for what was added.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many records are read at a time while following.
const PAGE: u32 = 100;

/// What to do with the event log.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists records, newest first.
    #[command(after_help = EXAMPLES)]
    List {
        /// Only those that fit, in the search syntax of the Management API.
        #[arg(long, value_name = "SEARCH", default_value = "")]
        q: String,
        /// How many at most, 1 to 1000.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        take: u32,
        /// Prints a JSON array of the Management API's objects.
        #[arg(long)]
        json: bool,
    },
    /// Prints records as they are written, until Ctrl-C.
    Tail {
        /// Only those that fit, in the search syntax of the Management API.
        #[arg(long, value_name = "SEARCH", default_value = "")]
        q: String,
        /// Prints the Management API's objects, one a line.
        #[arg(long)]
        json: bool,
    },
}

const EXAMPLES: &str = "\
Examples:
  logout-issuer log list --q 'type:fp AND date:[2026-01-01 TO *]'
  logout-issuer log list --q 'client_name:Shop* NOT type:(s OR ssa)' --take 200 --json";

impl Command {
    pub(super) async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        match self {
            Self::List { q, take, json } => list(issuer, &q, take, json).await,
            Self::Tail { q, json } => {
                let condition = condition(&q)?;
                tokio::select! {
                    followed = follow(&**issuer.store(), &condition, json) => followed,
                    interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
                }
            }
        }
    }
}

fn condition(q: &str) -> anyhow::Result<Condition<EventTest>> {
    read_search(q).map_err(|error| WrongUsage::because(format!("--q: {error}")))
}

async fn list(issuer: &Issuer, q: &str, take: u32, json: bool) -> anyhow::Result<()> {
    let search = EventSearch::latest(condition(q)?, take);
    let FoundEvents {
        records,
        stopped_at,
        ..
    } = issuer.store().read().await?.search_events(&search).await?;
    let bodies: Vec<LogBody> = records.into_iter().map(LogBody::new).collect();
    if json {
        output::json(&json!(bodies))?;
    } else if bodies.is_empty() {
        output::line("no such records")?;
    } else {
        let rows: Vec<_> = bodies.iter().map(row).collect();
        output::table(["DATE", "TYPE", "CLIENT", "USER", "DESCRIPTION"], &rows)?;
    }
    if let Some(number) = stopped_at {
        let date = logout_shared::Timestamp::from_secs(0);
        let id = LogId { number, date };
        eprintln!(
            "looked at {LOOKED_AT} records without finding enough; go on with --q '({q}) AND \
             log_id:[* TO {id}}}'"
        );
    }
    Ok(())
}

async fn follow(
    store: &dyn Store,
    condition: &Condition<EventTest>,
    json: bool,
) -> anyhow::Result<()> {
    let mut after = store.read().await?.latest_event().await?;
    loop {
        let more = print_new(store, condition, &mut after, json).await?;
        if !more {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Prints a page of what came after a record and says whether there may be more.
async fn print_new(
    store: &dyn Store,
    condition: &Condition<EventTest>,
    after: &mut EventNumber,
    json: bool,
) -> anyhow::Result<bool> {
    let new = EventTest::Number(Bound::Excluded(*after), Bound::Unbounded);
    let search = EventSearch {
        condition: condition.clone().and(Condition::Test(new)),
        key: EventKey::Number,
        descending: false,
        skip: 0,
        take: PAGE,
        count: false,
    };
    let mut snapshot = store.read().await?;
    // Of the same snapshot, so that nothing lies between it and what is found.
    let latest = snapshot.latest_event().await?;
    let found = snapshot.search_events(&search).await?;
    let is_full = found.records.len() >= PAGE as usize;
    let more = is_full || found.stopped_at.is_some();
    let last = found.records.last().map(|record| record.log_id.number);
    *after = match (is_full, last, found.stopped_at) {
        (true, Some(last), _) => last,
        (_, _, Some(stopped_at)) => stopped_at,
        _ => latest.max(*after),
    };
    for body in found.records.into_iter().map(LogBody::new) {
        if json {
            output::text(&format!("{}\n", json!(body)))?;
        } else {
            output::line(&row(&body).join("  "))?;
        }
    }
    Ok(more)
}

fn row(body: &LogBody) -> [String; 5] {
    let text = |text: Option<&String>| text.map_or_else(|| "-".to_owned(), Clone::clone);
    [
        text(body.date.as_ref()),
        text(body.code.as_ref()),
        text(body.client_name.as_ref().or(body.client_id.as_ref())),
        text(body.user_name.as_ref().or(body.user_id.as_ref())),
        text(body.description.as_ref()),
    ]
}

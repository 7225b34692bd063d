//! `delivery`: who was told that a session ended, and who was not yet.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use logout_shared::{ClientId, SessionId};
use serde_json::json;

use super::output;
use crate::domain::delivery::{Delivery, DeliveryState, LastAttempt};
use crate::http::management::logout_deliveries::DeliveryBody;
use crate::issuer::Issuer;
use crate::storage::DeliveryFilter;

/// What to do with deliveries.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists deliveries, newest first.
    List {
        /// To this client only.
        #[arg(long)]
        client: Option<ClientId>,
        /// In this state only.
        #[arg(long, value_parser = state_parser())]
        state: Option<DeliveryState>,
        /// About this session only.
        #[arg(long)]
        session: Option<SessionId>,
        /// How many at most, 1 to 1000.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        take: u32,
        /// Goes on after a page: what that page named.
        #[arg(long, value_name = "CURSOR")]
        from: Option<String>,
        /// Prints the JSON object of the Management API.
        #[arg(long)]
        json: bool,
    },
}

fn state_parser() -> impl clap::builder::TypedValueParser<Value = DeliveryState> {
    PossibleValuesParser::new(DeliveryState::ALL.map(DeliveryState::as_str)).map(|name| {
        let known = DeliveryState::ALL
            .into_iter()
            .find(|state| state.as_str() == name);
        known.expect("only known names are possible")
    })
}

impl Command {
    pub(super) async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        let Self::List {
            client,
            state,
            session,
            take,
            from,
            json,
        } = self;
        let filter = DeliveryFilter {
            client,
            state,
            session,
        };
        let mut snapshot = issuer.store().read().await?;
        let page = snapshot
            .list_deliveries(&filter, from.as_deref(), take)
            .await?;
        if json {
            let deliveries: Vec<_> = page.deliveries.iter().map(DeliveryBody::new).collect();
            output::json(&json!({"deliveries": deliveries, "next": page.next}))?;
        } else if page.deliveries.is_empty() {
            output::line("no such deliveries; one is made for each client when a session ends")?;
        } else {
            let rows: Vec<_> = page.deliveries.iter().map(row).collect();
            output::table(
                [
                    "DELIVERY",
                    "STATE",
                    "CLIENT",
                    "INITIATOR",
                    "TRIED",
                    "LAST",
                    "NEXT",
                ],
                &rows,
            )?;
            if let Some(next) = page.next {
                output::line(&format!("more with --from {next}"))?;
            }
        }
        Ok(())
    }
}

fn row(delivery: &Delivery) -> [String; 7] {
    [
        delivery.id.to_string(),
        delivery.state.as_str().to_owned(),
        delivery.client.to_string(),
        delivery.initiator.to_string(),
        delivery.attempts.to_string(),
        delivery.last.as_ref().map_or_else(|| "-".to_owned(), last),
        delivery
            .next_attempt_at
            .map_or_else(|| "-".to_owned(), logout_shared::Timestamp::to_rfc3339),
    ]
}

/// What came of an attempt, in a word.
fn last(attempt: &LastAttempt) -> String {
    match (attempt.status, attempt.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => error.as_str().to_owned(),
        (None, None) => "-".to_owned(),
    }
}

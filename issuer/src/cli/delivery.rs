//! `delivery`: who was told that a session ended, who was not yet, and telling them again.

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use logout_shared::{ClientId, SessionId, Subject, Timestamp};
use serde_json::json;

use super::output;
use crate::delivery::{CAN_BE_SENT_AGAIN, Resent, count_resendable, resend, resend_all};
use crate::domain::delivery::{Attempt, Delivery, DeliveryId, DeliveryState, LastAttempt};
use crate::http::management::logout_deliveries::{DeliveryBody, DeliveryWithHistory, history};
use crate::issuer::Issuer;
use crate::storage::DeliveryFilter;

/// What to do with deliveries.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists deliveries, newest first.
    List(List),
    /// Shows one delivery with the history of its attempts.
    Show {
        /// The delivery's id.
        delivery: DeliveryId,
        /// Prints the JSON object of the Management API.
        #[arg(long)]
        json: bool,
    },
    /// Sends one delivery again, or all that fit: what should have been heard and was not, unless
    /// --state names another state.
    #[command(after_help = RETRY_EXAMPLES)]
    Retry(Retry),
}

const RETRY_EXAMPLES: &str = "\
Examples:
  logout-issuer delivery retry 019aaf6a3c807000a1b2c3d4e5f60718
  logout-issuer delivery retry --client shop --after 2026-11-23T06:00:00Z --dry-run
  logout-issuer delivery retry --state given_up";

#[derive(Debug, Args)]
pub(super) struct List {
    /// To this client only.
    #[arg(long)]
    client: Option<ClientId>,
    /// In this state only.
    #[arg(long, value_parser = state_parser(&DeliveryState::ALL))]
    state: Option<DeliveryState>,
    /// About the session with this `sid` only.
    #[arg(long)]
    session: Option<SessionId>,
    /// About sessions of this user only.
    #[arg(long)]
    user: Option<Subject>,
    /// How many at most, 1 to 1000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    take: u32,
    /// Goes on after a page: what that page named.
    #[arg(long, value_name = "CURSOR")]
    from: Option<String>,
    /// Prints the JSON object of the Management API.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Retry {
    /// The delivery's id.
    #[arg(
        required_unless_present_any = ["client", "state", "after", "before"],
        conflicts_with_all = ["client", "state", "after", "before", "dry_run"]
    )]
    delivery: Option<DeliveryId>,
    /// To this client only.
    #[arg(long)]
    client: Option<ClientId>,
    /// In this state only.
    #[arg(long, value_parser = state_parser(&CAN_BE_SENT_AGAIN))]
    state: Option<DeliveryState>,
    /// Made at this time or later, such as 2026-11-23T06:00:00Z.
    #[arg(long, value_name = "TIME")]
    after: Option<Timestamp>,
    /// Made before this time.
    #[arg(long, value_name = "TIME")]
    before: Option<Timestamp>,
    /// Counts only.
    #[arg(long)]
    dry_run: bool,
    /// Prints a JSON object.
    #[arg(long)]
    json: bool,
}

fn state_parser(
    states: &'static [DeliveryState],
) -> impl clap::builder::TypedValueParser<Value = DeliveryState> {
    let names = states.iter().map(|state| state.as_str());
    PossibleValuesParser::new(names).map(|name| {
        let known = states.iter().copied().find(|state| state.as_str() == name);
        known.expect("only known names are possible")
    })
}

impl Command {
    pub(super) async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run(issuer).await,
            Self::Show { delivery, json } => show(issuer, delivery, json).await,
            Self::Retry(retry) => retry.run(issuer).await,
        }
    }
}

impl List {
    async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        let filter = DeliveryFilter {
            client: self.client,
            states: self.state.into_iter().collect(),
            session: self.session,
            user: self.user,
            ..DeliveryFilter::default()
        };
        let mut snapshot = issuer.store().read().await?;
        let page = snapshot
            .list_deliveries(&filter, self.from.as_deref(), self.take)
            .await?;
        if self.json {
            let deliveries: Vec<_> = page.deliveries.iter().map(DeliveryBody::new).collect();
            output::json(&json!({"deliveries": deliveries, "next": page.next}))?;
        } else if page.deliveries.is_empty() {
            output::line("no such deliveries; one is made for each client when a session ends")?;
        } else {
            let rows: Vec<_> = page.deliveries.iter().map(row).collect();
            let heading = [
                "DELIVERY",
                "STATE",
                "CLIENT",
                "INITIATOR",
                "TRIED",
                "LAST",
                "NEXT",
            ];
            output::table(heading, &rows)?;
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
        time_or_dash(delivery.next_attempt_at),
    ]
}

fn time_or_dash(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), Timestamp::to_rfc3339)
}

/// What came of an attempt, in a word.
fn last(attempt: &LastAttempt) -> String {
    match (attempt.status, attempt.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => error.as_str().to_owned(),
        (None, None) => "-".to_owned(),
    }
}

async fn show(issuer: &Issuer, id: DeliveryId, json: bool) -> anyhow::Result<()> {
    let mut snapshot = issuer.store().read().await?;
    let delivery = snapshot.find_delivery(id).await?;
    let delivery = delivery.with_context(|| format!("no delivery {id}"))?;
    let attempts = snapshot.attempts(id).await?;
    if json {
        let attempts = history(&delivery, attempts);
        let body = DeliveryWithHistory::new(&delivery, attempts);
        output::json(&serde_json::to_value(body)?)?;
        return Ok(());
    }
    let session = delivery.about.session().map(ToString::to_string);
    let mut fields = vec![
        ("delivery", delivery.id.to_string()),
        ("state", delivery.state.as_str().to_owned()),
        ("client", delivery.client.to_string()),
        ("url", delivery.url.to_string()),
        ("user", delivery.user.to_string()),
        (
            "session",
            session.unwrap_or_else(|| "all of the user's".to_owned()),
        ),
        ("initiator", delivery.initiator.to_string()),
        ("ended", delivery.event_at.to_rfc3339()),
        ("next attempt", time_or_dash(delivery.next_attempt_at)),
        ("given up", delivery.give_up_at.to_rfc3339()),
        ("finished", time_or_dash(delivery.finished_at)),
    ];
    fields.extend(attempts.iter().map(|it| ("attempt", told(it))));
    output::fields(&fields)?;
    Ok(())
}

/// An attempt in one line.
fn told(attempt: &Attempt) -> String {
    let what = LastAttempt {
        at: attempt.at,
        status: attempt.status,
        error: attempt.error,
        duration: attempt.duration,
    };
    let mut line = format!(
        "{} at {}: {} in {} ms",
        attempt.number,
        attempt.at.to_rfc3339(),
        last(&what),
        attempt.duration.as_millis(),
    );
    let fields = [&attempt.oauth_error, &attempt.oauth_error_description];
    for field in fields.into_iter().flatten() {
        line.push_str(", ");
        line.push_str(field);
    }
    line
}

impl Retry {
    async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        let (store, now) = (&**issuer.store(), issuer.now());
        let give_up_after = issuer.delivery_settings().retry.give_up_after();
        if let Some(id) = self.delivery {
            let resent = store
                .write(move |tx| Box::pin(async move { resend(tx, id, now, give_up_after).await }));
            let (count, text) = match resent.await? {
                Resent::Now(_) => (1, "is sent again now"),
                Resent::AlreadyDue(_) => (0, "was due already: nothing has changed"),
                Resent::UnderWay => (0, "is being sent: nothing has changed"),
            };
            return self.print(count, &format!("delivery {id} {text}"));
        }
        let filter = DeliveryFilter {
            client: self.client.clone(),
            states: self.state.into_iter().collect(),
            after: self.after,
            before: self.before,
            ..DeliveryFilter::default()
        };
        let (count, text) = if self.dry_run {
            let count = count_resendable(store, &filter, now).await?;
            (count, "would be sent again")
        } else {
            let count = resend_all(store, &filter, now, give_up_after).await?;
            (count, "sent again now")
        };
        let noun = if count == 1 { "delivery" } else { "deliveries" };
        self.print(count, &format!("{count} {noun} {text}"))
    }

    fn print(&self, count: u64, text: &str) -> anyhow::Result<()> {
        if self.json {
            output::json(&json!({ "count": count }))?;
        } else {
            output::line(text)?;
        }
        Ok(())
    }
}

//! `session`: shows and ends sessions.

use anyhow::Context as _;
use clap::Subcommand;
use logout_shared::{ClientId, SessionId, Subject};
use serde_json::json;

use super::output::{self, list};
use crate::domain::initiator::Initiator;
use crate::domain::session::{Participant, Session};
use crate::http::management::sessions::SessionBody;
use crate::issuer::Issuer;
use crate::logout::LogContext;
use crate::storage::SessionPage;

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists live sessions.
    List {
        /// Of this user only.
        #[arg(long)]
        user: Option<Subject>,
        /// How many at most, 1 to 1000.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        take: u32,
        /// Goes on after a page: what that page named.
        #[arg(long, value_name = "CURSOR")]
        from: Option<String>,
        /// Prints a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Shows one live session with its metadata.
    Show {
        /// The session's id (the `sid` of tokens).
        session: SessionId,
        /// Prints the JSON object of the Management API.
        #[arg(long)]
        json: bool,
    },
    /// Ends a session; the clients that chose to hear of it are told.
    End {
        /// The session's id (the `sid` of tokens).
        session: SessionId,
        /// Why it ends: decides which clients are told, and which refresh tokens die.
        #[arg(long, value_name = "NAME", default_value = "session-revoked", value_parser = ending)]
        initiator: Initiator,
        /// Prints a JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// An initiator that ends a session.
fn ending(name: &str) -> Result<Initiator, String> {
    let initiator: Initiator = name.parse().map_err(|error| format!("{error}"))?;
    if initiator.ends_session() {
        Ok(initiator)
    } else {
        Err(format!("{name} ends no session"))
    }
}

impl Command {
    pub(super) async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        match self {
            Self::List {
                user,
                take,
                from,
                json,
            } => {
                let (now, from) = (issuer.now(), from.as_deref());
                let mut snapshot = issuer.store().read().await?;
                let page = match &user {
                    Some(user) => {
                        snapshot
                            .list_sessions_of_user(user, from, take, now)
                            .await?
                    }
                    None => snapshot.list_sessions(from, take, now).await?,
                };
                print_page(page, json)
            }
            Self::Show { session, json } => show(issuer, &session, json).await,
            Self::End {
                session,
                initiator,
                json,
            } => end(issuer, &session, initiator, json).await,
        }
    }
}

fn print_page(page: SessionPage, json: bool) -> anyhow::Result<()> {
    if json {
        let sessions = page.sessions.into_iter();
        let body = |(session, clients)| SessionBody::new(session, clients);
        let sessions: Vec<_> = sessions.map(body).collect();
        output::json(&json!({"sessions": sessions, "next": page.next}))?;
        return Ok(());
    }
    if page.sessions.is_empty() {
        output::line("no live sessions; one begins when a person signs in")?;
        return Ok(());
    }
    let row = |(session, clients): &(Session, Vec<Participant>)| {
        [
            session.id.to_string(),
            session.user.to_string(),
            session.created_at.to_rfc3339(),
            session.expires_at.min(session.idle_expires_at).to_rfc3339(),
            list(client_ids(clients)),
        ]
    };
    let rows: Vec<_> = page.sessions.iter().map(row).collect();
    output::table(["SESSION", "USER", "BEGAN", "EXPIRES", "CLIENTS"], &rows)?;
    if let Some(next) = page.next {
        output::line(&format!("more with --from {next}"))?;
    }
    Ok(())
}

fn client_ids(clients: &[Participant]) -> impl Iterator<Item = &ClientId> {
    clients.iter().map(|participant| &participant.client)
}

async fn show(issuer: &Issuer, id: &SessionId, json: bool) -> anyhow::Result<()> {
    let mut snapshot = issuer.store().read().await?;
    let Some(session) = snapshot.find_session(id, issuer.now()).await? else {
        match snapshot.find_session_end(id).await? {
            Some((why, at)) => anyhow::bail!("session {id} ended at {} ({why})", at.to_rfc3339()),
            None => anyhow::bail!("no live session {id}"),
        }
    };
    let clients = snapshot.participants(id).await?;
    if json {
        output::json(&serde_json::to_value(SessionBody::new(session, clients))?)?;
        return Ok(());
    }
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut fields = vec![
        ("session", session.id.to_string()),
        ("user", session.user.to_string()),
        ("began", session.created_at.to_rfc3339()),
        ("last used", session.last_interacted_at.to_rfc3339()),
        ("expires unused", session.idle_expires_at.to_rfc3339()),
        ("expires", session.expires_at.to_rfc3339()),
        ("browser", or_dash(&session.device.last_user_agent)),
        ("address", or_dash(&session.device.last_ip)),
        ("clients", list(client_ids(&clients))),
    ];
    let entries = session.metadata.iter();
    fields.extend(entries.map(|(key, value)| ("metadata", format!("{key} = {value}"))));
    output::fields(&fields)?;
    Ok(())
}

async fn end(
    issuer: &Issuer,
    id: &SessionId,
    initiator: Initiator,
    json: bool,
) -> anyhow::Result<()> {
    let mut context = LogContext::default();
    context
        .details
        .insert("channel".to_owned(), json!("command-line"));
    let ended = issuer.sessions().end_for(id, initiator, context).await;
    let ended = ended.with_context(|| format!("session {id} cannot be ended"))?;
    let deliveries: Vec<String> = ended.deliveries.iter().map(ToString::to_string).collect();
    let is_new = !ended.sessions.is_empty();
    if json {
        output::json(&json!({"session_id": id, "ended": is_new, "deliveries": deliveries}))?;
    } else if is_new {
        let told = match deliveries.len() {
            0 => "nobody has to be told".to_owned(),
            1 => "1 client is told".to_owned(),
            many => format!("{many} clients are told"),
        };
        output::line(&format!("session {id} is ended; {told}"))?;
    } else {
        output::line(&format!("session {id} had ended before"))?;
    }
    Ok(())
}

//! `client`: registers, shows, changes and deletes relying parties.
//!
//! Rules and forms are those of the Management API (`http/management/clients/`).

use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use logout_shared::{ClientId, Secret, Timestamp};
use serde_json::{Map, Value, json};

use super::client_flags::ClientFlags;
use super::output::{self, list, yes_no};
use super::{WrongUsage, stdin};
use crate::domain::client::Client;
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::logout_settings::Initiators;
use crate::http::management::clients::{
    Draft, View, change_client, client_body, draft, open_secret,
};
use crate::issuer::Issuer;
use crate::logout;
use crate::storage::StorageError;

/// How many clients are read at a time.
const PAGE: u32 = 100;

/// What to do with clients.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Registers a client and prints its id and secret.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Box<Create>),
    /// Lists all clients.
    List {
        /// Prints a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Shows one client.
    Show {
        /// The client's id.
        client: ClientId,
        /// Shows the secret as well.
        #[arg(long)]
        show_secret: bool,
        /// Prints the JSON object of the Management API.
        #[arg(long)]
        json: bool,
    },
    /// Changes what is given, and leaves the rest as it is.
    Update(Box<Update>),
    /// Deletes a client and cancels what it still had to be told.
    Delete {
        /// The client's id.
        client: ClientId,
    },
}

const CREATE_EXAMPLES: &str = "\
Examples:
  logout-issuer client create --name Shop --callback https://shop.example/callback \\
      --backchannel-logout-url https://shop.example/backchannel-logout --include-session-metadata
  logout-issuer client create --name Operations --management-scopes all --json";

/// A new client.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// Shown to people.
    #[arg(long)]
    name: String,
    /// The client's id; made up if not given.
    #[arg(long)]
    id: Option<ClientId>,
    /// The client's secret; made up if not given. Others on this machine may see it: prefer
    /// --secret-stdin.
    #[arg(long, conflicts_with = "secret_stdin")]
    secret: Option<Secret<String>>,
    /// Reads the secret from standard input.
    #[arg(long)]
    secret_stdin: bool,
    /// A client that cannot keep a secret, such as an app on a phone; it must use PKCE.
    #[arg(long, conflicts_with_all = ["secret", "secret_stdin", "auth_method"])]
    public: bool,
    #[command(flatten)]
    flags: ClientFlags,
    /// Prints the JSON object of the Management API, with `client_secret`.
    #[arg(long)]
    json: bool,
}

/// Changes of a client.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// The client's id.
    client: ClientId,
    /// Shown to people.
    #[arg(long)]
    name: Option<String>,
    /// A new secret. Others on this machine may see it: prefer --secret-stdin.
    #[arg(long, conflicts_with = "secret_stdin")]
    secret: Option<Secret<String>>,
    /// Reads a new secret from standard input.
    #[arg(long)]
    secret_stdin: bool,
    #[command(flatten)]
    flags: ClientFlags,
    /// Prints the JSON object of the Management API.
    #[arg(long)]
    json: bool,
}

impl Command {
    pub(super) async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run(issuer).await,
            Self::List { json } => print_list(issuer, json).await,
            Self::Show {
                client,
                show_secret,
                json,
            } => {
                let client = load(issuer, &client).await?;
                let secret = if show_secret {
                    open_secret(issuer, &client)?
                } else {
                    None
                };
                print(&client, secret.as_ref(), json, issuer)
            }
            Self::Update(update) => update.run(issuer).await,
            Self::Delete { client } => delete(issuer, client).await,
        }
    }
}

impl Create {
    async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        // An operator who registers a logout URL wants it called; the API keeps Auth0's default.
        let all = json!({"backchannel_logout_initiators": {"mode": "all"}});
        let mut body = Map::from_iter([
            ("name".to_owned(), json!(self.name)),
            ("oidc_logout".to_owned(), all),
        ]);
        if self.public {
            body.insert("token_endpoint_auth_method".to_owned(), json!("none"));
        }
        if let Some(secret) = secret(self.secret, self.secret_stdin)? {
            body.insert("client_secret".to_owned(), json!(secret.expose()));
        }
        self.flags.write(&mut body)?;
        let now = issuer.now();
        let Draft { client, secret } =
            draft(issuer, &body, self.id, now).context("the client cannot be made")?;
        let event = event("Create a client", &client, now);
        let stored = client.clone();
        let is_new = issuer
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    let is_new = tx.insert_client(&stored).await?;
                    if is_new {
                        tx.append_events(&[event]).await?;
                    }
                    Ok::<_, StorageError>(is_new)
                })
            })
            .await?;
        anyhow::ensure!(is_new, "client \"{}\" exists already", client.id);
        print(&client, secret.as_ref(), self.json, issuer)
    }
}

impl Update {
    async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        let before = load(issuer, &self.client).await?;
        // Members inside `oidc_logout` are set one by one here; the API replaces it as a whole.
        let logout = client_body(&before, None, issuer, View::FULL).remove("oidc_logout");
        let mut body = Map::new();
        body.extend(
            logout
                .clone()
                .map(|logout| ("oidc_logout".to_owned(), logout)),
        );
        self.flags.write(&mut body)?;
        if body.get("oidc_logout") == logout.as_ref() {
            body.remove("oidc_logout");
        }
        if let Some(name) = self.name {
            body.insert("name".to_owned(), json!(name));
        }
        if let Some(secret) = secret(self.secret, self.secret_stdin)? {
            body.insert("client_secret".to_owned(), json!(secret.expose()));
        }
        if body.is_empty() {
            return Err(WrongUsage::because(
                "nothing to change: give at least one flag",
            ));
        }
        let event = event("Update a client", &before, issuer.now());
        let client = change_client(issuer, &self.client, &body, event)
            .await
            .with_context(|| format!("client \"{}\" cannot be changed", self.client))?;
        print(&client, None, self.json, issuer)
    }
}

fn secret(given: Option<Secret<String>>, on_stdin: bool) -> anyhow::Result<Option<Secret<String>>> {
    if on_stdin {
        stdin::read_secret("client secret").map(Some)
    } else {
        Ok(given)
    }
}

fn event(what: &str, client: &Client, now: Timestamp) -> LogEvent {
    LogEvent {
        client: Some(client.id.clone()),
        client_name: Some(client.name.clone()),
        details: json!({"request": {"channel": "command-line"}, "response": {}}),
        ..LogEvent::new(LogCode::ApiOperation, what, now)
    }
}

async fn load(issuer: &Issuer, id: &ClientId) -> anyhow::Result<Client> {
    let found = issuer.store().read().await?.find_client(id).await?;
    found.with_context(|| format!("no client \"{id}\"; see `logout-issuer client list`"))
}

async fn delete(issuer: &Issuer, id: ClientId) -> anyhow::Result<()> {
    let client = load(issuer, &id).await?;
    let now = issuer.now();
    let event = event("Delete a client", &client, now);
    let random = Arc::clone(issuer.random());
    issuer
        .store()
        .write(move |tx| {
            Box::pin(async move {
                logout::delete_client(tx, &client.id, now, &*random).await?;
                tx.append_events(&[event]).await
            })
        })
        .await?;
    logout::settle_client(&**issuer.store(), &id, now, issuer.random()).await?;
    output::line(&format!("client \"{id}\" is deleted"))?;
    Ok(())
}

async fn print_list(issuer: &Issuer, json: bool) -> anyhow::Result<()> {
    let mut clients = Vec::new();
    let mut snapshot = issuer.store().read().await?;
    loop {
        let offset = u32::try_from(clients.len()).context("too many clients to list")?;
        let page = snapshot.list_clients(offset, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        clients.extend(page);
        if is_last {
            break;
        }
    }
    if json {
        let body = |client| Value::Object(client_body(client, None, issuer, View::FULL));
        output::json(&clients.iter().map(body).collect())?;
    } else if clients.is_empty() {
        output::line("no clients yet; create one with `logout-issuer client create --name NAME`")?;
    } else {
        let rows: Vec<_> = clients.iter().map(row).collect();
        output::table(["CLIENT", "NAME", "BACK-CHANNEL LOGOUT"], &rows)?;
    }
    Ok(())
}

fn row(client: &Client) -> [String; 3] {
    let urls = client.logout.iter().flat_map(|logout| &logout.urls);
    [client.id.to_string(), client.name.clone(), list(urls)]
}

fn encryption(client: &Client) -> String {
    let wanted = client.encryption;
    wanted.map_or("-".to_owned(), |it| {
        format!("{} {}", it.alg.as_str(), it.enc.as_str())
    })
}

fn print(
    client: &Client,
    secret: Option<&Secret<String>>,
    json: bool,
    issuer: &Issuer,
) -> anyhow::Result<()> {
    if json {
        let body = client_body(client, secret, issuer, View::FULL);
        output::json(&Value::Object(body))?;
        return Ok(());
    }
    let secret = match secret {
        Some(secret) => secret.expose().clone(),
        None if client.sealed_secret.is_some() => "(hidden; --show-secret)".to_owned(),
        None if client.is_confidential() => "none: the client signs with its own key".to_owned(),
        None => "none: a public client".to_owned(),
    };
    let settings = client.logout.clone().unwrap_or_default();
    let initiators = match &settings.initiators {
        None => "rp-logout".to_owned(),
        Some(Initiators::All) => "all".to_owned(),
        Some(Initiators::Custom(named)) => list(named),
    };
    output::fields(&[
        ("client id", client.id.to_string()),
        ("client secret", secret),
        ("name", client.name.clone()),
        ("callbacks", list(&client.callbacks)),
        ("logout URLs", list(&client.allowed_logout_urls)),
        ("back-channel logout", list(&settings.urls)),
        ("initiators", initiators),
        (
            "session metadata",
            yes_no(settings.includes_session_metadata()),
        ),
        ("management scopes", list(&client.management_scopes)),
        ("signing algorithm", client.signing_algorithm.to_string()),
        ("encryption", encryption(client)),
    ])?;
    Ok(())
}

//! `user`: makes, blocks and deletes users, and sets their passwords and addresses.
//!
//! A user is named by id or by e-mail address. Blocking, deleting, a new password and a new address
//! end the user's sessions, and the clients that chose to hear of it are told.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use logout_shared::{Secret, Subject};
use serde_json::{Value, json};

use super::output::{self, yes_no};
use super::{WrongUsage, stdin};
use crate::domain::user::User;
use crate::http::management::users::user_body;
use crate::issuer::Issuer;
use crate::login::account_changes::{AccountChange, change_account};
use crate::login::users::{NewUser, create_user_for};
use crate::logout::{Ended, LogContext};

/// How many users are read at a time.
const PAGE: u32 = 100;

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a user.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Create),
    /// Lists all users.
    List {
        /// Prints a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Keeps a user from signing in and ends all sessions of the user.
    Block {
        /// The user's id or e-mail address.
        user: String,
        /// Lets the user sign in again.
        #[arg(long)]
        undo: bool,
    },
    /// Deletes a user and ends all sessions of the user.
    Delete {
        /// The user's id or e-mail address.
        user: String,
    },
    /// Sets a user's password and ends all sessions of the user.
    Password {
        /// The user's id or e-mail address.
        user: String,
        #[command(flatten)]
        password: PasswordFlags,
    },
    /// Sets a user's e-mail address and ends all sessions of the user.
    ///
    /// The user signs in with the new address from now on. It counts as not verified.
    #[command(after_help = EMAIL_EXAMPLES)]
    Email {
        /// The user's id or present e-mail address.
        #[arg(long, value_name = "USER")]
        id: String,
        /// The new address.
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
}

const EMAIL_EXAMPLES: &str = "\
Example:
  logout-issuer user email --id ada@example.com --email ada@example.org";

const CREATE_EXAMPLES: &str = "\
Example:
  printf %s \"$PASSWORD\" | logout-issuer user create --email ada@example.com --password-stdin";

/// A new user.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// Signs in with this address.
    #[arg(long)]
    email: String,
    #[command(flatten)]
    password: PasswordFlags,
    /// The user's id, the `sub` of tokens; made up if not given.
    #[arg(long)]
    id: Option<Subject>,
    /// May use the dashboard.
    #[arg(long)]
    admin: bool,
    /// Prints the JSON object of the Management API, with `user_id`.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct PasswordFlags {
    /// The password. Others on this machine may see it: prefer --password-stdin.
    #[arg(long)]
    password: Option<Secret<String>>,
    /// Reads the password from standard input.
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordFlags {
    fn read(self) -> anyhow::Result<Secret<String>> {
        match self.password {
            Some(password) if password.expose().is_empty() => {
                Err(WrongUsage::because("the password is empty"))
            }
            Some(password) => Ok(password),
            None => stdin::read_secret("password"),
        }
    }
}

impl Command {
    pub(super) async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run(issuer).await,
            Self::List { json } => print_list(issuer, json).await,
            Self::Block { user, undo: false } => {
                change(issuer, &user, AccountChange::Block, "is blocked").await
            }
            Self::Block { user, undo: true } => {
                change(issuer, &user, AccountChange::Unblock, "may sign in again").await
            }
            Self::Delete { user } => {
                change(issuer, &user, AccountChange::Delete, "is deleted").await
            }
            Self::Password { user, password } => {
                let password = AccountChange::Password {
                    password: password.read()?,
                    keep: None,
                };
                change(issuer, &user, password, "has a new password").await
            }
            Self::Email { id, email } => {
                let done = format!("has the address {email} now");
                change(issuer, &id, AccountChange::Email(email), &done).await
            }
        }
    }
}

impl Create {
    async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        let new = NewUser {
            id: self.id,
            email: self.email,
            // The operator vouches for the address.
            email_verified: true,
            password: Some(self.password.read()?),
            admin: self.admin,
            ..NewUser::default()
        };
        let user = create_user_for(issuer, new, context().into())
            .await
            .context("the user cannot be made")?;
        if self.json {
            output::json(&Value::Object(user_body(&user)))?;
        } else {
            output::fields(&[
                ("user id", user.id.to_string()),
                ("email", user.email),
                ("admin", yes_no(user.admin)),
            ])?;
        }
        Ok(())
    }
}

/// Changes the user with this id or address and says what that has ended.
async fn change(
    issuer: &Issuer,
    named: &str,
    change: AccountChange,
    done: &str,
) -> anyhow::Result<()> {
    let user = load(issuer, named).await?;
    let ended = change_account(issuer, &user.id, change, context()).await?;
    output::line(&format!("{} {done}{}", user.email, ended_text(&ended)))?;
    Ok(())
}

/// What the event log says of whoever asked.
fn context() -> LogContext {
    let mut context = LogContext::default();
    context
        .details
        .insert("channel".to_owned(), json!("command-line"));
    context
}

fn ended_text(ended: &Ended) -> String {
    let to_tell = ended.deliveries.len();
    match ended.sessions.len() {
        0 => String::new(),
        1 => format!("; 1 session ended, {to_tell} to tell"),
        sessions => format!("; {sessions} sessions ended, {to_tell} to tell"),
    }
}

async fn load(issuer: &Issuer, named: &str) -> anyhow::Result<User> {
    let mut snapshot = issuer.store().read().await?;
    if let Ok(id) = named.parse::<Subject>()
        && let Some(user) = snapshot.find_user(&id).await?
    {
        return Ok(user);
    }
    let found = snapshot.find_user_by_email(named).await?;
    found.with_context(|| format!("no user \"{named}\"; see `logout-issuer user list`"))
}

async fn print_list(issuer: &Issuer, json: bool) -> anyhow::Result<()> {
    let mut users = Vec::new();
    let mut snapshot = issuer.store().read().await?;
    loop {
        let offset = u32::try_from(users.len()).context("too many users to list")?;
        let page = snapshot.list_users(offset, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        users.extend(page);
        if is_last {
            break;
        }
    }
    if json {
        let bodies = users.iter().map(|user| Value::Object(user_body(user)));
        output::json(&bodies.collect())?;
    } else if users.is_empty() {
        output::line("no users yet; create one with `logout-issuer user create --email ADDRESS`")?;
    } else {
        let row = |user: &User| {
            [
                user.id.to_string(),
                user.email.clone(),
                yes_no(user.admin),
                yes_no(user.blocked),
            ]
        };
        let rows: Vec<_> = users.iter().map(row).collect();
        output::table(["USER", "EMAIL", "ADMIN", "BLOCKED"], &rows)?;
    }
    Ok(())
}

//! The command line: one file for each noun, a verb is a variant there.
//!
//! Commands work on the store directly, whether a server runs on it or not; a running one sees
//! the change within a second. Exit codes: 0 done, 1 refused or failed with the reason on
//! standard error, 2 wrong usage. Results go to standard output, for people or, with `--json`,
//! as the objects of the Management API.

mod action;
mod client;
mod client_flags;
mod config;
mod delivery;
mod keys;
mod log;
mod migrate;
mod output;
mod serve;
mod session;
mod stdin;
mod user;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::Config;
use crate::issuer::Issuer;
use crate::server;

/// An OpenID Connect issuer that tells every app when a session ends.
#[derive(Debug, Parser)]
#[command(name = "logout-issuer", version, after_help = EXAMPLES)]
struct Arguments {
    /// The configuration file; without one the development defaults are in force.
    #[arg(
        long,
        short,
        global = true,
        value_name = "FILE",
        env = "LOGOUT_ISSUER_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server (also without a command).
    Serve,
    /// Registers, shows and changes clients: the apps that sign people in here.
    #[command(subcommand)]
    Client(client::Command),
    /// Makes, blocks and deletes users.
    #[command(subcommand)]
    User(user::Command),
    /// Shows and ends sessions.
    #[command(subcommand)]
    Session(session::Command),
    /// Shows who was told that a session ended, and who was not yet.
    #[command(subcommand)]
    Delivery(delivery::Command),
    /// Shows the event log: who signed in, who was told, what failed and what was changed.
    #[command(subcommand)]
    Log(log::Command),
    /// Writes, deploys and tries Actions: code of your own that runs at each login.
    #[command(subcommand)]
    Action(action::Command),
    /// Shows the signing keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Makes the database, or brings it to the form that this version needs.
    Migrate,
    /// Checks the configuration.
    #[command(subcommand)]
    Config(config::Command),
}

const EXAMPLES: &str = "\
Examples:
  logout-issuer                                   serve on http://127.0.0.1:8080/ for development
  logout-issuer user create --email ada@example.com --password-stdin
  logout-issuer client create --name Shop --callback https://shop.example/callback \\
      --backchannel-logout-url https://shop.example/backchannel-logout
  logout-issuer session list
  logout-issuer session end SESSION_ID

Each setting of the configuration file can be given as LOGOUT_ISSUER__SECTION__KEY in the
environment. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

/// Runs the command line of this process, on a runtime of its own.
///
/// # Panics
///
/// Inside of another runtime, and where the system gives no threads.
pub fn run() -> ExitCode {
    // Before there are threads, which a worker must not have.
    #[cfg(feature = "actions")]
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == crate::actions::worker::COMMAND)
    {
        return match crate::actions::worker::work() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    run_command()
}

#[tokio::main]
async fn run_command() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => match error.downcast::<WrongUsage>() {
            Ok(usage) => {
                let kind = clap::error::ErrorKind::ValueValidation;
                // It goes to standard error; where that is closed nobody can be told.
                let _ = Arguments::command().error(kind, usage.0).print();
                ExitCode::from(2)
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

impl Arguments {
    async fn run(self) -> anyhow::Result<()> {
        let Self {
            config: file,
            command,
        } = self;
        let load = || Config::load(file.as_deref());
        match command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(with_worker(load()?)).await,
            Command::Client(command) => {
                with_issuer(&load()?, async |issuer| command.run(issuer).await).await
            }
            Command::User(command) => {
                with_issuer(&load()?, async |issuer| command.run(issuer).await).await
            }
            Command::Session(command) => {
                with_issuer(&load()?, async |issuer| command.run(issuer).await).await
            }
            Command::Delivery(command) => {
                with_issuer(&load()?, async |issuer| command.run(issuer).await).await
            }
            Command::Log(command) => {
                with_issuer(&load()?, async |issuer| command.run(issuer).await).await
            }
            Command::Action(command) => {
                let config = with_worker(load()?);
                with_issuer(&config, async |issuer| command.run(issuer).await).await
            }
            Command::Keys(command) => {
                with_issuer(&load()?, async |issuer| command.run(issuer).await).await
            }
            Command::Migrate => migrate::run(&load()?).await,
            Command::Config(command) => command.run(load).await,
        }
    }
}

/// The same configuration, with this program to run Actions unless it names another.
fn with_worker(mut config: Config) -> Config {
    // The link leads to this program also after its file was replaced.
    let link = PathBuf::from("/proc/self/exe");
    let own = || {
        if link.exists() {
            Some(link)
        } else {
            std::env::current_exe().ok()
        }
    };
    config.actions.worker = config.actions.worker.or_else(own);
    config
}

/// Opens the store for one command and closes it again, whatever came of it.
async fn with_issuer(
    config: &Config,
    command: impl AsyncFnOnce(&Issuer) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    log_warnings();
    let issuer = server::open(config).await?;
    let done = command(&issuer).await;
    issuer.store().close().await;
    done
}

/// A command talks on standard output; of the library it passes on what goes wrong.
fn log_warnings() {
    // It fails only where a subscriber is set already.
    let _ = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .try_init();
}

/// Arguments that each parse and do not go together: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongUsage(String);

impl WrongUsage {
    fn because(reason: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self(reason.into()))
    }
}

/// Whether a reader such as `head` had seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

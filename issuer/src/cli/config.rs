//! `config`: looks at the configuration without starting anything.

use clap::Subcommand;

use super::output;
use crate::config::{Config, ConfigError};

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Prints what is in force, secrets hidden, or what is wrong.
    Check,
}

impl Command {
    pub(super) fn run(
        self,
        load: impl FnOnce() -> Result<Config, ConfigError>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Check => output::text(&load()?.in_force())?,
        }
        Ok(())
    }
}

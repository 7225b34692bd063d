//! `config`: looks at the configuration without starting anything.

use clap::Subcommand;
use logout_shared::SystemRandom;

use super::output;
use crate::config::{Config, ConfigError};
use crate::egress::Egress;
use crate::server;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Prints what is in force, secrets hidden, or what is wrong. Makes nothing.
    Check,
}

impl Command {
    pub(super) async fn run(
        self,
        load: impl FnOnce() -> Result<Config, ConfigError>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Check => {
                let config = load()?;
                config.check_secrets(&SystemRandom)?;
                Egress::new(&config.egress_settings())?;
                server::check_certificate(&config).await?;
                output::text(&config.in_force())?;
            }
        }
        Ok(())
    }
}

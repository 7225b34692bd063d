//! `migrate`: makes the database, or brings it to the form that this version needs.

use super::output;
use crate::config::Config;
use crate::server;
use crate::storage::Store as _;

/// Opens the database, which makes and migrates it, and closes it again.
pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    super::log_warnings();
    let path = config.database_path()?;
    let store = server::open_store(config).await?;
    store.close().await;
    output::line(&format!("{} is ready", path.display()))?;
    Ok(())
}

//! Section `[metrics]`: where numbers for operators are read.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Where numbers for operators are read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// An address of its own for `/metrics`; port 0 takes a free one. Without it the page is at
    /// `http.listen` in development, and nowhere else.
    pub listen: Option<SocketAddr>,
}

impl Metrics {
    pub(super) fn check(&self, main: SocketAddr) -> Result<(), ConfigError> {
        if self
            .listen
            .is_some_and(|own| own == main && own.port() != 0)
        {
            return Err(ConfigError::setting(
                "metrics.listen",
                "it must be another address than http.listen",
            ));
        }
        Ok(())
    }
}

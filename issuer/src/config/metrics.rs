//! Section `[metrics]`: where numbers for operators are read.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::http::is_same;
use super::{ConfigError, Http};

/// Where numbers for operators are read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// An address of its own for `/metrics`; port 0 takes a free one. Without it the page is at
    /// `http.listen` in development, and nowhere else.
    pub listen: Option<SocketAddr>,
}

impl Metrics {
    pub(super) fn check(&self, http: &Http) -> Result<(), ConfigError> {
        let others = [
            ("http.listen", Some(http.listen)),
            ("http.admin_listen", http.admin_listen),
        ];
        for (key, other) in others {
            if other.is_some_and(|other| is_same(self.listen, other)) {
                let problem = format!("it must be another address than {key}");
                return Err(ConfigError::setting("metrics.listen", problem));
            }
        }
        Ok(())
    }
}

//! Section `[http.rate_limit]`: how often one caller may call the Management API.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{Config, ConfigError};
use crate::http::RateLimit as Limit;

/// The most calls that can be allowed, by the second and in a burst.
const MAX_CALLS: u32 = 100_000;

/// How often one caller may call the Management API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// Whether there is a limit. Without it: where other machines reach the API.
    pub enabled: Option<bool>,
    /// How many calls of one caller are taken each second, in the long run.
    pub per_second: NonZeroU32,
    /// How many calls are taken at once after a pause.
    pub burst: NonZeroU32,
}

impl Default for RateLimit {
    fn default() -> Self {
        let limit = Limit::default();
        Self {
            enabled: None,
            per_second: limit.per_second,
            burst: limit.burst,
        }
    }
}

impl RateLimit {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, calls) in [("per_second", self.per_second), ("burst", self.burst)] {
            if calls.get() > MAX_CALLS {
                let problem =
                    format!("it must be 1 to {MAX_CALLS}; \"enabled = false\" has no limit");
                return Err(ConfigError::setting(
                    format!("http.rate_limit.{key}"),
                    problem,
                ));
            }
        }
        Ok(())
    }
}

impl Config {
    /// Whether callers of the Management API are held to a limit: where the address that it
    /// listens on is not loopback, unless it is written down.
    pub fn limits_rate(&self) -> bool {
        let api = self.http.admin_listen.unwrap_or(self.http.listen);
        let written = self.http.rate_limit.enabled;
        written.unwrap_or_else(|| !api.ip().is_loopback())
    }
}

//! Section `[retention]`: how long history is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::domain::retention::Retention as Settings;

/// How long history is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Finished deliveries with their attempts.
    #[serde(with = "humantime_serde")]
    pub deliveries: Duration,
    /// Records of the event log.
    #[serde(with = "humantime_serde")]
    pub events: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let Settings { deliveries, events } = Settings::default();
        Self { deliveries, events }
    }
}

impl Retention {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, kept) in [
            ("retention.deliveries", self.deliveries),
            ("retention.events", self.events),
        ] {
            if !(Settings::MIN..=Settings::MAX).contains(&kept) {
                return Err(ConfigError::setting(key, "it must be from 1h to 3650d"));
            }
        }
        Ok(())
    }
}

impl From<&Retention> for Settings {
    fn from(section: &Retention) -> Self {
        Self {
            deliveries: section.deliveries,
            events: section.events,
        }
    }
}

//! Section `[session]`: how long sessions live.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::domain::session::{CookieMode, SessionLifetimes};

/// How long sessions live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Session {
    /// From the sign-in to the end, whatever happens.
    #[serde(with = "humantime_serde")]
    pub lifetime: Duration,
    /// From the latest use to the end.
    #[serde(with = "humantime_serde")]
    pub idle_lifetime: Duration,
    /// The cookie of new sessions.
    pub cookie_mode: CookieMode,
}

impl Default for Session {
    fn default() -> Self {
        let SessionLifetimes {
            absolute,
            idle,
            cookie_mode,
        } = SessionLifetimes::default();
        Self {
            lifetime: absolute,
            idle_lifetime: idle,
            cookie_mode,
        }
    }
}

impl Session {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let named = [
            ("session.lifetime", self.lifetime),
            ("session.idle_lifetime", self.idle_lifetime),
        ];
        for (key, lifetime) in named {
            if lifetime < Duration::from_secs(1) {
                return Err(ConfigError::setting(key, "it must be at least 1s"));
            }
        }
        Ok(())
    }
}

impl From<&Session> for SessionLifetimes {
    fn from(section: &Session) -> Self {
        Self {
            absolute: section.lifetime,
            idle: section.idle_lifetime,
            cookie_mode: section.cookie_mode,
        }
    }
}

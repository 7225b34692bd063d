//! Section `[tokens]`: how refresh tokens live, where a client's own settings say nothing else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::domain::refresh_token::{MAX_LEEWAY, RefreshTokenRules};

/// How refresh tokens live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// From the login to the end, whatever happens.
    #[serde(with = "humantime_serde")]
    pub refresh_lifetime: Duration,
    /// From the latest exchange to the end.
    #[serde(with = "humantime_serde")]
    pub refresh_idle_lifetime: Duration,
    /// How long the token before the latest can be exchanged again.
    #[serde(with = "humantime_serde")]
    pub refresh_leeway: Duration,
}

impl Default for Tokens {
    fn default() -> Self {
        let rules = RefreshTokenRules::default();
        Self {
            refresh_lifetime: rules.absolute.unwrap_or(Duration::MAX),
            refresh_idle_lifetime: rules.idle.unwrap_or(Duration::MAX),
            refresh_leeway: rules.leeway,
        }
    }
}

impl Tokens {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let named = [
            ("tokens.refresh_lifetime", self.refresh_lifetime),
            ("tokens.refresh_idle_lifetime", self.refresh_idle_lifetime),
        ];
        for (key, lifetime) in named {
            if lifetime < Duration::from_secs(1) {
                return Err(ConfigError::setting(key, "it must be at least 1s"));
            }
        }
        if self.refresh_leeway > MAX_LEEWAY {
            let key = "tokens.refresh_leeway";
            return Err(ConfigError::setting(key, "it must be at most 1h"));
        }
        Ok(())
    }
}

impl From<&Tokens> for RefreshTokenRules {
    fn from(section: &Tokens) -> Self {
        Self {
            rotates: true,
            leeway: section.refresh_leeway,
            absolute: Some(section.refresh_lifetime),
            idle: Some(section.refresh_idle_lifetime),
        }
    }
}

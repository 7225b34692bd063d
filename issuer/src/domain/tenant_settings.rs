//! Settings of the whole issuer that can be changed while servers run.
//!
//! What is set here wins over the configuration file; what is not set is as the file says. They
//! are the same for all servers on one store.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::session::{CookieMode, SessionLifetimes};

/// The shortest and the longest life of a session that can be set.
pub const LIFETIMES: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(8_760));

/// Settings of the whole issuer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantSettings {
    /// From a sign-in to the end, in seconds; of sessions that begin from now on.
    pub lifetime_secs: Option<u64>,
    /// From the latest use of a session to its end, in seconds.
    pub idle_lifetime_secs: Option<u64>,
    /// The cookie of sessions that begin from now on.
    pub cookie_mode: Option<CookieMode>,
    /// Where a browser may be sent after a sign-out of which no client is known; compared letter
    /// by letter.
    pub allowed_logout_urls: Vec<String>,
    /// Whether the way to sign out stands in the discovery document; `None`: yes.
    pub sign_out_in_discovery: Option<bool>,
    /// Whether a person is asked before a sign-out that may not be theirs; `None`: yes.
    pub ask_before_sign_out: Option<bool>,
    /// Members stored and given back unread.
    pub other: Map<String, Value>,
}

impl TenantSettings {
    /// How long sessions live where the configuration says this.
    pub fn lifetimes(&self, configured: &SessionLifetimes) -> SessionLifetimes {
        let or = |secs: Option<u64>, else_: Duration| secs.map_or(else_, Duration::from_secs);
        SessionLifetimes {
            absolute: or(self.lifetime_secs, configured.absolute),
            idle: or(self.idle_lifetime_secs, configured.idle),
            cookie_mode: self.cookie_mode.unwrap_or(configured.cookie_mode),
        }
    }

    /// Whether the way to sign out stands in the discovery document.
    pub fn shows_sign_out(&self) -> bool {
        self.sign_out_in_discovery.unwrap_or(true)
    }

    /// Whether a person is asked before a sign-out that may not be theirs.
    pub fn asks_before_sign_out(&self) -> bool {
        self.ask_before_sign_out.unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_wins_and_the_rest_is_as_configured() {
        let configured = SessionLifetimes::default();
        assert_eq!(TenantSettings::default().lifetimes(&configured), configured);
        let set = TenantSettings {
            idle_lifetime_secs: Some(60),
            cookie_mode: Some(CookieMode::NonPersistent),
            ..TenantSettings::default()
        };
        let lifetimes = set.lifetimes(&configured);
        assert_eq!(lifetimes.absolute, configured.absolute);
        assert_eq!(lifetimes.idle, Duration::from_mins(1));
        assert_eq!(lifetimes.cookie_mode, CookieMode::NonPersistent);
    }
}

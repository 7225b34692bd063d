//! A client's `refresh_token` settings, by Auth0's names: what they mean here, and what may stand in
//! them.
//!
//! They are kept as they came ([`Client::other`]) and read at each exchange. Where a client has none,
//! the issuer's own hold.

use std::time::Duration;

use serde_json::Value;

use crate::domain::client::Client;
use crate::domain::refresh_token::{MAX_LEEWAY, RefreshTokenRules};
use crate::issuer::Issuer;

/// The client property that holds them.
pub(super) const PROPERTY: &str = "refresh_token";

/// The known values of `rotation_type`.
pub(super) const ROTATION_TYPES: &[&str] = &[ROTATING, NON_ROTATING];

/// The known values of `expiration_type`.
pub(super) const EXPIRATION_TYPES: &[&str] = &[EXPIRING, NON_EXPIRING];

/// The longest life that can be set, in seconds: five years.
pub(super) const MAX_LIFETIME_SECS: u32 = 157_788_000;

const ROTATING: &str = "rotating";
const NON_ROTATING: &str = "non-rotating";
const EXPIRING: &str = "expiring";
const NON_EXPIRING: &str = "non-expiring";

/// How this client's refresh tokens live.
pub(super) fn rules(issuer: &Issuer, client: &Client) -> RefreshTokenRules {
    rules_of(client.other.get(PROPERTY), issuer.refresh_token_rules())
}

fn rules_of(set: Option<&Value>, defaults: &RefreshTokenRules) -> RefreshTokenRules {
    let member = |name: &str| set.and_then(|set| set.get(name));
    let says = |name: &str| member(name).and_then(Value::as_str);
    let is = |name: &str| member(name).and_then(Value::as_bool) == Some(true);
    let secs = |name: &str| {
        member(name)
            .and_then(Value::as_u64)
            .map(Duration::from_secs)
    };
    let never = says("expiration_type") == Some(NON_EXPIRING);
    let life = |name: &str, infinite: &str, default: Option<Duration>| {
        if never || is(infinite) {
            None
        } else {
            secs(name).or(default)
        }
    };
    let rotation = says("rotation_type");
    let absolute = "infinite_token_lifetime";
    let idle = "infinite_idle_token_lifetime";
    RefreshTokenRules {
        rotates: rotation.map_or(defaults.rotates, |kind| kind != NON_ROTATING),
        leeway: secs("leeway").unwrap_or(defaults.leeway).min(MAX_LEEWAY),
        absolute: life("token_lifetime", absolute, defaults.absolute),
        idle: life("idle_token_lifetime", idle, defaults.idle),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(set: &Value) -> RefreshTokenRules {
        rules_of(Some(set), &RefreshTokenRules::default())
    }

    #[test]
    fn without_settings_those_of_the_issuer_hold() {
        let defaults = RefreshTokenRules::default();
        let days = |days: u64| Some(Duration::from_hours(24 * days));
        assert_eq!((defaults.absolute, defaults.idle), (days(30), days(15)));
        assert_eq!((defaults.rotates, defaults.leeway), (true, Duration::ZERO));
        assert_eq!(rules_of(None, &defaults), defaults);
        let typed = json!({"rotation_type": "rotating", "expiration_type": "expiring"});
        assert_eq!(of(&typed), defaults);
    }

    #[test]
    fn each_setting_is_heeded() {
        let set = json!({
            "rotation_type": "non-rotating", "expiration_type": "expiring", "leeway": 3,
            "token_lifetime": 10, "idle_token_lifetime": 5,
        });
        let wanted = RefreshTokenRules {
            rotates: false,
            leeway: Duration::from_secs(3),
            absolute: Some(Duration::from_secs(10)),
            idle: Some(Duration::from_secs(5)),
        };
        assert_eq!(of(&set), wanted);
    }

    #[test]
    fn a_life_without_end_wins_over_a_number() {
        let set = json!({"token_lifetime": 10, "infinite_token_lifetime": true});
        assert_eq!(of(&set).absolute, None);
        assert!(of(&set).idle.is_some());
        let set = json!({"idle_token_lifetime": 10, "infinite_idle_token_lifetime": true});
        assert_eq!(of(&set).idle, None);
        assert!(of(&set).absolute.is_some());
        let set = json!({"token_lifetime": 10, "expiration_type": "non-expiring"});
        assert_eq!((of(&set).absolute, of(&set).idle), (None, None));
    }

    #[test]
    fn the_leeway_is_an_hour_at_most() {
        let hour = MAX_LEEWAY.as_secs();
        assert_eq!(of(&json!({ "leeway": hour })).leeway, MAX_LEEWAY);
        assert_eq!(of(&json!({ "leeway": hour + 1 })).leeway, MAX_LEEWAY);
        assert_eq!(
            of(&json!({ "leeway": hour - 1 })).leeway.as_secs(),
            hour - 1
        );
    }
}

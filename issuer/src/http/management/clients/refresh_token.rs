//! A client's `refresh_token`: each member that is acted on has its form and bounds.
//!
//! What the members mean stands in `http/refresh_settings.rs`. Members that are not acted on, such as
//! `policies`, are kept as they came.

use crate::http::api_error::ApiError;
use crate::http::management::property::{Members, Property};
use crate::http::refresh_settings::{EXPIRATION_TYPES, MAX_LIFETIME_SECS, ROTATION_TYPES};

const FLAGS: [(&str, &str); 2] = [
    (
        "infinite_token_lifetime",
        "Whether tokens live without end (wins over token_lifetime)",
    ),
    (
        "infinite_idle_token_lifetime",
        "Whether tokens live without use (wins over idle_token_lifetime)",
    ),
];

const LIFETIMES: [(&str, &str); 2] = [
    ("token_lifetime", "How long tokens are valid, in seconds"),
    (
        "idle_token_lifetime",
        "How long tokens are valid without use, in seconds",
    ),
];

/// Checks the members.
pub(super) fn check(property: &Property<'_>) -> Result<(), ApiError> {
    let members = property.object()?;
    let member = |name, description| not_null(&members, name, description);
    if let Some(kind) = member("rotation_type", "Refresh token rotation type") {
        kind.one_of(ROTATION_TYPES)?;
    }
    if let Some(kind) = member("expiration_type", "Refresh token expiration type") {
        kind.one_of(EXPIRATION_TYPES)?;
    }
    let leeway = "Seconds in which the previous token can be exchanged again";
    if let Some(leeway) = member("leeway", leeway) {
        leeway.whole_number()?;
    }
    for (name, description) in FLAGS {
        if let Some(flag) = member(name, description) {
            flag.boolean()?;
        }
    }
    for (name, description) in LIFETIMES {
        if let Some(lifetime) = member(name, description) {
            check_lifetime(&lifetime)?;
        }
    }
    Ok(())
}

fn check_lifetime(property: &Property<'_>) -> Result<(), ApiError> {
    let secs = property.whole_number()?;
    if (1..=MAX_LIFETIME_SECS).contains(&secs) {
        return Ok(());
    }
    let reason = format!("Value {secs} is not from 1 to {MAX_LIFETIME_SECS}");
    Err(property.refuse(reason))
}

fn not_null<'a>(
    members: &Members<'a>,
    name: &str,
    description: &'static str,
) -> Option<Property<'a>> {
    members.get(name, description).and_then(Property::not_null)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(value: &Value) -> Option<String> {
        let property = Property::new("refresh_token", value, "Refresh token configuration");
        check(&property).err().map(|error| error.to_string())
    }

    #[test]
    fn what_auth0s_tools_send_is_good() {
        let whole = json!({
            "rotation_type": "non-rotating", "expiration_type": "non-expiring", "leeway": 0,
            "token_lifetime": 31_557_600, "infinite_token_lifetime": true,
            "idle_token_lifetime": 2_592_000, "infinite_idle_token_lifetime": true,
            "policies": null,
        });
        assert_eq!(told(&whole), None);
        assert_eq!(told(&json!({})), None);
    }

    #[test]
    fn a_life_has_bounds() {
        for (secs, good) in [
            (0, false),
            (1, true),
            (157_788_000, true),
            (157_788_001, false),
        ] {
            for name in ["token_lifetime", "idle_token_lifetime"] {
                assert_eq!(
                    told(&json!({ name: secs })).is_none(),
                    good,
                    "{name} {secs}"
                );
            }
        }
    }

    #[test]
    fn a_wrong_member_is_named() {
        for (name, wrong) in [
            ("rotation_type", json!("sometimes")),
            ("expiration_type", json!(1)),
            ("leeway", json!(-1)),
            ("token_lifetime", json!("1")),
            ("infinite_token_lifetime", json!(1)),
            ("infinite_idle_token_lifetime", json!("no")),
        ] {
            let text = told(&json!({ name: wrong })).unwrap_or_default();
            let place = format!("on property refresh_token.{name} (");
            assert!(text.contains(&place), "{text}");
        }
        assert!(told(&json!("rotating")).is_some());
    }
}

//! Settings as the Management API shows them: those that this issuer acts on as they hold now, the
//! rest as they were sent.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::domain::session::SessionLifetimes;
use crate::domain::tenant_settings::TenantSettings;

/// The JSON form of the settings.
pub(super) fn settings_body(
    settings: &TenantSettings,
    configured: &SessionLifetimes,
) -> Map<String, Value> {
    let lifetimes = settings.lifetimes(configured);
    let mut body = Map::new();
    // What tools read without asking whether it is there.
    body.insert("enabled_locales".into(), json!(["en"]));
    body.insert("flags".into(), json!({}));
    body.extend(settings.other.clone());
    let acted_on = [
        ("session_lifetime", hours(lifetimes.absolute)),
        ("idle_session_lifetime", hours(lifetimes.idle)),
        ("session_cookie", json!({ "mode": lifetimes.cookie_mode })),
        ("allowed_logout_urls", json!(settings.allowed_logout_urls)),
        (
            "oidc_logout",
            json!({ "rp_logout_end_session_endpoint_discovery": settings.shows_sign_out() }),
        ),
        (
            "sessions",
            json!({ "oidc_logout_prompt_enabled": settings.asks_before_sign_out() }),
        ),
    ];
    body.extend(acted_on.map(|(name, value)| (name.to_owned(), value)));
    body
}

/// A span in hours, whole where it is.
fn hours(span: Duration) -> Value {
    let secs = span.as_secs();
    if secs.is_multiple_of(3_600) {
        json!(secs / 3_600)
    } else {
        json!(span.as_secs_f64() / 3_600.0)
    }
}

//! Sessions, settings and deliveries.

#![expect(dead_code, reason = "fields are read by the description alone")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::Object;

/// How a session is revoked.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::management) struct RevokeSession {
    /// How many milliseconds to wait for the clients' first answers.
    #[schema(maximum = 5000)]
    wait_ms: Option<u32>,
}

/// A session's metadata, the whole of it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"session_metadata": {"deviceName": "kiosk"}}))]
pub(in crate::http::management) struct MetadataChange {
    /// Up to 25 entries of up to 255 characters each; `null` and `{}` leave none.
    #[schema(required)]
    session_metadata: Option<BTreeMap<String, String>>,
}

/// Settings. They also have what they were given of Auth0's members that nobody here acts on.
#[derive(ToSchema)]
#[schema(example = json!({"session_lifetime": 12}))]
pub(in crate::http::management) struct TenantSettings {
    /// Hours.
    #[schema(maximum = 8760)]
    session_lifetime: Option<f64>,
    /// Hours.
    #[schema(maximum = 8760)]
    idle_session_lifetime: Option<f64>,
    session_cookie: Option<Object>,
    allowed_logout_urls: Option<Vec<String>>,
    oidc_logout: Option<Object>,
    sessions: Option<Object>,
}

/// Which deliveries are sent again.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"client_id": "shop", "dry_run": true}))]
pub(in crate::http::management) struct RetryMany {
    client_id: Option<String>,
    /// `pending`, `refusing`, `refused`, `given_up`, `heard` or `cancelled`.
    state: Option<String>,
    #[schema(format = DateTime)]
    after: Option<String>,
    #[schema(format = DateTime)]
    before: Option<String>,
    /// Whether to count only.
    dry_run: Option<bool>,
}

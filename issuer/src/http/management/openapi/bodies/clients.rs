//! Clients and their grants.

#![expect(
    dead_code,
    clippy::struct_field_names,
    reason = "these are names of the wire, read by the description alone"
)]

use utoipa::ToSchema;

use super::Object;

/// A client. It also has what it was given of Auth0's members that nobody here acts on.
#[derive(ToSchema)]
pub(in crate::http::management) struct Client {
    #[schema(nullable = false)]
    client_id: Option<String>,
    #[schema(nullable = false)]
    name: Option<String>,
    /// For callers with `read:client_keys`, and for whoever made it.
    client_secret: Option<String>,
    callbacks: Option<Vec<String>>,
    allowed_logout_urls: Option<Vec<String>>,
    grant_types: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    oidc_logout: Option<OidcLogout>,
    jwt_configuration: Option<Object>,
    refresh_token: Option<Object>,
    /// What it may do here, for callers with `read:client_grants`.
    management_scopes: Option<Vec<String>>,
    #[schema(format = DateTime)]
    created_at: Option<String>,
    #[schema(format = DateTime)]
    updated_at: Option<String>,
}

/// How a client hears of ended sessions.
#[derive(ToSchema)]
struct OidcLogout {
    /// Up to ten; each is told on its own.
    #[schema(max_items = 10)]
    backchannel_logout_urls: Option<Vec<String>>,
    backchannel_logout_initiators: Option<Object>,
    backchannel_logout_session_metadata: Option<Object>,
    delivery: Option<Object>,
}

/// A client to be made. It may have any other member of Auth0's clients.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "shop", "callbacks": ["https://shop.example/callback"],
    "oidc_logout": {
        "backchannel_logout_urls": ["https://shop.example/backchannel-logout"],
        "backchannel_logout_initiators": {"mode": "all"},
    },
}))]
pub(in crate::http::management) struct NewClient {
    #[schema(min_length = 1)]
    name: String,
    #[schema(nullable = false)]
    callbacks: Option<Vec<String>>,
    #[schema(nullable = false)]
    allowed_logout_urls: Option<Vec<String>>,
    #[schema(nullable = false)]
    grant_types: Option<Vec<String>>,
    #[schema(nullable = false)]
    token_endpoint_auth_method: Option<String>,
    oidc_logout: Option<OidcLogout>,
}

/// Changes of a client, each member as a whole. It may have any other member of Auth0's clients.
#[derive(ToSchema)]
#[schema(example = json!({"name": "shop"}))]
pub(in crate::http::management) struct ClientChange {
    #[schema(nullable = false, min_length = 1)]
    name: Option<String>,
    callbacks: Option<Vec<String>>,
    allowed_logout_urls: Option<Vec<String>>,
    oidc_logout: Option<OidcLogout>,
}

/// A grant to be made.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::management) struct ClientGrantChange {
    client_id: String,
    /// `<issuer>api/v2/`.
    audience: String,
    scope: Vec<String>,
}

/// The scopes of a grant, all of them.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"scope": ["read:sessions"]}))]
pub(in crate::http::management) struct ClientGrantScopes {
    #[schema(min_items = 1)]
    scope: Vec<String>,
}

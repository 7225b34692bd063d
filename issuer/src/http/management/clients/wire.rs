//! A client as the Management API and the command line show it.
//!
//! Members and their names are Auth0's. The secret is there for those who may see it; what a
//! caller may see is decided in [`View`], so that no endpoint can forget it.

use logout_shared::Secret;
use serde_json::{Map, Value, json};

use super::change::REGISTERED_ALG;
use super::{encryption, logout_settings};
use crate::domain::client::Client;
use crate::http::bearer::Bearer;
use crate::issuer::Issuer;

/// Whoever may see the first may see the rest of a client, but for keys.
pub(super) const READ_SCOPES: [&str; 4] = [
    "read:clients",
    "read:client_keys",
    "read:client_credentials",
    "read:client_summary",
];

/// Members for callers with `read:client_summary` only.
const SUMMARY: [&str; 8] = [
    "app_type",
    "client_id",
    "description",
    "global",
    "is_first_party",
    "logo_uri",
    "name",
    "tenant",
];

/// Members for callers who may read keys or credentials.
const CREDENTIALS: [&str; 2] = ["client_authentication_methods", "encryption_key"];

/// What of a client is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one right of the caller"
)]
pub struct View {
    secret: bool,
    credentials: bool,
    grants: bool,
    summary_only: bool,
}

impl View {
    /// All of it, for an operator.
    pub const FULL: Self = Self {
        secret: true,
        credentials: true,
        grants: true,
        summary_only: false,
    };

    /// What a caller may see.
    pub(super) fn of(bearer: &Bearer) -> Self {
        let keys = bearer.has("read:client_keys");
        let credentials = keys || bearer.has("read:client_credentials");
        Self {
            secret: keys,
            credentials,
            grants: bearer.has("read:client_grants"),
            summary_only: bearer.has("read:client_summary")
                && !credentials
                && !bearer.has("read:clients"),
        }
    }

    /// The same and the secret, for whoever has just made it.
    pub(super) fn with_secret(self) -> Self {
        Self {
            secret: true,
            ..self
        }
    }

    /// Whether the secret is to be read.
    pub fn shows_secret(self) -> bool {
        self.secret
    }
}

/// The JSON form of a client.
///
/// `secret` is the opened secret; it is left out where the view does not show it.
pub fn client_body(
    client: &Client,
    secret: Option<&Secret<String>>,
    issuer: &Issuer,
    view: View,
) -> Map<String, Value> {
    let mut body = defaults(issuer);
    body.extend(client.other.clone());
    body.insert("client_id".into(), json!(client.id));
    body.insert("name".into(), json!(client.name));
    body.insert("created_at".into(), json!(client.created_at));
    body.insert("updated_at".into(), json!(client.updated_at));
    body.insert("callbacks".into(), json!(client.callbacks));
    body.insert(
        "allowed_logout_urls".into(),
        json!(client.allowed_logout_urls),
    );
    body.insert("grant_types".into(), json!(grant_types(client)));
    if let Some(method) = client.token_endpoint_auth_method {
        body.insert("token_endpoint_auth_method".into(), json!(method));
    }
    write_algorithm(client, &mut body);
    encryption::write(client, &mut body);
    if let Some(settings) = &client.logout {
        logout_settings::write(settings, &mut body);
    }
    if view.grants {
        body.insert("management_scopes".into(), json!(client.management_scopes));
    }
    if let Some(secret) = secret.filter(|_| view.secret) {
        body.insert("client_secret".into(), json!(secret.expose()));
    }
    body.retain(|name, _| {
        let name = name.as_str();
        (view.credentials || !CREDENTIALS.contains(&name))
            && (!view.summary_only || SUMMARY.contains(&name))
    });
    body
}

/// What a client looks like that was never told otherwise.
fn defaults(issuer: &Issuer) -> Map<String, Value> {
    let defaults = json!({
        "tenant": issuer.id().url().host_str().unwrap_or_default(),
        "global": false,
        "is_first_party": true,
        "oidc_conformant": true,
    });
    match defaults {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    }
}

/// The list that was set, or what a client without a list may use.
fn grant_types(client: &Client) -> Vec<String> {
    if !client.grant_types.is_empty() {
        return client.grant_types.clone();
    }
    ["authorization_code", "refresh_token", "client_credentials"]
        .into_iter()
        .filter(|grant| client.may_use_grant(grant))
        .map(str::to_owned)
        .collect()
}

fn write_algorithm(client: &Client, body: &mut Map<String, Value>) {
    let algorithm = client.signing_algorithm.as_str();
    let mut configuration = json!({"lifetime_in_seconds": 36_000, "secret_encoded": false});
    if let Some(Value::Object(kept)) = body.get("jwt_configuration") {
        for (name, value) in kept {
            configuration[name] = value.clone();
        }
    }
    configuration["alg"] = json!(algorithm);
    body.insert("jwt_configuration".into(), configuration);
    if body.contains_key(REGISTERED_ALG) {
        body.insert(REGISTERED_ALG.into(), json!(algorithm));
    }
}

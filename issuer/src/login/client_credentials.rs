//! A client asks for a token of its own, for the Management API (RFC 6749 §4.4).
//!
//! It gets the scopes that its registration allows, or those it asked for among them.

use logout_shared::ClientId;
use serde_json::json;

use super::access_token::{self, AccessToken, management_audience};
use super::history;
use crate::domain::client::Client;
use crate::domain::event_log::LogCode;
use crate::domain::management_scope::canonical;
use crate::domain::session::Device;
use crate::issuer::Issuer;
use crate::keyring::KeyRingError;
use crate::storage::StorageError;

/// A client's request for a token of its own.
#[derive(Debug, Clone)]
pub struct ClientCredentialsRequest {
    /// The client, which has proved itself.
    pub client: Client,
    /// What the token is for; the Management API if left out.
    pub audience: Option<String>,
    /// The scopes asked for; all that are allowed if left out.
    pub scope: Option<String>,
    /// Where the request came from.
    pub device: Device,
}

/// A client's token.
#[derive(Debug, Clone)]
pub struct ClientToken {
    /// For the client.
    pub access_token: String,
    /// What it allows.
    pub scope: String,
}

/// Why a client gets no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientCredentialsError {
    /// The client has another kind of login.
    #[error("Grant type 'client_credentials' not allowed for the client.")]
    Grant,
    /// There is no such API here.
    #[error("Service not enabled within domain: {0}")]
    Audience(String),
    /// The client has no scopes of the API.
    #[error(
        "Client \"{client}\" is not authorized to access resource server \"{audience}\". You need \
         to create a \"client-grant\" associated to this API."
    )]
    NotAuthorized {
        /// The client.
        client: ClientId,
        /// The API.
        audience: String,
    },
    /// A scope that the client may not have.
    #[error("the scope \"{0}\" is not granted to this client")]
    Scope(String),
    /// The token could not be signed.
    #[error(transparent)]
    KeyRing(#[from] KeyRingError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Gives a client a token of its own.
///
/// # Errors
///
/// [`ClientCredentialsError`].
pub async fn grant(
    issuer: &Issuer,
    request: ClientCredentialsRequest,
) -> Result<ClientToken, ClientCredentialsError> {
    let now = issuer.now();
    let line = |code, text: &str| {
        let mut event = history::line(code, text, &request.client, &request.device, now);
        event.details = json!({ "audience": request.audience, "scope": request.scope });
        event
    };
    let (audience, scopes) = match check(issuer, &request) {
        Ok(allowed) => allowed,
        Err(error) => {
            let event = line(LogCode::ClientCredentialsExchangeFailed, &error.to_string());
            history::record(issuer, event).await?;
            return Err(error);
        }
    };
    let scope = scopes.join(" ");
    let token = AccessToken {
        subject: format!("{}@clients", request.client.id),
        client: request.client.id.clone(),
        audience,
        scopes,
        session: None,
        grant: None,
        custom: serde_json::Map::new(),
    };
    let algorithm = request.client.signing_algorithm;
    let access_token = access_token::mint(issuer, &token, algorithm, now).await?;
    let text = "Client Credentials for Access Token";
    history::record(issuer, line(LogCode::ClientCredentialsExchanged, text)).await?;
    Ok(ClientToken {
        access_token,
        scope,
    })
}

fn check(
    issuer: &Issuer,
    request: &ClientCredentialsRequest,
) -> Result<(String, Vec<String>), ClientCredentialsError> {
    let client = &request.client;
    if !client.may_use_grant("client_credentials") || !client.is_confidential() {
        return Err(ClientCredentialsError::Grant);
    }
    let audience = management_audience(issuer.id());
    if let Some(other) = request
        .audience
        .as_ref()
        .filter(|asked| **asked != audience)
    {
        return Err(ClientCredentialsError::Audience(other.clone()));
    }
    let allowed = &client.management_scopes;
    if allowed.is_empty() {
        return Err(ClientCredentialsError::NotAuthorized {
            client: client.id.clone(),
            audience,
        });
    }
    let asked = request
        .scope
        .as_deref()
        .unwrap_or_default()
        .split_ascii_whitespace();
    let asked: Vec<&str> = asked.map(canonical).collect();
    if let Some(other) = asked
        .iter()
        .find(|scope| !allowed.iter().any(|held| held == *scope))
    {
        return Err(ClientCredentialsError::Scope((*other).to_owned()));
    }
    let granted = allowed
        .iter()
        .filter(|held| asked.is_empty() || asked.contains(&held.as_str()));
    Ok((audience, granted.cloned().collect()))
}

//! A client that could not prove itself at the token endpoint, and the line that says so.
//!
//! The line is about a client that is registered; strangers who make up ids leave none.

use logout_shared::ClientId;

use super::client_authentication::{ClientAuthenticationError, Credentials, authenticate};
use super::history;
use crate::domain::client::Client;
use crate::domain::event_log::LogCode;
use crate::domain::session::Device;
use crate::issuer::Issuer;

/// The client that showed these credentials; a refusal is recorded as `failed`.
///
/// # Errors
///
/// [`ClientAuthenticationError`].
pub async fn authenticate_or_record(
    issuer: &Issuer,
    credentials: &Credentials,
    failed: LogCode,
    device: &Device,
) -> Result<Client, ClientAuthenticationError> {
    let proved = authenticate(issuer, credentials).await;
    if let Err(error @ ClientAuthenticationError::Refused) = &proved
        && let Ok(id) = credentials.client_id.parse::<ClientId>()
        && let Some(client) = issuer.store().read().await?.find_client(&id).await?
    {
        let line = history::line(failed, &error.to_string(), &client, device, issuer.now());
        history::record(issuer, history::failed(line, "invalid_client")).await?;
    }
    proved
}

//! How a client proves itself at the token endpoint (RFC 6749 §2.3).
//!
//! A client uses exactly one way, and the one it is registered for; with a secret and no way
//! registered, basic and post are both good. Secrets are opened for the comparison only, which
//! takes the same time whatever is wrong.

use logout_shared::{ClientId, Secret};

use crate::domain::client::{Client, TokenEndpointAuthMethod};
use crate::issuer::Issuer;
use crate::keyring::{CLIENT_SECRET_PURPOSE, KeyRingError};
use crate::storage::StorageError;

/// What a client showed.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Who it says it is.
    pub client_id: String,
    /// Its proof.
    pub proof: Proof,
}

/// A client's proof.
#[derive(Debug, Clone)]
pub enum Proof {
    /// None: a public client.
    Nothing,
    /// A secret in the `Authorization` header.
    Basic(Secret<String>),
    /// A secret in the body.
    Post(Secret<String>),
}

/// A client that did not prove itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientAuthenticationError {
    /// Unknown, wrong or shown in a way that is not the client's: one answer for all.
    #[error("the client is unknown or its credentials are wrong")]
    Refused,
    /// The stored secret cannot be opened.
    #[error("the secret of client \"{client}\" cannot be opened")]
    Secret {
        /// Whose.
        client: ClientId,
        /// Why.
        #[source]
        source: KeyRingError,
    },
    /// The client could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The client that showed these credentials.
///
/// # Errors
///
/// [`ClientAuthenticationError`].
pub async fn authenticate(
    issuer: &Issuer,
    credentials: &Credentials,
) -> Result<Client, ClientAuthenticationError> {
    let refused = ClientAuthenticationError::Refused;
    let Ok(id) = credentials.client_id.parse::<ClientId>() else {
        return Err(refused);
    };
    let client = issuer.store().read().await?.find_client(&id).await?;
    let Some(client) = client else {
        return Err(refused);
    };
    if !may_use(&client, &credentials.proof) {
        return Err(refused);
    }
    match &credentials.proof {
        Proof::Nothing => Ok(client),
        Proof::Basic(secret) | Proof::Post(secret) => {
            if has_secret(issuer, &client, secret)? {
                Ok(client)
            } else {
                Err(refused)
            }
        }
    }
}

fn may_use(client: &Client, proof: &Proof) -> bool {
    use TokenEndpointAuthMethod as Method;
    match (proof, client.token_endpoint_auth_method) {
        (Proof::Nothing, _) => !client.is_confidential(),
        (Proof::Basic(_), Some(Method::ClientSecretBasic))
        | (Proof::Post(_), Some(Method::ClientSecretPost)) => true,
        (_, None) => client.sealed_secret.is_some(),
        _ => false,
    }
}

fn has_secret(
    issuer: &Issuer,
    client: &Client,
    shown: &Secret<String>,
) -> Result<bool, ClientAuthenticationError> {
    let Some(sealed) = &client.sealed_secret else {
        return Ok(false);
    };
    let opened = issuer
        .keys()
        .unseal(CLIENT_SECRET_PURPOSE, client.id.as_str(), sealed);
    let secret = opened.map_err(|source| ClientAuthenticationError::Secret {
        client: client.id.clone(),
        source,
    })?;
    Ok(secret.ct_eq_bytes(shown.expose().as_bytes()))
}

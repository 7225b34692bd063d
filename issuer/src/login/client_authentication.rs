//! How a client proves itself at the token endpoint (RFC 6749 §2.3).
//!
//! A client uses exactly one way, and the one it is registered for; with a secret and no way
//! registered, basic and post are both good. Secrets are opened for the comparison only, which
//! takes the same time whatever is wrong. Whoever is refused gets one answer; why is in the log, at
//! debug level. Neighbours: `client_assertion/` checks what a client signed,
//! `http/oidc/client_proof.rs` reads what it shows.

use logout_shared::{ClientId, Secret};

use super::client_assertion::{self, AssertionFault, ShownAssertion};
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
    /// A token that the client signed.
    Assertion(ShownAssertion),
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
    let Ok(id) = credentials.client_id.parse::<ClientId>() else {
        return Err(ClientAuthenticationError::Refused);
    };
    let client = issuer.store().read().await?.find_client(&id).await?;
    let Some(client) = client else {
        return Err(refused(&id, &"there is no such client"));
    };
    if !may_use(&client, &credentials.proof) {
        return Err(refused(&id, &"it is not registered for this way"));
    }
    match &credentials.proof {
        Proof::Nothing => {}
        Proof::Basic(secret) | Proof::Post(secret) => {
            if !has_secret(issuer, &client, secret)? {
                return Err(refused(&id, &"its secret is another one"));
            }
        }
        Proof::Assertion(shown) => match client_assertion::check(issuer, &client, shown).await {
            Ok(()) => {}
            Err(AssertionFault::Storage(error)) => return Err(error.into()),
            Err(fault) => return Err(refused(&id, &fault)),
        },
    }
    Ok(client)
}

fn refused(id: &ClientId, why: &dyn std::fmt::Display) -> ClientAuthenticationError {
    tracing::debug!(client.id = %id, "client \"{id}\" did not prove itself: {why}");
    ClientAuthenticationError::Refused
}

fn may_use(client: &Client, proof: &Proof) -> bool {
    use TokenEndpointAuthMethod as Method;
    let registered = client.token_endpoint_auth_method;
    match proof {
        Proof::Nothing => !client.is_confidential(),
        Proof::Basic(_) => matches!(registered, None | Some(Method::ClientSecretBasic)),
        Proof::Post(_) => matches!(registered, None | Some(Method::ClientSecretPost)),
        Proof::Assertion(_) => registered == Some(Method::PrivateKeyJwt),
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

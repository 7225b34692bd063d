//! A client gives its refresh token back (RFC 7009): the whole grant dies.
//!
//! Any token of the grant will do, also one that was used before. What nobody knows is no error:
//! it is worth nothing already.

use logout_shared::Secret;

use super::concerning;
use crate::domain::client::Client;
use crate::domain::event_log::LogCode;
use crate::domain::refresh_token::RefreshToken;
use crate::domain::session::Device;
use crate::issuer::Issuer;
use crate::login::{access_token, history, own_token};
use crate::storage::{RefreshGrants, StorageError, Transaction};

/// What a client sends to be rid of a token.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// The client, which has proved itself.
    pub client: Client,
    /// The token.
    pub token: Secret<String>,
    /// Where the request came from.
    pub device: Device,
}

/// Why a token is not revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// Access tokens live until their time has come, or their session or grant is over.
    #[error("access tokens cannot be revoked one by one; revoke the refresh token")]
    AccessToken,
    /// The token is somebody else's.
    #[error("the refresh token was issued to another client")]
    OtherClient,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Revokes a refresh token and all others of its grant.
///
/// # Errors
///
/// [`RevocationError`]. A token that is not known is no error (RFC 7009 §2.2).
pub async fn revoke_refresh_token(
    issuer: &Issuer,
    revocation: Revocation,
) -> Result<(), RevocationError> {
    let shown = revocation.token.expose();
    let Some(token) = RefreshToken::parse(shown) else {
        return match own_token::read(issuer, shown, access_token::TYPE) {
            Ok(_) => Err(RevocationError::AccessToken),
            Err(_) => Ok(()),
        };
    };
    let now = issuer.now();
    let write = issuer.store().write(move |tx: &mut dyn Transaction| {
        Box::pin(async move {
            let handle = token.handle_digest();
            let Some(grant) = tx.find_refresh_grant_by_handle(&handle).await? else {
                return Ok(());
            };
            let Revocation { client, device, .. } = &revocation;
            if grant.client != client.id {
                return Err(RevocationError::OtherClient);
            }
            let family = RefreshGrants::One(&grant.id);
            if tx.revoke_refresh_grants(family, now).await? == 0 {
                return Ok(());
            }
            let text = "Refresh Token revoked";
            let line = history::line(LogCode::RefreshTokenRevoked, text, client, device, now);
            let mut event = concerning(line, &grant);
            event.user = Some(grant.user.clone());
            Ok(tx.append_events(&[event]).await?)
        })
    });
    write.await
}

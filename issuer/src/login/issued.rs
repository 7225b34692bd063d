//! What an app gets for a code or a refresh token, and why it gets nothing.
//!
//! An access token always, an ID Token where `openid` is among the scopes. Both name the session
//! while it lives; where a refresh token outlived it, the access token names the grant instead, and is
//! worth nothing once that is revoked. Nothing is signed before the exchange is written.

use logout_shared::{SessionId, Timestamp, TokenId};

use super::access_token::{self, AccessToken, userinfo_audience};
use super::actions::ActionsError;
use super::id_token;
use crate::domain::authorization::CustomClaims;
use crate::domain::client::Client;
use crate::domain::refresh_token::RefreshToken;
use crate::domain::user::User;
use crate::issuer::Issuer;
use crate::keyring::KeyRingError;
use crate::keyring::encrypter::{ClientKey, ClientKeyError};
use crate::storage::StorageError;

/// What an app gets.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// For userinfo.
    pub access_token: String,
    /// Who signed in; for apps that asked for `openid`.
    pub id_token: Option<String>,
    /// For new tokens; the one before, if any, is used up.
    pub refresh_token: Option<RefreshToken>,
    /// What was granted.
    pub scope: String,
}

/// Why an app gets no tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The client may not use this grant.
    #[error("the client may not use the {0} grant")]
    Grant(&'static str),
    /// The code or refresh token is not good, or not for this exchange.
    #[error("{0}")]
    Refused(&'static str),
    /// More was asked for than was granted.
    #[error("the scope has more in it than was granted")]
    Scope,
    /// An Action failed or refused; the app is told this.
    #[error("{0}")]
    Denied(String),
    /// What the Actions asked for could not be written.
    #[error(transparent)]
    Actions(#[from] ActionsError),
    /// The client's key for encrypted ID Tokens cannot be had.
    #[error("the ID Token cannot be encrypted: {0}")]
    ClientKey(#[from] ClientKeyError),
    /// The tokens could not be signed.
    #[error(transparent)]
    KeyRing(#[from] KeyRingError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What tokens are made of.
#[derive(Debug)]
pub(super) struct Granted<'g> {
    pub(super) client: &'g Client,
    pub(super) user: &'g User,
    pub(super) scope: &'g str,
    /// The session, while it lives.
    pub(super) session: Option<&'g SessionId>,
    /// The grant that a refresh token belongs to.
    pub(super) grant: Option<&'g TokenId>,
    pub(super) nonce: Option<&'g str>,
    pub(super) claims: &'g CustomClaims,
    pub(super) authenticated_at: Timestamp,
}

/// Signs the tokens, and encrypts the ID Token where the client has a key for it.
pub(super) async fn mint(
    issuer: &Issuer,
    granted: &Granted<'_>,
    client_key: Option<&ClientKey>,
    refresh_token: Option<RefreshToken>,
) -> Result<Tokens, ExchangeError> {
    let (now, algorithm) = (issuer.now(), granted.client.signing_algorithm);
    let token = AccessToken {
        subject: granted.user.id.to_string(),
        client: granted.client.id.clone(),
        audience: userinfo_audience(issuer.id()),
        scopes: granted.scope.split(' ').map(str::to_owned).collect(),
        session: granted.session.cloned(),
        grant: granted.grant.cloned(),
        custom: granted.claims.access_token.clone(),
    };
    let access_token = access_token::mint(issuer, &token, algorithm, now).await?;
    let id_token = if token.scopes.iter().any(|scope| scope == "openid") {
        let signed = id_token::mint(issuer, granted, &access_token, now).await?;
        Some(match client_key {
            None => signed,
            Some(key) => key.encrypt(issuer.id(), &signed)?,
        })
    } else {
        None
    };
    Ok(Tokens {
        access_token,
        id_token,
        refresh_token,
        scope: granted.scope.to_owned(),
    })
}

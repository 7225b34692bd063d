//! An app exchanges its code for tokens (RFC 6749 §4.1.3, OpenID Connect Core §3.1.3).
//!
//! One write: the code is used up, the session is locked and must be alive, and the client joins
//! its participants, so that from here on it is told when the session ends. Only then are tokens
//! signed. An exchange waits while the client is told of the end of all the user's sessions, or
//! the new one might end with them. Whatever is wrong with an exchange, its code is worth nothing afterwards: a code that
//! turns up at the wrong place has been stolen or mixed up, and at a second use the refresh tokens
//! that it gave die.

use logout_shared::{Secret, Subject, Timestamp};

use super::history;
pub use super::issued::{ExchangeError, Tokens};
use super::issued::{Granted, mint};
use super::refresh::begin::{NewGrant, begin};
use crate::domain::authorization::{AuthorizationCode, TokenDigest, digest, is_code_verifier};
use crate::domain::client::Client;
use crate::domain::event_log::LogCode;
use crate::domain::refresh_token::{RefreshToken, RefreshTokenRules};
use crate::domain::session::Device;
use crate::domain::user::User;
use crate::issuer::Issuer;
use crate::logout::{Patience, is_told_of_all_sessions};
use crate::storage::{CodeUse, RefreshGrants, StorageError, Transaction};

/// What an app sends to get tokens.
#[derive(Debug, Clone)]
pub struct CodeExchange {
    /// The client, which has proved itself.
    pub client: Client,
    /// The code.
    pub code: Secret<String>,
    /// The redirect URI of the authorization request, again.
    pub redirect_uri: Option<String>,
    /// What the PKCE challenge was made from.
    pub verifier: Option<Secret<String>>,
    /// How this client's refresh tokens live.
    pub rules: RefreshTokenRules,
    /// Where the request came from.
    pub device: Device,
}

/// Exchanges a code for tokens.
///
/// # Errors
///
/// [`ExchangeError`].
pub async fn exchange_code(
    issuer: &Issuer,
    exchange: CodeExchange,
) -> Result<Tokens, ExchangeError> {
    if !exchange.client.may_use_grant("authorization_code") {
        return Err(ExchangeError::Grant("authorization code"));
    }
    let client = exchange.client.clone();
    // Before the code is used up, since the client's key set may be out of reach.
    let client_key = issuer.encrypter().key_for(&client, issuer.now()).await?;
    let Redeemed {
        code,
        user,
        refresh_token,
    } = redeem(issuer, exchange).await?;
    let granted = Granted {
        client: &client,
        user: &user,
        scope: &code.scope,
        session: Some(&code.session),
        grant: None,
        nonce: code.nonce.as_deref(),
        claims: &code.claims,
        authenticated_at: code.authenticated_at,
    };
    mint(issuer, &granted, client_key.as_ref(), refresh_token).await
}

async fn redeem(issuer: &Issuer, exchange: CodeExchange) -> Result<Redeemed, ExchangeError> {
    let patience = Patience::begin();
    loop {
        let redemption = Redemption {
            issuer: issuer.clone(),
            digest: digest(exchange.code.expose()),
            exchange: exchange.clone(),
            patience,
            now: issuer.now(),
        };
        let store = issuer.store();
        let redeemed = store.write(move |tx| Box::pin(redemption.run(tx))).await;
        match redeemed {
            Ok(Outcome::Good(good)) => return Ok(*good),
            Ok(Outcome::Refused(why)) => return Err(ExchangeError::Refused(why)),
            Err(Undone::MustWait(user)) => {
                let client = &exchange.client.id;
                patience
                    .wait(&**store, &user, client, &**issuer.clock())
                    .await?;
            }
            Err(Undone::Storage(error)) => return Err(error.into()),
        }
    }
}

struct Redemption {
    issuer: Issuer,
    exchange: CodeExchange,
    digest: TokenDigest,
    patience: Patience,
    now: Timestamp,
}

/// What a code stood for.
struct Redeemed {
    code: AuthorizationCode,
    user: User,
    refresh_token: Option<RefreshToken>,
}

/// A refusal is no error here: what it writes is kept.
enum Outcome {
    Good(Box<Redeemed>),
    Refused(&'static str),
}

/// Nothing is written.
#[derive(Debug, thiserror::Error)]
enum Undone {
    /// The client is being told of the end of all sessions of this user.
    #[error("the client is told of the end of all sessions of {0}")]
    MustWait(Subject),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Redemption {
    async fn run(self, tx: &mut dyn Transaction) -> Result<Outcome, Undone> {
        let (code, fault) = match tx.use_code(&self.digest, self.now).await? {
            CodeUse::First(code) => {
                let fault = self.fault(&code).err();
                (Some(code), fault)
            }
            CodeUse::Again(code) => {
                // RFC 6749 §4.1.2: whatever the code was exchanged for is in doubt.
                let family = RefreshGrants::OfCode(&code.session, &code.digest);
                tx.revoke_refresh_grants(family, self.now).await?;
                (Some(code), Some("the code was used before"))
            }
            CodeUse::Unknown => (None, Some("the code is not known")),
        };
        match (code, fault) {
            (Some(code), None) => self.join(tx, code).await,
            (code, fault) => {
                self.refuse(tx, code.as_ref(), fault.unwrap_or("the code is not known"))
                    .await
            }
        }
    }

    fn fault(&self, code: &AuthorizationCode) -> Result<(), &'static str> {
        let verifier = self
            .exchange
            .verifier
            .as_ref()
            .map(|verifier| verifier.expose().as_str());
        if code.client != self.exchange.client.id {
            return Err("the code was issued to another client");
        }
        if code.is_expired(self.now) {
            return Err("the code has expired");
        }
        if self.exchange.redirect_uri.as_deref() != Some(code.redirect_uri.as_str()) {
            return Err("the redirect_uri is not that of the authorization request");
        }
        if verifier.is_some_and(|verifier| !is_code_verifier(verifier))
            || !code.accepts_verifier(verifier)
        {
            return Err("the code_verifier does not fit the code_challenge");
        }
        Ok(())
    }

    async fn join(
        &self,
        tx: &mut dyn Transaction,
        code: AuthorizationCode,
    ) -> Result<Outcome, Undone> {
        let session = tx.lock_session(&code.session).await?;
        if !session.is_some_and(|session| session.is_live(self.now)) {
            return self.refuse(tx, Some(&code), "the session has ended").await;
        }
        let user = tx.find_user(&code.user).await?.filter(|user| !user.blocked);
        let Some(user) = user else {
            return self
                .refuse(tx, Some(&code), "the user may not sign in")
                .await;
        };
        let (client, patience) = (&code.client, self.patience);
        if is_told_of_all_sessions(tx, &user.id, client, patience, self.now).await? {
            return Err(Undone::MustWait(user.id));
        }
        tx.join_session(&code.session, &code.client, self.now)
            .await?;
        let new = NewGrant {
            client: &self.exchange.client,
            code: &code,
            user: &user,
            rules: &self.exchange.rules,
            device: &self.exchange.device,
            now: self.now,
        };
        let refresh_token = begin(tx, &self.issuer, new).await?;
        let event = self.line(
            LogCode::CodeExchanged,
            "Authorization Code for Access Token",
        );
        tx.append_events(&[history::about(event, &user)]).await?;
        Ok(Outcome::Good(Box::new(Redeemed {
            code,
            user,
            refresh_token,
        })))
    }

    async fn refuse(
        &self,
        tx: &mut dyn Transaction,
        code: Option<&AuthorizationCode>,
        why: &'static str,
    ) -> Result<Outcome, Undone> {
        let mut event = self.line(LogCode::CodeExchangeFailed, why);
        event.user = code.map(|code| code.user.clone());
        tx.append_events(&[history::failed(event, "invalid_grant")])
            .await?;
        Ok(Outcome::Refused(why))
    }

    fn line(&self, code: LogCode, text: &str) -> crate::domain::event_log::LogEvent {
        history::line(
            code,
            text,
            &self.exchange.client,
            &self.exchange.device,
            self.now,
        )
    }
}

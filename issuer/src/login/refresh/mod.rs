//! An app exchanges its refresh token for new tokens (RFC 6749 §6, OpenID Connect Core §12).
//!
//! One write: user, session and grant are locked in the order of a sign-in, the token is judged, and
//! its successor takes its place (RFC 9700 §4.14.2). A token that was used before means that two
//! have it, one of them a thief: the whole grant dies. An exchange is no use of the session and does
//! not put off its end. Actions run before the write on what a snapshot says, as at a login. Grants
//! begin in `begin.rs`, and end at a client's wish in `revoke.rs`; what else ends them is `logout/`'s.

pub(super) mod begin;
mod find;
mod judge;
pub mod revoke;

use logout_shared::{Secret, Timestamp};
use serde_json::json;

use self::judge::{Fault, Found, Good, Showing};
use super::actions::{self, ActionsError, Decided, PostLogin};
use super::history;
use super::issued::{ExchangeError, Granted, Tokens, mint};
use crate::domain::client::Client;
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::refresh_token::{
    REFRESH_TOKEN_GRANT, RefreshGrant, RefreshToken, RefreshTokenRules,
};
use crate::domain::session::{Device, Session};
use crate::issuer::Issuer;
use crate::storage::{RefreshGrants, StorageError, Transaction};

/// What an app sends to get new tokens.
#[derive(Debug, Clone)]
pub struct RefreshExchange {
    /// The client, which has proved itself.
    pub client: Client,
    /// The token.
    pub token: Secret<String>,
    /// The scopes it wants of those it was granted; all of them if it does not say.
    pub scope: Option<String>,
    /// How this client's tokens live.
    pub rules: RefreshTokenRules,
    /// Where the request came from.
    pub device: Device,
}

/// Exchanges a refresh token for new tokens.
///
/// # Errors
///
/// [`ExchangeError`]; the token is not used up then, but may be found to have been.
pub async fn exchange_refresh_token(
    issuer: &Issuer,
    exchange: RefreshExchange,
) -> Result<Tokens, ExchangeError> {
    let client = exchange.client.clone();
    if !client.may_use_grant(REFRESH_TOKEN_GRANT) {
        return Err(ExchangeError::Grant("refresh token"));
    }
    // Before the token is used up, since the client's key set may be out of reach.
    let client_key = issuer.encrypter().key_for(&client, issuer.now()).await?;
    let refreshed = refresh(issuer, Refresh::new(issuer, exchange)).await?;
    let granted = Granted {
        client: &client,
        user: &refreshed.good.user,
        scope: &refreshed.decided.scope(&refreshed.good.scope),
        session: refreshed.good.session.as_ref().map(|session| &session.id),
        grant: Some(&refreshed.good.grant.id),
        // OpenID Connect Core §12.2: a refreshed ID Token should have none.
        nonce: None,
        claims: &refreshed.decided.claims().map_err(ActionsError::from)?,
        authenticated_at: refreshed.good.grant.authenticated_at,
    };
    mint(issuer, &granted, client_key.as_ref(), refreshed.token).await
}

/// Runs the Actions, then writes.
async fn refresh(issuer: &Issuer, mut refresh: Refresh) -> Result<Refreshed, ExchangeError> {
    let login = refresh.foresee().await?;
    if let Some(login) = &login {
        refresh.decided = actions::post_login(issuer, login).await?;
    }
    let decided = refresh.decided.clone();
    let refuse = async |decided| {
        let login = login.ok_or(ExchangeError::Refused(Fault::UNKNOWN.text()))?;
        let told = actions::refuse(issuer, login, decided).await?;
        Err(ExchangeError::Denied(told))
    };
    if decided.refusal().is_some() {
        return refuse(decided).await;
    }
    let write = issuer.store().write(move |tx| Box::pin(refresh.run(tx)));
    match write.await {
        Ok(Outcome::Refreshed(refreshed)) => Ok(*refreshed),
        Ok(Outcome::Refused(Fault::Scope)) => Err(ExchangeError::Scope),
        Ok(Outcome::Refused(fault)) => Err(ExchangeError::Refused(fault.text())),
        Err(ExchangeError::Actions(ActionsError::Conflict(error))) => {
            refuse(decided.but_failed(error)).await
        }
        Err(error) => Err(error),
    }
}

struct Refresh {
    issuer: Issuer,
    exchange: RefreshExchange,
    /// None if what the client sent cannot be a token of ours.
    token: Option<RefreshToken>,
    decided: Decided,
    /// Actions are bound and have not run, so there is no way in without them.
    unforeseen: bool,
    now: Timestamp,
}

struct Refreshed {
    good: Good,
    decided: Decided,
    /// The token that takes the place of the one that was shown.
    token: Option<RefreshToken>,
}

/// A refusal is no error here: what it writes is kept.
enum Outcome {
    Refreshed(Box<Refreshed>),
    Refused(Fault),
}

impl Refresh {
    fn new(issuer: &Issuer, exchange: RefreshExchange) -> Self {
        Self {
            issuer: issuer.clone(),
            token: RefreshToken::parse(exchange.token.expose()),
            exchange,
            decided: Decided::default(),
            unforeseen: false,
            now: issuer.now(),
        }
    }

    fn judge(&self, found: Found) -> Result<Good, Fault> {
        let showing = Showing {
            client: &self.exchange.client,
            scope: self.exchange.scope.as_deref(),
            rules: &self.exchange.rules,
            now: self.now,
        };
        showing.judge(found)
    }

    /// The exchange as Actions see it; `None` if none is bound or the token is not good.
    async fn foresee(&mut self) -> Result<Option<PostLogin>, StorageError> {
        if !actions::are_bound(&self.issuer).await? {
            return Ok(None);
        }
        let found = match &self.token {
            Some(token) => find::see(&self.issuer, token, self.now).await?,
            None => None,
        };
        let good = found.and_then(|found| self.judge(found).ok());
        self.unforeseen = good.is_none();
        Ok(good.map(|good| PostLogin {
            client: self.exchange.client.clone(),
            user: good.user,
            session: good.session,
            device: self.exchange.device.clone(),
            transaction: PostLogin::exchange_transaction(&good.scope),
            refresh_token: Some(good.grant),
        }))
    }

    async fn run(self, tx: &mut dyn Transaction) -> Result<Outcome, ExchangeError> {
        let Some(token) = self.token.clone() else {
            return self.refuse(tx, None, Fault::UNKNOWN).await;
        };
        let Some(found) = find::lock(tx, &token, self.now).await? else {
            return self.refuse(tx, None, Fault::UNKNOWN).await;
        };
        let seen = found.grant.clone();
        match self.judge(found) {
            Ok(_) if self.unforeseen => {
                let fault = Fault::Token("the user may not sign in");
                self.refuse(tx, Some(&seen), fault).await
            }
            Ok(good) => self.replace(tx, &token, good).await,
            Err(fault) => self.refuse(tx, Some(&seen), fault).await,
        }
    }

    async fn replace(
        self,
        tx: &mut dyn Transaction,
        token: &RefreshToken,
        mut good: Good,
    ) -> Result<Outcome, ExchangeError> {
        let lifetimes = self.issuer.session_lifetimes();
        let (session, user) = (good.session.as_mut(), &mut good.user);
        let applied = self.decided.apply(tx, session, user, &lifetimes, self.now);
        let capped = applied.await?;
        let RefreshExchange { rules, device, .. } = &self.exchange;
        let generation = good
            .grant
            .exchange(good.generation, rules, device, self.now);
        let next = generation.map(|_| token.successor(&**self.issuer.random()));
        let digest = next.as_ref().map(RefreshToken::digest);
        tx.record_refresh_exchange(&good.grant, digest.as_ref())
            .await?;
        if let Some(session) = &good.session {
            self.take_part(tx, session).await?;
        }
        tx.append_events(&self.successes(&good, capped)).await?;
        Ok(Outcome::Refreshed(Box::new(Refreshed {
            good,
            decided: self.decided,
            token: next,
        })))
    }

    /// A client that had left the session and goes on in it must hear of its end again.
    async fn take_part(
        &self,
        tx: &mut dyn Transaction,
        session: &Session,
    ) -> Result<(), StorageError> {
        let client = &self.exchange.client.id;
        let participants = tx.participants(&session.id).await?;
        if participants.iter().any(|one| one.client == *client) {
            return Ok(());
        }
        tx.join_session(&session.id, client, self.now).await
    }

    fn successes(&self, good: &Good, capped: bool) -> Vec<LogEvent> {
        let text = "Refresh Token for Access Token";
        let event = history::about(self.line(LogCode::RefreshTokenExchanged, text), &good.user);
        let mut events = vec![concerning(event, &good.grant)];
        if capped {
            let warning = history::about(self.line(LogCode::Warning, actions::CAPPED), &good.user);
            events.push(concerning(warning, &good.grant));
        }
        events
    }

    async fn refuse(
        &self,
        tx: &mut dyn Transaction,
        grant: Option<&RefreshGrant>,
        fault: Fault,
    ) -> Result<Outcome, ExchangeError> {
        let (code, error) = match fault {
            Fault::Reused => (LogCode::RotatingRefreshTokenFailed, "invalid_grant"),
            Fault::Token(_) => (LogCode::RefreshTokenExchangeFailed, "invalid_grant"),
            Fault::Scope => (LogCode::RefreshTokenExchangeFailed, "invalid_scope"),
        };
        let mut event = history::failed(self.line(code, fault.text()), error);
        if let Some(grant) = grant {
            event = concerning(event, grant);
            event.user = Some(grant.user.clone());
            if fault == Fault::Reused {
                let family = RefreshGrants::One(&grant.id);
                tx.revoke_refresh_grants(family, self.now).await?;
            }
        }
        tx.append_events(&[event]).await?;
        Ok(Outcome::Refused(fault))
    }

    fn line(&self, code: LogCode, text: &str) -> LogEvent {
        let RefreshExchange { client, device, .. } = &self.exchange;
        history::line(code, text, client, device, self.now)
    }
}

/// The same line with the grant that it is about.
fn concerning(mut event: LogEvent, grant: &RefreshGrant) -> LogEvent {
    if !event.details.is_object() {
        event.details = json!({});
    }
    event.details["refresh_token_id"] = json!(grant.id);
    event.details["session_id"] = json!(grant.session);
    event
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use logout_shared::TokenId;

    use super::*;
    use crate::domain::authorization::digest;
    use crate::domain::refresh_token::{OFFLINE_ACCESS, RefreshAccess};
    use crate::domain::user::User;
    use crate::login::actions::keep::{self, ActionChange};
    use crate::login::sign_in::tests::{issuer, request};
    use crate::login::users::{NewUser, create_user};

    async fn bind_an_action(issuer: &Issuer) {
        let change = ActionChange {
            code: Some(String::new()),
            ..ActionChange::default()
        };
        keep::create(issuer, "A", change).await.expect("an Action");
        keep::deploy(issuer, "A").await.expect("a version");
        let bound = keep::bind(issuer, vec!["A".into()]).await;
        bound.expect("a binding");
    }

    /// A grant of a session that is over, and its token.
    async fn begin_grant(issuer: &Issuer, user: &User) -> RefreshToken {
        let (token, now) = (RefreshToken::first(&**issuer.random()), issuer.now());
        let grant = RefreshGrant {
            id: TokenId::generate(&**issuer.random()),
            handle: token.handle_digest(),
            code: digest("code"),
            client: request(now).client.id,
            user: user.id.clone(),
            session: "over".parse().expect("a session id"),
            access: RefreshAccess::Offline,
            scope: OFFLINE_ACCESS.into(),
            authenticated_at: now,
            password_version: user.password_version,
            device: Device::default(),
            generation: 0,
            generation_since: now,
            created_at: now,
            last_exchanged_at: None,
            expires_at: None,
            idle_expires_at: None,
            revoked_at: None,
        };
        let digest = token.digest();
        let write = issuer.store().write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.insert_refresh_grant(&grant, &digest).await })
        });
        write.await.expect("a write");
        token
    }

    async fn set_blocked(issuer: &Issuer, user: &User, blocked: bool) {
        let user = User {
            blocked,
            ..user.clone()
        };
        let write = issuer
            .store()
            .write(move |tx| Box::pin(async move { tx.update_user(&user).await }));
        assert!(write.await.expect("a write"));
    }

    #[tokio::test]
    async fn an_exchange_that_the_actions_have_not_seen_gives_nothing() {
        let issuer = issuer().await;
        let ada = NewUser {
            email: "ada@example.com".into(),
            ..NewUser::default()
        };
        let ada = create_user(&issuer, ada).await.expect("a user");
        // Made before the grant, as a client is.
        let client = request(issuer.now()).client;
        bind_an_action(&issuer).await;
        for (is_blocked, is_seen) in [(true, false), (false, true)] {
            let token = begin_grant(&issuer, &ada).await;
            set_blocked(&issuer, &ada, is_blocked).await;
            let exchange = RefreshExchange {
                client: client.clone(),
                token: Secret::new(token.expose().to_owned()),
                scope: None,
                rules: RefreshTokenRules::default(),
                device: Device::default(),
            };
            let mut refresh = Refresh::new(&issuer, exchange);
            let seen = refresh.foresee().await.expect("reads");
            assert_eq!(seen.is_some(), is_seen);
            set_blocked(&issuer, &ada, false).await;
            let write = issuer.store().write(move |tx| Box::pin(refresh.run(tx)));
            let outcome = write.await.expect("a write");
            assert_eq!(matches!(outcome, Outcome::Refreshed(_)), is_seen);
        }
    }
}

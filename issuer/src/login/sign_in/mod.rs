//! Signing in with e-mail address and password.
//!
//! The password is checked first, with nothing locked. Then one write does the rest: the user is
//! locked, and refused if blocked meanwhile or if the password is not the one that was checked
//! any more; the session starts, and the app gets its code (D22).
//!
//! A browser holds one session. The same person in it proves anew who they are and keeps the
//! session, under a new handle. If it is another person's, that session ends as by their own
//! sign-out: whoever sits there now must not reach the apps of the one before, and `rp-logout` is
//! the event that every client listens for.

mod start;

use std::net::IpAddr;

use logout_shared::Secret;

use super::actions::{self, ActionsError};
use super::authorize::AuthorizationRequest;
use super::throttle::{Attempt, Held, Throttle, TooManyFailures};
use super::{history, password};
use crate::domain::event_log::LogCode;
use crate::domain::session::{Device, Session};
use crate::domain::user::{PasswordHash, User};
use crate::issuer::Issuer;
use crate::logout::EndSessionError;
use crate::storage::StorageError;
use start::{Outcome, Start};

/// What the login form sent, and the browser it came from.
#[derive(Debug)]
pub struct SignIn {
    /// What the app asked for.
    pub request: AuthorizationRequest,
    /// The address as typed.
    pub email: String,
    /// The password as typed.
    pub password: Secret<String>,
    /// The handle that the browser holds already.
    pub handle: Option<Secret<String>>,
    /// The browser.
    pub device: Device,
    /// The browser's address, for the throttle.
    pub ip: Option<IpAddr>,
}

/// A person is signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// For the browser; the one before is worth nothing any more.
    pub handle: Secret<String>,
    /// For the app.
    pub code: Secret<String>,
    /// The session.
    pub session: Session,
}

/// Why a person is not signed in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// Too many logins failed before this one.
    #[error(transparent)]
    TooManyFailures(#[from] TooManyFailures),
    /// No such user, or another password: not to be told apart.
    #[error("wrong e-mail address or password")]
    WrongCredentials,
    /// The password was right, but the user may not sign in.
    #[error("the user is blocked")]
    Blocked,
    /// The session of the person before could not be ended.
    #[error("the browser's former session could not be ended")]
    FormerSession(#[source] EndSessionError),
    /// An Action failed or refused; the app is told this.
    #[error("{0}")]
    Denied(String),
    /// What the Actions asked for could not be written.
    #[error(transparent)]
    Actions(#[from] ActionsError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Signs a person in and issues the code for the app.
///
/// # Errors
///
/// [`SignInError`]; nothing is kept then but a line in the event log.
pub async fn sign_in(
    issuer: &Issuer,
    throttle: &Throttle,
    sign_in: SignIn,
) -> Result<SignedIn, SignInError> {
    let attempt = Attempt {
        email: &sign_in.email,
        ip: sign_in.ip,
    };
    throttle.check(attempt, issuer.now())?;
    let (user, known) = find(issuer, sign_in.email.trim()).await?;
    let slot = password::slot().await;
    // Again, for those that waited behind many failures.
    throttle.check(attempt, issuer.now())?;
    let fits = slot
        .check(
            &sign_in.password,
            known.as_ref().map(|hash| hash.phc.as_str()),
        )
        .await;
    let (Some(user), Some(known), true) = (&user, &known, fits) else {
        let held = throttle.failed(attempt, issuer.now());
        record_failure(issuer, &sign_in, user.as_ref(), held).await?;
        return Err(SignInError::WrongCredentials);
    };
    enter(issuer, Start::new(issuer, &sign_in, known.version), user).await
}

/// Runs the Actions, then writes.
async fn enter(issuer: &Issuer, mut start: Start, user: &User) -> Result<SignedIn, SignInError> {
    let login = start.foresee(issuer, user).await?;
    if let Some(login) = &login {
        start.decided = actions::post_login(issuer, login).await?;
    }
    let decided = start.decided.clone();
    let refuse = async |decided| {
        let login = login.ok_or(SignInError::WrongCredentials)?;
        let told = actions::refuse(issuer, login, decided).await?;
        Err(SignInError::Denied(told))
    };
    if decided.refusal().is_some() {
        return refuse(decided).await;
    }
    let user = user.id.clone();
    let write = issuer
        .store()
        .write(move |tx| Box::pin(start.run(tx, user)));
    match write.await {
        Ok(Outcome::SignedIn(signed_in)) => Ok(*signed_in),
        Ok(Outcome::Blocked) => Err(SignInError::Blocked),
        Ok(Outcome::WrongCredentials) => Err(SignInError::WrongCredentials),
        Err(SignInError::Actions(ActionsError::Conflict(error))) => {
            refuse(decided.but_failed(error)).await
        }
        Err(error) => Err(error),
    }
}

async fn find(
    issuer: &Issuer,
    email: &str,
) -> Result<(Option<User>, Option<PasswordHash>), StorageError> {
    let mut snapshot = issuer.store().read().await?;
    let Some(user) = snapshot.find_user_by_email(email).await? else {
        return Ok((None, None));
    };
    let known = snapshot.find_password(&user.id).await?;
    Ok((Some(user), known))
}

/// One write for either reason, so that the two take the same time.
async fn record_failure(
    issuer: &Issuer,
    sign_in: &SignIn,
    user: Option<&User>,
    held: Option<Held>,
) -> Result<(), StorageError> {
    let code = if user.is_some() {
        LogCode::WrongPassword
    } else {
        LogCode::UnknownUser
    };
    let text = "Wrong email or password.";
    let line = |code, text| {
        let client = &sign_in.request.client;
        let mut event = history::line(code, text, client, &sign_in.device, issuer.now());
        event.user = user.map(|user| user.id.clone());
        event.user_name = Some(sign_in.email.chars().take(320).collect());
        event
    };
    let mut events = vec![history::failed(line(code, text), "invalid_user_password")];
    // Only the failure that was one too many is looked at and says so; later ones are not looked at.
    events.extend(held.map(|held| {
        let (code, text) = match held {
            Held::Account => (
                LogCode::AccountHeld,
                "Too many failed logins to the account.",
            ),
            Held::Address => (
                LogCode::AddressHeld,
                "Too many failed logins from the address.",
            ),
        };
        line(code, text)
    }));
    history::record_all(issuer, events).await
}

#[cfg(all(test, feature = "sqlite"))]
pub(super) mod tests {
    use logout_shared::seal::SealingKey;
    use logout_shared::{SystemRandom, Timestamp};

    use super::*;
    use crate::domain::client::Client;
    use crate::issuer::IssuerConfig;
    use crate::login::authorize::{Prompt, ResponseMode, ReturnAddress};
    use crate::login::users::{NewUser, create_user};
    use crate::storage::sqlite::SqliteStore;

    pub(in crate::login) async fn issuer() -> Issuer {
        let id = "https://id.example/".parse().expect("an issuer identifier");
        let config = IssuerConfig {
            signing_algorithms: Vec::new(),
            ..IssuerConfig::new(id, SealingKey::generate(&SystemRandom))
        };
        let store = SqliteStore::in_memory().await.expect("a store");
        let builder = Issuer::builder(config).store(store);
        builder.build().await.expect("an issuer")
    }

    pub(in crate::login) fn request(now: Timestamp) -> AuthorizationRequest {
        AuthorizationRequest {
            client: Client::new("shop".parse().expect("a client id"), "The shop", now),
            back: ReturnAddress {
                redirect_uri: "https://shop.example/".into(),
                state: None,
                mode: ResponseMode::Query,
            },
            scope: "openid".into(),
            nonce: None,
            code_challenge: None,
            prompt: Prompt::WhenNeeded,
            max_age: None,
            login_hint: None,
            expected_user: None,
        }
    }

    #[tokio::test]
    async fn whoever_was_blocked_before_the_actions_stays_out_though_unblocked_since() {
        let issuer = issuer().await;
        let ada = create_user(
            &issuer,
            NewUser {
                email: "ada@example.com".into(),
                ..NewUser::default()
            },
        );
        let ada = ada.await.expect("a user");
        let sign_in = SignIn {
            request: request(issuer.now()),
            email: ada.email.clone(),
            password: Secret::new("old".into()),
            handle: None,
            device: Device::default(),
            ip: None,
        };
        let mut start = Start::new(&issuer, &sign_in, ada.password_version);
        let blocked = User {
            blocked: true,
            ..ada.clone()
        };
        assert!(
            start
                .foresee(&issuer, &blocked)
                .await
                .expect("reads")
                .is_none()
        );
        let write = issuer
            .store()
            .write(move |tx| Box::pin(start.run(tx, ada.id)));
        assert!(matches!(write.await.expect("a write"), Outcome::Blocked));
    }

    #[tokio::test]
    async fn a_password_that_was_changed_after_the_check_opens_nothing() {
        let issuer = issuer().await;
        let new = NewUser {
            email: "ada@example.com".into(),
            password: Some(Secret::new("old".into())),
            ..NewUser::default()
        };
        let ada = create_user(&issuer, new).await.expect("a user");
        let sign_in = SignIn {
            request: request(issuer.now()),
            email: ada.email.clone(),
            password: Secret::new("old".into()),
            handle: None,
            device: Device::default(),
            ip: None,
        };
        for (seen, opens) in [
            (ada.password_version - 1, false),
            (ada.password_version, true),
        ] {
            let start = Start::new(&issuer, &sign_in, seen);
            let user = ada.id.clone();
            let write = issuer
                .store()
                .write(move |tx| Box::pin(start.run(tx, user)));
            let outcome = write.await.expect("a write");
            assert_eq!(
                matches!(outcome, Outcome::SignedIn(_)),
                opens,
                "version {seen}"
            );
            let mut snapshot = issuer.store().read().await.expect("a snapshot");
            let page = snapshot
                .list_sessions_of_user(&ada.id, None, 10, issuer.now())
                .await;
            assert_eq!(page.expect("a page").sessions.is_empty(), !opens);
        }
    }
}

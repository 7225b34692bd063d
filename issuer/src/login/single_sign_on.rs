//! An app asks, and the browser has a session already: a code without a page.
//!
//! The session is locked before it is used, so that a code is never issued in one that has just
//! ended (D22). Using it puts off its idle end.

use logout_shared::{Secret, Timestamp};

use super::actions::{self, ActionsError, Decided, PostLogin};
use super::authorize::{AuthorizationRequest, Prompt};
use super::code::{self, NewCode};
use super::{history, opaque_token};
use crate::domain::authorization::{TokenDigest, digest};
use crate::domain::event_log::LogCode;
use crate::domain::session::{Device, Session, SessionLifetimes};
use crate::domain::user::User;
use crate::issuer::Issuer;
use crate::storage::{StorageError, Transaction};

/// Why there is no code, although the person need not sign in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SingleSignOnError {
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

/// A person is signed in by the session that the browser has.
#[derive(Debug)]
pub struct SignedOn {
    /// For the app.
    pub code: Secret<String>,
    /// The session, if an Action changed what its cookie says: its end or the cookie's mode.
    pub changed: Option<Session>,
}

/// Issues a code in the browser's session; `None` if the person has to sign in.
///
/// # Errors
///
/// [`SingleSignOnError`].
pub async fn single_sign_on(
    issuer: &Issuer,
    request: &AuthorizationRequest,
    handle: Option<&Secret<String>>,
    device: &Device,
) -> Result<Option<SignedOn>, SingleSignOnError> {
    if request.prompt == Prompt::Always {
        return Ok(None);
    }
    let mut entry = Entry::new(issuer, request, handle, device);
    if entry.handle.is_none() && request.prompt != Prompt::Never {
        return Ok(None);
    }
    let login = entry.foresee(issuer).await?;
    if let Some(login) = &login {
        entry.decided = actions::post_login(issuer, login).await?;
    }
    let decided = entry.decided.clone();
    let refuse = async |decided| {
        let Some(login) = login else {
            return Ok(None);
        };
        let told = actions::refuse(issuer, login, decided).await?;
        Err(SingleSignOnError::Denied(told))
    };
    if decided.refusal().is_some() {
        return refuse(decided).await;
    }
    let write = issuer.store().write(move |tx| Box::pin(entry.run(tx)));
    match write.await {
        Err(SingleSignOnError::Actions(ActionsError::Conflict(error))) => {
            refuse(decided.but_failed(error)).await
        }
        written => written,
    }
}

struct Entry {
    request: AuthorizationRequest,
    handle: Option<TokenDigest>,
    code: Secret<String>,
    device: Device,
    lifetimes: SessionLifetimes,
    decided: Decided,
    now: Timestamp,
}

impl Entry {
    fn new(
        issuer: &Issuer,
        request: &AuthorizationRequest,
        handle: Option<&Secret<String>>,
        device: &Device,
    ) -> Self {
        Self {
            request: request.clone(),
            handle: handle.map(|handle| digest(handle.expose())),
            code: opaque_token::generate(&**issuer.random()),
            device: device.clone(),
            lifetimes: issuer.session_lifetimes(),
            decided: Decided::default(),
            now: issuer.now(),
        }
    }

    /// The login as Actions see it; `None` if none is bound or the session cannot be used.
    async fn foresee(&mut self, issuer: &Issuer) -> Result<Option<PostLogin>, StorageError> {
        if self.handle.is_none() || !actions::are_bound(issuer).await? {
            return Ok(None);
        }
        let Some((mut session, user)) = self.seen_session(issuer).await? else {
            // Nor later: the Actions have not run.
            self.handle = None;
            return Ok(None);
        };
        session.renew(&self.device, self.lifetimes.idle, self.now);
        Ok(Some(PostLogin {
            client: self.request.client.clone(),
            user,
            session: Some(session),
            device: self.device.clone(),
            transaction: PostLogin::transaction(&self.request),
            refresh_token: None,
        }))
    }

    async fn seen_session(&self, issuer: &Issuer) -> Result<Option<(Session, User)>, StorageError> {
        let Some(handle) = &self.handle else {
            return Ok(None);
        };
        let mut snapshot = issuer.store().read().await?;
        let found = snapshot.find_session_by_handle(handle, self.now).await?;
        let Some(session) = found.filter(|session| self.fits(session)) else {
            return Ok(None);
        };
        let user = snapshot.find_user(&session.user).await?;
        Ok(user
            .filter(|user| !user.blocked)
            .map(|user| (session, user)))
    }

    async fn run(self, tx: &mut dyn Transaction) -> Result<Option<SignedOn>, SingleSignOnError> {
        let line =
            |code, text| history::line(code, text, &self.request.client, &self.device, self.now);
        let Some((mut session, mut user)) = self.usable_session(tx).await? else {
            if self.request.prompt == Prompt::Never {
                let event = line(LogCode::SilentAuthenticationFailed, "Login required.");
                tx.append_events(&[history::failed(event, "login_required")])
                    .await?;
            }
            return Ok(None);
        };
        let (lifetimes, now) = (&self.lifetimes, self.now);
        session.renew(&self.device, lifetimes.idle, now);
        tx.update_session(&session).await?;
        let cookie = (session.cookie_mode, session.expires_at);
        let applied = self
            .decided
            .apply(tx, Some(&mut session), &mut user, lifetimes, now);
        let capped = applied.await?;
        let new = NewCode {
            code: &self.code,
            decided: &self.decided,
            now,
        };
        code::issue(tx, &self.request, &session, new).await?;
        let event = line(
            LogCode::SilentAuthenticationSucceeded,
            "Successful silent login.",
        );
        let mut events = vec![history::within(history::about(event, &user), &session)];
        let warning = || history::within(line(LogCode::Warning, actions::CAPPED), &session);
        events.extend(capped.then(warning));
        tx.append_events(&events).await?;
        let is_changed = cookie != (session.cookie_mode, session.expires_at);
        Ok(Some(SignedOn {
            code: self.code,
            changed: is_changed.then_some(session),
        }))
    }

    async fn usable_session(
        &self,
        tx: &mut dyn Transaction,
    ) -> Result<Option<(Session, User)>, StorageError> {
        let Some(handle) = &self.handle else {
            return Ok(None);
        };
        let Some(found) = tx.find_session_by_handle(handle, self.now).await? else {
            return Ok(None);
        };
        let Some(session) = tx.lock_session(&found.id).await? else {
            return Ok(None);
        };
        if !self.fits(&session) {
            return Ok(None);
        }
        let user = tx.lock_user(&session.user).await?;
        Ok(user
            .filter(|user| !user.blocked)
            .map(|user| (session, user)))
    }

    fn fits(&self, session: &Session) -> bool {
        session.is_live(self.now) && !self.is_too_old(session) && !self.is_another(session)
    }

    /// `max_age=0` asks for a login in any case, also within the same second.
    fn is_too_old(&self, session: &Session) -> bool {
        let age = self.now.saturating_since(session.authenticated_at);
        self.request
            .max_age
            .is_some_and(|most| age > most || most.is_zero())
    }

    fn is_another(&self, session: &Session) -> bool {
        self.request
            .expected_user
            .as_ref()
            .is_some_and(|expected| *expected != session.user)
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::login::actions::keep::{self, ActionChange};
    use crate::login::sign_in::tests::{issuer, request};
    use crate::login::sign_in::{SignIn, sign_in};
    use crate::login::throttle::Throttle;
    use crate::login::users::{NewUser, create_user};

    async fn sign_in_ada(issuer: &Issuer) -> (User, Secret<String>) {
        let ada = NewUser {
            email: "ada@example.com".into(),
            password: Some(Secret::new("a password".into())),
            ..NewUser::default()
        };
        let ada = create_user(issuer, ada).await.expect("a user");
        let entry = SignIn {
            request: request(issuer.now()),
            email: ada.email.clone(),
            password: Secret::new("a password".into()),
            handle: None,
            device: Device::default(),
            ip: None,
        };
        let signed_in = sign_in(issuer, &Throttle::default(), entry).await;
        (ada, signed_in.expect("a login").handle)
    }

    async fn set_blocked(issuer: &Issuer, ada: &User, blocked: bool) {
        let ada = User {
            blocked,
            ..ada.clone()
        };
        let write = issuer
            .store()
            .write(move |tx| Box::pin(async move { tx.update_user(&ada).await }));
        assert!(write.await.expect("a write"));
    }

    #[tokio::test]
    async fn a_session_that_the_actions_have_not_seen_is_not_used() {
        let issuer = issuer().await;
        let (ada, handle) = sign_in_ada(&issuer).await;
        let change = ActionChange {
            code: Some(String::new()),
            ..ActionChange::default()
        };
        keep::create(&issuer, "A", change).await.expect("an Action");
        keep::deploy(&issuer, "A").await.expect("a version");
        let bound = keep::bind(&issuer, vec!["A".into()]).await;
        bound.expect("a binding");
        for (is_blocked, is_seen) in [(true, false), (false, true)] {
            set_blocked(&issuer, &ada, is_blocked).await;
            let request = request(issuer.now());
            let mut entry = Entry::new(&issuer, &request, Some(&handle), &Device::default());
            let seen = entry.foresee(&issuer).await.expect("reads");
            assert_eq!(seen.is_some(), is_seen);
            set_blocked(&issuer, &ada, false).await;
            let write = issuer.store().write(move |tx| Box::pin(entry.run(tx)));
            assert_eq!(write.await.expect("a write").is_some(), is_seen);
        }
    }
}

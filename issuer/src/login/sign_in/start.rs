//! The one write of a sign-in: user locked, session begun or proved anew, code issued.
//!
//! Actions run before it, on what [`Start::foresee`] says it will be; their commands are applied
//! in it.

use logout_shared::{Secret, SessionId, Subject, Timestamp};

use super::{SignIn, SignInError, SignedIn};
use crate::domain::authorization::{TokenDigest, digest};
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::initiator::Initiator;
use crate::domain::session::{AuthenticationMethod, Device, Session, SessionLifetimes};
use crate::domain::user::User;
use crate::issuer::Issuer;
use crate::login::actions::{self, Decided, PostLogin};
use crate::login::authorize::AuthorizationRequest;
use crate::login::code::{self, NewCode};
use crate::login::{history, opaque_token};
use crate::logout::{EndSession, LogContext, end_session};
use crate::storage::{StorageError, Transaction};

/// All that the write needs; it owns it.
pub(super) struct Start {
    request: AuthorizationRequest,
    password_version: i64,
    former: Option<TokenDigest>,
    handle: Secret<String>,
    code: Secret<String>,
    new_id: SessionId,
    device: Device,
    lifetimes: SessionLifetimes,
    now: Timestamp,
    issuer: Issuer,
    pub(super) decided: Decided,
    /// The Actions were spared since the user was blocked, so there is no way in without them,
    /// also for a user who was unblocked in between.
    pub(super) was_blocked: bool,
}

pub(super) enum Outcome {
    SignedIn(Box<SignedIn>),
    Blocked,
    WrongCredentials,
}

impl Start {
    pub(super) fn new(issuer: &Issuer, sign_in: &SignIn, password_version: i64) -> Self {
        Self {
            request: sign_in.request.clone(),
            password_version,
            former: sign_in
                .handle
                .as_ref()
                .map(|handle| digest(handle.expose())),
            handle: opaque_token::generate(&**issuer.random()),
            code: opaque_token::generate(&**issuer.random()),
            new_id: SessionId::generate(&**issuer.random()),
            device: sign_in.device.clone(),
            lifetimes: issuer.session_lifetimes(),
            now: issuer.now(),
            issuer: issuer.clone(),
            decided: Decided::default(),
            was_blocked: false,
        }
    }

    /// The login as Actions see it; `None` if none is bound, or the user may not sign in anyway.
    pub(super) async fn foresee(
        &mut self,
        issuer: &Issuer,
        user: &User,
    ) -> Result<Option<PostLogin>, SignInError> {
        self.was_blocked = user.blocked;
        if user.blocked || !actions::are_bound(issuer).await? {
            return Ok(None);
        }
        let mut former = None;
        if let Some(handle) = &self.former {
            let mut snapshot = issuer.store().read().await?;
            former = snapshot.find_session_by_handle(handle, self.now).await?;
        }
        let method = AuthenticationMethod::password(self.now);
        let session = match former.filter(|former| former.user == user.id) {
            Some(former) => self.proved_again(former, method),
            None => self.new_session(user, method),
        };
        let mut user = user.clone();
        user.logins_count += 1;
        Ok(Some(PostLogin {
            client: self.request.client.clone(),
            user,
            session: Some(session),
            device: self.device.clone(),
            transaction: PostLogin::transaction(&self.request),
            refresh_token: None,
        }))
    }

    fn new_session(&self, user: &User, method: AuthenticationMethod) -> Session {
        let (id, device) = (self.new_id.clone(), self.device.clone());
        Session::start(id, user.id.clone(), device, method, &self.lifetimes)
    }

    fn proved_again(&self, mut former: Session, method: AuthenticationMethod) -> Session {
        former.reauthenticate(method);
        former.renew(&self.device, self.lifetimes.idle, self.now);
        former
    }

    pub(super) async fn run(
        self,
        tx: &mut dyn Transaction,
        user: Subject,
    ) -> Result<Outcome, SignInError> {
        let Some(mut user) = tx.lock_user(&user).await? else {
            return Ok(Outcome::WrongCredentials);
        };
        if user.password_version != self.password_version {
            return Ok(Outcome::WrongCredentials);
        }
        if user.blocked || self.was_blocked {
            let event = self.line(LogCode::LoginFailed, "The user is blocked.");
            let event = history::failed(history::about(event, &user), "unauthorized");
            tx.append_events(&[event]).await?;
            return Ok(Outcome::Blocked);
        }
        let mut session = self.enter_session(tx, &user).await?;
        let (lifetimes, now) = (&self.lifetimes, self.now);
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
        user.last_login = Some(self.now);
        user.logins_count += 1;
        tx.update_user(&user).await?;
        let event = self.line(LogCode::LoginSucceeded, "Successful login.");
        let mut events = vec![history::within(history::about(event, &user), &session)];
        let warning = || history::within(self.line(LogCode::Warning, actions::CAPPED), &session);
        events.extend(capped.then(warning));
        tx.append_events(&events).await?;
        let signed_in = SignedIn {
            handle: self.handle,
            code: self.code,
            session,
        };
        Ok(Outcome::SignedIn(Box::new(signed_in)))
    }

    /// The session that the browser has from now on.
    async fn enter_session(
        &self,
        tx: &mut dyn Transaction,
        user: &User,
    ) -> Result<Session, SignInError> {
        let method = AuthenticationMethod::password(self.now);
        let handle = digest(self.handle.expose());
        if let Some(mut former) = self.lock_former(tx).await? {
            if former.user == user.id {
                former = self.proved_again(former, method);
                tx.update_session(&former).await?;
                tx.replace_handle(&former.id, &handle).await?;
                return Ok(former);
            }
            let context = LogContext::at(&self.device);
            let ending = self.issuer.ending(Initiator::RpLogout, context);
            let end = EndSession {
                id: former.id,
                ending,
            };
            end_session(tx, end, self.now, &**self.issuer.random())
                .await
                .map_err(SignInError::FormerSession)?;
        }
        let session = self.new_session(user, method);
        tx.insert_session(&session, Some(&handle)).await?;
        Ok(session)
    }

    async fn lock_former(&self, tx: &mut dyn Transaction) -> Result<Option<Session>, StorageError> {
        let Some(handle) = &self.former else {
            return Ok(None);
        };
        let Some(found) = tx.find_session_by_handle(handle, self.now).await? else {
            return Ok(None);
        };
        let locked = tx.lock_session(&found.id).await?;
        Ok(locked.filter(|session| session.is_live(self.now)))
    }

    fn line(&self, code: LogCode, text: &str) -> LogEvent {
        history::line(code, text, &self.request.client, &self.device, self.now)
    }
}

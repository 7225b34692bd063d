//! An app asks, and the browser has a session already: a code without a page.
//!
//! The session is locked before it is used, so that a code is never issued in one that has just
//! ended (D22). Using it puts off its idle end.

use logout_shared::{Secret, Timestamp};

use super::authorize::{AuthorizationRequest, Prompt};
use super::{code, history, opaque_token};
use crate::domain::authorization::{TokenDigest, digest};
use crate::domain::event_log::LogCode;
use crate::domain::session::{Device, Session};
use crate::issuer::Issuer;
use crate::storage::{StorageError, Transaction};

/// Issues a code in the browser's session; `None` if the person has to sign in.
///
/// # Errors
///
/// [`StorageError`] if the store failed.
pub async fn single_sign_on(
    issuer: &Issuer,
    request: &AuthorizationRequest,
    handle: Option<&Secret<String>>,
    device: &Device,
) -> Result<Option<Secret<String>>, StorageError> {
    if request.prompt == Prompt::Always {
        return Ok(None);
    }
    let entry = Entry {
        request: request.clone(),
        handle: handle.map(|handle| digest(handle.expose())),
        code: opaque_token::generate(&**issuer.random()),
        device: device.clone(),
        idle: issuer.session_lifetimes().idle,
        now: issuer.now(),
    };
    if entry.handle.is_none() && request.prompt != Prompt::Never {
        return Ok(None);
    }
    issuer
        .store()
        .write(move |tx| Box::pin(entry.run(tx)))
        .await
}

struct Entry {
    request: AuthorizationRequest,
    handle: Option<TokenDigest>,
    code: Secret<String>,
    device: Device,
    idle: std::time::Duration,
    now: Timestamp,
}

impl Entry {
    async fn run(self, tx: &mut dyn Transaction) -> Result<Option<Secret<String>>, StorageError> {
        let line =
            |code, text| history::line(code, text, &self.request.client, &self.device, self.now);
        let Some(mut session) = self.usable_session(tx).await? else {
            if self.request.prompt == Prompt::Never {
                let event = line(LogCode::SilentAuthenticationFailed, "Login required.");
                tx.append_events(&[history::failed(event, "login_required")])
                    .await?;
            }
            return Ok(None);
        };
        session.renew(&self.device, self.idle, self.now);
        tx.update_session(&session).await?;
        code::issue(tx, &self.request, &session, &self.code, self.now).await?;
        let event = line(
            LogCode::SilentAuthenticationSucceeded,
            "Successful silent login.",
        );
        tx.append_events(&[history::within(event, &session)])
            .await?;
        Ok(Some(self.code))
    }

    async fn usable_session(
        &self,
        tx: &mut dyn Transaction,
    ) -> Result<Option<Session>, StorageError> {
        let Some(handle) = &self.handle else {
            return Ok(None);
        };
        let Some(found) = tx.find_session_by_handle(handle, self.now).await? else {
            return Ok(None);
        };
        let Some(session) = tx.lock_session(&found.id).await? else {
            return Ok(None);
        };
        if !session.is_live(self.now) || self.is_too_old(&session) || self.is_another(&session) {
            return Ok(None);
        }
        let user = tx.find_user(&session.user).await?;
        Ok(user.filter(|user| !user.blocked).map(|_| session))
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

//! What stays of a login that Actions refused: history, and what a denial leaves standing.
//!
//! After a failure nothing of the login is kept. A denial keeps what the Actions wrote into the
//! metadata of a session that there is and of the user. A revocation ends that session, and its
//! clients are told; its refresh tokens die, unless the Action preserves those that can outlive it.

use serde_json::json;

use super::{ActionsError, Decided, PostLogin, Refusal};
use crate::domain::action::{binding_id, version_id};
use crate::domain::action_run::{ActionError, ActionErrorKind};
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::initiator::Initiator;
use crate::domain::refresh_token::RefreshTokensLost;
use crate::issuer::Issuer;
use crate::login::history;
use crate::logout::{EndSession, EndSessionError, LogContext, end_session};
use crate::storage::{RefreshGrants, StorageError, Transaction};

/// Keeps the history of a login that was refused; gives what the app is told.
///
/// # Errors
///
/// [`StorageError`] if the store failed.
pub async fn refuse(
    issuer: &Issuer,
    login: PostLogin,
    decided: Decided,
) -> Result<String, StorageError> {
    let told = decided.refusal().unwrap_or_default().to_owned();
    let work = Refused {
        issuer: issuer.clone(),
        login,
        decided,
    };
    let store = issuer.store();
    store.write(move |tx| Box::pin(work.run(tx))).await?;
    Ok(told)
}

struct Refused {
    issuer: Issuer,
    login: PostLogin,
    decided: Decided,
}

impl Refused {
    async fn run(self, tx: &mut dyn Transaction) -> Result<(), StorageError> {
        match &self.decided.refusal {
            Some(Refusal::Denied(_)) => self.keep_metadata(tx).await?,
            Some(Refusal::Revoked {
                preserve_refresh_tokens,
                ..
            }) => self.revoke(tx, *preserve_refresh_tokens).await?,
            Some(Refusal::Failed(_)) | None => {}
        }
        tx.insert_action_executions(&self.decided.executions)
            .await?;
        tx.append_events(&self.events()).await
    }

    async fn keep_metadata(&self, tx: &mut dyn Transaction) -> Result<(), StorageError> {
        let now = self.issuer.now();
        let user = tx.lock_user(&self.login.user.id).await?;
        let session = match &self.login.session {
            Some(session) => tx.lock_session(&session.id).await?,
            None => None,
        };
        let session = session.filter(|session| session.is_live(now));
        match self.decided.apply_metadata(tx, session, user, now).await {
            Ok(()) => Ok(()),
            // The login is refused in any case; there is nobody left to tell.
            Err(ActionsError::Conflict(why)) => {
                tracing::warn!("metadata of a denied login could not be kept: {why}");
                Ok(())
            }
            Err(ActionsError::Storage(error)) => Err(error),
        }
    }

    async fn revoke(&self, tx: &mut dyn Transaction, preserve: bool) -> Result<(), StorageError> {
        let lost = RefreshTokensLost::to_revocation(preserve);
        self.end_session(tx, lost).await?;
        // The session of the token that was shown may be over already.
        if let Some(grant) = self.login.refresh_token.as_ref().filter(|_| !preserve) {
            let family = RefreshGrants::One(&grant.id);
            tx.revoke_refresh_grants(family, self.issuer.now()).await?;
        }
        Ok(())
    }

    async fn end_session(
        &self,
        tx: &mut dyn Transaction,
        lost: RefreshTokensLost,
    ) -> Result<(), StorageError> {
        let Some(session) = &self.login.session else {
            return Ok(());
        };
        let context = LogContext::at(&self.login.device);
        let ending = self.issuer.ending(Initiator::SessionRevoked, context);
        let ending = ending.losing(lost);
        let end = EndSession {
            id: session.id.clone(),
            ending,
        };
        let ended = end_session(tx, end, self.issuer.now(), &**self.issuer.random()).await;
        match ended {
            // A session that would have begun with this login never does.
            Ok(_) | Err(EndSessionError::NotFound(_) | EndSessionError::EndsNoSession(_)) => Ok(()),
            Err(EndSessionError::Storage(error)) => Err(error),
        }
    }

    fn events(&self) -> Vec<LogEvent> {
        let told = self.decided.refusal().unwrap_or_default();
        let (code, error) = match self.login.refresh_token {
            Some(_) => (LogCode::RefreshTokenExchangeFailed, "invalid_grant"),
            None => (LogCode::LoginFailed, "access_denied"),
        };
        let mut failed = history::failed(self.line(code, told), error);
        if let Some(session) = &self.login.session {
            failed.details["session_id"] = json!(session.id);
        }
        let mut events = vec![failed];
        if let Some(Refusal::Failed(error)) = &self.decided.refusal {
            events.push(self.execution_failed(error));
        }
        events
    }

    fn execution_failed(&self, error: &ActionError) -> LogEvent {
        let class = match error.kind {
            ActionErrorKind::Timeout => "action_timeout",
            ActionErrorKind::RateLimited => "rate_limited",
            ActionErrorKind::Crashed => "platform_error",
            _ => "action_error",
        };
        let mut event = self.line(LogCode::ActionsExecutionFailed, &error.message);
        event.details = json!({
            "trigger_id": "post-login",
            "error_class": class,
            "action_error": { "name": error.kind.as_str(), "message": error.message },
        });
        if let Some(last) = self.decided.executions.last() {
            event.details["execution_id"] = json!(last.id);
            event.details["action_id"] = json!(last.action);
            event.details["action_name"] = json!(last.name);
            // An Action is bound once, so it names its binding as well.
            event.details["binding_id"] = json!(binding_id(&last.action));
            event.details["version_id"] = json!(version_id(&last.action, last.version));
        }
        event
    }

    fn line(&self, code: LogCode, text: &str) -> LogEvent {
        let login = &self.login;
        let line = history::line(code, text, &login.client, &login.device, self.issuer.now());
        history::about(line, &login.user)
    }
}

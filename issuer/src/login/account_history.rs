//! The lines that making, changing and deleting users leave in the event log.
//!
//! A line says whom it is about and which of the person's addresses changed; never a password, not
//! even one that was refused. Failures leave lines too, written on their own since the change was
//! undone.

use logout_shared::{Subject, Timestamp};
use serde_json::{Map, Value, json};

use super::account_changes::{AccountChange, AccountChangeError};
use super::users::{CreateUserError, NewUser};
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::initiator::Initiator;
use crate::domain::user::User;
use crate::logout::LogContext;

/// The most characters that are kept of an address that may be none.
const MAX_KEPT_CHARS: usize = 320;

/// The claim of a user's profile that a phone number is.
const PHONE: &str = "phone_number";

/// A user was made.
pub fn created(user: &User, context: &LogContext, now: Timestamp) -> LogEvent {
    let body = json!({
        "user_id": user.id,
        "email": user.email,
        "email_verified": user.email_verified,
    });
    let line = line(LogCode::UserCreated, "Successful signup", context, now);
    about(with(line, context, [("body", body)]), user)
}

/// A user was not made; `None` if that is the store's failure.
pub(super) fn not_created(
    new: &NewUser,
    error: &CreateUserError,
    context: &LogContext,
    now: Timestamp,
) -> Option<LogEvent> {
    if matches!(error, CreateUserError::Storage(_)) {
        return None;
    }
    let email: String = new.email.chars().take(MAX_KEPT_CHARS).collect();
    let body = json!({ "user_id": new.id, "email": email });
    let line = line(
        LogCode::UserCreationFailed,
        &error.to_string(),
        context,
        now,
    );
    Some(LogEvent {
        user: new.id.clone(),
        user_name: Some(email),
        ..with(line, context, [("body", body)])
    })
}

/// A user was changed; changes that have no line of their own leave none.
pub(super) fn changed(
    initiator: Initiator,
    (before, user): (&User, &User),
    context: &LogContext,
    now: Timestamp,
) -> Option<LogEvent> {
    let phone = user.profile.get(PHONE);
    let (code, text) = match initiator {
        Initiator::PasswordChanged => (LogCode::PasswordChanged, "Password changed"),
        Initiator::EmailIdentifierChanged => (LogCode::EmailChanged, "E-mail address changed"),
        Initiator::AccountDeleted => (LogCode::UserDeleted, "User deleted"),
        Initiator::ProfileChanged if before.profile.get(PHONE) != phone => {
            (LogCode::PhoneChanged, "Phone number changed")
        }
        _ => return None,
    };
    let mut body = Map::from_iter([("user_id".to_owned(), json!(user.id))]);
    match code {
        LogCode::EmailChanged => {
            body.insert("email".into(), json!(before.email));
            body.insert("newEmail".into(), json!(user.email));
            body.insert("email_verified".into(), json!(user.email_verified));
        }
        LogCode::PhoneChanged => {
            body.insert(PHONE.into(), json!(phone));
        }
        _ => {}
    }
    let line = line(code, text, context, now);
    let line = with(line, context, [("body", Value::Object(body))]);
    Some(about(line, user))
}

/// A user was not changed; `None` if the change leaves no line, was not the one at fault, or the
/// store failed.
pub(super) fn not_changed(
    (wanted, user): (&AccountChange, &Subject),
    error: &AccountChangeError,
    context: &LogContext,
    now: Timestamp,
) -> Option<LogEvent> {
    if !is_at_fault(wanted, error) {
        return None;
    }
    let text = error.to_string();
    let mut body = json!({ "user_id": user });
    let code = match wanted {
        AccountChange::Password { .. } => LogCode::PasswordChangeFailed,
        AccountChange::Email(email) => {
            let email: String = email.chars().take(MAX_KEPT_CHARS).collect();
            body["newEmail"] = json!(email);
            LogCode::EmailChangeFailed
        }
        AccountChange::Delete => LogCode::UserDeletionFailed,
        _ => return None,
    };
    let mut line = line(code, &text, context, now);
    line.user = Some(user.clone());
    let mut details = vec![("body", body)];
    if code == LogCode::PasswordChangeFailed {
        details.push(("description", json!(text)));
        details.push(("query", json!({ "user_id": user })));
    }
    Some(with(line, context, details))
}

/// Whether an error is one of this change; others of the same write may be at fault.
fn is_at_fault(change: &AccountChange, error: &AccountChangeError) -> bool {
    match error {
        AccountChangeError::NotFound(_) => true,
        AccountChangeError::Password(_) => matches!(change, AccountChange::Password { .. }),
        AccountChangeError::Email(_) | AccountChangeError::Taken(_) => {
            matches!(change, AccountChange::Email(_))
        }
        // Metadata leaves no lines, and a failure of the store is nobody's fault.
        AccountChangeError::TooMuchMetadata(_)
        | AccountChangeError::Storage(_)
        | AccountChangeError::End(_) => false,
    }
}

fn line(code: LogCode, text: &str, context: &LogContext, now: Timestamp) -> LogEvent {
    LogEvent {
        client: context.client.clone(),
        client_name: context.client_name.clone(),
        ip: context.ip.clone(),
        user_agent: context.user_agent.clone(),
        ..LogEvent::new(code, text, now)
    }
}

/// The same line with these details, beside what is known of whoever asked.
fn with(
    mut line: LogEvent,
    context: &LogContext,
    details: impl IntoIterator<Item = (&'static str, Value)>,
) -> LogEvent {
    let mut all = context.details.clone();
    all.extend(
        details
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    line.details = Value::Object(all);
    line
}

fn about(mut line: LogEvent, user: &User) -> LogEvent {
    line.user = Some(user.id.clone());
    line.user_name = Some(user.email.clone());
    line
}

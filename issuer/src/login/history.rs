//! The lines that logins write into the event log.
//!
//! Codes and details are those of `auth0-contract`'s log catalogue; a line never holds a
//! password, code, token or handle.

use logout_shared::Timestamp;
use serde_json::json;

use crate::domain::client::Client;
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::session::{Device, Session};
use crate::domain::user::User;
use crate::issuer::Issuer;
use crate::storage::StorageError;

/// A line about a client, caused by a request from `device`.
pub(super) fn line(
    code: LogCode,
    text: &str,
    client: &Client,
    device: &Device,
    now: Timestamp,
) -> LogEvent {
    let mut event = LogEvent::new(code, text, now);
    event.client = Some(client.id.clone());
    event.client_name = Some(client.name.clone());
    event.ip.clone_from(&device.last_ip);
    event.user_agent.clone_from(&device.last_user_agent);
    event
}

/// The same line with the person it is about.
pub(super) fn about(mut event: LogEvent, user: &User) -> LogEvent {
    event.user = Some(user.id.clone());
    event.user_name = Some(user.email.clone());
    event
}

/// The same line with the session it is about.
pub(super) fn within(mut event: LogEvent, session: &Session) -> LogEvent {
    event.user = Some(session.user.clone());
    event.details = json!({ "session_id": session.id });
    event
}

/// The same line with the error that the app or the person was told.
pub(super) fn failed(mut event: LogEvent, oauth_error: &str) -> LogEvent {
    event.details = json!({
        "error": { "message": event.description, "oauthError": oauth_error, "type": oauth_error },
    });
    event
}

/// Writes one line on its own.
pub(super) async fn record(issuer: &Issuer, event: LogEvent) -> Result<(), StorageError> {
    record_all(issuer, vec![event]).await
}

/// Writes lines on their own.
pub(super) async fn record_all(issuer: &Issuer, events: Vec<LogEvent>) -> Result<(), StorageError> {
    let store = issuer.store();
    store
        .write(move |tx| Box::pin(async move { tx.append_events(&events).await }))
        .await
}

//! The log rows of an ended session.
//!
//! A sign-out is Auth0's `slo`, a revocation `session_revoked`. Other initiators are logged by
//! what causes them (a changed password, a deleted user), and an expiry is no event of anyone's.

use logout_shared::ClientId;
use serde_json::{Map, Value, json};

use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::initiator::Initiator;
use crate::domain::session::{Device, EndedSession};

/// Who asked for the end, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogContext {
    /// The client that asked.
    pub client: Option<ClientId>,
    /// That client's name.
    pub client_name: Option<String>,
    /// The user's name or e-mail address.
    pub user_name: Option<String>,
    /// The caller's address.
    pub ip: Option<String>,
    /// The caller's `User-Agent`.
    pub user_agent: Option<String>,
    /// Further members of the record's details, such as `return_to`.
    pub details: Map<String, Value>,
}

impl LogContext {
    /// The browser that somebody sits at.
    pub fn at(device: &Device) -> Self {
        Self {
            ip: device.last_ip.clone(),
            user_agent: device.last_user_agent.clone(),
            ..Self::default()
        }
    }
}

/// The row of an ended session, if its initiator has one.
pub(super) fn row(ended: &EndedSession, context: &LogContext) -> Option<LogEvent> {
    let (code, description) = match ended.initiator {
        Initiator::RpLogout | Initiator::IdpLogout => (LogCode::LogoutSucceeded, "User signed out"),
        Initiator::SessionRevoked => (LogCode::SessionRevoked, "Session revoked"),
        _ => return None,
    };
    let mut details = context.details.clone();
    details.insert("session_id".into(), json!(ended.session.id));
    details.insert("initiator".into(), json!(ended.initiator));
    let is_sign_out = code == LogCode::LogoutSucceeded;
    if is_sign_out {
        // Members that a sign-out has in any case, also one that no app asked for.
        for (name, value) in [
            ("allowed_logout_url", json!([])),
            ("initiated_by", json!(ended.initiator)),
            ("protocol", json!("oidc")),
            ("return_to", json!("")),
        ] {
            details.entry(name).or_insert(value);
        }
    }
    if is_sign_out || !ended.session.metadata.is_empty() {
        details.insert("session_metadata".into(), json!(ended.session.metadata));
    }
    Some(LogEvent {
        client: context.client.clone(),
        client_name: context.client_name.clone(),
        user: Some(ended.session.user.clone()),
        user_name: context.user_name.clone(),
        ip: context.ip.clone(),
        user_agent: context.user_agent.clone(),
        details: Value::Object(details),
        ..LogEvent::new(code, description, ended.ended_at)
    })
}

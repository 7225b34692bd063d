//! One run of an Action, as data: what it is given, what it asks for, how it can fail.
//!
//! A run changes nothing by itself. It gives commands, which the login applies in its own
//! transaction and checks once more there; what they change is shown to the next Action by
//! [`ActionCommand::show_in`]. These values travel to the worker and back as JSON.

use std::time::Duration;

use logout_shared::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::session::CookieMode;

/// The most bytes that the commands of one run may have as JSON.
pub const MAX_COMMAND_BYTES: usize = 256 * 1024;
/// The most characters that are kept of what one run prints.
pub const MAX_CONSOLE_CHARS: usize = 256;
/// The most characters of an error's message.
pub const MAX_MESSAGE_CHARS: usize = 1000;

/// Claims of tokens that an Action cannot set: those of Auth0's page "Create custom claims", and
/// those that only logout tokens have.
pub const RESERVED_CLAIMS: [&str; 52] = [
    "acr",
    "act",
    "active",
    "amr",
    "at_hash",
    "ath",
    "attest",
    "aud",
    "auth_time",
    "authorization_details",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "cty",
    "dest",
    "entitlements",
    "events",
    "exp",
    "groups",
    "gty",
    "htm",
    "htu",
    "iat",
    "iss",
    "jcard",
    "jku",
    "jti",
    "jwe",
    "jwk",
    "kid",
    "may_act",
    "mky",
    "nbf",
    "nonce",
    "object_id",
    "org_id",
    "org_name",
    "orig",
    "origid",
    "permissions",
    "roles",
    "rph",
    "s_hash",
    "scope",
    "sid",
    "sub",
    "sub_jwk",
    "toe",
    "txn",
    "typ",
    "uuid",
];

/// What a run is given. It holds secrets, so it cannot be printed.
#[derive(Clone, Serialize, Deserialize)]
pub struct ActionJob {
    /// The Action; no more than half of the workers run the same one at a time.
    pub action: String,
    /// Its name, for messages.
    pub name: String,
    /// Its code.
    pub code: String,
    /// The `event`, without secrets.
    pub event: Value,
    /// What stands in `event.secrets`.
    pub secrets: Map<String, Value>,
    /// What stands in `api.cache`.
    pub cache: Map<String, Value>,
    /// What the run may use.
    pub limits: RunLimits,
}

/// What a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLimits {
    /// Time from its start.
    pub time: Duration,
    /// Memory of the engine, in bytes.
    pub memory: usize,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(1),
            memory: 32 * 1024 * 1024,
        }
    }
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionRun {
    /// What it asks for, in order, or why it failed.
    pub result: Result<Vec<ActionCommand>, ActionError>,
    /// What it printed.
    pub console: String,
    /// How long it took.
    pub duration: Duration,
}

impl ActionRun {
    /// A run that never began.
    pub fn failed(kind: ActionErrorKind, message: impl Into<String>) -> Self {
        Self {
            result: Err(ActionError::new(kind, message)),
            console: String::new(),
            duration: Duration::ZERO,
        }
    }
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ActionError {
    /// The kind of failure.
    pub kind: ActionErrorKind,
    /// One sentence without control characters; the app is told it.
    pub message: String,
}

impl ActionError {
    /// A failure with what is said about it.
    pub fn new(kind: ActionErrorKind, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let message = message.chars().take(MAX_MESSAGE_CHARS).map(plain).collect();
        Self { kind, message }
    }
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActionErrorKind {
    /// The code threw.
    Thrown,
    /// The code cannot be read.
    Syntax,
    /// It took too long, or would never have ended.
    Timeout,
    /// It used too much memory.
    Memory,
    /// It asked for too much.
    Output,
    /// The engine died.
    Crashed,
    /// No worker was free in time.
    RateLimited,
    /// What it asked for does not hold any more at the moment of writing.
    Conflict,
}

impl ActionErrorKind {
    /// The name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Thrown => "thrown",
            Self::Syntax => "syntax",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Crashed => "crashed",
            Self::RateLimited => "rate_limited",
            Self::Conflict => "conflict",
        }
    }
}

/// Something that an Action asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "do",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[expect(missing_docs, reason = "each is the call of that name")]
pub enum ActionCommand {
    SetMetadata {
        key: String,
        value: String,
    },
    DeleteMetadata {
        key: String,
    },
    EvictMetadata,
    SetExpiresAt {
        at: f64,
    },
    SetIdleExpiresAt {
        at: f64,
    },
    SetCookieMode {
        mode: CookieMode,
    },
    Revoke {
        reason: String,
        preserve_refresh_tokens: bool,
    },
    Deny {
        reason: String,
    },
    SetIdTokenClaim {
        name: String,
        value: Value,
    },
    SetAccessTokenClaim {
        name: String,
        value: Value,
    },
    AddScope {
        scope: String,
    },
    RemoveScope {
        scope: String,
    },
    SetAppMetadata {
        key: String,
        value: Value,
    },
    SetUserMetadata {
        key: String,
        value: Value,
    },
    SetTransactionMetadata {
        key: String,
        value: Value,
    },
    SetCache {
        key: String,
        entry: Value,
    },
    DeleteCache {
        key: String,
    },
}

impl ActionCommand {
    /// A time that an Action gave, in milliseconds since 1970; absurd ones are far away.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "clamped to what a time can be"
    )]
    pub fn time(at: f64) -> Timestamp {
        Timestamp::from_millis(at.clamp(0.0, 253_402_300_799_000.0) as i64)
    }

    /// Changes the event that the next Action sees.
    pub fn show_in(&self, event: &mut Value) {
        match self {
            Self::SetMetadata { key, value } => {
                put(event, "session", "metadata", key, &json!(value));
            }
            Self::DeleteMetadata { key } => put(event, "session", "metadata", key, &Value::Null),
            Self::EvictMetadata if event["session"].is_object() => {
                event["session"]["metadata"] = json!({});
            }
            Self::SetExpiresAt { at } => earlier(event, "expires_at", Self::time(*at)),
            Self::SetIdleExpiresAt { at } => earlier(event, "idle_expires_at", Self::time(*at)),
            Self::SetCookieMode { mode } if event["session"].is_object() => {
                event["session"]["cookie"] = json!({ "mode": mode });
            }
            Self::SetAppMetadata { key, value } => put(event, "user", "app_metadata", key, value),
            Self::SetUserMetadata { key, value } => put(event, "user", "user_metadata", key, value),
            Self::SetTransactionMetadata { key, value } => {
                put(event, "transaction", "metadata", key, value);
            }
            _ => {}
        }
    }
}

/// Sets a member of `event.<part>.<map>`, or takes it out for null.
fn put(event: &mut Value, part: &str, map: &str, key: &str, value: &Value) {
    let Some(part) = event.get_mut(part).and_then(Value::as_object_mut) else {
        return;
    };
    let map = part.entry(map).or_insert_with(|| json!({}));
    let Some(map) = map.as_object_mut() else {
        return;
    };
    if value.is_null() {
        map.shift_remove(key);
    } else {
        map.insert(key.to_owned(), value.clone());
    }
}

fn earlier(event: &mut Value, member: &str, at: Timestamp) {
    let Some(session) = event.get_mut("session").and_then(Value::as_object_mut) else {
        return;
    };
    let known = session.get(member).and_then(Value::as_str);
    let known = known.and_then(|text| Timestamp::parse_rfc3339(text).ok());
    let first = known.map_or(at, |known| known.min(at));
    session.insert(member.to_owned(), json!(first.to_rfc3339()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_action_sees_what_the_one_before_changed() {
        let mut event = json!({ "session": { "metadata": { "a": "1" },
            "expires_at": "2026-01-01T00:00:00.000Z" }, "user": {}, "transaction": {} });
        let set = |key: &str, value: &str| ActionCommand::SetMetadata {
            key: key.into(),
            value: value.into(),
        };
        for command in [
            set("b", "2"),
            ActionCommand::DeleteMetadata { key: "a".into() },
            ActionCommand::SetAppMetadata {
                key: "x".into(),
                value: json!([1]),
            },
            ActionCommand::SetExpiresAt { at: 0.0 },
            ActionCommand::SetExpiresAt { at: 1e300 },
        ] {
            command.show_in(&mut event);
        }
        assert_eq!(event["session"]["metadata"], json!({ "b": "2" }));
        assert_eq!(event["user"]["app_metadata"], json!({ "x": [1] }));
        assert_eq!(event["session"]["expires_at"], "1970-01-01T00:00:00.000Z");
        ActionCommand::EvictMetadata.show_in(&mut event);
        assert_eq!(event["session"]["metadata"], json!({}));
    }

    #[test]
    fn messages_are_one_line_of_bounded_length() {
        let error = ActionError::new(ActionErrorKind::Thrown, "a\r\nb".repeat(1000));
        assert_eq!(error.message.chars().count(), MAX_MESSAGE_CHARS);
        assert!(!error.message.contains(char::is_control));
    }
}

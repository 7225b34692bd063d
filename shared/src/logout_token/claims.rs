//! The claims of a logout token as an issuer mints them.
//!
//! The shape is Back-Channel Logout §2.4 plus three members of Auth0's and ours at the top level:
//! `toe`, `trace_id` and `session_metadata`. There is no `nonce`, and the `events` member is always
//! the empty object: the type cannot say anything else.
//! Neighbours: `rules.rs` checks such claims when they come in.

use serde::de::{Deserializer, Error as _};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::metadata::SessionMetadata;
use crate::strict_json::parse_object;

/// The member of `events` that makes a token a logout token.
pub const EVENT_URI: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The `typ` header of a logout token.
pub const TYP: &str = "logout+jwt";

/// The `typ` header that receivers of old demand.
pub const TYP_COMPATIBLE: &str = "JWT";

/// The claims of one logout token.
///
/// # Examples
///
/// ```
/// use logout_shared::logout_token::{Audience, Events, LogoutClaims};
///
/// let claims = LogoutClaims {
///     iss: "https://issuer.example/".into(),
///     sub: Some("auth0|7".into()),
///     aud: Audience::One("shop".into()),
///     iat: 1_795_413_600,
///     exp: 1_795_413_720,
///     jti: "5f8d6c1e-6c3e-4f43-9f0e-0d0a3f5f5a51".into(),
///     events: Events,
///     sid: Some("375UIp_ID5mCTClIeBEHpXfGwq51tF_L".into()),
///     toe: None,
///     trace_id: Some("0123456789abcdef".into()),
///     session_metadata: None,
/// };
/// let json = String::from_utf8(claims.to_json())?;
/// assert!(json.contains(r#""events":{"http://schemas.openid.net/event/backchannel-logout":{}}"#));
/// assert!(!json.contains("toe") && !json.contains("session_metadata"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutClaims {
    /// The issuer identifier, exactly as published.
    pub iss: String,
    /// The user; without `sid` all of the user's sessions are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The client that is told.
    pub aud: Audience,
    /// When the token was made, in seconds since 1970.
    pub iat: i64,
    /// When it dies, in seconds since 1970.
    pub exp: i64,
    /// The token's own id, fresh for each attempt.
    pub jti: String,
    /// That this is a logout.
    pub events: Events,
    /// The session that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Time of event (RFC 8417 §2.2): when the session ended, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toe: Option<i64>,
    /// What all attempts for one ended session and client share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// What the session carried; left out when empty.
    #[serde(skip_serializing_if = "no_metadata")]
    pub session_metadata: Option<SessionMetadata>,
}

impl LogoutClaims {
    /// The payload to sign.
    ///
    /// # Panics
    ///
    /// Never: texts, numbers and a map of texts always have a JSON form.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers have a JSON form")
    }
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
fn no_metadata(metadata: &Option<SessionMetadata>) -> bool {
    metadata.as_ref().is_none_or(SessionMetadata::is_empty)
}

/// `aud`: one client, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// A single text, as we mint it.
    One(String),
    /// An array.
    Many(Vec<String>),
}

/// `events` of a logout token: the logout event with an empty object, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Events;

impl Serialize for Events {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut events = serializer.serialize_map(Some(1))?;
        events.serialize_entry(EVENT_URI, &serde_json::Map::new())?;
        events.end()
    }
}

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let events = serde_json::Map::deserialize(deserializer)?;
        if events
            .get(EVENT_URI)
            .is_some_and(serde_json::Value::is_object)
        {
            Ok(Self)
        } else {
            Err(D::Error::custom("no logout event"))
        }
    }
}

/// Reads claims that we minted ourselves, for showing and testing; checks none of the rules.
///
/// # Errors
///
/// The reason, if the payload is not a strict JSON object of this shape.
pub fn read_unchecked(payload: &[u8]) -> Result<LogoutClaims, serde_json::Error> {
    let object = parse_object(payload).map_err(serde_json::Error::custom)?;
    serde_json::from_value(serde_json::Value::Object(object))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claims() -> LogoutClaims {
        LogoutClaims {
            iss: "https://issuer.example/".into(),
            sub: None,
            aud: Audience::One("shop".into()),
            iat: 100,
            exp: 220,
            jti: "j".into(),
            events: Events,
            sid: Some("s".into()),
            toe: None,
            trace_id: None,
            session_metadata: None,
        }
    }

    #[test]
    fn absent_claims_are_left_out() {
        let json: Value = serde_json::from_slice(&claims().to_json()).expect("JSON");
        assert_eq!(
            json,
            json!({
                "iss": "https://issuer.example/", "aud": "shop", "iat": 100, "exp": 220, "jti": "j",
                "events": { EVENT_URI: {} }, "sid": "s",
            })
        );
    }

    #[test]
    fn empty_metadata_is_left_out_and_other_metadata_is_a_top_level_object() {
        let mut claims = claims();
        claims.session_metadata = Some(SessionMetadata::new());
        let json: Value = serde_json::from_slice(&claims.to_json()).expect("JSON");
        assert!(json.get("session_metadata").is_none());
        let mut metadata = SessionMetadata::new();
        metadata.set("org_id", "org_1").expect("within the limits");
        claims.session_metadata = Some(metadata);
        let json: Value = serde_json::from_slice(&claims.to_json()).expect("JSON");
        assert_eq!(json["session_metadata"], json!({"org_id": "org_1"}));
        assert_eq!(json["events"], json!({ EVENT_URI: {} }));
    }

    #[test]
    fn what_was_minted_reads_back() {
        let mut claims = claims();
        claims.aud = Audience::Many(vec!["shop".into(), "till".into()]);
        claims.toe = Some(99);
        assert_eq!(read_unchecked(&claims.to_json()).expect("reads"), claims);
    }
}

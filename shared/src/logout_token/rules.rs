//! The rules of Back-Channel Logout §2.6, as a pure function of signed claims and expectations.
//!
//! [`Verified::check`] is the only way to a [`LogoutToken`], so whoever holds one knows that every
//! rule held. Steps 2 and 3 (signature, algorithm) are done before, by `jws.rs`; step 8 (replay)
//! and steps 9 to 11 (known sessions) need memory and are the receiver's.
//! Neighbours: `times.rs` has the rules on time, `violation.rs` names all, `mod.rs` has the
//! checked token.

use std::time::Duration;

use serde_json::Value;

use crate::id::{ClientId, Issuer, SessionId, Subject};
use crate::jws::{JwsHeader, Payload, Verified};
use crate::logout_token::claims::EVENT_URI;
use crate::logout_token::times::check_times;
use crate::logout_token::{LogoutSubject, LogoutToken, RuleViolation};
use crate::metadata::{MetadataError, SessionMetadata};
use crate::strict_json::{NotAString, find};
use crate::time::Timestamp;

/// How far the two clocks may differ.
///
/// A replay cache keeps a token id until `exp` + leeway. If it forgot earlier, the same token would
/// still pass the time check.
pub const LEEWAY: Duration = Duration::from_mins(1);
/// The longest time from `iat` to `exp`. Some issuers use 300 s.
pub const MAX_LIFETIME: Duration = Duration::from_mins(10);
/// How long ago `iat` may be.
pub const MAX_AGE: Duration = Duration::from_mins(10);

/// Which `typ` headers pass as those of a logout token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TypePolicy {
    /// Absent, `JWT` or `logout+jwt`: what deployments send (Back-Channel Logout §4.1).
    #[default]
    Tolerant,
    /// `logout+jwt` only.
    Strict,
    /// As `Tolerant`, and the general `secevent+jwt` of RFC 8417.
    WithSecurityEvents,
}

/// What a receiver expects of a logout token.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    /// The issuer, compared as an exact string.
    pub issuer: &'a Issuer,
    /// The receiver's own client id.
    pub client_id: &'a ClientId,
    /// Further audiences that a token may name beside `client_id`.
    pub trusted_audiences: &'a [ClientId],
    /// The current time.
    pub now: Timestamp,
    /// How far the two clocks may differ.
    pub leeway: Duration,
    /// The longest time from `iat` to `exp`.
    pub max_lifetime: Duration,
    /// How long ago `iat` may be; the leeway is not added.
    pub max_age: Duration,
    /// Whether `exp` must be there. Without it a token counts as expiring `max_age` after `iat`.
    pub exp_required: bool,
    /// Whether `sid` must be there (`backchannel_logout_session_required`).
    pub sid_required: bool,
    /// Whether malformed session metadata refuses the token instead of being dropped.
    pub metadata_strict: bool,
    /// Which `typ` headers pass.
    pub types: TypePolicy,
}

impl<'a> Expected<'a> {
    /// The defaults for tokens of `issuer` to `client_id`.
    pub fn new(issuer: &'a Issuer, client_id: &'a ClientId, now: Timestamp) -> Self {
        Self {
            issuer,
            client_id,
            trusted_audiences: &[],
            now,
            leeway: LEEWAY,
            max_lifetime: MAX_LIFETIME,
            max_age: MAX_AGE,
            exp_required: true,
            sid_required: false,
            metadata_strict: false,
            types: TypePolicy::Tolerant,
        }
    }
}

impl Verified<Payload> {
    /// Checks all rules that need no memory of earlier tokens.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    ///
    /// # Examples
    ///
    /// ```
    /// use logout_shared::id::{ClientId, Issuer};
    /// use logout_shared::jwa::SigningAlgorithm;
    /// use logout_shared::jwk::SigningKey;
    /// use logout_shared::jws::UnverifiedJws;
    /// use logout_shared::logout_token::{Expected, LogoutSubject};
    /// use logout_shared::time::Timestamp;
    ///
    /// let key = SigningKey::generate(SigningAlgorithm::EdDsa)?;
    /// let token = key.sign("logout+jwt", br#"{
    ///     "iss": "https://issuer.example/", "aud": "shop", "jti": "1", "sid": "s-1",
    ///     "iat": 1795413600, "exp": 1795413720,
    ///     "events": { "http://schemas.openid.net/event/backchannel-logout": {} }
    /// }"#)?;
    ///
    /// let issuer: Issuer = "https://issuer.example/".parse()?;
    /// let client_id: ClientId = "shop".parse()?;
    /// let now = Timestamp::from_secs(1_795_413_610);
    /// let logout = UnverifiedJws::parse(&token, 96_000)?
    ///     .verify(SigningAlgorithm::EdDsa, &[&key.verification_key()])?
    ///     .check(&Expected::new(&issuer, &client_id, now))?;
    /// assert_eq!(logout.subject(), &LogoutSubject::Session("s-1".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(self, expected: &Expected<'_>) -> Result<LogoutToken, RuleViolation> {
        check_type(self.header(), expected.types)?;
        let claims = self.into_value();
        check_issuer(&claims, expected.issuer)?;
        check_audience(&claims, expected)?;
        let times = check_times(&claims, expected)?;
        let subject = read_subject(&claims, expected.sid_required)?;
        check_events(&claims)?;
        // Back-Channel Logout §2.6 step 7: prohibited whatever its value, `null` too.
        if claims.contains_key("nonce") {
            return Err(RuleViolation::NoncePresent);
        }
        let jti = read_id(&claims, "jti", RuleViolation::TokenIdMalformed)?
            .ok_or(RuleViolation::TokenIdMissing)?;
        let (session_metadata, metadata_problem) = read_metadata(&claims, expected)?;
        Ok(LogoutToken {
            issuer: expected.issuer.clone(),
            subject,
            jti,
            times,
            trace_id: read_id(&claims, "trace_id", ()).unwrap_or_default(),
            session_metadata,
            metadata_problem,
            claims,
        })
    }
}

/// Explicit typing (RFC 8725 §3.11).
fn check_type(header: &JwsHeader, policy: TypePolicy) -> Result<(), RuleViolation> {
    let accepted: &[&str] = match (&header.typ, policy) {
        (None, TypePolicy::Strict) => return Err(RuleViolation::WrongType),
        (None, _) => return Ok(()),
        (Some(_), TypePolicy::Strict) => &["logout+jwt"],
        (Some(_), TypePolicy::Tolerant) => &["logout+jwt", "JWT"],
        (Some(_), TypePolicy::WithSecurityEvents) => &["logout+jwt", "JWT", "secevent+jwt"],
    };
    if accepted.iter().any(|name| header.has_type(name)) {
        Ok(())
    } else {
        Err(RuleViolation::WrongType)
    }
}

/// Back-Channel Logout §2.6 step 4, `iss`: an exact string, never compared as a URL.
fn check_issuer(claims: &Payload, issuer: &Issuer) -> Result<(), RuleViolation> {
    match claims.text("iss") {
        Ok(None) => Err(RuleViolation::IssuerMissing),
        Ok(Some(iss)) if iss == issuer.as_str() => Ok(()),
        Ok(Some(_)) | Err(NotAString) => Err(RuleViolation::WrongIssuer),
    }
}

/// Back-Channel Logout §2.6 step 4, `aud` and `azp` (OpenID Connect Core §3.1.3.7).
fn check_audience(claims: &Payload, expected: &Expected<'_>) -> Result<(), RuleViolation> {
    let own = expected.client_id.as_str();
    match claims.text("aud") {
        Ok(None) => return Err(RuleViolation::AudienceMissing),
        Ok(Some(aud)) if aud == own => {}
        Ok(Some(_)) => return Err(RuleViolation::WrongAudience),
        Err(NotAString) => check_audiences(claims, expected)?,
    }
    match claims.text("azp") {
        Ok(None) => Ok(()),
        Ok(Some(azp)) if azp == own => Ok(()),
        Ok(Some(_)) | Err(NotAString) => Err(RuleViolation::WrongAuthorizedParty),
    }
}

fn check_audiences(claims: &Payload, expected: &Expected<'_>) -> Result<(), RuleViolation> {
    let own = expected.client_id.as_str();
    let list: Vec<String> = match claims.read("aud") {
        Some(Ok(list)) => list,
        _ => return Err(RuleViolation::AudienceMalformed),
    };
    if list.is_empty() {
        return Err(RuleViolation::AudienceMalformed);
    }
    if !list.iter().any(|aud| aud == own) {
        return Err(RuleViolation::WrongAudience);
    }
    let trusted = |aud: &String| {
        aud == own
            || expected
                .trusted_audiences
                .iter()
                .any(|other| aud == other.as_str())
    };
    if list.iter().all(trusted) {
        Ok(())
    } else {
        Err(RuleViolation::UntrustedAudience)
    }
}

/// Back-Channel Logout §2.6 step 5: `sub`, `sid` or both; what is there must be well-formed.
fn read_subject(claims: &Payload, sid_required: bool) -> Result<LogoutSubject, RuleViolation> {
    let sub: Option<Subject> = read_id(claims, "sub", RuleViolation::SubjectMalformed)?;
    let sid: Option<SessionId> = read_id(claims, "sid", RuleViolation::SessionIdMalformed)?;
    match (sub, sid) {
        (None, None) => Err(RuleViolation::SubjectMissing),
        (Some(_), None) if sid_required => Err(RuleViolation::SessionIdMissing),
        (Some(sub), None) => Ok(LogoutSubject::User(sub)),
        (None, Some(sid)) => Ok(LogoutSubject::Session(sid)),
        (Some(sub), Some(sid)) => Ok(LogoutSubject::Both { sub, sid }),
    }
}

fn read_id<T: TryFrom<String>, E: Copy>(
    claims: &Payload,
    name: &str,
    malformed: E,
) -> Result<Option<T>, E> {
    match claims.text(name) {
        Ok(None) => Ok(None),
        Ok(Some(text)) => T::try_from(text.into_owned())
            .map(Some)
            .map_err(|_| malformed),
        Err(NotAString) => Err(malformed),
    }
}

/// What nearly every issuer sends; comparing is faster than looking inside.
const USUAL_EVENTS: &str = r#"{"http://schemas.openid.net/event/backchannel-logout":{}}"#;

/// Back-Channel Logout §2.6 step 6. The event's value must be an object, which may have members
/// (§2.4 says SHOULD be empty), and other events may stand beside it.
fn check_events(claims: &Payload) -> Result<(), RuleViolation> {
    let events = claims.raw("events").ok_or(RuleViolation::EventsMissing)?;
    if events == USUAL_EVENTS {
        return Ok(());
    }
    if !events.starts_with('{') {
        return Err(RuleViolation::EventsMalformed);
    }
    let event = find(events, EVENT_URI).ok_or(RuleViolation::EventMissing)?;
    if event.starts_with('{') {
        Ok(())
    } else {
        Err(RuleViolation::EventMalformed)
    }
}

type Metadata = (Option<SessionMetadata>, Option<MetadataError>);

/// Session metadata is ours to add, so by default a broken one must not keep anybody signed in.
fn read_metadata(claims: &Payload, expected: &Expected<'_>) -> Result<Metadata, RuleViolation> {
    let read = match claims.read::<Value>("session_metadata") {
        None => return Ok((None, None)),
        Some(value) => value.map_err(|_| MetadataError::NotAnObject),
    };
    match read.and_then(|value| SessionMetadata::from_json(&value)) {
        Ok(metadata) => Ok((Some(metadata), None)),
        Err(_) if expected.metadata_strict => Err(RuleViolation::MetadataMalformed),
        Err(problem) => Ok((None, Some(problem))),
    }
}

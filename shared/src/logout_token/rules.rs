//! The rules of Back-Channel Logout §2.6, as a pure function of signed claims and expectations.
//!
//! [`Verified::check`] is the only way to a [`LogoutToken`], so whoever holds one knows that every
//! rule held. Steps 2 and 3 (signature, algorithm) are done before, by `jws.rs`; step 8 (replay)
//! and steps 9 to 11 (known sessions) need memory and are the receiver's.
//! Neighbours: `violation.rs` names the rules, `mod.rs` the checked token.

use std::time::Duration;

use serde_json::Value;

use crate::id::{ClientId, Issuer, SessionId, Subject};
use crate::jws::{Payload, Verified};
use crate::logout_token::claims::EVENT_URI;
use crate::logout_token::{LogoutSubject, LogoutToken, RuleViolation};
use crate::metadata::SessionMetadata;
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
        check_type(self.header().typ.as_deref(), expected.types)?;
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
        let jti = read_id(claims.get("jti"), RuleViolation::TokenIdMalformed)?
            .ok_or(RuleViolation::TokenIdMissing)?;
        let (session_metadata, metadata_problem) = read_metadata(&claims, expected)?;
        Ok(LogoutToken {
            issuer: expected.issuer.clone(),
            subject,
            jti,
            issued_at: times.issued_at,
            expires_at: times.expires_at,
            time_of_event: times.of_event,
            trace_id: claims
                .get("trace_id")
                .and_then(Value::as_str)
                .and_then(|t| t.parse().ok()),
            session_metadata,
            metadata_problem,
            claims,
        })
    }
}

/// Explicit typing (RFC 8725 §3.11). Media types compare without regard to case, and
/// `application/` may stand before them (RFC 7515 §4.1.9).
fn check_type(typ: Option<&str>, policy: TypePolicy) -> Result<(), RuleViolation> {
    let is = |typ: &str, name: &str| {
        let (front, rest) = typ
            .split_at_checked("application/".len())
            .unwrap_or(("", typ));
        let bare = if front.eq_ignore_ascii_case("application/") {
            rest
        } else {
            typ
        };
        bare.eq_ignore_ascii_case(name)
    };
    let accepted = match (typ, policy) {
        (None, policy) => policy != TypePolicy::Strict,
        (Some(typ), TypePolicy::Strict) => is(typ, "logout+jwt"),
        (Some(typ), TypePolicy::Tolerant) => is(typ, "logout+jwt") || is(typ, "JWT"),
        (Some(typ), TypePolicy::WithSecurityEvents) => ["logout+jwt", "JWT", "secevent+jwt"]
            .iter()
            .any(|name| is(typ, name)),
    };
    if accepted {
        Ok(())
    } else {
        Err(RuleViolation::WrongType)
    }
}

/// Back-Channel Logout §2.6 step 4, `iss`: an exact string, never compared as a URL.
fn check_issuer(claims: &Payload, issuer: &Issuer) -> Result<(), RuleViolation> {
    let iss = claims.get("iss").ok_or(RuleViolation::IssuerMissing)?;
    if iss == issuer.as_str() {
        Ok(())
    } else {
        Err(RuleViolation::WrongIssuer)
    }
}

/// Back-Channel Logout §2.6 step 4, `aud` and `azp` (OpenID Connect Core §3.1.3.7).
fn check_audience(claims: &Payload, expected: &Expected<'_>) -> Result<(), RuleViolation> {
    let own = expected.client_id.as_str();
    let aud = claims.get("aud").ok_or(RuleViolation::AudienceMissing)?;
    match aud {
        Value::String(aud) if aud == own => {}
        Value::String(_) => return Err(RuleViolation::WrongAudience),
        Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_string) => {
            if !list.iter().any(|aud| aud == own) {
                return Err(RuleViolation::WrongAudience);
            }
            let trusted = |aud: &Value| {
                aud == own
                    || expected
                        .trusted_audiences
                        .iter()
                        .any(|other| aud == other.as_str())
            };
            if !list.iter().all(trusted) {
                return Err(RuleViolation::UntrustedAudience);
            }
        }
        _ => return Err(RuleViolation::AudienceMalformed),
    }
    match claims.get("azp") {
        Some(azp) if azp != own => Err(RuleViolation::WrongAuthorizedParty),
        _ => Ok(()),
    }
}

struct Times {
    issued_at: Timestamp,
    expires_at: Timestamp,
    of_event: Timestamp,
}

/// Back-Channel Logout §2.6 step 4, `iat` and `exp`; §4 on short lifetimes.
fn check_times(claims: &Payload, expected: &Expected<'_>) -> Result<Times, RuleViolation> {
    let now = expected.now;
    let issued_at = read_time(claims, "iat", RuleViolation::IssuedAtMalformed)?
        .ok_or(RuleViolation::IssuedAtMissing)?;
    if issued_at > now + expected.leeway {
        return Err(RuleViolation::IssuedInFuture);
    }
    if now.saturating_since(issued_at) > expected.max_age {
        return Err(RuleViolation::TooOld);
    }
    let expires_at = match read_time(claims, "exp", RuleViolation::ExpiryMalformed)? {
        Some(exp) => check_expiry(exp, issued_at, expected)?,
        None if expected.exp_required => return Err(RuleViolation::ExpiryMissing),
        None => issued_at + expected.max_age,
    };
    let not_before = read_time(claims, "nbf", RuleViolation::NotBeforeMalformed)?;
    if not_before.is_some_and(|nbf| nbf > now + expected.leeway) {
        return Err(RuleViolation::NotYetValid);
    }
    let event = read_time(claims, "toe", RuleViolation::TimeOfEventMalformed)?;
    // An event after the token's making cannot be; believing it would end sessions begun later.
    let of_event = event.map_or(issued_at, |event| event.min(issued_at));
    Ok(Times {
        issued_at,
        expires_at,
        of_event,
    })
}

fn check_expiry(
    exp: Timestamp,
    issued_at: Timestamp,
    expected: &Expected<'_>,
) -> Result<Timestamp, RuleViolation> {
    // "On or after" `exp` a token is dead (RFC 7519 §4.1.4).
    if expected.now >= exp + expected.leeway {
        return Err(RuleViolation::Expired);
    }
    if exp <= issued_at {
        return Err(RuleViolation::ExpiryBeforeIssue);
    }
    if exp.saturating_since(issued_at) > expected.max_lifetime {
        return Err(RuleViolation::LifetimeTooLong);
    }
    Ok(exp)
}

/// Reads seconds since 1970, fractions allowed, up to the year 9999.
fn read_time(
    claims: &Payload,
    name: &str,
    malformed: RuleViolation,
) -> Result<Option<Timestamp>, RuleViolation> {
    const YEAR_9999: i64 = Timestamp::MAX.as_secs();
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    if let Some(secs) = value.as_i64() {
        let valid = (0..=YEAR_9999).contains(&secs);
        return if valid {
            Ok(Some(Timestamp::from_secs(secs)))
        } else {
            Err(malformed)
        };
    }
    match value.as_f64() {
        #[expect(clippy::cast_precision_loss, reason = "the bound is far below 2^53")]
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the bound was just checked"
        )]
        Some(secs) if value.is_f64() && (0.0..=YEAR_9999 as f64).contains(&secs) => {
            Ok(Some(Timestamp::from_millis((secs * 1000.0) as i64)))
        }
        _ => Err(malformed),
    }
}

/// Back-Channel Logout §2.6 step 5: `sub`, `sid` or both; what is there must be well-formed.
fn read_subject(claims: &Payload, sid_required: bool) -> Result<LogoutSubject, RuleViolation> {
    let sub: Option<Subject> = read_id(claims.get("sub"), RuleViolation::SubjectMalformed)?;
    let sid: Option<SessionId> = read_id(claims.get("sid"), RuleViolation::SessionIdMalformed)?;
    match (sub, sid) {
        (None, None) => Err(RuleViolation::SubjectMissing),
        (Some(_), None) if sid_required => Err(RuleViolation::SessionIdMissing),
        (Some(sub), None) => Ok(LogoutSubject::User(sub)),
        (None, Some(sid)) => Ok(LogoutSubject::Session(sid)),
        (Some(sub), Some(sid)) => Ok(LogoutSubject::Both { sub, sid }),
    }
}

fn read_id<T: for<'a> TryFrom<&'a str>>(
    value: Option<&Value>,
    malformed: RuleViolation,
) -> Result<Option<T>, RuleViolation> {
    let Some(value) = value else { return Ok(None) };
    value
        .as_str()
        .and_then(|text| T::try_from(text).ok())
        .map(Some)
        .ok_or(malformed)
}

/// Back-Channel Logout §2.6 step 6. The event's value must be an object, which may have members
/// (§2.4 says SHOULD be empty), and other events may stand beside it.
fn check_events(claims: &Payload) -> Result<(), RuleViolation> {
    match claims.get("events") {
        None => Err(RuleViolation::EventsMissing),
        Some(Value::Object(events)) => match events.get(EVENT_URI) {
            None => Err(RuleViolation::EventMissing),
            Some(Value::Object(_)) => Ok(()),
            Some(_) => Err(RuleViolation::EventMalformed),
        },
        Some(_) => Err(RuleViolation::EventsMalformed),
    }
}

type Metadata = (
    Option<SessionMetadata>,
    Option<crate::metadata::MetadataError>,
);

/// Session metadata is ours to add, so by default a broken one must not keep anybody signed in.
fn read_metadata(claims: &Payload, expected: &Expected<'_>) -> Result<Metadata, RuleViolation> {
    match claims
        .get("session_metadata")
        .map(SessionMetadata::from_json)
    {
        None => Ok((None, None)),
        Some(Ok(metadata)) => Ok((Some(metadata), None)),
        Some(Err(_)) if expected.metadata_strict => Err(RuleViolation::MetadataMalformed),
        Some(Err(problem)) => Ok((None, Some(problem))),
    }
}

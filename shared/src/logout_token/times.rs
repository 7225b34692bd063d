//! The rules on time: when a token was made, when it dies, and when the session ended.
//!
//! Times are seconds since 1970 with or without fractions, from 0 to the end of the year 9999;
//! whatever else a claim says is malformed, so no sum here can overflow. The leeway widens what is
//! compared with the clock and nothing else.
//! Neighbours: `rules.rs` calls this among the other rules.

use crate::jws::Payload;
use crate::logout_token::{Expected, RuleViolation};
use crate::time::Timestamp;

/// The times of a token that may be believed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Times {
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) of_event: Timestamp,
}

/// Back-Channel Logout §2.6 step 4, `iat` and `exp`; §4 on short lifetimes.
pub(super) fn check_times(
    claims: &Payload,
    expected: &Expected<'_>,
) -> Result<Times, RuleViolation> {
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

fn read_time(
    claims: &Payload,
    name: &str,
    malformed: RuleViolation,
) -> Result<Option<Timestamp>, RuleViolation> {
    let Some(raw) = claims.raw(name) else {
        return Ok(None);
    };
    Timestamp::from_numeric_date(raw).map(Some).ok_or(malformed)
}

//! What a logout token says.
//!
//! Pure: a delivery, the client's settings as they are now, a time and an id make the claims.
//! Signing is the key ring's, sending `attempt.rs`'s. There is no `nonce` here and no way to add
//! one (Back-Channel Logout §2.4).

use logout_shared::logout_token::{Audience, Events, LogoutClaims};
use logout_shared::{Issuer, SessionMetadata, Timestamp, TokenId};

use crate::domain::delivery::{About, Delivery};
use crate::domain::logout_settings::{LogoutSettings, SubjectInToken};

/// The longest life of a token in seconds (Back-Channel Logout §4 advises two minutes).
const MAX_LIFETIME_SECS: u32 = 120;

/// The shortest life of a token in seconds; clocks differ.
const MIN_LIFETIME_SECS: u32 = 30;

/// The claims of one attempt's token.
pub fn claims(
    issuer: &Issuer,
    delivery: &Delivery,
    settings: &LogoutSettings,
    other_live_session: bool,
    now: Timestamp,
    jti: &TokenId,
) -> LogoutClaims {
    let lifetime = settings
        .delivery
        .lifetime_seconds
        .clamp(MIN_LIFETIME_SECS, MAX_LIFETIME_SECS);
    let iat = now.as_secs();
    let sid = delivery.about.session();
    LogoutClaims {
        iss: issuer.as_str().to_owned(),
        sub: names_subject(&delivery.about, settings, other_live_session)
            .then(|| delivery.user.as_str().to_owned()),
        aud: Audience::One(delivery.client.as_str().to_owned()),
        iat,
        exp: iat + i64::from(lifetime),
        jti: jti.as_str().to_owned(),
        events: Events,
        sid: sid.map(|sid| sid.as_str().to_owned()),
        // Without `sid`, the time of the event is what keeps later sessions of the user alive.
        toe: sid.is_none().then(|| delivery.event_at.as_secs()),
        trace_id: Some(delivery.trace_id.as_str().to_owned()),
        session_metadata: metadata(delivery, settings).cloned(),
    }
}

/// The metadata that travels: what the client had opted in to at the event *and* wants now.
pub fn metadata<'d>(
    delivery: &'d Delivery,
    settings: &LogoutSettings,
) -> Option<&'d SessionMetadata> {
    let wanted = settings.includes_session_metadata() && !delivery.metadata.is_empty();
    wanted.then_some(&delivery.metadata)
}

/// Whether one token for all sessions is no longer right, so that each must be told on its own.
pub fn must_expand(
    delivery: &Delivery,
    settings: &LogoutSettings,
    other_live_session: bool,
) -> bool {
    matches!(delivery.about, About::AllSessions(_))
        && (other_live_session || !settings.accepts_subject_logout())
}

fn names_subject(about: &About, settings: &LogoutSettings, other_live_session: bool) -> bool {
    match (about, settings.delivery.subject) {
        (About::AllSessions(_), _) | (About::Session(_), SubjectInToken::Always) => true,
        (About::Session(_), SubjectInToken::Never) => false,
        // Some receivers end every session of a subject they see.
        (About::Session(_), SubjectInToken::Auto) => !other_live_session,
    }
}

#[cfg(test)]
#[path = "mint_tests.rs"]
mod tests;

//! The rules that a logout token may break, one variant each.
//!
//! Every variant has a stable `code()` for logs, metrics and test vectors. Neither the codes nor
//! the messages repeat anything of the token, so they may be logged and answered.
//! Neighbours: `rules.rs` finds the violations.

/// The first rule that a signed token breaks. In the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RuleViolation {
    /// The header's `typ` is not one that is accepted here.
    #[error("the header's typ is not that of a logout token")]
    WrongType,
    /// There is no `iss`.
    #[error("iss is missing")]
    IssuerMissing,
    /// `iss` is not exactly the issuer expected.
    #[error("iss is not the expected issuer")]
    WrongIssuer,
    /// There is no `aud`.
    #[error("aud is missing")]
    AudienceMissing,
    /// `aud` is neither a text nor a non-empty array of texts.
    #[error("aud is neither a string nor an array of strings")]
    AudienceMalformed,
    /// `aud` does not name this client.
    #[error("aud does not name this client")]
    WrongAudience,
    /// `aud` names clients that are not trusted.
    #[error("aud names a client that is not trusted")]
    UntrustedAudience,
    /// `azp` is not this client.
    #[error("azp is not this client")]
    WrongAuthorizedParty,
    /// There is no `iat`.
    #[error("iat is missing")]
    IssuedAtMissing,
    /// `iat` is not a time.
    #[error("iat is not a number of seconds since 1970")]
    IssuedAtMalformed,
    /// `iat` is in the future by more than the leeway.
    #[error("iat is in the future")]
    IssuedInFuture,
    /// `iat` is older than the greatest age.
    #[error("iat is too long ago")]
    TooOld,
    /// There is no `exp`.
    #[error("exp is missing")]
    ExpiryMissing,
    /// `exp` is not a time.
    #[error("exp is not a number of seconds since 1970")]
    ExpiryMalformed,
    /// `exp` is past by at least the leeway.
    #[error("the token has expired")]
    Expired,
    /// `exp` is not after `iat`.
    #[error("exp is not after iat")]
    ExpiryBeforeIssue,
    /// The time from `iat` to `exp` is longer than the greatest lifetime.
    #[error("the token lives too long")]
    LifetimeTooLong,
    /// `nbf` is not a time.
    #[error("nbf is not a number of seconds since 1970")]
    NotBeforeMalformed,
    /// `nbf` is in the future by more than the leeway.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `sub` is not a text of 1 to 255 bytes without control characters.
    #[error("sub is not a subject")]
    SubjectMalformed,
    /// `sid` is not a text of 1 to 255 printable ASCII characters.
    #[error("sid is not a session id")]
    SessionIdMalformed,
    /// There is neither `sub` nor `sid`.
    #[error("sub and sid are both missing")]
    SubjectMissing,
    /// There is no `sid`, and this client requires one.
    #[error("sid is missing")]
    SessionIdMissing,
    /// There is no `events`.
    #[error("events is missing")]
    EventsMissing,
    /// `events` is not an object.
    #[error("events is not an object")]
    EventsMalformed,
    /// `events` lacks the logout event.
    #[error("events has no logout event")]
    EventMissing,
    /// The logout event is not an object.
    #[error("the logout event is not an object")]
    EventMalformed,
    /// There is a `nonce`, whatever its value.
    #[error("a logout token must not have a nonce")]
    NoncePresent,
    /// There is no `jti`.
    #[error("jti is missing")]
    TokenIdMissing,
    /// `jti` is not a text of 1 to 255 bytes.
    #[error("jti is not a token id")]
    TokenIdMalformed,
    /// `toe` is not a time.
    #[error("toe is not a number of seconds since 1970")]
    TimeOfEventMalformed,
    /// `session_metadata` breaks its limits, and strictness was asked for.
    #[error("session_metadata is not session metadata")]
    MetadataMalformed,
}

impl RuleViolation {
    /// A stable name for logs, metrics and tests.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongType => "wrong_type",
            Self::IssuerMissing => "missing_iss",
            Self::WrongIssuer => "wrong_iss",
            Self::AudienceMissing => "missing_aud",
            Self::AudienceMalformed => "bad_aud",
            Self::WrongAudience => "wrong_aud",
            Self::UntrustedAudience => "untrusted_aud",
            Self::WrongAuthorizedParty => "wrong_azp",
            Self::IssuedAtMissing => "missing_iat",
            Self::IssuedAtMalformed => "bad_iat",
            Self::IssuedInFuture => "iat_in_future",
            Self::TooOld => "iat_too_old",
            Self::ExpiryMissing => "missing_exp",
            Self::ExpiryMalformed => "bad_exp",
            Self::Expired => "expired",
            Self::ExpiryBeforeIssue => "exp_before_iat",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::NotBeforeMalformed => "bad_nbf",
            Self::NotYetValid => "not_yet_valid",
            Self::SubjectMalformed => "bad_sub",
            Self::SessionIdMalformed => "bad_sid",
            Self::SubjectMissing => "missing_sub_and_sid",
            Self::SessionIdMissing => "missing_sid",
            Self::EventsMissing => "missing_events",
            Self::EventsMalformed => "bad_events",
            Self::EventMissing => "missing_event",
            Self::EventMalformed => "bad_event",
            Self::NoncePresent => "nonce_present",
            Self::TokenIdMissing => "missing_jti",
            Self::TokenIdMalformed => "bad_jti",
            Self::TimeOfEventMalformed => "bad_toe",
            Self::MetadataMalformed => "bad_session_metadata",
        }
    }
}

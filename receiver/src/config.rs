//! What a relying party may set, with the values that hold when it sets nothing.
//!
//! Plain data, checked by `builder.rs`, which is where an app meets most of it. The settings of the
//! key cache are `jwks::KeySettings`; the reasons for the numbers are in the crate's README.

use std::time::Duration;

use logout_shared::logout_token::request::{MAX_BODY_BYTES, MAX_TOKEN_BYTES};
use logout_shared::logout_token::{LEEWAY, MAX_AGE, MAX_LIFETIME, TypePolicy};
use logout_shared::{ClientId, SigningAlgorithm};

/// What makes a logout token acceptable.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenRules {
    /// The one algorithm tokens may be signed with; RS256.
    pub algorithm: SigningAlgorithm,
    /// Which `typ` headers pass; absent, `JWT` and `logout+jwt`.
    pub types: TypePolicy,
    /// How far the issuer's clock may differ from ours; 60 seconds.
    pub leeway: Duration,
    /// How much later than `iat` a token may expire; 600 seconds.
    pub max_lifetime: Duration,
    /// How old `iat` may be; 600 seconds.
    pub max_age: Duration,
    /// Whether a token must have an `exp`; yes.
    pub exp_required: bool,
    /// Whether a token must have a `sid`; no.
    pub sid_required: bool,
    /// Whether malformed session metadata refuses the token instead of being dropped; no.
    pub metadata_strict: bool,
    /// Audiences that may stand beside ours; none.
    pub trusted_audiences: Vec<ClientId>,
    /// The longest token that is looked at; 96 000 bytes.
    pub max_token_bytes: usize,
}

impl Default for TokenRules {
    fn default() -> TokenRules {
        TokenRules {
            algorithm: SigningAlgorithm::Rs256,
            types: TypePolicy::Tolerant,
            leeway: LEEWAY,
            max_lifetime: MAX_LIFETIME,
            max_age: MAX_AGE,
            exp_required: true,
            sid_required: false,
            metadata_strict: false,
            trusted_audiences: Vec::new(),
            max_token_bytes: MAX_TOKEN_BYTES,
        }
    }
}

/// How the endpoint treats requests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointSettings {
    /// The longest form body that is read; 128 KiB, which is also the most it can be.
    pub max_body_bytes: usize,
    /// How long a sender may take for the body; 10 seconds.
    pub body_time_limit: Duration,
    /// Answers 400 instead of 503 when a logout is not possible now; no.
    ///
    /// The specification knows only 400; a sender that repeats looks for 503.
    pub answer_400_when_unavailable: bool,
}

impl Default for EndpointSettings {
    fn default() -> EndpointSettings {
        EndpointSettings {
            max_body_bytes: MAX_BODY_BYTES,
            body_time_limit: Duration::from_secs(10),
            answer_400_when_unavailable: false,
        }
    }
}

/// What a logout does to sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionSettings {
    /// How long a session lives at most, and hence how long marks are kept; 30 days.
    ///
    /// A session that lived longer than the mark of its logout would come back to life.
    pub longest_session: Duration,
    /// A token with `sid` and `sub` ends every session of the user, not only that one; no.
    pub end_all_of_subject: bool,
    /// How long the app's hook may take; 8 seconds, less than a reservation of the token id lives.
    pub hook_time_limit: Duration,
}

impl Default for SessionSettings {
    fn default() -> SessionSettings {
        SessionSettings {
            longest_session: Duration::from_hours(30 * 24),
            end_all_of_subject: false,
            hook_time_limit: Duration::from_secs(8),
        }
    }
}

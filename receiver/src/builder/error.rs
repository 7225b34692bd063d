//! What cannot be set up, found out before the first request.

use std::time::Duration;

use logout_shared::{InvalidId, SigningAlgorithm};

use crate::jwks::KeyFetchError;

/// Why a set-up was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Issuer or client id cannot be one.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// There is no session index.
    #[error("no session index: call `sessions`, or `in_memory` to keep sessions in this process")]
    NoSessionIndex,
    /// Cookie-only sessions would come back to life at a restart.
    #[error("cookie-only sessions need an index that survives a restart")]
    CookiesNeedDurableMarks,
    /// The hook may run longer than the token id stays reserved.
    #[error("the hook's time limit of {0:?} is not below the reservation of a token id")]
    HookTimeLimit(Duration),
    /// The algorithm and the kind of key do not go together.
    #[error("{algorithm} does not go with {keys}")]
    AlgorithmMismatch {
        /// The algorithm chosen.
        algorithm: SigningAlgorithm,
        /// What was given to verify with.
        keys: &'static str,
    },
    /// The client's secret is too short for the algorithm.
    #[error("the client secret cannot be used")]
    Secret(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Keys cannot be fetched.
    #[error("keys cannot be fetched")]
    Keys(#[from] KeyFetchError),
    /// The feature `fetch` is off and no keys were given.
    #[error("no keys: give some with `keys`, or switch on the feature `fetch`")]
    NoKeys,
}

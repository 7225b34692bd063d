//! A signing key as the Management API shows it: its public half, and where it is in its life.
//!
//! Members and their names are Auth0's but for `alg`, `public_jwk` and `published_until`.

use logout_shared::{SigningAlgorithm, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::signing_key::{SigningKeyRecord, SigningKeyState};

/// The JSON form of a key.
#[derive(Debug, Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member that callers look for"
)]
#[schema(as = SigningKey)]
pub(super) struct KeyBody {
    pub(super) kid: String,
    #[schema(value_type = String)]
    alg: SigningAlgorithm,
    public_jwk: Value,
    /// Published, and signs later.
    next: bool,
    /// Signs now.
    current: bool,
    /// Signs no more, and what it signed is still believed.
    previous: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    current_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    current_until: Option<Timestamp>,
    revoked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    published_until: Option<Timestamp>,
}

impl KeyBody {
    /// A key as it is now.
    pub(super) fn new(key: SigningKeyRecord) -> Self {
        let retired = key.state == SigningKeyState::Retired;
        Self {
            alg: key.algorithm,
            next: key.state == SigningKeyState::Next,
            current: key.state == SigningKeyState::Current,
            previous: retired && !key.distrusted,
            current_since: key.signs_from(),
            current_until: key.retired_at,
            revoked: key.distrusted,
            revoked_at: key.retired_at.filter(|_| key.distrusted),
            published_until: key.published_until(),
            kid: key.kid,
            public_jwk: key.public_jwk,
        }
    }
}

/// Keys in the order in which callers look for one: those that sign first, then what signs next,
/// then the rest; in each by the order of the issuer's algorithms.
pub(super) fn in_order(
    mut keys: Vec<SigningKeyRecord>,
    algorithms: &[SigningAlgorithm],
) -> Vec<KeyBody> {
    keys.sort_by_key(|key| {
        let life = match key.state {
            SigningKeyState::Current => 0,
            SigningKeyState::Next => 1,
            SigningKeyState::Retired => 2,
        };
        let place = algorithms.iter().position(|it| *it == key.algorithm);
        (life, place.unwrap_or(usize::MAX), key.created_at)
    });
    keys.into_iter().map(KeyBody::new).collect()
}

//! A person who signs in.
//!
//! The password itself is never here, only its argon2id hash and a version that grows with each
//! change: a session may start only if the version is still the one that the password was
//! checked against.

use logout_shared::{Subject, Timestamp};
use serde_json::{Map, Value};

/// The most bytes that a user's `user_metadata` has as JSON, and `app_metadata` likewise.
pub const MAX_METADATA_BYTES: usize = 65_536;

/// A user.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// The `sub` of ID Tokens and logout tokens, such as `auth0|…`.
    pub id: Subject,
    /// Signs in with this address; compared without case.
    pub email: String,
    /// Whether the address was proven.
    pub email_verified: bool,
    /// May not sign in.
    pub blocked: bool,
    /// May use the dashboard.
    pub admin: bool,
    /// Names, nickname, picture, phone: the claims of OpenID Connect Core §5.1, by their names.
    pub profile: Map<String, Value>,
    /// What the user may change of themselves.
    pub user_metadata: Map<String, Value>,
    /// What applications keep about the user.
    pub app_metadata: Map<String, Value>,
    /// How often the password was changed.
    pub password_version: i64,
    /// When the user was made.
    pub created_at: Timestamp,
    /// When anything of the user changed last.
    pub updated_at: Timestamp,
    /// When the user signed in last.
    pub last_login: Option<Timestamp>,
    /// How often the user signed in.
    pub logins_count: i64,
}

/// A password's argon2id hash in PHC form, beside the version it belongs to.
#[derive(Clone)]
pub struct PasswordHash {
    /// The PHC string.
    pub phc: String,
    /// The user's [`User::password_version`] it belongs to.
    pub version: i64,
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordHash")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

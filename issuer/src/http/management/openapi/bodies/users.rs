//! Users.

#![expect(
    dead_code,
    clippy::struct_field_names,
    reason = "these are names of the wire, read by the description alone"
)]

use utoipa::ToSchema;

use super::Object;

/// A user. Claims of OpenID Connect Core §5.1 stand beside the members told here.
#[derive(ToSchema)]
#[schema(example = json!({
    "user_id": "auth0|7", "email": "ada@example.com", "email_verified": true, "name": "Ada",
    "blocked": false, "logins_count": 3,
}))]
pub(in crate::http::management) struct User {
    #[schema(nullable = false)]
    user_id: Option<String>,
    #[schema(nullable = false)]
    email: Option<String>,
    #[schema(nullable = false)]
    email_verified: Option<bool>,
    #[schema(nullable = false)]
    blocked: Option<bool>,
    /// May use the dashboard; set on the command line.
    #[schema(nullable = false)]
    admin: Option<bool>,
    name: Option<String>,
    nickname: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    picture: Option<String>,
    phone_number: Option<String>,
    phone_verified: Option<bool>,
    user_metadata: Option<Object>,
    app_metadata: Option<Object>,
    identities: Option<Vec<Identity>>,
    #[schema(format = DateTime)]
    created_at: Option<String>,
    #[schema(format = DateTime)]
    updated_at: Option<String>,
    #[schema(format = DateTime)]
    last_login: Option<String>,
    logins_count: Option<u64>,
}

/// The account behind a user.
#[derive(ToSchema)]
struct Identity {
    connection: String,
    user_id: String,
    provider: String,
    #[schema(rename = "isSocial")]
    is_social: bool,
}

/// A user to be made.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "connection": "Username-Password-Authentication", "email": "ada@example.com",
    "password": "correct horse battery staple",
}))]
pub(in crate::http::management) struct NewUser {
    /// `Username-Password-Authentication`.
    connection: String,
    #[schema(format = Email, max_length = 254)]
    email: String,
    #[schema(min_length = 1, max_length = 1024, format = Password)]
    password: String,
    /// Gets `auth0|` in front; made up without it.
    #[schema(nullable = false, min_length = 1, max_length = 249)]
    user_id: Option<String>,
    #[schema(nullable = false)]
    email_verified: Option<bool>,
    #[schema(nullable = false)]
    blocked: Option<bool>,
    #[schema(min_length = 1, max_length = 300)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 300)]
    nickname: Option<String>,
    #[schema(min_length = 1, max_length = 150)]
    given_name: Option<String>,
    #[schema(min_length = 1, max_length = 150)]
    family_name: Option<String>,
    #[schema(format = "uri", max_length = 2048)]
    picture: Option<String>,
    #[schema(pattern = "^\\+[0-9]{1,15}$")]
    phone_number: Option<String>,
    #[schema(nullable = false)]
    phone_verified: Option<bool>,
    user_metadata: Option<Object>,
    app_metadata: Option<Object>,
}

/// Changes of a user; `null` takes a claim away and clears metadata.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"blocked": true}))]
pub(in crate::http::management) struct UserChange {
    #[schema(nullable = false, format = Email, max_length = 254)]
    email: Option<String>,
    /// Not together with `email`.
    #[schema(nullable = false, min_length = 1, max_length = 1024, format = Password)]
    password: Option<String>,
    #[schema(nullable = false)]
    connection: Option<String>,
    #[schema(nullable = false)]
    email_verified: Option<bool>,
    #[schema(nullable = false)]
    blocked: Option<bool>,
    #[schema(min_length = 1, max_length = 300)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 300)]
    nickname: Option<String>,
    #[schema(min_length = 1, max_length = 150)]
    given_name: Option<String>,
    #[schema(min_length = 1, max_length = 150)]
    family_name: Option<String>,
    #[schema(format = "uri", max_length = 2048)]
    picture: Option<String>,
    #[schema(pattern = "^\\+[0-9]{1,15}$")]
    phone_number: Option<String>,
    #[schema(nullable = false)]
    phone_verified: Option<bool>,
    /// Members that change; `null` takes one away.
    user_metadata: Option<Object>,
    /// Members that change; `null` takes one away.
    app_metadata: Option<Object>,
}

/// Whose access is revoked.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::management) struct RevokeAccess {
    /// This session; without it all of the user's.
    #[schema(nullable = false, min_length = 1, max_length = 50)]
    session_id: Option<String>,
    /// Whether refresh tokens with `offline_access` stay.
    #[schema(nullable = false)]
    preserve_refresh_tokens: Option<bool>,
}

//! A user as the Management API shows it.
//!
//! Members and their names are Auth0's. Claims about the person stand beside them by their own
//! names, but for `phone_verified`; nothing of the password is here.

use serde_json::{Map, Value, json};

use crate::domain::user::User;
use crate::http::management::query::Fields;
use crate::login::actions::CONNECTION;

/// What Auth0 calls the provider of its own accounts; the ids that are made here begin with it.
pub(super) const PROVIDER: &str = "auth0";

/// The claim that `phone_verified` is.
pub(super) const PHONE_VERIFIED: &str = "phone_number_verified";

/// The JSON form of a user.
pub fn user_body(user: &User) -> Map<String, Value> {
    let mut body = user.profile.clone();
    let phone_verified = body.remove(PHONE_VERIFIED);
    let members = [
        ("user_id", json!(user.id)),
        ("email", json!(user.email)),
        ("email_verified", json!(user.email_verified)),
        ("phone_verified", phone_verified.unwrap_or_default()),
        ("blocked", json!(user.blocked)),
        ("admin", json!(user.admin)),
        ("created_at", json!(user.created_at)),
        ("updated_at", json!(user.updated_at)),
        ("last_login", json!(user.last_login)),
        ("logins_count", json!(user.logins_count)),
        ("identities", json!([identity(user)])),
        ("user_metadata", json!(user.user_metadata)),
        ("app_metadata", json!(user.app_metadata)),
    ];
    let told = members.into_iter().filter(|(_, value)| !value.is_null());
    body.extend(told.map(|(name, value)| (name.to_owned(), value)));
    body
}

/// The parts of a user that a caller wants.
pub(super) fn selected(user: &User, fields: &Fields) -> Map<String, Value> {
    let mut body = user_body(user);
    fields.select(&mut body);
    body
}

/// There is one account behind each user, and it is ours.
fn identity(user: &User) -> Value {
    let id = user.id.as_str();
    let own = id
        .strip_prefix(PROVIDER)
        .and_then(|rest| rest.strip_prefix('|'));
    json!({
        "connection": CONNECTION,
        "user_id": own.unwrap_or(id),
        "provider": PROVIDER,
        "isSocial": false,
    })
}

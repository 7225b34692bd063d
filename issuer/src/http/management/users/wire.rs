//! A user as the Management API shows it.
//!
//! Members and their names are Auth0's. Claims about the person stand beside them by their own
//! names; nothing of the password is here.

use serde_json::{Map, Value, json};

use crate::domain::user::User;

/// The JSON form of a user.
pub fn user_body(user: &User) -> Map<String, Value> {
    let mut body = user.profile.clone();
    let members = [
        ("user_id", json!(user.id)),
        ("email", json!(user.email)),
        ("email_verified", json!(user.email_verified)),
        ("blocked", json!(user.blocked)),
        ("admin", json!(user.admin)),
        ("created_at", json!(user.created_at)),
        ("updated_at", json!(user.updated_at)),
        ("last_login", json!(user.last_login)),
        ("logins_count", json!(user.logins_count)),
        ("user_metadata", json!(user.user_metadata)),
        ("app_metadata", json!(user.app_metadata)),
    ];
    let told = members.into_iter().filter(|(_, value)| !value.is_null());
    body.extend(told.map(|(name, value)| (name.to_owned(), value)));
    body
}

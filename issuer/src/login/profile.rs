//! What an app may learn about a person, by scope (OpenID Connect Core §5.4).
//!
//! The same claims go into ID Tokens and out of userinfo.

use serde_json::{Map, Value, json};

use crate::domain::user::User;

/// Claims that come with a scope, by their names in [`User::profile`].
const BY_SCOPE: [(&str, &[&str]); 3] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
        ],
    ),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("address", &["address"]),
];

/// The names of all claims about a person.
pub fn claim_names() -> impl Iterator<Item = &'static str> {
    let by_scope = BY_SCOPE
        .into_iter()
        .flat_map(|(_, names)| names.iter().copied());
    by_scope.chain(["updated_at", "email", "email_verified"])
}

/// The user's claims under these scopes; `sub` is not among them.
pub fn claims(user: &User, scope: &str) -> Map<String, Value> {
    let has = |name: &str| scope.split(' ').any(|scope| scope == name);
    let mut claims = Map::new();
    for (scope, names) in BY_SCOPE {
        if !has(scope) {
            continue;
        }
        for name in names {
            if let Some(value) = user.profile.get(*name) {
                claims.insert((*name).to_owned(), value.clone());
            }
        }
    }
    if has("profile") {
        claims.insert("updated_at".into(), json!(user.updated_at.as_secs()));
    }
    if has("email") {
        claims.insert("email".into(), json!(user.email));
        claims.insert("email_verified".into(), json!(user.email_verified));
    }
    claims
}

//! What one change makes of a user.

use serde_json::{Map, Value};

use super::{AccountChange, AccountChangeError};
use crate::domain::initiator::Initiator;
use crate::domain::user::{MAX_METADATA_BYTES, User};

/// The claims whose change clients can be told of.
const PROFILE_NEWS: [&str; 4] = ["name", "nickname", "picture", "phone_number"];

const PHONE: &str = "phone_number";
const PHONE_VERIFIED: &str = "phone_number_verified";

/// Changes the user and gives what that is called, if it is something that clients are told of.
pub(super) fn apply(
    change: &AccountChange,
    user: &mut User,
) -> Result<Option<Initiator>, AccountChangeError> {
    let before = user.clone();
    let initiator = match change {
        AccountChange::Password { .. } => Some(Initiator::PasswordChanged),
        AccountChange::Email(email) => {
            user.email_verified &= user.email == *email;
            user.email.clone_from(email);
            (before.email != user.email).then_some(Initiator::EmailIdentifierChanged)
        }
        AccountChange::EmailVerified(verified) => {
            user.email_verified = *verified;
            None
        }
        AccountChange::Profile(claims) => {
            merge(&mut user.profile, claims);
            // Another number is not proven, whatever was said of the old one.
            let is_changed = before.profile.get(PHONE) != user.profile.get(PHONE);
            if is_changed && !claims.contains_key(PHONE_VERIFIED) {
                user.profile.remove(PHONE_VERIFIED);
            }
            let is_news = |name: &&str| before.profile.get(*name) != user.profile.get(*name);
            PROFILE_NEWS
                .iter()
                .any(is_news)
                .then_some(Initiator::ProfileChanged)
        }
        AccountChange::UserMetadata(metadata) => {
            change_metadata(&mut user.user_metadata, metadata, "user_metadata")?;
            None
        }
        AccountChange::AppMetadata(metadata) => {
            change_metadata(&mut user.app_metadata, metadata, "app_metadata")?;
            None
        }
        AccountChange::UnenrollMfaPhone => Some(Initiator::MfaPhoneUnenrolled),
        AccountChange::Block => {
            user.blocked = true;
            (!before.blocked).then_some(Initiator::AccountDeactivated)
        }
        AccountChange::Unblock => {
            user.blocked = false;
            None
        }
        AccountChange::Delete => Some(Initiator::AccountDeleted),
    };
    Ok(initiator)
}

fn merge(into: &mut Map<String, Value>, members: &Map<String, Value>) {
    for (name, value) in members {
        if value.is_null() {
            into.remove(name);
        } else {
            into.insert(name.clone(), value.clone());
        }
    }
}

fn change_metadata(
    metadata: &mut Map<String, Value>,
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<(), AccountChangeError> {
    if members.is_empty() {
        metadata.clear();
    }
    merge(metadata, members);
    if metadata_fits(metadata) {
        Ok(())
    } else {
        Err(AccountChangeError::TooMuchMetadata(name))
    }
}

/// Whether a user can have this metadata.
pub(in crate::login) fn metadata_fits(metadata: &Map<String, Value>) -> bool {
    serde_json::to_string(metadata).is_ok_and(|json| json.len() <= MAX_METADATA_BYTES)
}

#[cfg(test)]
mod tests {
    use logout_shared::{Secret, Timestamp};
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn ada() -> User {
        User {
            id: "auth0|ada".parse().unwrap(),
            email: "ada@example.com".into(),
            email_verified: true,
            blocked: false,
            admin: false,
            profile: object(json!({"name": "Ada", "locale": "en"})),
            user_metadata: object(json!({"colour": "red", "size": {"shoe": 38}})),
            app_metadata: Map::new(),
            password_version: 1,
            created_at: Timestamp::from_secs(0),
            updated_at: Timestamp::from_secs(0),
            last_login: None,
            logins_count: 0,
        }
    }

    fn applied(change: &AccountChange) -> (User, Option<Initiator>) {
        let mut user = ada();
        let initiator = apply(change, &mut user).unwrap();
        (user, initiator)
    }

    #[test]
    fn clients_are_told_of_what_has_changed_only() {
        let profile = |claims| AccountChange::Profile(object(claims));
        let password = Secret::new("x".to_owned());
        for (change, wanted) in [
            (AccountChange::Email("ada@example.com".into()), None),
            (
                AccountChange::Email("Ada@example.com".into()),
                Some(Initiator::EmailIdentifierChanged),
            ),
            (profile(json!({"name": "Ada"})), None),
            (profile(json!({"locale": "de"})), None),
            (
                profile(json!({"name": null})),
                Some(Initiator::ProfileChanged),
            ),
            (AccountChange::Unblock, None),
            (AccountChange::Block, Some(Initiator::AccountDeactivated)),
            (AccountChange::EmailVerified(false), None),
            (
                AccountChange::Password {
                    password,
                    keep: None,
                },
                Some(Initiator::PasswordChanged),
            ),
        ] {
            assert_eq!(applied(&change).1, wanted, "{change:?}");
        }
        let mut blocked = User {
            blocked: true,
            ..ada()
        };
        assert_eq!(apply(&AccountChange::Block, &mut blocked).unwrap(), None);
    }

    #[test]
    fn another_address_is_not_proven_and_the_same_one_stays_so() {
        let email = |email: &str| applied(&AccountChange::Email(email.into())).0;
        assert!(!email("ada@example.net").email_verified);
        assert!(email("ada@example.com").email_verified);
        assert!(
            !applied(&AccountChange::EmailVerified(false))
                .0
                .email_verified
        );
    }

    #[test]
    fn another_phone_number_is_not_proven_unless_that_is_said() {
        let phoned = |claims| {
            let mut user = ada();
            let known = json!({"phone_number": "+491", "phone_number_verified": true});
            user.profile = object(known);
            apply(&AccountChange::Profile(object(claims)), &mut user).unwrap();
            Value::Object(user.profile)
        };
        assert_eq!(
            phoned(json!({"phone_number": "+492"})),
            json!({"phone_number": "+492"})
        );
        for stays in [
            json!({"phone_number": "+491"}),
            json!({"phone_number": "+492", "phone_number_verified": true}),
        ] {
            assert_eq!(phoned(stays)["phone_number_verified"], true);
        }
    }

    #[test]
    fn metadata_changes_member_by_member_and_nothing_clears_it() {
        let changed = |members| {
            let change = AccountChange::UserMetadata(object(members));
            Value::Object(applied(&change).0.user_metadata)
        };
        assert_eq!(
            changed(json!({"size": {"hat": 57}, "x": 1})),
            json!({"colour": "red", "size": {"hat": 57}, "x": 1})
        );
        assert_eq!(
            changed(json!({"colour": null, "y": null})),
            json!({"size": {"shoe": 38}})
        );
        assert_eq!(changed(json!({})), json!({}));
    }

    #[test]
    fn metadata_holds_at_its_last_byte() {
        let frame = r#"{"a":""}"#.len();
        for (bytes, fits) in [(MAX_METADATA_BYTES, true), (MAX_METADATA_BYTES + 1, false)] {
            let text = "x".repeat(bytes - frame);
            let change = AccountChange::AppMetadata(object(json!({ "a": text })));
            let applied = apply(&change, &mut ada());
            assert_eq!(applied.is_ok(), fits, "{bytes}");
            if let Err(error) = applied {
                let text = error.to_string();
                assert_eq!(
                    text,
                    "app_metadata would have more than 65536 bytes as JSON"
                );
            }
        }
    }
}

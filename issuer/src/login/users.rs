//! Making users.
//!
//! Used by the command line, the bootstrap and the Management API alike. Addresses are compared
//! without case and kept as written; passwords are hashed before anything is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_shared::{RandomSource, Secret, Subject, Timestamp};
use serde_json::{Map, Value};

use super::account_changes::{Asked, metadata_fits};
use super::password::{self, MAX_PASSWORD_BYTES};
use super::{account_history, history};
use crate::domain::event_log::LogEvent;
use crate::domain::user::{MAX_METADATA_BYTES, PasswordHash, User};
use crate::issuer::Issuer;
use crate::storage::StorageError;

/// The longest e-mail address, in bytes (RFC 5321 §4.5.3.1).
const MAX_EMAIL_BYTES: usize = 254;

/// A user to be made.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// The `sub`; made up if none is given.
    pub id: Option<Subject>,
    /// The address to sign in with.
    pub email: String,
    /// Whether the address was proven.
    pub email_verified: bool,
    /// The password; without one the user cannot sign in.
    pub password: Option<Secret<String>>,
    /// May use the dashboard.
    pub admin: bool,
    /// May not sign in.
    pub blocked: bool,
    /// Claims about the person, see [`User::profile`].
    pub profile: Map<String, Value>,
    /// See [`User::user_metadata`].
    pub user_metadata: Map<String, Value>,
    /// See [`User::app_metadata`].
    pub app_metadata: Map<String, Value>,
}

/// Why a user is not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateUserError {
    /// Not the form of an address.
    #[error("\"{0}\" is not an e-mail address")]
    Email(String),
    /// A password that nobody can use.
    #[error(transparent)]
    Password(#[from] UnusablePassword),
    /// More metadata of this name than a user can have.
    #[error("{0} has more than {MAX_METADATA_BYTES} bytes as JSON")]
    TooMuchMetadata(&'static str),
    /// The id or the address belongs to another user.
    #[error("a user with this id or the address \"{0}\" exists already")]
    Taken(String),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A password that cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusablePassword {
    /// No characters.
    #[error("the password is empty")]
    Empty,
    /// More than [`MAX_PASSWORD_BYTES`].
    #[error("the password has more than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
}

/// Makes a user.
///
/// # Errors
///
/// [`CreateUserError`]; nothing is stored then but a line in the event log.
pub async fn create_user(issuer: &Issuer, new: NewUser) -> Result<User, CreateUserError> {
    create_user_for(issuer, new, Asked::default()).await
}

/// Makes a user at the wish of whoever the event log is to name.
///
/// # Errors
///
/// [`CreateUserError`]; nothing is stored then but a line in the event log.
pub async fn create_user_for(
    issuer: &Issuer,
    new: NewUser,
    asked: Asked,
) -> Result<User, CreateUserError> {
    let by = asked.by.clone();
    let created = write_user(issuer, new.clone(), asked).await;
    if let Err(error) = &created {
        let event = account_history::not_created(&new, error, &by, issuer.now());
        if let Some(event) = event {
            history::record(issuer, event).await?;
        }
    }
    created
}

async fn write_user(issuer: &Issuer, new: NewUser, asked: Asked) -> Result<User, CreateUserError> {
    let (user, hash) = prepare_user(new, &**issuer.random(), issuer.now()).await?;
    let mut events = vec![account_history::created(&user, &asked.by, issuer.now())];
    events.extend(asked.line.map(|line| LogEvent {
        user: Some(user.id.clone()),
        ..line
    }));
    let stored = user.clone();
    let inserted = issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            let is_new = tx.insert_user(&stored, hash.as_ref()).await?;
            if is_new {
                tx.append_events(&events).await?;
            }
            Ok(is_new)
        })
    });
    if inserted.await? {
        Ok(user)
    } else {
        Err(CreateUserError::Taken(user.email))
    }
}

/// Checks a new user and hashes the password, for callers with a transaction of their own.
///
/// # Errors
///
/// [`CreateUserError::Email`], [`CreateUserError::Password`] and
/// [`CreateUserError::TooMuchMetadata`].
pub async fn prepare_user(
    new: NewUser,
    random: &dyn RandomSource,
    now: Timestamp,
) -> Result<(User, Option<PasswordHash>), CreateUserError> {
    let email = new.email.trim();
    if !is_email(email) {
        return Err(CreateUserError::Email(email.chars().take(64).collect()));
    }
    for (name, metadata) in [
        ("user_metadata", &new.user_metadata),
        ("app_metadata", &new.app_metadata),
    ] {
        if !metadata_fits(metadata) {
            return Err(CreateUserError::TooMuchMetadata(name));
        }
    }
    let hash = match &new.password {
        Some(password) => Some(hash(password, 1).await?),
        None => None,
    };
    let user = User {
        id: new.id.unwrap_or_else(|| generate_id(random)),
        email: email.to_owned(),
        email_verified: new.email_verified,
        blocked: new.blocked,
        admin: new.admin,
        profile: new.profile,
        user_metadata: new.user_metadata,
        app_metadata: new.app_metadata,
        password_version: hash.as_ref().map_or(0, |hash| hash.version),
        created_at: now,
        updated_at: now,
        last_login: None,
        logins_count: 0,
    };
    Ok((user, hash))
}

pub(super) async fn hash(
    password: &Secret<String>,
    version: i64,
) -> Result<PasswordHash, UnusablePassword> {
    match password.expose().len() {
        0 => Err(UnusablePassword::Empty),
        1..=MAX_PASSWORD_BYTES => Ok(PasswordHash {
            phc: password::hash_password(password).await,
            version,
        }),
        _ => Err(UnusablePassword::TooLong),
    }
}

/// In the form that readers of Auth0's ids expect.
fn generate_id(random: &dyn RandomSource) -> Subject {
    let mut bytes = [0; 18];
    random.fill(&mut bytes);
    let id = format!("auth0|{}", URL_SAFE_NO_PAD.encode(bytes));
    id.parse().expect("base64url has no control characters")
}

/// Enough to catch a slip; whether an address exists only a mail can tell.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else {
        return false;
    };
    text.len() <= MAX_EMAIL_BYTES
        && !local.is_empty()
        && !host.is_empty()
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_two_sides_and_no_blanks() {
        for good in [
            "ada@example.com",
            "ada@localhost",
            "a\"@\"b@example.com",
            "jürgen@exämple.de",
        ] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a da@example.com",
            "ada@example.com\n",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
        assert!(!is_email(&format!("{}@example.com", "a".repeat(250))));
    }
}

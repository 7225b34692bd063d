//! Applies what Actions asked for, inside the login's write.
//!
//! The rules that the script met are asked once more here, on what is locked now: somebody else
//! may have written to the session or the user since the Actions saw them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{ActionsError, Decided, PostLogin};
use crate::domain::action_run::{ActionCommand, ActionError, ActionErrorKind, RESERVED_CLAIMS};
use crate::domain::authorization::CustomClaims;
use crate::domain::session::{Session, SessionLifetimes};
use crate::domain::user::User;
use crate::storage::Transaction;
use logout_shared::{MetadataError, Timestamp};

/// The most bytes that all custom claims of one token may have as JSON.
const MAX_CLAIMS_BYTES: usize = 100_000;

/// The most bytes that one metadata of a user may have as JSON.
const MAX_USER_METADATA_BYTES: usize = 64 * 1024;

impl Decided {
    /// Whether the commands can be applied to what the Actions saw.
    pub(super) fn check(&self, login: &PostLogin) -> Result<(), ActionError> {
        self.claims()?;
        if let Some(session) = &login.session {
            self.change_metadata(&mut session.clone())
                .map_err(metadata_fault)?;
        }
        self.change_user(&mut login.user.clone()).map(drop)
    }

    /// Applies everything to a session and a user that are locked, and remembers the runs.
    ///
    /// Gives whether an end time that an Action set lies beyond the configured lifetimes.
    ///
    /// # Errors
    ///
    /// [`ActionsError::Conflict`] if what was asked for does not hold any more.
    pub async fn apply(
        &self,
        tx: &mut dyn Transaction,
        session: Option<&mut Session>,
        user: &mut User,
        lifetimes: &SessionLifetimes,
        now: Timestamp,
    ) -> Result<bool, ActionsError> {
        let mut capped = false;
        if self.executions.is_empty() {
            return Ok(capped);
        }
        if let Some(session) = session {
            let before = session.clone();
            self.change_metadata(session).map_err(metadata_fault)?;
            capped = self.change_life(session, lifetimes, now);
            if *session != before {
                session.updated_at = now;
                tx.update_session(session).await?;
            }
        }
        if self.change_user(user)? {
            user.updated_at = now;
            tx.update_user(user).await?;
        }
        tx.insert_action_executions(&self.executions).await?;
        Ok(capped)
    }

    /// Applies what a mere denial leaves standing: metadata of the session and of the user.
    pub(super) async fn apply_metadata(
        &self,
        tx: &mut dyn Transaction,
        session: Option<Session>,
        user: Option<User>,
        now: Timestamp,
    ) -> Result<(), ActionsError> {
        if let Some(mut session) = session {
            self.change_metadata(&mut session).map_err(metadata_fault)?;
            session.updated_at = now;
            tx.update_session_metadata(&session).await?;
        }
        if let Some(mut user) = user
            && self.change_user(&mut user)?
        {
            user.updated_at = now;
            tx.update_user(&user).await?;
        }
        Ok(())
    }

    fn change_metadata(&self, session: &mut Session) -> Result<(), MetadataError> {
        for command in &self.commands {
            match command {
                ActionCommand::SetMetadata { key, value } => {
                    session.metadata.set(key.as_str(), value.as_str())?;
                }
                ActionCommand::DeleteMetadata { key } => {
                    session.metadata.remove(key);
                }
                ActionCommand::EvictMetadata => session.metadata.clear(),
                _ => {}
            }
        }
        Ok(())
    }

    /// Of several end times the earliest wins, and none beyond the configured lifetimes.
    fn change_life(
        &self,
        session: &mut Session,
        lifetimes: &SessionLifetimes,
        now: Timestamp,
    ) -> bool {
        let (mut absolute, mut idle) = (None, None);
        for command in &self.commands {
            let (end, at) = match command {
                ActionCommand::SetExpiresAt { at } => (&mut absolute, *at),
                ActionCommand::SetIdleExpiresAt { at } => (&mut idle, *at),
                ActionCommand::SetCookieMode { mode } => {
                    session.cookie_mode = *mode;
                    continue;
                }
                _ => continue,
            };
            let at = ActionCommand::time(at);
            *end = Some(end.map_or(at, |known: Timestamp| known.min(at)));
        }
        let longest = session.created_at + lifetimes.absolute;
        let longest_idle = now + lifetimes.idle;
        let capped =
            absolute.is_some_and(|at| at > longest) || idle.is_some_and(|at| at > longest_idle);
        if let Some(at) = absolute {
            session.expires_at = at.min(longest);
        }
        if let Some(at) = idle {
            session.idle_expires_at = at.min(longest_idle);
        }
        session.idle_expires_at = session.idle_expires_at.min(session.expires_at);
        capped
    }

    fn change_user(&self, user: &mut User) -> Result<bool, ActionError> {
        let mut changed = false;
        for command in &self.commands {
            let (map, key, value) = match command {
                ActionCommand::SetAppMetadata { key, value } => {
                    (&mut user.app_metadata, key, value)
                }
                ActionCommand::SetUserMetadata { key, value } => {
                    (&mut user.user_metadata, key, value)
                }
                _ => continue,
            };
            changed = true;
            if value.is_null() {
                map.shift_remove(key);
            } else {
                map.insert(key.clone(), value.clone());
            }
        }
        let too_long = |map: &Map<String, Value>| json_bytes(map) > MAX_USER_METADATA_BYTES;
        if changed && (too_long(&user.app_metadata) || too_long(&user.user_metadata)) {
            let text = format!(
                "The user's metadata would have more than {MAX_USER_METADATA_BYTES} bytes."
            );
            return Err(ActionError::new(ActionErrorKind::Output, text));
        }
        Ok(changed)
    }

    /// What Actions add to the tokens.
    ///
    /// # Errors
    ///
    /// [`ActionError`] for a reserved claim or too many bytes.
    pub fn claims(&self) -> Result<CustomClaims, ActionError> {
        let mut claims = CustomClaims::default();
        for command in &self.commands {
            let (map, name, value) = match command {
                ActionCommand::SetIdTokenClaim { name, value } => {
                    (&mut claims.id_token, name, value)
                }
                ActionCommand::SetAccessTokenClaim { name, value } => {
                    (&mut claims.access_token, name, value)
                }
                _ => continue,
            };
            if RESERVED_CLAIMS.contains(&name.as_str()) {
                let text = format!("The claim {name} is reserved and cannot be set by an Action.");
                return Err(ActionError::new(ActionErrorKind::Output, text));
            }
            map.insert(name.clone(), value.clone());
        }
        if json_bytes(&claims.id_token).max(json_bytes(&claims.access_token)) > MAX_CLAIMS_BYTES {
            let text = format!("The custom claims have more than {MAX_CLAIMS_BYTES} bytes.");
            return Err(ActionError::new(ActionErrorKind::Output, text));
        }
        Ok(claims)
    }

    /// The scopes that are granted when these were asked for.
    pub fn scope(&self, asked: &str) -> String {
        let mut scopes: Vec<&str> = asked.split(' ').filter(|one| !one.is_empty()).collect();
        for command in &self.commands {
            match command {
                ActionCommand::AddScope { scope } => scopes.push(scope),
                ActionCommand::RemoveScope { scope } => scopes.retain(|one| one != scope),
                _ => {}
            }
        }
        let mut seen = BTreeSet::new();
        scopes.retain(|one| seen.insert(*one));
        scopes.join(" ")
    }
}

/// What an app is told where metadata cannot be set.
fn metadata_fault(why: MetadataError) -> ActionError {
    let text = format!("Failed to set session metadata: {why}");
    ActionError::new(ActionErrorKind::Conflict, text)
}

fn json_bytes(map: &Map<String, Value>) -> usize {
    serde_json::to_string(map).map_or(usize::MAX, |text| text.len())
}

#[cfg(test)]
mod tests {
    use logout_shared::SystemRandom;
    use serde_json::json;

    use super::*;
    use crate::login::users::{NewUser, prepare_user};

    fn decided(command: ActionCommand) -> Decided {
        Decided {
            commands: vec![command],
            ..Decided::default()
        }
    }

    /// A text that makes `{"k":"…"}` this many bytes long.
    fn filling(bytes: usize) -> Value {
        json!("v".repeat(bytes - r#"{"k":""}"#.len()))
    }

    #[test]
    fn the_claims_of_a_token_have_a_limit() {
        let name = || "k".to_owned();
        for (bytes, fit) in [(MAX_CLAIMS_BYTES, true), (MAX_CLAIMS_BYTES + 1, false)] {
            let value = filling(bytes);
            let id_token = ActionCommand::SetIdTokenClaim {
                name: name(),
                value,
            };
            assert_eq!(decided(id_token).claims().is_ok(), fit, "{bytes}");
            let value = filling(bytes);
            let access_token = ActionCommand::SetAccessTokenClaim {
                name: name(),
                value,
            };
            assert_eq!(decided(access_token).claims().is_ok(), fit, "{bytes}");
        }
    }

    #[tokio::test]
    async fn a_users_metadata_has_a_limit() {
        let key = || "k".to_owned();
        let new = NewUser {
            email: "ada@example.com".into(),
            ..NewUser::default()
        };
        let made = prepare_user(new, &SystemRandom, Timestamp::from_secs(0)).await;
        let (user, _) = made.expect("a user");
        for (bytes, fit) in [
            (MAX_USER_METADATA_BYTES, true),
            (MAX_USER_METADATA_BYTES + 1, false),
        ] {
            for command in [
                ActionCommand::SetAppMetadata {
                    key: key(),
                    value: filling(bytes),
                },
                ActionCommand::SetUserMetadata {
                    key: key(),
                    value: filling(bytes),
                },
            ] {
                let changed = decided(command).change_user(&mut user.clone());
                assert_eq!(changed.is_ok(), fit, "{bytes}");
            }
        }
    }
}

//! Whether a refresh token can be exchanged: asked of a snapshot before Actions run, and once more
//! of what is locked in the write.

use logout_shared::Timestamp;

use crate::domain::client::Client;
use crate::domain::refresh_token::{RefreshAccess, RefreshGrant, RefreshTokenRules};
use crate::domain::session::Session;
use crate::domain::user::User;

/// What a refresh token leads to.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) grant: RefreshGrant,
    /// The token's generation, if it is still kept.
    pub(super) generation: Option<i64>,
    /// The user, if there is one.
    pub(super) user: Option<User>,
    /// The session, if it lives.
    pub(super) session: Option<Session>,
}

/// A token that can be exchanged.
#[derive(Debug)]
pub(super) struct Good {
    pub(super) grant: RefreshGrant,
    pub(super) generation: i64,
    pub(super) user: User,
    pub(super) session: Option<Session>,
    /// What is asked for of that which was granted.
    pub(super) scope: String,
}

/// Why a token cannot be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is worth nothing, for this reason.
    Token(&'static str),
    /// It was used before: the client or a thief has a later one.
    Reused,
    /// More was asked for than was granted.
    Scope,
}

impl Fault {
    /// No grant has such a token.
    pub(super) const UNKNOWN: Self = Self::Token("the refresh token is not known");

    /// What is wrong, for the app's developer.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Token(why) => why,
            Self::Reused => "the refresh token was used before, so all of its family are revoked",
            Self::Scope => "the scope has more in it than was granted",
        }
    }
}

/// Who shows a token, when, and what for.
pub(super) struct Showing<'s> {
    pub(super) client: &'s Client,
    pub(super) scope: Option<&'s str>,
    pub(super) rules: &'s RefreshTokenRules,
    pub(super) now: Timestamp,
}

impl Showing<'_> {
    /// Judges what a token leads to.
    pub(super) fn judge(&self, found: Found) -> Result<Good, Fault> {
        let Found {
            grant,
            generation,
            user,
            session,
        } = found;
        self.judge_grant(&grant)?;
        let generation = generation.filter(|it| grant.accepts(*it, self.rules.leeway, self.now));
        let generation = generation.ok_or(Fault::Reused)?;
        if session.is_none() && grant.access == RefreshAccess::Online {
            return Err(Fault::Token("the session has ended"));
        }
        let user = user.filter(|user| !user.blocked);
        let user = user.ok_or(Fault::Token("the user may not sign in"))?;
        if user.password_version != grant.password_version {
            return Err(Fault::Token("the password was changed"));
        }
        let scope = narrowed(&grant.scope, self.scope).ok_or(Fault::Scope)?;
        Ok(Good {
            grant,
            generation,
            user,
            session,
            scope,
        })
    }

    fn judge_grant(&self, grant: &RefreshGrant) -> Result<(), Fault> {
        // A client that was made anew under an old id inherits nothing.
        if grant.client != self.client.id || grant.created_at < self.client.created_at {
            return Err(Fault::Token(
                "the refresh token was issued to another client",
            ));
        }
        if grant.revoked_at.is_some() {
            return Err(Fault::Token("the refresh token was revoked"));
        }
        if grant.is_expired(self.now) {
            return Err(Fault::Token("the refresh token has expired"));
        }
        Ok(())
    }
}

/// The asked-for ones of the granted scopes; `None` if others were asked for (RFC 6749 §6).
fn narrowed(granted: &str, asked: Option<&str>) -> Option<String> {
    let Some(asked) = asked else {
        return Some(granted.to_owned());
    };
    let asked: Vec<&str> = asked.split_ascii_whitespace().collect();
    let granted: Vec<&str> = granted.split(' ').collect();
    if asked.iter().any(|one| !granted.contains(one)) {
        return None;
    }
    let kept: Vec<&str> = granted
        .into_iter()
        .filter(|one| asked.contains(one))
        .collect();
    Some(kept.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_can_be_left_out_and_not_added() {
        let granted = "openid email offline_access";
        assert_eq!(narrowed(granted, None).as_deref(), Some(granted));
        assert_eq!(
            narrowed(granted, Some("email  openid")).as_deref(),
            Some("openid email")
        );
        assert_eq!(narrowed(granted, Some("openid profile")), None);
    }
}

//! Why a session ended, or why clients are told although it lives on.
//!
//! The ten names are Auth0's and go over the wire as written. What each of them ends is decided
//! in `logout/`; which clients want to hear of it is decided in `logout_settings.rs`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The event that a logout token reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initiator {
    /// The person signed out at a relying party (RP-Initiated Logout 1.0).
    RpLogout,
    /// An upstream identity provider ended the session.
    IdpLogout,
    /// The person's password was changed.
    PasswordChanged,
    /// The session reached its absolute or idle end.
    SessionExpired,
    /// An administrator, the API or an Action revoked the session.
    SessionRevoked,
    /// The user was deleted.
    AccountDeleted,
    /// The user's e-mail address was changed.
    EmailIdentifierChanged,
    /// The user removed a phone used as second factor.
    MfaPhoneUnenrolled,
    /// The user was blocked.
    AccountDeactivated,
    /// The user's name, nickname, picture or phone was changed.
    ProfileChanged,
}

impl Initiator {
    /// All initiators, in the order of Auth0's documentation.
    pub const ALL: [Self; 10] = [
        Self::RpLogout,
        Self::IdpLogout,
        Self::PasswordChanged,
        Self::SessionExpired,
        Self::SessionRevoked,
        Self::AccountDeleted,
        Self::EmailIdentifierChanged,
        Self::MfaPhoneUnenrolled,
        Self::AccountDeactivated,
        Self::ProfileChanged,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RpLogout => "rp-logout",
            Self::IdpLogout => "idp-logout",
            Self::PasswordChanged => "password-changed",
            Self::SessionExpired => "session-expired",
            Self::SessionRevoked => "session-revoked",
            Self::AccountDeleted => "account-deleted",
            Self::EmailIdentifierChanged => "email-identifier-changed",
            Self::MfaPhoneUnenrolled => "mfa-phone-unenrolled",
            Self::AccountDeactivated => "account-deactivated",
            Self::ProfileChanged => "profile-changed",
        }
    }

    /// Whether clients hear as well that were not told when a session of the user ended before.
    pub fn tells_remembered(self) -> bool {
        matches!(
            self,
            Self::AccountDeleted | Self::AccountDeactivated | Self::PasswordChanged
        )
    }

    /// Whether the issuer's session ends; otherwise clients that name the initiator are told
    /// and leave the session, which lives on.
    pub fn ends_session(self) -> bool {
        !matches!(self, Self::ProfileChanged | Self::MfaPhoneUnenrolled)
    }
}

impl fmt::Display for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no initiator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown initiator \"{0}\"; known are rp-logout, idp-logout, password-changed, \
     session-expired, session-revoked, account-deleted, email-identifier-changed, \
     mfa-phone-unenrolled, account-deactivated, profile-changed"
)]
pub struct UnknownInitiator(pub String);

impl FromStr for Initiator {
    type Err = UnknownInitiator;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|initiator| initiator.as_str() == name)
            .ok_or_else(|| UnknownInitiator(name.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_to_its_initiator() {
        for initiator in Initiator::ALL {
            assert_eq!(initiator.as_str().parse(), Ok(initiator));
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_list_of_known_ones() {
        let error = "rp_logout".parse::<Initiator>().unwrap_err().to_string();
        assert!(
            error.contains("\"rp_logout\"") && error.contains("session-revoked"),
            "{error}"
        );
    }
}

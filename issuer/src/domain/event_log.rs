//! Stored, customer-visible history: who signed in, which client was told, what failed.
//!
//! Codes are Auth0's (`s`, `f`, `slo`, `oidc_backchannel_logout_succeeded`, …), so that a reader
//! who knows them is at home. Records hold no token, secret or password.

use logout_shared::{ClientId, Subject, Timestamp};
use serde_json::Value;

use super::delivery::DeliveryId;

/// One record, not yet numbered; the store gives it the id that it is known by.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEvent {
    /// When it happened.
    pub date: Timestamp,
    /// The kind of event.
    pub code: LogCode,
    /// One sentence for people.
    pub description: String,
    /// The client concerned.
    pub client: Option<ClientId>,
    /// That client's name at the time.
    pub client_name: Option<String>,
    /// The user concerned.
    pub user: Option<Subject>,
    /// That user's name or e-mail address at the time.
    pub user_name: Option<String>,
    /// The delivery whose attempt this is about.
    pub delivery: Option<DeliveryId>,
    /// The caller's address.
    pub ip: Option<String>,
    /// The caller's `User-Agent`.
    pub user_agent: Option<String>,
    /// What belongs to this kind of event.
    pub details: Value,
}

impl LogEvent {
    /// A record with a code and a sentence, and nothing else yet.
    pub fn new(code: LogCode, description: impl Into<String>, date: Timestamp) -> Self {
        Self {
            date,
            code,
            description: description.into(),
            client: None,
            client_name: None,
            user: None,
            user_name: None,
            delivery: None,
            ip: None,
            user_agent: None,
            details: Value::Null,
        }
    }
}

/// The kinds of event that this issuer records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogCode {
    /// A login succeeded.
    LoginSucceeded,
    /// A login failed.
    LoginFailed,
    /// A login failed for a wrong password.
    WrongPassword,
    /// A login failed for an unknown user.
    UnknownUser,
    /// A silent authentication succeeded.
    SilentAuthenticationSucceeded,
    /// A silent authentication failed.
    SilentAuthenticationFailed,
    /// A code was exchanged for tokens.
    CodeExchanged,
    /// A code could not be exchanged.
    CodeExchangeFailed,
    /// A refresh token was exchanged for tokens.
    RefreshTokenExchanged,
    /// A refresh token could not be exchanged.
    RefreshTokenExchangeFailed,
    /// A refresh token was used a second time.
    RotatingRefreshTokenFailed,
    /// A client gave its refresh token back.
    RefreshTokenRevoked,
    /// A client was given a token of its own.
    ClientCredentialsExchanged,
    /// A client was refused a token of its own.
    ClientCredentialsExchangeFailed,
    /// A user signed out.
    LogoutSucceeded,
    /// A sign-out failed.
    LogoutFailed,
    /// A session was revoked through the API, the command line or an Action.
    SessionRevoked,
    /// A client heard of the end of a session.
    BackchannelLogoutSucceeded,
    /// An attempt to tell a client failed.
    BackchannelLogoutFailed,
    /// The Management API changed something.
    ApiOperation,
    /// The Management API gave out a secret.
    ApiRead,
    /// A caller of the Management API was held to its rate limit.
    ApiLimit,
    /// A user was made.
    UserCreated,
    /// A user could not be made.
    UserCreationFailed,
    /// A password was changed.
    PasswordChanged,
    /// A password could not be changed.
    PasswordChangeFailed,
    /// An e-mail address was changed.
    EmailChanged,
    /// An e-mail address could not be changed.
    EmailChangeFailed,
    /// A phone number was changed.
    PhoneChanged,
    /// A user was deleted.
    UserDeleted,
    /// A user could not be deleted.
    UserDeletionFailed,
    /// Logins to an account failed so often that no more are looked at for a while.
    AccountHeld,
    /// Logins from an address failed so often that no more are looked at for a while.
    AddressHeld,
    /// An Action failed, and with it a login.
    ActionsExecutionFailed,
    /// A warning during a login.
    Warning,
}

impl LogCode {
    /// The code on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoginSucceeded => "s",
            Self::LoginFailed => "f",
            Self::WrongPassword => "fp",
            Self::UnknownUser => "fu",
            Self::SilentAuthenticationSucceeded => "ssa",
            Self::SilentAuthenticationFailed => "fsa",
            Self::CodeExchanged => "seacft",
            Self::CodeExchangeFailed => "feacft",
            Self::RefreshTokenExchanged => "sertft",
            Self::RefreshTokenExchangeFailed => "fertft",
            Self::RotatingRefreshTokenFailed => "ferrt",
            Self::RefreshTokenRevoked => "srrt",
            Self::ClientCredentialsExchanged => "seccft",
            Self::ClientCredentialsExchangeFailed => "feccft",
            Self::LogoutSucceeded => "slo",
            Self::LogoutFailed => "flo",
            Self::SessionRevoked => "session_revoked",
            Self::BackchannelLogoutSucceeded => "oidc_backchannel_logout_succeeded",
            Self::BackchannelLogoutFailed => "oidc_backchannel_logout_failed",
            Self::ApiOperation => "sapi",
            Self::ApiRead => "mgmt_api_read",
            Self::ApiLimit => "api_limit",
            Self::UserCreated => "ss",
            Self::UserCreationFailed => "fs",
            Self::PasswordChanged => "scp",
            Self::PasswordChangeFailed => "fcp",
            Self::EmailChanged => "sce",
            Self::EmailChangeFailed => "fce",
            Self::PhoneChanged => "scpn",
            Self::UserDeleted => "sdu",
            Self::UserDeletionFailed => "fdu",
            Self::AccountHeld => "limit_wc",
            Self::AddressHeld => "limit_mu",
            Self::ActionsExecutionFailed => "actions_execution_failed",
            Self::Warning => "w",
        }
    }
}

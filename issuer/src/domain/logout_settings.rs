//! What one client wants to hear, where, and in what form.
//!
//! A URL here has passed the rules of Back-Channel Logout §2.2 in their strict reading; whether
//! its host may be called is decided by `egress/` at each attempt.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::initiator::Initiator;

/// How many back-channel logout URLs one client may have.
pub const MAX_LOGOUT_URLS: usize = 10;

/// How long one back-channel logout URL may be, in bytes.
pub const MAX_LOGOUT_URL_BYTES: usize = 2048;

/// The back-channel logout settings of one client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogoutSettings {
    /// Where logout tokens go; each URL is told on its own. Empty: nothing is sent.
    pub urls: Vec<LogoutUrl>,
    /// Which events are told; `None` means [`Initiator::RpLogout`] alone.
    pub initiators: Option<Initiators>,
    /// Whether the session's metadata travels in the token; `None` means no.
    pub include_session_metadata: Option<bool>,
    /// How deliveries to this client look.
    #[serde(default)]
    pub delivery: DeliverySettings,
}

impl LogoutSettings {
    /// Whether this client is told of events of this kind.
    ///
    /// `All` covers every initiator that ends a session; the two that end none must be named.
    pub fn wants(&self, initiator: Initiator) -> bool {
        match &self.initiators {
            None => initiator == Initiator::RpLogout,
            Some(Initiators::All) => initiator.ends_session(),
            Some(Initiators::Custom(named)) => named.contains(&initiator),
        }
    }

    /// Whether one token without `sid` may end all of a user's sessions at this client: it cannot
    /// carry what belongs to one session.
    pub fn accepts_subject_logout(&self) -> bool {
        self.delivery.subject_logout
            && !self.delivery.session_required
            && !self.includes_session_metadata()
    }

    /// Whether the session's metadata may travel in the token.
    pub fn includes_session_metadata(&self) -> bool {
        self.include_session_metadata.unwrap_or(false)
    }
}

/// The events that a client chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initiators {
    /// Every event that ends a session, also those that later versions add.
    All,
    /// The named ones, in the order given.
    Custom(Vec<Initiator>),
}

/// Settings of a client's deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliverySettings {
    /// The `typ` header of the token.
    pub token_type: TokenType,
    /// Lifetime of a token in seconds, 30 to 120.
    pub lifetime_seconds: u32,
    /// Whether the token names the subject.
    pub subject: SubjectInToken,
    /// Whether every token must carry `sid` (`backchannel_logout_session_required`).
    pub session_required: bool,
    /// Whether one token without `sid` may end all of a user's sessions.
    pub subject_logout: bool,
    /// How long a sign-out waits for the first answers, in milliseconds, 0 to 5000.
    pub wait_ms: u32,
    /// How long one attempt may take, in milliseconds, 500 to 10000.
    pub timeout_ms: u32,
}

impl DeliverySettings {
    /// The attempt's time limit as a duration.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.timeout_ms))
    }

    /// Checks every number against its range.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] names the first setting that is out of range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let ranges = [
            ("lifetime_seconds", self.lifetime_seconds, 30, 120),
            ("wait_ms", self.wait_ms, 0, MAX_WAIT_MS),
            ("timeout_ms", self.timeout_ms, 500, 10_000),
        ];
        for (setting, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                return Err(OutOfRange {
                    setting,
                    value,
                    min,
                    max,
                });
            }
        }
        Ok(())
    }
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            token_type: TokenType::LogoutJwt,
            lifetime_seconds: 120,
            subject: SubjectInToken::Auto,
            session_required: false,
            subject_logout: false,
            wait_ms: 250,
            timeout_ms: 5_000,
        }
    }
}

/// A delivery setting outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is {value}, must be from {min} to {max}")]
pub struct OutOfRange {
    /// The setting's name on the wire.
    pub setting: &'static str,
    /// The value given.
    pub value: u32,
    /// The smallest value allowed.
    pub min: u32,
    /// The largest value allowed.
    pub max: u32,
}

/// The `typ` header of logout tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TokenType {
    /// `logout+jwt`, as Back-Channel Logout §2.4 recommends.
    #[default]
    #[serde(rename = "logout+jwt")]
    LogoutJwt,
    /// `JWT`, for receivers that accept nothing else.
    #[serde(rename = "JWT")]
    Jwt,
}

impl TokenType {
    /// The header's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LogoutJwt => "logout+jwt",
            Self::Jwt => "JWT",
        }
    }
}

/// When a token that ends one session names its subject as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectInToken {
    /// Unless the user has another live session at the client: some receivers end every session
    /// of a subject they see.
    #[default]
    Auto,
    /// In every token.
    Always,
    /// In no token that has a `sid`.
    Never,
}

/// Which schemes a back-channel logout URL may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlPolicy {
    /// Whether `http` is allowed beside `https`.
    pub danger_allow_http: bool,
}

/// A checked back-channel logout URL, kept as it was written.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogoutUrl(String);

impl LogoutUrl {
    /// Checks a URL.
    ///
    /// # Errors
    ///
    /// [`LogoutUrlError`] names the rule that it breaks.
    pub fn parse(written: &str, policy: UrlPolicy) -> Result<Self, LogoutUrlError> {
        if written.len() > MAX_LOGOUT_URL_BYTES {
            return Err(LogoutUrlError::TooLong);
        }
        let url = Url::parse(written).map_err(|_| LogoutUrlError::NotAbsolute)?;
        match url.scheme() {
            "https" => {}
            "http" if policy.danger_allow_http => {}
            _ => return Err(LogoutUrlError::NotHttps),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(LogoutUrlError::NotAbsolute);
        }
        // Back-Channel Logout §2.2: the URI must not include a fragment.
        if url.fragment().is_some() {
            return Err(LogoutUrlError::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(LogoutUrlError::Userinfo);
        }
        Ok(Self(written.to_owned()))
    }

    /// Takes a URL that was checked before it was stored.
    pub fn from_stored(written: String) -> Self {
        Self(written)
    }

    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LogoutUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for LogoutUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The rule that a back-channel logout URL breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutUrlError {
    /// Longer than [`MAX_LOGOUT_URL_BYTES`].
    #[error("must be at most 2048 bytes")]
    TooLong,
    /// Not an absolute URL with a host.
    #[error("must be an absolute URL")]
    NotAbsolute,
    /// Another scheme than the policy allows.
    #[error("must use https")]
    NotHttps,
    /// Has a `#fragment`.
    #[error("must not have a fragment")]
    Fragment,
    /// Has a user name or a password.
    #[error("must not have a user name or password")]
    Userinfo,
}

/// The longest that a sign-out waits for first answers, in milliseconds, whoever asks.
pub const MAX_WAIT_MS: u32 = 5_000;

/// The wait that the caller of a sign-out asks for, in place of what each client has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedWait(u32);

/// A wait that cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a wait is a number of milliseconds from 0 to {MAX_WAIT_MS}")]
pub struct InvalidWait;

impl AskedWait {
    /// A wait of this many milliseconds.
    ///
    /// # Errors
    ///
    /// [`InvalidWait`] beyond [`MAX_WAIT_MS`].
    pub fn from_millis(millis: u32) -> Result<Self, InvalidWait> {
        if millis > MAX_WAIT_MS {
            return Err(InvalidWait);
        }
        Ok(Self(millis))
    }

    /// The wait.
    pub fn duration(self) -> Duration {
        Duration::from_millis(u64::from(self.0))
    }
}

impl std::str::FromStr for AskedWait {
    type Err = InvalidWait;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `parse` takes a plus as well.
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidWait);
        }
        Self::from_millis(text.parse().map_err(|_| InvalidWait)?)
    }
}

#[cfg(test)]
#[path = "logout_settings_tests.rs"]
mod tests;

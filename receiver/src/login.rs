//! The app's side of a session: recorded at login, renewed, looked up, forgotten.
//!
//! What counts is in the ID Token: `sub`, `sid` and the `iat` that dates the session. The app's
//! OpenID client has verified it already; here it is only read, and refused when it is somebody
//! else's or no ID Token at all. Logouts are `backchannel_logout.rs`.

use logout_shared::{SessionId, Subject, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::backchannel_logout::BackchannelLogout;
use crate::error::StoreError;
use crate::session_index::{LocalSession, LocalSessionId, Login, LoginIdentity, Recorded, Scope};

/// Why a login was not recorded; the app must not begin the session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordLoginError {
    /// The claims do not serialize to a JSON object.
    #[error("the claims are not a JSON object")]
    NotAnObject,
    /// They are a logout token's.
    #[error("the claims have `events`: they are not an ID Token's")]
    NotAnIdToken,
    /// They come from another issuer.
    #[error("the claims are not of issuer {0}")]
    OtherIssuer(String),
    /// They are for another client.
    #[error("the claims are not for client {0}")]
    OtherClient(String),
    /// A claim is missing or not what it should be.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// The user was logged out while they were signing in.
    #[error("the session was logged out before it began")]
    LoggedOut,
    /// The session index is out of reach.
    #[error("the session index is out of reach")]
    SessionIndex(#[from] StoreError),
}

impl BackchannelLogout {
    /// Files the app's new session under the ID Token that began it.
    ///
    /// `claims` is the verified ID Token's claim set in any form that serializes to it, such as
    /// `openidconnect`'s claims or a [`serde_json::Value`]. Call it before the session is handed
    /// out: of a login and a logout that cross, this call finds out.
    ///
    /// # Errors
    ///
    /// [`RecordLoginError`]; the app must then not begin the session.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use logout_receiver::BackchannelLogout;
    /// use serde_json::json;
    ///
    /// let logout =
    ///     BackchannelLogout::builder("https://issuer.example/", "client-id").in_memory().build()?;
    /// let claims = json!({
    ///     "iss": "https://issuer.example/", "aud": "client-id",
    ///     "sub": "alice", "sid": "08a5019c", "iat": 1_790_000_000,
    /// });
    /// logout.record_login(&claims, "local-session").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn record_login(
        &self,
        claims: &impl Serialize,
        local: impl Into<LocalSessionId>,
    ) -> Result<LoginIdentity, RecordLoginError> {
        let now = self.inner.clock.now();
        let expires_at = now + self.inner.settings.longest_session;
        self.record_login_until(claims, local, expires_at).await
    }

    /// As [`record_login`](Self::record_login), for a session that ends at `expires_at` by itself.
    ///
    /// # Errors
    ///
    /// [`RecordLoginError`]; the app must then not begin the session.
    pub async fn record_login_until(
        &self,
        claims: &impl Serialize,
        local: impl Into<LocalSessionId>,
        expires_at: Timestamp,
    ) -> Result<LoginIdentity, RecordLoginError> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let identity = self.login_identity(claims)?;
        let login = Login {
            scope: inner.scope.clone(),
            identity: identity.clone(),
            local: local.into(),
            // Beyond it the marks of a logout would be forgotten before the session.
            expires_at: expires_at.min(now + inner.settings.longest_session),
        };
        match inner.sessions.record_login(&login, now).await? {
            Recorded::Live => Ok(identity),
            Recorded::Ended => Err(RecordLoginError::LoggedOut),
        }
    }

    /// Reads from an ID Token's claims what dates and names a login, for cookie-only sessions.
    ///
    /// # Errors
    ///
    /// [`RecordLoginError`] if the claims are not an ID Token's of this issuer for this client.
    pub fn login_identity(
        &self,
        claims: &impl Serialize,
    ) -> Result<LoginIdentity, RecordLoginError> {
        let claims = serde_json::to_value(claims).map_err(|_| RecordLoginError::NotAnObject)?;
        read_identity(&claims, &self.inner.scope)
    }

    /// What is known of a local session now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the index cannot be asked; the session must then be refused.
    pub async fn session(
        &self,
        local: impl Into<LocalSessionId>,
    ) -> Result<LocalSession, StoreError> {
        let inner = &*self.inner;
        inner
            .sessions
            .find(&inner.scope, &local.into(), inner.clock.now())
            .await
    }

    /// Follows an app that gives a local session a new id, as many do after sign-in.
    ///
    /// Gives `false` when the old one is unknown or has ended: the new one must then not live.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the index cannot be told.
    pub async fn renew_session(
        &self,
        old: impl Into<LocalSessionId>,
        new: impl Into<LocalSessionId>,
    ) -> Result<bool, StoreError> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        inner
            .sessions
            .renew(&inner.scope, &old.into(), &new.into(), now)
            .await
    }

    /// Forgets a local session that the app ended by itself.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the index cannot be told.
    pub async fn forget_session(&self, local: impl Into<LocalSessionId>) -> Result<(), StoreError> {
        let inner = &*self.inner;
        inner.sessions.remove(&inner.scope, &[local.into()]).await
    }
}

fn read_identity(claims: &Value, scope: &Scope) -> Result<LoginIdentity, RecordLoginError> {
    let claims = claims.as_object().ok_or(RecordLoginError::NotAnObject)?;
    if claims.contains_key("events") {
        return Err(RecordLoginError::NotAnIdToken);
    }
    if claims.get("iss").and_then(Value::as_str) != Some(scope.issuer.as_str()) {
        return Err(RecordLoginError::OtherIssuer(scope.issuer.to_string()));
    }
    let client_id = scope.client_id.as_str();
    let addressed = match claims.get("aud") {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(many)) => many.iter().any(|one| one == client_id),
        _ => false,
    };
    if !addressed {
        return Err(RecordLoginError::OtherClient(client_id.to_owned()));
    }
    let sub = claims.get("sub").and_then(Value::as_str);
    let sub = sub.and_then(|sub| Subject::try_from(sub).ok());
    let sid = match claims.get("sid") {
        None | Some(Value::Null) => None,
        Some(sid) => Some(read_sid(sid).ok_or(RecordLoginError::Claim("sid"))?),
    };
    Ok(LoginIdentity {
        sub: sub.ok_or(RecordLoginError::Claim("sub"))?,
        sid,
        issued_at_secs: claims
            .get("iat")
            .and_then(whole_secs)
            .ok_or(RecordLoginError::Claim("iat"))?,
    })
}

fn read_sid(sid: &Value) -> Option<SessionId> {
    SessionId::try_from(sid.as_str()?).ok()
}

/// A `NumericDate` may have a fraction; the whole second counts, as in logout tokens.
fn whole_secs(number: &Value) -> Option<i64> {
    if let Some(secs) = number.as_i64() {
        return Some(secs);
    }
    let secs = number.as_f64()?.floor();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounded to four-digit years"
    )]
    (0.0..MAX_SECS).contains(&secs).then_some(secs as i64)
}

/// The end of the year 9999.
const MAX_SECS: f64 = 253_402_300_800.0;

//! What axum apps get on top: routes to merge, and an extractor for the current session.
//!
//! The endpoint and the layer behind them are framework-free; other frameworks use those directly.

use std::fmt;

use axum::Router;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use super::CurrentSession;
use crate::backchannel_logout::BackchannelLogout;

impl BackchannelLogout {
    /// A router with the logout endpoint at `path`, to be merged into the app's own.
    ///
    /// # Panics
    ///
    /// If `path` is not a route as axum understands it: it must begin with a slash.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::Router;
    /// use logout_receiver::BackchannelLogout;
    ///
    /// let logout = BackchannelLogout::builder("https://issuer.example/", "client-id")
    ///     .in_memory()
    ///     .build()?;
    /// let app: Router = Router::new().merge(logout.routes("/backchannel-logout"));
    /// # Ok::<(), logout_receiver::BuildError>(())
    /// ```
    pub fn routes<S>(&self, path: &str) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        Router::new().route_service(path, self.endpoint())
    }
}

impl<S: Sync> FromRequestParts<S> for CurrentSession {
    type Rejection = SessionMissing;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, SessionMissing> {
        parts
            .extensions
            .get::<CurrentSession>()
            .cloned()
            .ok_or(SessionMissing)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for CurrentSession {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get::<CurrentSession>().cloned())
    }
}

/// A handler asked for the current session on a request that has none.
///
/// Behind [`RequireSession`](super::RequireSession) this cannot happen unless the layer lets
/// requests without a session through; without the layer it always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionMissing;

impl fmt::Display for SessionMissing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the request has no live session")
    }
}

impl std::error::Error for SessionMissing {}

impl IntoResponse for SessionMissing {
    fn into_response(self) -> Response {
        (StatusCode::UNAUTHORIZED, self.to_string()).into_response()
    }
}

//! Errors of the OAuth endpoints, in the form of RFC 6749 §5.2 and RFC 6750 §3.
//!
//! The other dialect, that of the Management API, is in `api_error.rs`.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal in words that OAuth clients know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OAuthError {
    status: StatusCode,
    code: &'static str,
    description: String,
    challenge: Option<Challenge>,
}

/// What the client should authenticate with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { tells_error: bool },
}

impl OAuthError {
    /// A refusal with any status and code.
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        description: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            description: description.into(),
            challenge: None,
        }
    }

    /// The request makes no sense.
    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// The code or refresh token is not good.
    pub(super) fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", description)
    }

    /// The client did not prove itself. One that tried basic authentication is told the scheme.
    pub(super) fn invalid_client(tried_basic: bool) -> Self {
        let text = "the client is unknown or its credentials are wrong";
        let error = Self::new(StatusCode::UNAUTHORIZED, "invalid_client", text);
        Self {
            challenge: tried_basic.then_some(Challenge::Basic),
            ..error
        }
    }

    /// The bearer token is missing; RFC 6750 §3.1 wants no error code then.
    pub(super) fn no_bearer() -> Self {
        let error = Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "no access token was sent",
        );
        Self {
            challenge: Some(Challenge::Bearer { tells_error: false }),
            ..error
        }
    }

    /// The bearer token is not good.
    pub(super) fn invalid_token(description: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::UNAUTHORIZED, "invalid_token", description);
        Self {
            challenge: Some(Challenge::Bearer { tells_error: true }),
            ..error
        }
    }

    /// The bearer token does not allow this.
    pub(super) fn insufficient_scope(description: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::FORBIDDEN, "insufficient_scope", description);
        Self {
            challenge: Some(Challenge::Bearer { tells_error: true }),
            ..error
        }
    }

    /// Something failed on our side; the reason is logged, not told.
    pub(super) fn server_error(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "an OAuth request failed: {error}");
        let text = "something went wrong on our side";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", text)
    }

    fn challenge(&self) -> Option<String> {
        Some(match self.challenge? {
            Challenge::Basic => "Basic realm=\"issuer\", charset=\"UTF-8\"".to_owned(),
            Challenge::Bearer { tells_error: false } => "Bearer realm=\"issuer\"".to_owned(),
            Challenge::Bearer { tells_error: true } => {
                format!("Bearer realm=\"issuer\", error=\"{}\"", self.code)
            }
        })
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "error_description": self.description });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        if let Some(challenge) = self.challenge() {
            let value = HeaderValue::try_from(challenge).expect("codes are printable ASCII");
            headers.insert(WWW_AUTHENTICATE, value);
        }
        response
    }
}

//! The errors of the Management API, in Auth0's form.
//!
//! Every endpoint under `/api/v2` fails with `{statusCode, error, message, errorCode}`; SDKs and
//! command lines of Auth0 read these members and some of the texts, so the texts are part of the
//! contract. This is the only place that turns "no such session" into 404. A failure of the
//! server is logged here, once, and told to the caller without its cause.
//! Neighbours: `oauth_error.rs` is the dialect of RFC 6749, `dialect.rs` that of the router itself.

use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::delivery::ResendError;
use crate::logout::EndSessionError;
use crate::storage::StorageError;

/// Why a call of the Management API was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// No bearer token.
    #[error("Missing authentication")]
    MissingToken,
    /// A token that is not one of ours for this API.
    #[error("Invalid token")]
    InvalidToken,
    /// A token whose time is over.
    #[error("Expired token received for JSON Web Token validation")]
    ExpiredToken,
    /// A token without the scope; any of these would do.
    #[error("Insufficient scope, expected any of: {}", .0.join(","))]
    InsufficientScope(Vec<&'static str>),
    /// A body that is not JSON; the message names line and column.
    #[error("Invalid request payload JSON format: {0}")]
    MalformedJson(#[source] serde_json::Error),
    /// A body that could not be read as what its media type says.
    #[error("Invalid request payload: {0}")]
    MalformedBody(&'static str),
    /// A body of a media type that the endpoint does not take.
    #[error("Unsupported Media Type")]
    UnsupportedMediaType,
    /// A body over the limit, in bytes.
    #[error("Payload content length greater than maximum allowed: {0}")]
    PayloadTooLarge(usize),
    /// A property, parameter or path that breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Session metadata that breaks a rule; the text is the contract's.
    #[error("{0}")]
    InvalidMetadata(String),
    /// No such path.
    #[error("Not Found")]
    NotFound,
    /// No such session, or it has ended.
    #[error("The session does not exist.")]
    SessionNotFound,
    /// No such user.
    #[error("The user does not exist.")]
    UserNotFound,
    /// No such client.
    #[error("The client does not exist")]
    ClientNotFound,
    /// No such delivery.
    #[error("The logout delivery does not exist.")]
    DeliveryNotFound,
    /// No such endpoint.
    #[error("The logout endpoint does not exist.")]
    EndpointNotFound,
    /// Nothing of the kind that the path names, and the name of that error, if it has one.
    #[error("{0}")]
    Missing(&'static str, Option<&'static str>),
    /// This server was built without what the path is about.
    #[error("{0}")]
    NotImplemented(&'static str),
    /// No such record of the event log.
    #[error("Log not found.")]
    LogNotFound,
    /// A page past the last record that a search reaches.
    #[error(
        "You can only page through the first {0} records. Narrow the search, or read on from a \
         record with \"from\" and \"take\"."
    )]
    PastReach(u32),
    /// A query that has more bytes than this.
    #[error("URI Too Long: the query has more than {0} bytes")]
    UriTooLong(usize),
    /// Something with this name or id exists.
    #[error("{0}")]
    Conflict(&'static str),
    /// More of these calls than are taken; the next is in this time.
    #[error("Too many requests. Try again in {} s.", .0.as_secs())]
    TooManyRequests(Duration),
    /// More calls than the rate limit takes; the next one is taken after this time.
    #[error(
        "Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and \
         X-RateLimit-Reset headers."
    )]
    RateLimited(Duration),
    /// The server failed; the cause is in its log only.
    #[error("An internal server error occurred")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// A failure of the server itself.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::MissingToken | Self::InvalidToken | Self::ExpiredToken => {
                StatusCode::UNAUTHORIZED
            }
            Self::InsufficientScope(_) => StatusCode::FORBIDDEN,
            Self::MalformedJson(_)
            | Self::MalformedBody(_)
            | Self::Invalid(_)
            | Self::InvalidMetadata(_)
            | Self::PastReach(_) => StatusCode::BAD_REQUEST,
            Self::UriTooLong(_) => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::PayloadTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound
            | Self::SessionNotFound
            | Self::UserNotFound
            | Self::ClientNotFound
            | Self::DeliveryNotFound
            | Self::EndpointNotFound
            | Self::LogNotFound
            | Self::Missing(..) => StatusCode::NOT_FOUND,
            Self::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooManyRequests(_) | Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable name of the kind of error; some kinds have none.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::InsufficientScope(_) => Some("insufficient_scope"),
            Self::MalformedJson(_) | Self::MalformedBody(_) | Self::InvalidMetadata(_) => {
                Some("invalid_body")
            }
            Self::Invalid(invalid) => Some(invalid.place.code()),
            Self::SessionNotFound => Some("inexistent_session"),
            Self::UserNotFound => Some("inexistent_user"),
            Self::ClientNotFound => Some("inexistent_client"),
            Self::DeliveryNotFound => Some("inexistent_logout_delivery"),
            Self::EndpointNotFound => Some("inexistent_logout_endpoint"),
            Self::Missing(_, code) => *code,
            Self::NotImplemented(_) => Some("feature_not_enabled"),
            Self::TooManyRequests(_) | Self::RateLimited(_) => Some("too_many_requests"),
            Self::LogNotFound => Some("inexistent_log"),
            Self::PastReach(_) => Some("invalid_paging"),
            Self::MissingToken
            | Self::InvalidToken
            | Self::ExpiredToken
            | Self::UnsupportedMediaType
            | Self::PayloadTooLarge(_)
            | Self::NotFound
            | Self::UriTooLong(_)
            | Self::Conflict(_)
            | Self::Internal(_) => None,
        }
    }

    /// RFC 6750 §3: a caller that sent no token is told the scheme only.
    fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::MissingToken => Some("Bearer"),
            Self::InvalidToken | Self::ExpiredToken => Some("Bearer error=\"invalid_token\""),
            _ => None,
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        Self::internal(error)
    }
}

impl From<ResendError> for ApiError {
    fn from(error: ResendError) -> Self {
        match error {
            ResendError::NotFound(_) => Self::DeliveryNotFound,
            ResendError::Replaced(_) => Self::Conflict(
                "The logout delivery was replaced by one for each session; send those again.",
            ),
            error => Self::internal(error),
        }
    }
}

impl From<EndSessionError> for ApiError {
    fn from(error: EndSessionError) -> Self {
        match error {
            EndSessionError::NotFound(_) => Self::SessionNotFound,
            error => Self::internal(error),
        }
    }
}

/// The body of an error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Error)]
pub struct ErrorBody {
    /// The HTTP status.
    status_code: u16,
    /// Its name.
    error: &'static str,
    /// What is wrong.
    message: String,
    /// The stable name of the kind of error; some kinds have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Internal(cause) = &self {
            tracing::error!(
                error = &**cause as &dyn std::error::Error,
                "management call failed"
            );
        }
        let status = self.status();
        let body = ErrorBody {
            status_code: status.as_u16(),
            error: status.canonical_reason().unwrap_or("Error"),
            message: self.to_string(),
            error_code: self.code(),
        };
        let mut response = (status, Json(body)).into_response();
        if let Self::TooManyRequests(wait) | Self::RateLimited(wait) = &self {
            // Rounded up: who comes back when told must not come too early.
            let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let secs = HeaderValue::from(secs);
            response.headers_mut().insert(RETRY_AFTER, secs);
        }
        if let Some(challenge) = self.challenge() {
            let value = HeaderValue::from_static(challenge);
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        response
    }
}

/// A part of a request that breaks a rule, told in Auth0's pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    place: Place,
    reason: String,
    property: Option<(String, &'static str)>,
}

/// The part of a request that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The body.
    Payload,
    /// The query of the URL.
    Query,
    /// The path of the URL.
    Path,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Payload => "Payload",
            Self::Query => "Query",
            Self::Path => "Path",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Payload => "invalid_body",
            Self::Query => "invalid_query_string",
            Self::Path => "invalid_uri",
        }
    }
}

impl Invalid {
    /// The whole of a place breaks a rule.
    pub fn whole(place: Place, reason: impl Into<String>) -> Self {
        Self {
            place,
            reason: reason.into(),
            property: None,
        }
    }

    /// One property breaks a rule; `description` says what the property is.
    pub fn property(
        place: Place,
        reason: impl Into<String>,
        path: impl Into<String>,
        description: &'static str,
    ) -> Self {
        Self {
            place,
            reason: reason.into(),
            property: Some((path.into(), description)),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} validation error: '{}'",
            self.place.name(),
            self.reason
        )?;
        match &self.property {
            None => f.write_str("."),
            Some((path, "")) => write!(f, " on property {path}."),
            Some((path, description)) => write!(f, " on property {path} ({description})."),
        }
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    async fn parts(error: ApiError) -> (StatusCode, Option<String>, Value) {
        let response = error.into_response();
        let challenge = response.headers().get(WWW_AUTHENTICATE);
        let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        let body = to_bytes(response.into_body(), 4096).await.unwrap();
        (status, challenge, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_scope_error_has_the_text_that_command_lines_split() {
        let error = ApiError::InsufficientScope(vec!["read:clients", "read:client_keys"]);
        let (status, challenge, body) = parts(error).await;
        assert_eq!((status, challenge), (StatusCode::FORBIDDEN, None));
        let wanted = json!({
            "statusCode": 403,
            "error": "Forbidden",
            "message": "Insufficient scope, expected any of: read:clients,read:client_keys",
            "errorCode": "insufficient_scope",
        });
        assert_eq!(body, wanted);
    }

    #[tokio::test]
    async fn authentication_errors_name_the_scheme_and_have_no_code() {
        for (error, message) in [
            (ApiError::MissingToken, "Missing authentication"),
            (ApiError::InvalidToken, "Invalid token"),
            (
                ApiError::ExpiredToken,
                "Expired token received for JSON Web Token validation",
            ),
        ] {
            let (status, challenge, body) = parts(error).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            assert!(challenge.is_some_and(|value| value.starts_with("Bearer")));
            let wanted = json!({"statusCode": 401, "error": "Unauthorized", "message": message});
            assert_eq!(body, wanted);
        }
    }

    #[tokio::test]
    async fn the_cause_of_a_failure_stays_in_the_log() {
        let cause = StorageError::new("reading a session", "disk I/O error at /secret/path");
        let (status, _, body) = parts(cause.into()).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!body.to_string().contains("secret"), "{body}");
    }

    #[test]
    fn a_broken_rule_is_told_with_place_property_and_description() {
        let invalid = Invalid::property(Place::Payload, "too long", "a.b[0]", "The b of a");
        let text = "Payload validation error: 'too long' on property a.b[0] (The b of a).";
        assert_eq!(invalid.to_string(), text);
        let invalid = Invalid::whole(Place::Query, "odd");
        assert_eq!(invalid.to_string(), "Query validation error: 'odd'.");
        assert_eq!(ApiError::from(invalid).code(), Some("invalid_query_string"));
    }
}

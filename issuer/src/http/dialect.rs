//! How a refusal that comes from the router itself looks: too large, too slow, not found, broken.
//!
//! The Management API answers in Auth0's error object, the OAuth endpoints in that of RFC 6749
//! §5.2, and a browser gets a page. Errors of handlers are theirs: `api_error.rs` and
//! `oauth_error.rs`.

use axum::body::Body;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use serde_json::json;

use super::api_error::ApiError;
use super::settings::MAX_BODY_BYTES;

/// Whom a part of the router talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Callers of the Management API.
    Management,
    /// Browsers and relying parties.
    OpenId,
}

/// What the router itself refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The body was not sent in time.
    TooSlow,
    /// The body is larger than allowed.
    TooLarge,
    /// The body broke off.
    Incomplete,
    /// A handler panicked.
    Broken,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::NotFound => "There is nothing at this address.",
            Self::MethodNotAllowed => "This address does not take this method.",
            Self::TooSlow => "The request body was not sent in time.",
            Self::TooLarge => "The request body is larger than 64 KiB.",
            Self::Incomplete => "The request body broke off.",
            Self::Broken => "Something went wrong on our side.",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Broken => "server_error",
            _ => "invalid_request",
        }
    }
}

/// Whether the caller is a browser that would show the answer to a person.
#[derive(Debug, Clone, Copy)]
pub(super) struct WantsPage(bool);

impl WantsPage {
    /// Reads it from the request's `Accept`.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        Self(accept.is_some_and(|accept| accept.contains("text/html")))
    }

    /// Reads it from a request.
    pub(super) fn of_request<B>(request: &Request<B>) -> Self {
        Self::of(request.headers())
    }
}

impl Dialect {
    /// The answer that tells the refusal.
    pub(super) fn refuse(self, refusal: Refusal, page: WantsPage) -> Response<Body> {
        if self == Self::Management && refusal == Refusal::TooLarge {
            return ApiError::PayloadTooLarge(MAX_BODY_BYTES).into_response();
        }
        let status = refusal.status();
        let reason = status.canonical_reason().unwrap_or("Error");
        let (kind, body) = match self {
            Self::Management => {
                let body = json!({
                    "statusCode": status.as_u16(),
                    "error": reason,
                    "message": refusal.message(),
                });
                ("application/json; charset=utf-8", body.to_string())
            }
            Self::OpenId if page.0 => (
                "text/html; charset=utf-8",
                self::page(reason, refusal.message()),
            ),
            Self::OpenId => {
                let body = json!({
                    "error": refusal.code(),
                    "error_description": refusal.message(),
                });
                ("application/json; charset=utf-8", body.to_string())
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// A page without style or script: it must work where nothing else does. The texts are ours.
fn page(title: &str, message: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title></head>\
         <body><main><h1>{title}</h1><p>{message}</p></main></body></html>\n"
    )
}

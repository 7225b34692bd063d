//! How a refusal that comes from the router itself looks: too large, too slow, not found, broken.
//!
//! The Management API answers in Auth0's error object, the OAuth endpoints in that of RFC 6749
//! §5.2, and a browser gets a page. Errors of handlers are theirs: `api_error.rs` and
//! `oauth_error.rs`.

use axum::Json;
use axum::http::header::{ACCEPT, CACHE_CONTROL};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use logout_shared::Issuer;
use serde_json::json;

use super::api_error::ApiError;
use super::pages::error_page;
use super::settings::{MAX_ACTION_BODY_BYTES, MAX_BODY_BYTES};

/// Whom a part of the router talks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Callers of the Management API.
    Management,
    /// Browsers and relying parties of this issuer.
    OpenId(Issuer),
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
    /// The body is larger than this many bytes.
    TooLarge(usize),
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
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "there is nothing at this address",
            Self::MethodNotAllowed => "this address does not take this method",
            Self::TooSlow => "the request body was not sent in time",
            Self::TooLarge(_) => "the request body is larger than 64 KiB",
            Self::Incomplete => "the request body broke off",
            Self::Broken => "something went wrong on our side",
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
}

impl Dialect {
    /// The largest body of a request to this path, in bytes.
    pub(super) fn max_body_bytes(&self, path: &str) -> usize {
        match self {
            Self::Management if is_or_is_under(path, "/actions/actions") => MAX_ACTION_BODY_BYTES,
            _ => MAX_BODY_BYTES,
        }
    }

    /// The answer that tells the refusal.
    pub(super) fn refuse(&self, refusal: Refusal, page: WantsPage) -> Response {
        if let (Self::Management, Refusal::TooLarge(limit)) = (self, refusal) {
            return ApiError::PayloadTooLarge(limit).into_response();
        }
        let status = refusal.status();
        let title = status.canonical_reason().unwrap_or("Error");
        let body = match self {
            Self::Management if refusal == Refusal::NotFound => {
                return ApiError::NotFound.into_response();
            }
            Self::Management => json!({
                "statusCode": status.as_u16(),
                "error": title,
                "message": sentence(refusal.reason()),
            }),
            Self::OpenId(issuer) if page.0 => {
                return error_page(issuer, status, title, refusal.reason());
            }
            Self::OpenId(_) => json!({
                "error": refusal.code(),
                "error_description": refusal.reason(),
            }),
        };
        (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
    }
}

fn is_or_is_under(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The reason with a capital and a full stop, as the Management API writes.
fn sentence(reason: &str) -> String {
    let (first, rest) = reason.split_at(1);
    format!("{}{rest}.", first.to_uppercase())
}

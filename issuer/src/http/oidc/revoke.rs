//! `/oauth/revoke`: a client gives a refresh token back (RFC 7009).
//!
//! The client proves itself as at the token endpoint. A token that is not known is answered like one
//! that was revoked: it is worth nothing in either case.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use logout_shared::Secret;

use super::browser::Browser;
use super::token::{Body, authenticated};
use crate::domain::event_log::LogCode;
use crate::http::oauth_error::OAuthError;
use crate::issuer::Issuer;
use crate::login::refresh::revoke::{Revocation, RevocationError, revoke_refresh_token};

/// The endpoint.
pub(super) async fn revoke(
    State(issuer): State<Issuer>,
    browser: Browser,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = async {
        let body = Body::read(&headers, &body)?;
        // The log has no code of its own for a token that could not be given back.
        let failed = (LogCode::RefreshTokenExchangeFailed, &browser.device);
        let client = authenticated(&issuer, &headers, &body, failed).await?;
        let missing = || OAuthError::invalid_request("the token is missing");
        let revocation = Revocation {
            client,
            token: Secret::new(body.token.ok_or_else(missing)?),
            device: browser.device,
        };
        let revoked = revoke_refresh_token(&issuer, revocation).await;
        revoked.map_err(|error| match error {
            RevocationError::AccessToken => OAuthError::new(
                StatusCode::BAD_REQUEST,
                "unsupported_token_type",
                error.to_string(),
            ),
            RevocationError::OtherClient => OAuthError::invalid_grant(error.to_string()),
            error => OAuthError::server_error(&error),
        })
    };
    match answer.await {
        Ok(()) => (StatusCode::OK, [(CACHE_CONTROL, "no-store")]).into_response(),
        Err(error) => error.into_response(),
    }
}

//! `/oauth/token` with `grant_type=refresh_token`: a refresh token against new tokens.

use axum::http::HeaderMap;
use logout_shared::Secret;
use serde_json::{Map, Value};

use super::browser::Browser;
use super::person_tokens;
use super::token::{Body, authenticated};
use crate::domain::event_log::LogCode;
use crate::http::oauth_error::OAuthError;
use crate::http::refresh_settings;
use crate::issuer::Issuer;
use crate::login::refresh::{RefreshExchange, exchange_refresh_token};

/// The grant.
pub(super) async fn by_refresh_token(
    issuer: &Issuer,
    browser: Browser,
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, OAuthError> {
    let failed = (LogCode::RefreshTokenExchangeFailed, &browser.device);
    let client = authenticated(issuer, headers, &body, failed).await?;
    let missing = || OAuthError::invalid_request("the refresh_token is missing");
    let exchange = RefreshExchange {
        rules: refresh_settings::rules(issuer, &client),
        client,
        token: Secret::new(body.refresh_token.ok_or_else(missing)?),
        scope: body.scope,
        device: browser.device,
    };
    let tokens = exchange_refresh_token(issuer, exchange)
        .await
        .map_err(|error| person_tokens::refused(&error))?;
    Ok(person_tokens::issued(&tokens))
}

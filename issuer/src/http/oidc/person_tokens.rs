//! What the token endpoint answers where a person signed in: for a code and for a refresh token.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::token::{answer, not_for_this_client};
use crate::http::oauth_error::OAuthError;
use crate::login::token::{ExchangeError, Tokens};

/// The tokens, by their names on the wire.
pub(super) fn issued(tokens: &Tokens) -> Map<String, Value> {
    let mut answer = answer(&tokens.access_token, &tokens.scope);
    if let Some(id_token) = &tokens.id_token {
        answer.insert("id_token".into(), json!(id_token));
    }
    if let Some(refresh_token) = &tokens.refresh_token {
        answer.insert("refresh_token".into(), json!(refresh_token.expose()));
    }
    answer
}

/// Why there are none.
pub(super) fn refused(error: &ExchangeError) -> OAuthError {
    let text = error.to_string();
    match error {
        ExchangeError::Grant(_) => not_for_this_client(error),
        ExchangeError::Refused(_) | ExchangeError::Denied(_) => OAuthError::invalid_grant(text),
        ExchangeError::Scope => OAuthError::new(StatusCode::BAD_REQUEST, "invalid_scope", text),
        ExchangeError::ClientKey(_) => OAuthError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            text,
        ),
        error => OAuthError::server_error(error),
    }
}

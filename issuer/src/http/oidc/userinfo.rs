//! `/userinfo`: what the app may know about the person (OpenID Connect Core §5.3).
//!
//! The access token comes in the header only. It is worth nothing once the session has ended.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::domain::user::User;
use crate::http::oauth_error::OAuthError;
use crate::issuer::Issuer;
use crate::login::access_token::{self, AccessToken};
use crate::login::profile;
use crate::storage::StorageError;

/// The endpoint.
pub(super) async fn show(State(issuer): State<Issuer>, headers: HeaderMap) -> Response {
    match load(&issuer, &headers).await {
        Ok(claims) => Json(Value::Object(claims)).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn load(issuer: &Issuer, headers: &HeaderMap) -> Result<Map<String, Value>, OAuthError> {
    let header = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let (scheme, token) = header
        .and_then(|header| header.split_once(' '))
        .ok_or_else(OAuthError::no_bearer)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(OAuthError::no_bearer());
    }
    let audience = access_token::userinfo_audience(issuer.id());
    let token = access_token::check(issuer, token.trim(), &audience, issuer.now())
        .map_err(|error| OAuthError::invalid_token(error.to_string()))?;
    if !token.scopes.iter().any(|scope| scope == "openid") {
        return Err(OAuthError::insufficient_scope(
            "the scope openid was not granted",
        ));
    }
    let user = find_user(issuer, &token)
        .await
        .map_err(|error| OAuthError::server_error(&error))?;
    let user = user.ok_or_else(|| OAuthError::invalid_token("the session has ended"))?;
    let mut claims = profile::claims(&user, &token.scopes.join(" "));
    claims.insert("sub".into(), json!(user.id));
    Ok(claims)
}

async fn find_user(issuer: &Issuer, token: &AccessToken) -> Result<Option<User>, StorageError> {
    let Some(session) = &token.session else {
        return Ok(None);
    };
    let mut snapshot = issuer.store().read().await?;
    match snapshot.find_session(session, issuer.now()).await? {
        Some(session) if session.user.as_str() == token.subject => {
            snapshot.find_user(&session.user).await
        }
        _ => Ok(None),
    }
}

//! `/userinfo`: what the app may know about the person (OpenID Connect Core §5.3).
//!
//! The access token comes in the header only. It is worth nothing once the session has ended, or
//! the refresh grant that it came from after the session's end.

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
    let over = || OAuthError::invalid_token("the session has ended or the access was revoked");
    let user = user.ok_or_else(over)?;
    let mut claims = profile::claims(&user, &token.scopes.join(" "));
    claims.insert("sub".into(), json!(user.id));
    Ok(claims)
}

async fn find_user(issuer: &Issuer, token: &AccessToken) -> Result<Option<User>, StorageError> {
    let (mut snapshot, now) = (issuer.store().read().await?, issuer.now());
    let user = match (&token.session, &token.grant) {
        (Some(session), _) => {
            let session = snapshot.find_session(session, now).await?;
            session.map(|session| session.user)
        }
        (None, Some(grant)) => {
            let grant = snapshot.find_refresh_grant(grant).await?;
            grant.filter(|it| it.is_live(now)).map(|grant| grant.user)
        }
        (None, None) => None,
    };
    match user.filter(|user| user.as_str() == token.subject) {
        Some(user) => snapshot.find_user(&user).await,
        None => Ok(None),
    }
}

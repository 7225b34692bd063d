//! Who calls the Management API, and what they may do.
//!
//! [`Bearer`] is in a handler's arguments or the handler does not run: it holds a caller whose
//! access token this issuer signed for this API. Each handler then names the scope it needs.
//! What a client was granted is read again at each call, so that a deleted client and a scope
//! that was taken away count from that moment, not from the token's end.
//! Neighbours: `login/token.rs` makes the tokens, `api_error.rs` has the texts of refusals.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use logout_shared::ClientId;

use super::AppState;
use super::api_error::ApiError;
use crate::domain::management_scope;
use crate::login::access_token::{self, AccessTokenError, management_audience};

/// A caller with a valid access token for the Management API.
#[derive(Debug, Clone)]
pub struct Bearer {
    client: ClientId,
    client_name: String,
    subject: String,
    scopes: Vec<String>,
}

impl Bearer {
    /// The client that the token was given to.
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// That client's name.
    pub fn client_name(&self) -> &str {
        &self.client_name
    }

    /// The token's `sub`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What the token allows and its client is still granted.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Whether the caller has a scope.
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Requires a scope.
    ///
    /// # Errors
    ///
    /// [`ApiError::InsufficientScope`] if the caller lacks it.
    pub fn require(&self, scope: &'static str) -> Result<(), ApiError> {
        self.require_any(&[scope])
    }

    /// Requires one of several scopes.
    ///
    /// # Errors
    ///
    /// [`ApiError::InsufficientScope`] if the caller has none of them.
    pub fn require_any(&self, scopes: &[&'static str]) -> Result<(), ApiError> {
        if scopes.iter().any(|scope| self.has(scope)) {
            Ok(())
        } else {
            Err(ApiError::InsufficientScope(scopes.to_vec()))
        }
    }

    /// Requires all of several scopes.
    ///
    /// # Errors
    ///
    /// [`ApiError::InsufficientScope`] with those that the caller lacks.
    pub fn require_all(&self, scopes: &[&'static str]) -> Result<(), ApiError> {
        let lacking: Vec<_> = scopes
            .iter()
            .copied()
            .filter(|scope| !self.has(scope))
            .collect();
        if lacking.is_empty() {
            Ok(())
        } else {
            Err(ApiError::InsufficientScope(lacking))
        }
    }
}

impl FromRequestParts<AppState> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        // The rate limit has looked at it before the handler.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let token = token_of(&parts.headers)?;
        let issuer = &state.issuer;
        let audience = management_audience(issuer.id());
        let access = access_token::check(issuer, token, &audience, issuer.now())
            .map_err(|error| refuse(&error))?;
        let client = issuer
            .store()
            .read()
            .await?
            .find_client(&access.client)
            .await?;
        let client = client.ok_or(ApiError::InvalidToken)?;
        let asked = access
            .scopes
            .iter()
            .map(|scope| management_scope::canonical(scope));
        let held = || {
            client
                .management_scopes
                .iter()
                .map(|held| management_scope::canonical(held))
        };
        let granted = |scope: &&str| held().any(|held| held == *scope);
        Ok(Self {
            scopes: asked.filter(granted).map(str::to_owned).collect(),
            client: client.id,
            client_name: client.name,
            subject: access.subject,
        })
    }
}

fn refuse(error: &AccessTokenError) -> ApiError {
    match error {
        AccessTokenError::Expired => ApiError::ExpiredToken,
        _ => ApiError::InvalidToken,
    }
}

/// The token of the one `Authorization` header (RFC 6750 §2.1); the query is not looked at.
fn token_of(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let line = lines.next().ok_or(ApiError::MissingToken)?;
    if lines.next().is_some() {
        return Err(ApiError::InvalidToken);
    }
    let line = line.to_str().map_err(|_| ApiError::InvalidToken)?;
    let (scheme, token) = line.split_once(' ').unwrap_or((line, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ApiError::MissingToken);
    }
    match token.trim_matches(' ') {
        "" => Err(ApiError::MissingToken),
        token => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_must_be_one_bearer() {
        let headers = |lines: &[&str]| {
            let lines = lines
                .iter()
                .map(|line| (AUTHORIZATION, line.parse().unwrap()));
            lines.collect::<HeaderMap>()
        };
        assert_eq!(token_of(&headers(&["bEARER  a.b.c "])).unwrap(), "a.b.c");
        for missing in [&[][..], &["Bearer"], &["Bearer  "], &["Basic abc"], &[""]] {
            assert!(matches!(
                token_of(&headers(missing)),
                Err(ApiError::MissingToken)
            ));
        }
        assert!(matches!(
            token_of(&headers(&["Bearer a", "Bearer b"])),
            Err(ApiError::InvalidToken)
        ));
    }
}

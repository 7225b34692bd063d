//! `/oauth/token`: codes and client credentials against tokens.
//!
//! The body is a form (RFC 6749) or, as Auth0's users write it, JSON. Faults of the client
//! credentials grant are told in Auth0's words, all others in those of RFC 6749 §5.2.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use logout_shared::Secret;
use serde_json::{Map, Value, json};

use super::browser::Browser;
use super::parameters::{Pairs, has_content_type};
use crate::domain::event_log::LogCode;
use crate::http::oauth_error::OAuthError;
use crate::issuer::Issuer;
use crate::login::access_token;
use crate::login::client_authentication::{ClientAuthenticationError, Credentials, Proof};
use crate::login::client_credentials::{self, ClientCredentialsError, ClientCredentialsRequest};
use crate::login::refused_client::authenticate_or_record;
use crate::login::token::{CodeExchange, ExchangeError, exchange_code};

const AUTHORIZATION_CODE: &str = "authorization_code";
const CLIENT_CREDENTIALS: &str = "client_credentials";

/// The endpoint.
pub(super) async fn exchange(
    State(issuer): State<Issuer>,
    browser: Browser,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = async {
        let body = Body::read(&headers, &body)?;
        match body.grant_type.as_deref() {
            Some(AUTHORIZATION_CODE) => by_code(&issuer, browser, &headers, body).await,
            Some(CLIENT_CREDENTIALS) => by_credentials(&issuer, browser, &headers, body).await,
            None => Err(OAuthError::invalid_request(
                "the parameter grant_type is missing",
            )),
            Some(_) => Err(OAuthError::new(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "the grant_type must be authorization_code or client_credentials",
            )),
        }
    };
    match answer.await {
        Ok(tokens) => {
            let never_keep = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
            (never_keep, Json(Value::Object(tokens))).into_response()
        }
        Err(error) => error.into_response(),
    }
}

async fn by_code(
    issuer: &Issuer,
    browser: Browser,
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, OAuthError> {
    let credentials = credentials(headers, &body)?;
    let client = authenticate_or_record(
        issuer,
        &credentials,
        LogCode::CodeExchangeFailed,
        &browser.device,
    )
    .await
    .map_err(|error| match error {
        ClientAuthenticationError::Refused => {
            OAuthError::invalid_client(matches!(credentials.proof, Proof::Basic(_)))
        }
        error => OAuthError::server_error(&error),
    })?;
    let code = body
        .code
        .ok_or_else(|| OAuthError::invalid_request("the code is missing"))?;
    let exchange = CodeExchange {
        client,
        code: Secret::new(code),
        redirect_uri: body.redirect_uri,
        verifier: body.code_verifier.map(Secret::new),
        device: browser.device,
    };
    let tokens = exchange_code(issuer, exchange)
        .await
        .map_err(|error| match error {
            ExchangeError::Grant => not_for_this_client(&error),
            ExchangeError::Code(why) => OAuthError::invalid_grant(why),
            ExchangeError::ClientKey(_) => OAuthError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                error.to_string(),
            ),
            error => OAuthError::server_error(&error),
        })?;
    let mut answer = answer(&tokens.access_token, &tokens.scope);
    if let Some(id_token) = tokens.id_token {
        answer.insert("id_token".into(), json!(id_token));
    }
    Ok(answer)
}

async fn by_credentials(
    issuer: &Issuer,
    browser: Browser,
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, OAuthError> {
    let denied = |status, text: String| OAuthError::new(status, "access_denied", text);
    let credentials = credentials(headers, &body)?;
    let client = authenticate_or_record(
        issuer,
        &credentials,
        LogCode::ClientCredentialsExchangeFailed,
        &browser.device,
    )
    .await
    .map_err(|error| match error {
        ClientAuthenticationError::Refused => {
            denied(StatusCode::UNAUTHORIZED, "Unauthorized".to_owned())
        }
        error => OAuthError::server_error(&error),
    })?;
    let request = ClientCredentialsRequest {
        client,
        audience: body.audience,
        scope: body.scope,
        device: browser.device,
    };
    let token = client_credentials::grant(issuer, request)
        .await
        .map_err(|error| match error {
            ClientCredentialsError::Grant => not_for_this_client(&error),
            ClientCredentialsError::Audience(_) | ClientCredentialsError::NotAuthorized { .. } => {
                denied(StatusCode::FORBIDDEN, error.to_string())
            }
            ClientCredentialsError::Scope(_) => {
                OAuthError::new(StatusCode::BAD_REQUEST, "invalid_scope", error.to_string())
            }
            error => OAuthError::server_error(&error),
        })?;
    Ok(answer(&token.access_token, &token.scope))
}

fn not_for_this_client(error: &dyn std::error::Error) -> OAuthError {
    OAuthError::new(
        StatusCode::BAD_REQUEST,
        "unauthorized_client",
        error.to_string(),
    )
}

fn answer(access_token: &str, scope: &str) -> Map<String, Value> {
    let members = [
        ("access_token", json!(access_token)),
        ("token_type", json!("Bearer")),
        ("expires_in", json!(access_token::LIFETIME.as_secs())),
        ("scope", json!(scope)),
    ];
    members
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

/// The request's parameters, by their names on the wire.
#[derive(Default)]
struct Body {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    audience: Option<String>,
    scope: Option<String>,
}

impl Body {
    const NAMES: [&str; 8] = [
        "grant_type",
        "client_id",
        "client_secret",
        "code",
        "redirect_uri",
        "code_verifier",
        "audience",
        "scope",
    ];

    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, OAuthError> {
        let pairs = if has_content_type(headers, "application/json") {
            Pairs::of_json(body, &Self::NAMES)
                .map_err(|error| OAuthError::invalid_request(format!("the body: {error}")))?
        } else {
            Pairs::of_form(headers, body)
                .map_err(|error| OAuthError::invalid_request(error.to_string()))?
        };
        let mut found = Self::default();
        let repeated = pairs.fill([
            ("grant_type", &mut found.grant_type),
            ("client_id", &mut found.client_id),
            ("client_secret", &mut found.client_secret),
            ("code", &mut found.code),
            ("redirect_uri", &mut found.redirect_uri),
            ("code_verifier", &mut found.code_verifier),
            ("audience", &mut found.audience),
            ("scope", &mut found.scope),
        ]);
        match repeated {
            None => Ok(found),
            Some(name) => {
                let text = format!("the parameter {name} was sent more than once");
                Err(OAuthError::invalid_request(text))
            }
        }
    }
}

/// What the client shows of itself, in exactly one place (RFC 6749 §2.3).
fn credentials(headers: &HeaderMap, body: &Body) -> Result<Credentials, OAuthError> {
    let in_body = body
        .client_secret
        .clone()
        .map(|secret| Proof::Post(Secret::new(secret)));
    let Some(header) = headers.get(AUTHORIZATION) else {
        let client_id = body.client_id.clone();
        let client_id = client_id.ok_or_else(|| OAuthError::invalid_client(false))?;
        return Ok(Credentials {
            client_id,
            proof: in_body.unwrap_or(Proof::Nothing),
        });
    };
    let (client_id, secret) = header
        .to_str()
        .ok()
        .and_then(basic)
        .ok_or_else(|| OAuthError::invalid_client(true))?;
    if in_body.is_some() || body.client_id.as_ref().is_some_and(|id| *id != client_id) {
        let text = "the client shows itself in the header and in the body";
        return Err(OAuthError::invalid_request(text));
    }
    Ok(Credentials {
        client_id,
        proof: Proof::Basic(Secret::new(secret)),
    })
}

/// Id and secret of a basic header; both are form-encoded inside (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id), form_decode(secret)))
}

fn form_decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded_inside() {
        let header = format!("Basic {}", STANDARD.encode("app%3A1:s+e%25c"));
        assert_eq!(
            basic(&header),
            Some(("app:1".to_owned(), "s e%c".to_owned()))
        );
        for bad in ["Bearer x", "Basic", "Basic !", "Basic YQ=="] {
            assert_eq!(basic(bad), None, "{bad}");
        }
    }
}

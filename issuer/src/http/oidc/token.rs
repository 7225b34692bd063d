//! `/oauth/token`: codes and client credentials against tokens; refresh tokens in `refresh.rs`.
//!
//! The body is a form (RFC 6749) or, as Auth0's users write it, JSON. Faults of the client
//! credentials grant are told in Auth0's words, all others in those of RFC 6749 §5.2.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use logout_shared::Secret;
use serde_json::{Map, Value, json};

use super::browser::Browser;
use super::client_proof::{self, ShownInBody};
use super::parameters::{Pairs, has_content_type};
use super::person_tokens;
use super::refresh::by_refresh_token;
use crate::domain::client::Client;
use crate::domain::event_log::LogCode;
use crate::domain::refresh_token::REFRESH_TOKEN_GRANT;
use crate::domain::session::Device;
use crate::http::oauth_error::OAuthError;
use crate::http::refresh_settings;
use crate::issuer::Issuer;
use crate::login::access_token;
use crate::login::client_authentication::{ClientAuthenticationError, Proof};
use crate::login::client_credentials::{self, ClientCredentialsError, ClientCredentialsRequest};
use crate::login::refused_client::authenticate_or_record;
use crate::login::token::{CodeExchange, exchange_code};

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
            Some(REFRESH_TOKEN_GRANT) => by_refresh_token(&issuer, browser, &headers, body).await,
            Some(CLIENT_CREDENTIALS) => by_credentials(&issuer, browser, &headers, body).await,
            None => Err(OAuthError::invalid_request(
                "the parameter grant_type is missing",
            )),
            Some(_) => Err(OAuthError::new(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "the grant_type must be authorization_code, refresh_token or client_credentials",
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
    let failed = (LogCode::CodeExchangeFailed, &browser.device);
    let client = authenticated(issuer, headers, &body, failed).await?;
    let code = body
        .code
        .ok_or_else(|| OAuthError::invalid_request("the code is missing"))?;
    let exchange = CodeExchange {
        rules: refresh_settings::rules(issuer, &client),
        client,
        code: Secret::new(code),
        redirect_uri: body.redirect_uri,
        verifier: body.code_verifier.map(Secret::new),
        device: browser.device,
    };
    let tokens = exchange_code(issuer, exchange)
        .await
        .map_err(|error| person_tokens::refused(&error))?;
    Ok(person_tokens::issued(&tokens))
}

/// The client of a request, as it proved itself; a refusal is recorded under that code.
pub(super) async fn authenticated(
    issuer: &Issuer,
    headers: &HeaderMap,
    body: &Body,
    (failed, device): (LogCode, &Device),
) -> Result<Client, OAuthError> {
    let credentials = client_proof::read(issuer, headers, &body.client)?;
    authenticate_or_record(issuer, &credentials, failed, device)
        .await
        .map_err(|error| match error {
            ClientAuthenticationError::Refused => {
                OAuthError::invalid_client(matches!(credentials.proof, Proof::Basic(_)))
            }
            error => OAuthError::server_error(&error),
        })
}

async fn by_credentials(
    issuer: &Issuer,
    browser: Browser,
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, OAuthError> {
    let denied = |status, text: String| OAuthError::new(status, "access_denied", text);
    let credentials = client_proof::read(issuer, headers, &body.client)?;
    let failed = LogCode::ClientCredentialsExchangeFailed;
    let client = authenticate_or_record(issuer, &credentials, failed, &browser.device)
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

pub(super) fn not_for_this_client(error: &dyn std::error::Error) -> OAuthError {
    OAuthError::new(
        StatusCode::BAD_REQUEST,
        "unauthorized_client",
        error.to_string(),
    )
}

pub(super) fn answer(access_token: &str, scope: &str) -> Map<String, Value> {
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
pub(super) struct Body {
    grant_type: Option<String>,
    client: ShownInBody,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    audience: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) refresh_token: Option<String>,
    pub(super) token: Option<String>,
}

impl Body {
    const NAMES: [&str; 12] = [
        "grant_type",
        "client_id",
        "client_secret",
        "client_assertion_type",
        "client_assertion",
        "code",
        "redirect_uri",
        "code_verifier",
        "audience",
        "scope",
        "refresh_token",
        "token",
    ];

    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, OAuthError> {
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
            ("client_id", &mut found.client.id),
            ("client_secret", &mut found.client.secret),
            ("client_assertion_type", &mut found.client.assertion_type),
            ("client_assertion", &mut found.client.assertion),
            ("code", &mut found.code),
            ("redirect_uri", &mut found.redirect_uri),
            ("code_verifier", &mut found.code_verifier),
            ("audience", &mut found.audience),
            ("scope", &mut found.scope),
            ("refresh_token", &mut found.refresh_token),
            ("token", &mut found.token),
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

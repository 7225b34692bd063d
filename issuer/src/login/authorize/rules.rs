//! The rules of an authorization request, against the client's registration.
//!
//! Pure functions over parameters and client; the order is that of trust: first where an answer
//! may go at all, then what is wrong with the rest.

use std::time::Duration;

use super::{
    AuthorizationRequest, AuthorizeError, Parameters, Prompt, REFRESH_SCOPES, RefusalCode,
    ResponseMode, ReturnAddress, USER_SCOPES, Untrusted,
};
use crate::domain::authorization::is_code_challenge;
use crate::domain::client::Client;
use crate::domain::refresh_token::refreshable_scope;

/// A fault found after the way back is known.
type Fault = (RefusalCode, &'static str);

/// Checks a request of this client.
pub(super) fn check(
    parameters: Parameters,
    client: Client,
) -> Result<AuthorizationRequest, AuthorizeError> {
    let redirect_uri = parameters
        .redirect_uri
        .clone()
        .ok_or(Untrusted::NoRedirectUri)?;
    // Letter by letter: any looser comparison has been an open redirect somewhere.
    if !client.callbacks.contains(&redirect_uri) {
        return Err(Untrusted::UnknownRedirectUri.into());
    }
    let mode = response_mode(parameters.response_mode.as_deref());
    let back = ReturnAddress {
        redirect_uri,
        state: parameters.state.clone(),
        mode: mode.unwrap_or(ResponseMode::Query),
    };
    let checked = check_form(&parameters)
        .and_then(|()| mode.map(|_| ()))
        .and_then(|()| check_challenge(&parameters, &client))
        .and_then(|()| check_grant(&client))
        .and_then(|()| Ok((prompt(parameters.prompt.as_deref())?, max_age(&parameters)?)));
    let (prompt, max_age) = match checked {
        Ok(checked) => checked,
        Err((code, text)) => return Err(AuthorizeError::refused(back, code, text)),
    };
    let scope = granted_scope(parameters.scope.as_deref().unwrap_or_default(), &client);
    Ok(AuthorizationRequest {
        client,
        back,
        scope,
        nonce: parameters.nonce,
        code_challenge: parameters.code_challenge,
        prompt,
        max_age,
        login_hint: parameters.login_hint,
        expected_user: None,
    })
}

fn check_form(parameters: &Parameters) -> Result<(), Fault> {
    use RefusalCode as Code;
    if parameters.repeated.is_some() {
        return Err((Code::InvalidRequest, "a parameter was sent more than once"));
    }
    if parameters.request.is_some() {
        return Err((
            Code::RequestNotSupported,
            "request objects are not supported",
        ));
    }
    if parameters.request_uri.is_some() {
        return Err((
            Code::RequestUriNotSupported,
            "request objects are not supported",
        ));
    }
    match parameters.response_type.as_deref() {
        Some("code") => Ok(()),
        None => Err((
            Code::InvalidRequest,
            "the parameter response_type is missing",
        )),
        Some(_) => Err((
            Code::UnsupportedResponseType,
            "the only response_type is code",
        )),
    }
}

fn response_mode(text: Option<&str>) -> Result<ResponseMode, Fault> {
    match text {
        None | Some("query") => Ok(ResponseMode::Query),
        Some("form_post") => Ok(ResponseMode::FormPost),
        Some(_) => {
            let text = "the response_mode must be query or form_post";
            Err((RefusalCode::InvalidRequest, text))
        }
    }
}

/// PKCE with S256 or, for clients that can keep a secret, none at all. A challenge without a
/// method means `plain` (RFC 7636 §4.3), which shows the verifier to whoever sees the request.
fn check_challenge(parameters: &Parameters, client: &Client) -> Result<(), Fault> {
    let method = parameters.code_challenge_method.as_deref();
    let fault = match parameters.code_challenge.as_deref() {
        Some(_) if method != Some("S256") => "the code_challenge_method must be S256",
        Some(challenge) if !is_code_challenge(challenge) => {
            "the code_challenge is not 43 characters of base64url"
        }
        None if method.is_some() => "the code_challenge is missing",
        None if !client.is_confidential() => {
            "this client has no secret and must send a code_challenge"
        }
        _ => return Ok(()),
    };
    Err((RefusalCode::InvalidRequest, fault))
}

fn check_grant(client: &Client) -> Result<(), Fault> {
    if client.may_use_grant("authorization_code") {
        return Ok(());
    }
    Err((
        RefusalCode::UnauthorizedClient,
        "this client may not use the authorization code grant",
    ))
}

fn prompt(text: Option<&str>) -> Result<Prompt, Fault> {
    let mut prompt = Prompt::WhenNeeded;
    let words: Vec<&str> = text.unwrap_or_default().split_ascii_whitespace().collect();
    for word in &words {
        match *word {
            "none" if words.len() == 1 => prompt = Prompt::Never,
            "login" | "select_account" => prompt = Prompt::Always,
            // Apps are registered by the operator: there is nothing to consent to.
            "consent" => {}
            _ => {
                let text = "the prompt must be none, or of login, consent and select_account";
                return Err((RefusalCode::InvalidRequest, text));
            }
        }
    }
    Ok(prompt)
}

fn max_age(parameters: &Parameters) -> Result<Option<Duration>, Fault> {
    let Some(text) = &parameters.max_age else {
        return Ok(None);
    };
    match text.parse() {
        Ok(secs) => Ok(Some(Duration::from_secs(secs))),
        Err(_) => Err((
            RefusalCode::InvalidRequest,
            "the max_age is not a number of seconds",
        )),
    }
}

/// The known ones among the requested scopes; unknown ones are ignored (OpenID Connect Core
/// §3.1.2.1). `offline_access` needs no consent of the person (Core §11), since apps are registered
/// by the operator.
fn granted_scope(requested: &str, client: &Client) -> String {
    let requested: Vec<&str> = requested.split_ascii_whitespace().collect();
    let granted: Vec<&str> = USER_SCOPES
        .into_iter()
        .chain(REFRESH_SCOPES)
        .filter(|scope| requested.contains(scope))
        .collect();
    refreshable_scope(&granted.join(" "), client)
}

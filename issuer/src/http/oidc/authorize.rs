//! `/authorize`: where an app sends a browser to have someone signed in.
//!
//! With a session in the browser the app gets its code at once; otherwise the browser goes on to
//! the login page with the same query. Nothing is stored in between.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::browser::Browser;
use super::parameters::Pairs;
use super::{AUTHORIZE, LOGIN, endpoint, return_to_app};
use crate::http::{cookies, pages};
use crate::issuer::Issuer;
use crate::login::authorize::{AuthorizeError, Parameters, Prompt, RefusalCode, load_request};
use crate::login::single_sign_on::{SignedOn, SingleSignOnError, single_sign_on};

/// The endpoint.
pub(super) async fn authorize(
    State(issuer): State<Issuer>,
    RawQuery(query): RawQuery,
    browser: Browser,
) -> Response {
    let request = match load_request(&issuer, parameters(query.as_deref())).await {
        Ok(request) => request,
        Err(error) => return reply(&issuer, &error),
    };
    let handle = browser.handle.as_ref();
    match single_sign_on(&issuer, &request, handle, &browser.device).await {
        Ok(Some(SignedOn { code, changed })) => {
            let mut response = return_to_app::with_code(issuer.id(), &request.back, &code);
            if let Some((session, handle)) = changed.zip(handle) {
                let cookie = cookies::set_handle(issuer.id(), handle, &session, issuer.now());
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Ok(None) if request.prompt == Prompt::Never => {
            let text = "the person has to sign in";
            let refused = request.refuse(RefusalCode::LoginRequired, text);
            return_to_app::with_refusal(issuer.id(), &refused)
        }
        Ok(None) => {
            let login = endpoint(issuer.id(), LOGIN);
            return_to_app::redirect(&format!("{login}?{}", query.unwrap_or_default()))
        }
        Err(SingleSignOnError::Denied(why)) => {
            let refused = request.refuse(RefusalCode::AccessDenied, why);
            return_to_app::with_refusal(issuer.id(), &refused)
        }
        Err(error) => pages::failure_page(issuer.id(), &error),
    }
}

/// The same request by POST (OpenID Connect Core §3.1.2.1).
///
/// A form on a foreign page comes without our cookie, so the browser is asked to come again.
pub(super) async fn repeat_as_get(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    repeat(&issuer, AUTHORIZE, &headers, &body)
}

/// Sends a posted form to our own address as a query.
pub(super) fn repeat(issuer: &Issuer, path: &str, headers: &HeaderMap, body: &[u8]) -> Response {
    let is_form = Pairs::of_form(headers, body);
    let query = url::form_urlencoded::parse(body);
    match is_form {
        Ok(_) => {
            let mut again = url::form_urlencoded::Serializer::new(String::new());
            again.extend_pairs(query);
            let address = endpoint(issuer.id(), path);
            return_to_app::redirect(&format!("{address}?{}", again.finish()))
        }
        Err(error) => {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            pages::error_page(
                issuer.id(),
                status,
                "This request makes no sense",
                &error.to_string(),
            )
        }
    }
}

/// Answers a request that cannot be acted on.
pub(super) fn reply(issuer: &Issuer, error: &AuthorizeError) -> Response {
    match error {
        AuthorizeError::Refused(refused) => return_to_app::with_refusal(issuer.id(), refused),
        AuthorizeError::Untrusted(why) => {
            let title = "You cannot sign in from here";
            pages::error_page(
                issuer.id(),
                StatusCode::BAD_REQUEST,
                title,
                &why.to_string(),
            )
        }
        AuthorizeError::Storage(error) => pages::failure_page(issuer.id(), error),
    }
}

/// Reads the request's parameters by their names on the wire.
pub(super) fn parameters(query: Option<&str>) -> Parameters {
    let mut found = Parameters::default();
    found.repeated = Pairs::of_query(query).fill([
        ("client_id", &mut found.client_id),
        ("redirect_uri", &mut found.redirect_uri),
        ("response_type", &mut found.response_type),
        ("response_mode", &mut found.response_mode),
        ("scope", &mut found.scope),
        ("state", &mut found.state),
        ("nonce", &mut found.nonce),
        ("prompt", &mut found.prompt),
        ("max_age", &mut found.max_age),
        ("login_hint", &mut found.login_hint),
        ("id_token_hint", &mut found.id_token_hint),
        ("code_challenge", &mut found.code_challenge),
        ("code_challenge_method", &mut found.code_challenge_method),
        ("request", &mut found.request),
        ("request_uri", &mut found.request_uri),
    ]);
    found
}

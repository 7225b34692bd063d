//! Sends the browser back to the app with the answer to its authorization request.
//!
//! Every answer names this issuer (RFC 9207), so that an app that trusts several cannot be made
//! to take a code to the wrong one.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use logout_shared::{Issuer, Secret};

use crate::http::pages::{self, FormPostPage};
use crate::login::authorize::{Refused, ResponseMode, ReturnAddress};

/// Answers with a code.
pub(super) fn with_code(issuer: &Issuer, back: &ReturnAddress, code: &Secret<String>) -> Response {
    answer(issuer, back, vec![("code", code.expose().clone())])
}

/// Answers with an error.
pub(super) fn with_refusal(issuer: &Issuer, refused: &Refused) -> Response {
    let error = vec![
        ("error", refused.code.as_str().to_owned()),
        (
            "error_description",
            refused.description.clone().into_owned(),
        ),
    ];
    answer(issuer, &refused.back, error)
}

fn answer(
    issuer: &Issuer,
    back: &ReturnAddress,
    mut parameters: Vec<(&'static str, String)>,
) -> Response {
    if let Some(state) = &back.state {
        parameters.push(("state", state.clone()));
    }
    parameters.push(("iss", issuer.to_string()));
    match back.mode {
        ResponseMode::Query => redirect(&extend(&back.redirect_uri, &parameters)),
        ResponseMode::FormPost => {
            let page = FormPostPage {
                stylesheet: pages::stylesheet(issuer),
                script: pages::submit_script(issuer),
                action: back.redirect_uri.clone(),
                parameters,
            };
            pages::page(StatusCode::OK, &page, &[&back.redirect_uri])
        }
    }
}

/// An address with parameters added, the rest of it letter by letter as it was.
pub(super) fn extend(address: &str, parameters: &[(&'static str, String)]) -> String {
    let joint = match address.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    format!("{address}{joint}{}", query.finish())
}

/// A redirect that turns every method into GET.
pub(super) fn redirect(address: &str) -> Response {
    match axum::http::HeaderValue::try_from(address) {
        Ok(address) => (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response(),
        // Registered addresses are printable ASCII; one that is not goes nowhere.
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_join_a_query_that_is_there() {
        let state = [("state", "a&b".to_owned())];
        for (address, extended) in [
            ("https://a.example", "https://a.example?state=a%26b"),
            ("https://a.example/cb?", "https://a.example/cb?state=a%26b"),
            (
                "https://a.example/cb?x=1",
                "https://a.example/cb?x=1&state=a%26b",
            ),
        ] {
            assert_eq!(extend(address, &state), extended);
        }
    }
}

//! The pages that people see: sign in, sign out, what went wrong.
//!
//! Rendered from `templates/`, with one stylesheet from `assets/` and no script but the one that
//! sends a waiting form on its way, which a button does as well. A page may load nothing else and
//! may send forms only to this issuer and to where the answer then leads: browsers hold the whole
//! chain of redirects against `form-action`.

use std::sync::LazyLock;

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_shared::Issuer;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::oidc::endpoint;

const STYLESHEET: &str = include_str!("../../assets/issuer.css");
const SUBMIT_SCRIPT: &str = include_str!("../../assets/submit.js");

/// Where the stylesheet is, below the issuer.
pub(super) const STYLESHEET_PATH: &str = "/assets/issuer.css";
/// Where the script is, below the issuer.
pub(super) const SUBMIT_SCRIPT_PATH: &str = "/assets/submit.js";

/// Changes with the assets, so that browsers may keep them for ever.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::new()
        .chain_update(STYLESHEET)
        .chain_update(SUBMIT_SCRIPT)
        .finalize();
    URL_SAFE_NO_PAD.encode(&digest[..6])
});

/// Sign in.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
pub(super) struct SignInPage {
    pub(super) stylesheet: String,
    pub(super) app: String,
    pub(super) action: String,
    pub(super) email: String,
    pub(super) fault: Option<String>,
}

/// Shall the session end?
#[derive(Debug, Template)]
#[template(path = "confirm_sign_out.html")]
pub(super) struct ConfirmSignOutPage {
    pub(super) stylesheet: String,
    pub(super) user: String,
    pub(super) action: String,
    pub(super) parameters: Vec<(&'static str, String)>,
}

/// The session has ended.
#[derive(Debug, Template)]
#[template(path = "signed_out.html")]
pub(super) struct SignedOutPage {
    pub(super) stylesheet: String,
}

/// An answer that travels to the app in a form.
#[derive(Debug, Template)]
#[template(path = "form_post.html")]
pub(super) struct FormPostPage {
    pub(super) stylesheet: String,
    pub(super) script: String,
    pub(super) action: String,
    pub(super) parameters: Vec<(&'static str, String)>,
}

/// Something is wrong.
#[derive(Debug, Template)]
#[template(path = "error.html")]
struct ErrorPage {
    stylesheet: String,
    title: String,
    message: String,
}

/// Where the stylesheet is.
pub(super) fn stylesheet(issuer: &Issuer) -> String {
    format!("{}?v={}", endpoint(issuer, STYLESHEET_PATH), *VERSION)
}

/// Where the script is.
pub(super) fn submit_script(issuer: &Issuer) -> String {
    format!("{}?v={}", endpoint(issuer, SUBMIT_SCRIPT_PATH), *VERSION)
}

/// A page; its forms may lead to `form_targets` besides this issuer.
pub(super) fn page(status: StatusCode, page: &impl Template, form_targets: &[&str]) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a page failed: {error}"
            );
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let targets: String = form_targets
        .iter()
        .filter_map(|target| source(target))
        .collect::<Vec<_>>()
        .join(" ");
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self' {targets}"
    );
    let policy = HeaderValue::try_from(policy.trim_end()).expect("sources are printable ASCII");
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Nothing for other sites. With `no-referrer` browsers would also hide the origin of our own
    // forms from us, which the protection against forged requests reads.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// A page that says what is wrong, in a sentence without its capital and full stop.
pub(super) fn error_page(
    issuer: &Issuer,
    status: StatusCode,
    title: &str,
    message: &str,
) -> Response {
    let mut letters = message.chars();
    let capital = letters.next().map(|first| first.to_uppercase().to_string());
    let message = format!("{}{}.", capital.unwrap_or_default(), letters.as_str());
    let stylesheet = stylesheet(issuer);
    page(
        status,
        &ErrorPage {
            stylesheet,
            title: title.to_owned(),
            message,
        },
        &[],
    )
}

/// The page for a failure on our side; the reason is logged, not told.
pub(super) fn failure_page(issuer: &Issuer, error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "a page could not be made: {error}");
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    error_page(
        issuer,
        status,
        "Something went wrong",
        "please try again in a moment",
    )
}

/// The stylesheet.
pub(super) async fn serve_stylesheet() -> Response {
    asset("text/css; charset=utf-8", STYLESHEET)
}

/// The script.
pub(super) async fn serve_submit_script() -> Response {
    asset("text/javascript; charset=utf-8", SUBMIT_SCRIPT)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let cache = "public, max-age=31536000, immutable";
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, cache)], text).into_response()
}

/// An address as a source of a Content Security Policy: its origin, or its scheme where the
/// policy's grammar has no word for it (IPv6 literals, schemes of native apps).
fn source(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    match url.host() {
        Some(url::Host::Domain(_) | url::Host::Ipv4(_)) if url.origin().is_tuple() => {
            Some(url.origin().ascii_serialization())
        }
        _ => Some(format!("{}:", url.scheme())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_targets_are_origins_or_schemes() {
        let cases = [
            ("https://app.example/cb?x=1", "https://app.example"),
            ("http://127.0.0.1:3000/cb", "http://127.0.0.1:3000"),
            ("http://[::1]:3000/cb", "http:"),
            ("com.example.app:/cb", "com.example.app:"),
        ];
        for (address, expected) in cases {
            assert_eq!(source(address).as_deref(), Some(expected));
        }
        assert_eq!(source("not an address; script-src *"), None);
    }
}

//! The endpoints of the OpenID provider: one file each, and the names that go over the wire.
//!
//! Handlers read parameters, call `login/` and turn what it gives into redirects, pages and JSON.
//! Addresses are always built from the issuer identifier, never from the request, so that a
//! forged `Host` leads nobody astray.

mod authorize;
mod browser;
mod client_proof;
mod discovery;
mod end_session;
mod jwks;
mod login_page;
mod parameters;
mod person_tokens;
mod refresh;
mod return_to_app;
mod revoke;
mod token;
mod userinfo;
mod v2_logout;

use std::sync::Arc;

use axum::routing::{Router, get, post};
use axum::{Extension, http::StatusCode};
use logout_shared::Issuer;
use tower_http::csrf::{CsrfLayer, ProtectionError};

use super::{AppState, pages};
use crate::login::throttle::Throttle;

const AUTHORIZE: &str = "/authorize";
const LOGIN: &str = "/login";
const TOKEN: &str = "/oauth/token";
const REVOKE: &str = "/oauth/revoke";
const USERINFO: &str = "/userinfo";
const END_SESSION: &str = "/oidc/logout";
const CONFIRM_END_SESSION: &str = "/oidc/logout/confirm";
const V2_LOGOUT: &str = "/v2/logout";
const DISCOVERY: &str = "/.well-known/openid-configuration";
const JWKS: &str = "/.well-known/jwks.json";

/// The routes of the OpenID provider, below the issuer's path.
pub fn router() -> Router<AppState> {
    // Forms that act with the browser's cookie, or give it one, must come from our own pages.
    let own_forms = || CsrfLayer::new().with_rejection_response(refuse_foreign_form);
    Router::new()
        .route(DISCOVERY, get(discovery::show))
        .route(JWKS, get(jwks::show))
        .route(
            AUTHORIZE,
            get(authorize::authorize).post(authorize::repeat_as_get),
        )
        .route(
            LOGIN,
            get(login_page::show).merge(post(login_page::submit).layer(own_forms())),
        )
        .route(TOKEN, post(token::exchange))
        .route(REVOKE, post(revoke::revoke))
        .route(USERINFO, get(userinfo::show).post(userinfo::show))
        .route(
            END_SESSION,
            get(end_session::end_session).post(end_session::repeat_as_get),
        )
        .route(
            CONFIRM_END_SESSION,
            post(end_session::confirm).layer(own_forms()),
        )
        .route(V2_LOGOUT, get(v2_logout::log_out))
        .route(pages::STYLESHEET_PATH, get(pages::serve_stylesheet))
        .route(pages::SUBMIT_SCRIPT_PATH, get(pages::serve_submit_script))
        .layer(Extension(Arc::new(Throttle::default())))
}

/// The token endpoint alone, for the address of the Management API.
pub fn token_router() -> Router<AppState> {
    Router::new().route(TOKEN, post(token::exchange))
}

/// The address of an endpoint.
pub(super) fn endpoint(issuer: &Issuer, path: &str) -> String {
    format!("{}{path}", issuer.as_str().trim_end_matches('/'))
}

fn refuse_foreign_form(_: ProtectionError) -> axum::response::Response {
    use axum::response::IntoResponse as _;
    let text = "This form was not sent from our own page. Go back to the app and try again.\n";
    (StatusCode::FORBIDDEN, text).into_response()
}

//! The issuer over HTTP: the router that the server listens with.
//!
//! [`app`] nests all endpoints under the path of the issuer identifier and wraps them in what
//! holds for each of them: whole bodies within limits, a panic that costs one request only,
//! security headers, one log line. [`admin_app`] does so for the Management API where that has an
//! address of its own. What an endpoint does is in `oidc/` and `management/`; wire names and status
//! codes appear on this floor and nowhere below.

pub mod api_error;
pub mod bearer;
mod body;
mod client_address;
mod cookies;
mod description;
mod dialect;
mod health;
pub mod management;
pub mod metrics;
mod oauth_error;
pub mod oidc;
mod pages;
mod rate_limit;
mod refresh_settings;
mod security_headers;
mod settings;
mod state;
mod trace;

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use futures_util::FutureExt as _;

pub use client_address::ClientAddress;
pub use settings::{MAX_ACTION_BODY_BYTES, MAX_BODY_BYTES, RateLimit, Settings};
pub use state::AppState;
pub use trace::{REQUEST_ID, RequestId};

use dialect::{Dialect, Refusal, WantsPage};

/// All routes of the issuer, ready to be served.
///
/// Endpoints are nested under the path of the issuer identifier, so that
/// `https://id.example/tenant/` answers at `/tenant/authorize`. Health is also at the root, where
/// a supervisor looks for it. Where the Management API has an address of its own it is not here.
pub fn app(state: AppState) -> Router {
    let (endpoints, management) = if state.http.admin_listen.is_some() {
        let nothing = part(Router::new(), &Dialect::Management, &state);
        (oidc::router(), nothing)
    } else {
        let endpoints = oidc::router().merge(description::router());
        (endpoints, management(&state))
    };
    let exporter = state.metrics.clone();
    house(endpoints, management, exporter, state)
}

/// The Management API on an address of its own.
///
/// The token endpoint is there as well, because an SDK looks for it beside the API.
pub fn admin_app(state: AppState) -> Router {
    let management = management(&state);
    let endpoints = oidc::token_router().merge(description::router());
    house(endpoints, management, None, state)
}

/// The Management API with its limits.
fn management(state: &AppState) -> Router<AppState> {
    let routes = part(management::router(), &Dialect::Management, state);
    match state.http.rate_limit {
        Some(limit) => {
            let limiter = rate_limit::Limiter::new(limit, state.clone());
            routes.layer(from_fn_with_state(limiter, rate_limit::hold))
        }
        None => routes,
    }
}

/// Puts endpoints where the issuer identifier says, and wraps them in what holds for all.
fn house(
    endpoints: Router<AppState>,
    management: Router<AppState>,
    exporter: Option<self::metrics::Exporter>,
    state: AppState,
) -> Router {
    let open_id = Dialect::OpenId(state.issuer.id().clone());
    let endpoints = part(endpoints.merge(health::router()), &open_id, &state);
    let endpoints = endpoints.nest("/api/v2", management);
    let url = state.issuer.id().url();
    let path = url.path().trim_end_matches('/');
    let mut routes = if path.is_empty() {
        endpoints
    } else {
        part(health::router(), &open_id, &state).nest(path, endpoints)
    };
    if let Some(exporter) = exporter {
        routes = routes.merge(self::metrics::router(state.issuer.clone(), exporter));
    }
    let baseline = security_headers::baseline(url);
    routes
        .layer(from_fn_with_state(baseline, security_headers::add))
        .layer(from_fn_with_state(state.issuer.clone(), trace::log))
        .with_state(state)
}

/// Gives a part of the router its limits, and refusals in its own dialect.
fn part(routes: Router<AppState>, dialect: &Dialect, state: &AppState) -> Router<AppState> {
    let refuse = |refusal| {
        let dialect = dialect.clone();
        move |request: Request| async move { dialect.refuse(refusal, WantsPage::of(request.headers())) }
    };
    let limits = (state.http.clone(), dialect.clone());
    routes
        .fallback(refuse(Refusal::NotFound))
        .method_not_allowed_fallback(refuse(Refusal::MethodNotAllowed))
        .layer(from_fn_with_state(limits, body::read_first))
        .layer(from_fn_with_state(dialect.clone(), catch_panic))
}

/// A panic costs the request in which it happened, and nothing else.
async fn catch_panic(State(dialect): State<Dialect>, request: Request, next: Next) -> Response {
    let page = WantsPage::of(request.headers());
    // The panic itself, with its place, is told by the panic hook.
    AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| dialect.refuse(Refusal::Broken, page))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn broken() {
        panic!("a handler that is broken");
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_without_its_message() {
        for (dialect, accept, part) in [
            (Dialect::Management, "*/*", "\"statusCode\":500"),
            (
                Dialect::OpenId("https://id.example/".parse().unwrap()),
                "*/*",
                "server_error",
            ),
            (
                Dialect::OpenId("https://id.example/".parse().unwrap()),
                "text/html",
                "<h1>",
            ),
        ] {
            let layer = from_fn_with_state(dialect, catch_panic);
            let app: Router = Router::new().route("/", get(broken)).layer(layer);
            let request = Request::get("/")
                .header("accept", accept)
                .body(Body::empty())
                .unwrap();
            let answer = app.oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = to_bytes(answer.into_body(), 65_536).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.contains(part) && !body.contains("handler"), "{body}");
        }
    }
}

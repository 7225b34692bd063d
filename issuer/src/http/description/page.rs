//! The page, which Swagger UI makes in the browser of assets that are inside this program.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_swagger_ui::{Config, serve};

use crate::http::AppState;

/// Swagger UI styles its elements one by one, has its pictures in its stylesheet, and calls the API
/// when it is asked to try a call.
const POLICY: (HeaderName, &str) = (
    CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// The routes of the page and its assets.
pub(super) fn router() -> Router<AppState> {
    let config = Arc::new(Config::new(["../openapi.json"]).validator_url("none"));
    let start = Arc::clone(&config);
    Router::new()
        // Relative, since the path before it is known to the caller alone.
        .route(
            "/docs",
            get(|| async { (StatusCode::SEE_OTHER, [(LOCATION, "docs/")]) }),
        )
        .route("/docs/", get(|| async { asset("index.html", start) }))
        .route(
            "/docs/{*path}",
            get(|Path(path): Path<String>| async move { asset(&path, config) }),
        )
}

fn asset(path: &str, config: Arc<Config<'static>>) -> Response {
    match serve(path, config) {
        Ok(Some(file)) => {
            let kind = (CONTENT_TYPE, file.content_type);
            ([kind], [POLICY], file.bytes.into_owned()).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(error = &*error, "the page of the API cannot be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

//! The description of the Management API: `/openapi.json`, and `/docs`, where a browser shows it.
//!
//! Both are wherever the API is. Addresses in them are relative, so that they are right below any
//! path and behind any proxy. Nothing here is secret: it is the same for every issuer of a version.

#[cfg(feature = "docs")]
mod page;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use super::AppState;
use super::management::openapi;

/// The routes.
pub(super) fn router() -> Router<AppState> {
    let document = openapi::document().to_json();
    let document = Bytes::from(document.expect("a description is JSON"));
    let show = || async move { ([(CONTENT_TYPE, "application/json")], document) };
    let routes = Router::new().route("/openapi.json", get(show));
    #[cfg(feature = "docs")]
    let routes = routes.merge(page::router());
    routes
}

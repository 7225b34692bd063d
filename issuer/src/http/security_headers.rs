//! The security headers of every answer.
//!
//! A baseline that allows nothing: no scripts, no frames, no sniffing, no caching. A handler that
//! needs more (a page with a stylesheet, a key set that may be cached) sets the header itself and
//! keeps its own value.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::middleware::Next;
use axum::response::Response;
use url::{Host, Url};

/// Names and values that are set where the handler did not.
pub(super) type Baseline = Arc<[(HeaderName, HeaderValue)]>;

/// The baseline; an issuer with https adds the promise to stay there.
pub(super) fn baseline(issuer: &Url) -> Baseline {
    let mut headers = vec![
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
        ),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        // Addresses of this server carry codes and states.
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ];
    // A browser would hold the promise against all ports of `localhost`, and with it against every
    // other server that a developer runs there. It never does against addresses.
    let is_local = issuer
        .host()
        .is_some_and(|host| matches!(host, Host::Domain(name) if is_localhost(name)));
    if issuer.scheme() == "https" && !is_local {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.push((STRICT_TRANSPORT_SECURITY, year));
    }
    headers.into()
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// The middleware.
pub(super) async fn add(
    State(baseline): State<Baseline>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in baseline.iter() {
        if !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_https_issuer_promises_to_stay_but_for_localhost() {
        for (issuer, promises) in [
            ("https://id.example/", true),
            ("http://id.example/", false),
            ("https://localhost:8443/", false),
            ("https://id.localhost/", false),
            ("https://localhost.example/", true),
        ] {
            let baseline = baseline(&issuer.parse().unwrap());
            let found = baseline
                .iter()
                .any(|(name, _)| name == STRICT_TRANSPORT_SECURITY);
            assert_eq!(found, promises, "{issuer}");
        }
    }
}

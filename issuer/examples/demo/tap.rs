//! Listens on the wire between issuer and app, so that the demo can show the token itself.
//!
//! An app never does this: a logout token belongs in no log. The demo's token is spent by the
//! time it is shown.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use logout_shared::logout_token::request::MAX_BODY_BYTES;
use tokio::sync::watch;

/// Remembers the latest logout request that the app has answered.
#[derive(Clone)]
pub(crate) struct Tap(Arc<watch::Sender<Option<Heard>>>);

/// What went over the wire.
#[derive(Clone)]
pub(crate) struct Heard {
    /// The logout token.
    pub(crate) token: String,
    /// What the app answered.
    pub(crate) status: StatusCode,
}

impl Tap {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Waits for the next request from now on.
    pub(crate) fn next(&self) -> impl Future<Output = Heard> + use<> {
        let mut heard = self.0.subscribe();
        heard.mark_unchanged();
        async move {
            loop {
                heard
                    .changed()
                    .await
                    .expect("the app lives as long as the demo");
                if let Some(heard) = heard.borrow_and_update().clone() {
                    return heard;
                }
            }
        }
    }
}

/// Lets a request through and notes it if it is a logout.
pub(crate) async fn listen(State(tap): State<Tap>, request: Request, next: Next) -> Response {
    if request.uri().path() != "/backchannel-logout" {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let token = token(&body);
    let response = next.run(Request::from_parts(head, Body::from(body))).await;
    if let Some(token) = token {
        tap.0.send_replace(Some(Heard {
            token,
            status: response.status(),
        }));
    }
    response
}

fn token(body: &Bytes) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(body);
    fields
        .find(|(name, _)| name == "logout_token")
        .map(|(_, token)| token.into_owned())
}

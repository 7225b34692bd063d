//! The `tower` service around what needs a session.
//!
//! Policy is in `mod.rs`, answers in `layer.rs`, the future's states in `future.rs`.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use tower::Service;

use super::future::{Check, RequireSessionFuture};
use super::{CurrentSession, Presented, Refusal, RequireSession, judge};
use crate::backchannel_logout::BackchannelLogout;

/// What [`RequireSession`] makes of a service.
#[derive(Clone)]
pub struct RequireSessionService<S> {
    inner: S,
    layer: RequireSession,
}

impl<S> RequireSessionService<S> {
    pub(super) fn new(inner: S, layer: RequireSession) -> RequireSessionService<S> {
        RequireSessionService { inner, layer }
    }
}

impl<S, B, R> Service<Request<B>> for RequireSessionService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: From<Bytes>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = RequireSessionFuture<S, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was made ready is the one to call; the clone takes its place.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        let (head, body) = request.into_parts();
        let check = check(&self.layer, &head);
        let request = Request::from_parts(head, body);
        RequireSessionFuture::new(check, request, ready, self.layer.clone())
    }
}

/// Reads what the request presents now and asks the index later, when the future is polled.
fn check(layer: &RequireSession, head: &Parts) -> Check {
    let presented: Vec<(BackchannelLogout, Presented)> = layer
        .logouts()
        .iter()
        .map(|logout| {
            let inner = &*logout.inner;
            (
                logout.clone(),
                inner.presented_by.read(head, &*inner.sessions),
            )
        })
        .collect();
    Box::pin(first_live(presented))
}

/// The first live session; else the refusal that says most.
async fn first_live(
    presented: Vec<(BackchannelLogout, Presented)>,
) -> Result<CurrentSession, Refusal> {
    let mut refusal = Refusal::NoSession;
    for (logout, presented) in presented {
        match judge(&logout, presented).await {
            Ok(session) => return Ok(session),
            Err(next) => refusal = weightier(refusal, next),
        }
    }
    Err(refusal)
}

fn weightier(one: Refusal, other: Refusal) -> Refusal {
    let weight = |refusal| match refusal {
        Refusal::NoSession => 0,
        Refusal::Unknown => 1,
        Refusal::Ended => 2,
        Refusal::Unavailable => 3,
    };
    if weight(other) > weight(one) {
        other
    } else {
        one
    }
}

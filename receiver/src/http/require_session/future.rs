//! The future of [`RequireSessionService`](super::RequireSessionService): first the check, then
//! the inner service or the refusal.
//!
//! Written by hand so that the inner service's future is not boxed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::Service;

use super::{CurrentSession, Refusal, RequireSession};

pub(super) type Check = BoxFuture<'static, Result<CurrentSession, Refusal>>;

pin_project! {
    /// Resolves to the inner service's answer, or to the refusal.
    pub struct RequireSessionFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        Checking { check: Check, held: Option<Held<S, B>> },
        Calling { #[pin] call: F },
    }
}

/// What waits for the outcome of the check.
struct Held<S, B> {
    request: Request<B>,
    service: S,
    layer: RequireSession,
}

impl<S, B> RequireSessionFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn new(
        check: Check,
        request: Request<B>,
        service: S,
        layer: RequireSession,
    ) -> Self {
        let held = Some(Held {
            request,
            service,
            layer,
        });
        RequireSessionFuture {
            state: State::Checking { check, held },
        }
    }
}

impl<S, B, R> Future for RequireSessionFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<Bytes>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let (outcome, held) = match this.state.as_mut().project() {
                StateProjection::Calling { call } => return call.poll(context),
                StateProjection::Checking { check, held } => {
                    let outcome = ready!(check.as_mut().poll(context));
                    (
                        outcome,
                        held.take()
                            .expect("a future is not polled after it is ready"),
                    )
                }
            };
            let Held {
                mut request,
                mut service,
                layer,
            } = held;
            match outcome {
                Ok(session) => drop(request.extensions_mut().insert(session)),
                Err(refusal) => {
                    if let Some(refused) = layer.answer(refusal, request.method()) {
                        return Poll::Ready(Ok(refused.map(R::from)));
                    }
                    // A session that somebody in front put in is not one that we checked.
                    request.extensions_mut().remove::<CurrentSession>();
                }
            }
            this.state.set(State::Calling {
                call: service.call(request),
            });
        }
    }
}

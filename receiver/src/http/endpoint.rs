//! The back-channel logout endpoint: one POST in, one status out, whatever the framework.
//!
//! The request is judged from the cheap to the dear: method, encoding, content type, size, form,
//! and only then the token. Answers are exactly 200, 400, 503 and 405 (408 when the sender never
//! finished the body), always `no-store`, and repeat nothing of the token.
//!
//! What a token does is `backchannel_logout.rs`; the form itself is `shared`'s `request.rs`.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use logout_shared::logout_token::request::{self, LogoutErrorBody};
use tower::Service;

use crate::backchannel_logout::BackchannelLogout;
use crate::error::VerifyError;

/// The endpoint as a `tower` service; mount it at the client's `backchannel_logout_uri`.
///
/// It needs no cookie, no CSRF token and no signed-in user: mount it outside of such layers.
#[derive(Clone)]
pub struct LogoutEndpoint {
    logout: BackchannelLogout,
}

impl LogoutEndpoint {
    pub(crate) fn new(logout: BackchannelLogout) -> LogoutEndpoint {
        LogoutEndpoint { logout }
    }

    async fn answer<B>(self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body,
    {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            return method_not_allowed();
        }
        if let Err(problem) = check_head(&head.headers) {
            return refuse(StatusCode::BAD_REQUEST, problem);
        }
        let form = match self.read(&head.headers, body).await {
            Ok(form) => form,
            Err(problem) => return refuse_body(problem, head.version),
        };
        // Back-Channel Logout §2.5: exactly one field counts, others are ignored.
        match request::parse_form(&form) {
            Ok(token) => self.receive(&token).await,
            Err(violation) => refuse(StatusCode::BAD_REQUEST, violation.code()),
        }
    }

    async fn receive(&self, token: &str) -> Response<Full<Bytes>> {
        match self.logout.receive(token).await {
            Ok(_done) => plain(StatusCode::OK),
            Err(error) => self.refuse_token(&error),
        }
    }

    /// Back-Channel Logout §2.8.
    fn refuse_token(&self, error: &VerifyError) -> Response<Full<Bytes>> {
        let Some(wait) = error.retry_after() else {
            return refuse(StatusCode::BAD_REQUEST, error.code());
        };
        let status = if self.logout.inner.endpoint.answer_400_when_unavailable {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let mut response = json(status, "temporarily_unavailable", error.code());
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(whole_secs(wait)));
        response
    }

    async fn read<B>(&self, headers: &HeaderMap, body: B) -> Result<Bytes, BodyProblem>
    where
        B: Body,
    {
        let settings = &self.logout.inner.endpoint;
        let limit = settings.max_body_bytes;
        if declared_length(headers).is_some_and(|length| length > limit) {
            return Err(BodyProblem::TooLarge);
        }
        let mut reading = pin!(collect(body, limit));
        // Most bodies have come whole with their heads, and need no timer.
        if let Some(read) = reading.as_mut().now_or_never() {
            return read;
        }
        let read = tokio::time::timeout(settings.body_time_limit, reading).await;
        read.unwrap_or(Err(BodyProblem::TooSlow))
    }
}

impl<B> Service<Request<B>> for LogoutEndpoint
where
    B: Body<Data: Send> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let endpoint = self.clone();
        Box::pin(async move { Ok(endpoint.answer(request).await) })
    }
}

#[derive(Clone, Copy)]
enum BodyProblem {
    TooLarge,
    TooSlow,
    Broken,
}

/// Reads a body; one that comes in one piece, as most do, is not copied.
async fn collect<B: Body>(body: B, limit: usize) -> Result<Bytes, BodyProblem> {
    let mut body = pin!(body);
    let (mut first, mut more) = (Bytes::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_broken| BodyProblem::Broken)?;
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        let so_far = first.len().max(more.len());
        if so_far + data.remaining() > limit {
            return Err(BodyProblem::TooLarge);
        }
        let piece = data.copy_to_bytes(data.remaining());
        if so_far == 0 {
            first = piece;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&piece);
        }
    }
    Ok(if more.is_empty() { first } else { more.into() })
}

/// Refuses what is not a plain form, before a byte of it is read.
fn check_head(headers: &HeaderMap) -> Result<(), &'static str> {
    // A compressed body could unfold to any size; nobody has a reason to compress a token.
    let encodings = headers.get_all(CONTENT_ENCODING);
    if encodings
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err("content_encoding");
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (Some(only), None) if is_form(only) => Ok(()),
        _ => Err("content_type"),
    }
}

fn is_form(content_type: &HeaderValue) -> bool {
    content_type.to_str().is_ok_and(request::is_form)
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    let no_store = HeaderValue::from_static(request::CACHE_CONTROL);
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

/// `error` is for senders' programs, `reason` one of our stable codes: nothing of the request.
fn json(status: StatusCode, error: &str, reason: &str) -> Response<Full<Bytes>> {
    let body = LogoutErrorBody {
        error: error.to_owned(),
        error_description: Some(reason.to_owned()),
    };
    let mut response = plain(status);
    *response.body_mut() = Full::from(serde_json::to_vec(&body).expect("two strings are JSON"));
    let content_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn refuse(status: StatusCode, reason: &str) -> Response<Full<Bytes>> {
    json(status, "invalid_request", reason)
}

fn refuse_body(problem: BodyProblem, version: Version) -> Response<Full<Bytes>> {
    let mut response = match problem {
        BodyProblem::TooLarge => refuse(StatusCode::BAD_REQUEST, "body_too_large"),
        BodyProblem::Broken => refuse(StatusCode::BAD_REQUEST, "body_broken"),
        // Not 400: nothing was refused, and a repetition may well come through.
        BodyProblem::TooSlow => refuse(StatusCode::REQUEST_TIMEOUT, "body_too_slow"),
    };
    // What is left of the body is not worth reading. HTTP/2 resets the stream by itself.
    if version <= Version::HTTP_11 {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn method_not_allowed() -> Response<Full<Bytes>> {
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "method");
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

fn whole_secs(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

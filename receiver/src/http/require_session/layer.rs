//! The layer that apps put around what needs a session, and its choice of answers.
//!
//! What it decides is in `mod.rs`; this file is about what a refused request is told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode};
use tower::Layer;

use super::{Refusal, RequireSessionService};
use crate::backchannel_logout::BackchannelLogout;

/// Lets only requests with a live session through; others get 401.
///
/// With several [`BackchannelLogout`]s a session of any of them will do.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use axum::routing::get;
/// use logout_receiver::{BackchannelLogout, CurrentSession, RequireSession};
///
/// let logout = BackchannelLogout::builder("https://issuer.example/", "client-id")
///     .in_memory()
///     .session_of(|request| {
///         let cookies = request.headers.get("cookie")?.to_str().ok()?;
///         let id = cookies.split("; ").find_map(|pair| pair.strip_prefix("session="))?;
///         Some(id.into())
///     })
///     .build()?;
/// let app: Router = Router::new()
///     .route("/", get(|session: CurrentSession| async move { session.sub().to_string() }))
///     .layer(RequireSession::new(logout).redirect_to("/login"));
/// # Ok::<(), logout_receiver::BuildError>(())
/// ```
#[derive(Clone)]
pub struct RequireSession {
    logouts: Arc<[BackchannelLogout]>,
    answer: Answer,
}

#[derive(Clone)]
enum Answer {
    Unauthorized,
    Redirect(HeaderValue),
    Pass,
    Own(Arc<dyn Fn(Refusal) -> Response<Bytes> + Send + Sync>),
}

impl RequireSession {
    /// Requires a session that began through `logout`'s issuer.
    pub fn new(logout: BackchannelLogout) -> RequireSession {
        RequireSession {
            logouts: Arc::new([logout]),
            answer: Answer::Unauthorized,
        }
    }

    /// Requires a session that began through one of several issuers or clients.
    pub fn any(logouts: impl IntoIterator<Item = BackchannelLogout>) -> RequireSession {
        RequireSession {
            logouts: logouts.into_iter().collect(),
            answer: Answer::Unauthorized,
        }
    }

    /// Sends refused browsers to `location` instead of answering 401.
    ///
    /// # Panics
    ///
    /// If `location` cannot stand in a header.
    #[must_use]
    pub fn redirect_to(self, location: &str) -> RequireSession {
        let location = HeaderValue::from_str(location).expect("a location is visible ASCII");
        RequireSession {
            answer: Answer::Redirect(location),
            ..self
        }
    }

    /// Lets requests without a live session through, without a
    /// [`CurrentSession`](super::CurrentSession), for pages that are public but differ.
    #[must_use]
    pub fn optional(self) -> RequireSession {
        RequireSession {
            answer: Answer::Pass,
            ..self
        }
    }

    /// Gives the app's own answer to refused requests.
    #[must_use]
    pub fn or_answer(
        self,
        answer: impl Fn(Refusal) -> Response<Bytes> + Send + Sync + 'static,
    ) -> RequireSession {
        RequireSession {
            answer: Answer::Own(Arc::new(answer)),
            ..self
        }
    }

    pub(super) fn logouts(&self) -> &[BackchannelLogout] {
        &self.logouts
    }

    /// What a refused request is told; `None` lets it through.
    pub(super) fn answer(&self, refusal: Refusal, method: &Method) -> Option<Response<Bytes>> {
        let mut response = match &self.answer {
            Answer::Pass => return None,
            Answer::Own(own) => return Some(own(refusal)),
            _ if refusal == Refusal::Unavailable => unavailable(),
            Answer::Unauthorized => status(StatusCode::UNAUTHORIZED),
            Answer::Redirect(location) => redirect(location, method),
        };
        // A browser that kept the answer would show it after the next sign-in.
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(response)
    }
}

impl<S> Layer<S> for RequireSession {
    type Service = RequireSessionService<S>;

    fn layer(&self, inner: S) -> RequireSessionService<S> {
        RequireSessionService::new(inner, self.clone())
    }
}

fn status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// Neither 401 nor a redirect: the session may be a good one, and signing in would not help.
fn unavailable() -> Response<Bytes> {
    let mut response = status(StatusCode::SERVICE_UNAVAILABLE);
    let wait = HeaderValue::from(RETRY_AFTER_OUTAGE.as_secs());
    response.headers_mut().insert(RETRY_AFTER, wait);
    response
}

const RETRY_AFTER_OUTAGE: Duration = Duration::from_secs(5);

/// 303 for methods with a body, so that the browser asks for the page instead of posting to it.
fn redirect(location: &HeaderValue, method: &Method) -> Response<Bytes> {
    let safe = method == Method::GET || method == Method::HEAD;
    let mut response = status(if safe {
        StatusCode::FOUND
    } else {
        StatusCode::SEE_OTHER
    });
    response.headers_mut().insert(LOCATION, location.clone());
    response
}

//! What each address of the app does.
//!
//! Pages are rendered in `pages.rs`; `/protected` and `/session` speak JSON.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Json, Response};
use logout_receiver::{CurrentSession, LocalSessionId, RecordLoginError};
use openidconnect::CsrfToken;
use serde::Deserialize;
use serde_json::{Value, json};

use super::oidc::SignedIn;
use super::sessions::{COOKIE, LOGIN_COOKIE, Session, cookie};
use super::{App, pages};

const NO_STORE: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

/// The public page: who is signed in, if anybody.
pub(crate) async fn home(
    State(app): State<Arc<App>>,
    current: Option<CurrentSession>,
    headers: HeaderMap,
) -> Response {
    let known = cookie(&headers, COOKIE).and_then(|id| app.sessions.find(&id));
    let page = match (current, known) {
        (Some(_), Some(session)) => pages::signed_in(&session),
        (_, Some(session)) if session.ended.is_some() => pages::signed_out(&session),
        _ => pages::nobody(app.openid.issuer()),
    };
    (NO_STORE, Html(page)).into_response()
}

/// Sends the browser to the provider.
pub(crate) async fn login(State(app): State<Arc<App>>) -> Response {
    match app.openid.begin().await {
        Ok(begun) => {
            let cookie = set_cookie(&app, LOGIN_COOKIE, &begun.browser, 600);
            redirect(begun.url.as_str(), &cookie)
        }
        Err(error) => failed(StatusCode::BAD_GATEWAY, &error),
    }
}

/// What the provider sends the browser back with.
#[derive(Deserialize)]
pub(crate) struct Callback {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Finishes a sign-in.
pub(crate) async fn callback(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Query(callback): Query<Callback>,
) -> Response {
    if let Some(error) = callback.error {
        let detail = callback.error_description.unwrap_or_default();
        let error = anyhow::anyhow!("{detail}").context(format!("the provider answered {error}"));
        return failed(StatusCode::BAD_REQUEST, &error);
    }
    let (Some(code), Some(state)) = (callback.code, callback.state) else {
        let error = anyhow::anyhow!("the address lacks code or state");
        return failed(StatusCode::BAD_REQUEST, &error);
    };
    let browser = cookie(&headers, LOGIN_COOKIE);
    let browser = browser.as_ref().map(LocalSessionId::as_str);
    match app.openid.finish(&state, browser, code).await {
        Ok(signed_in) => begin_session(&app, signed_in).await,
        Err(error) => failed(StatusCode::BAD_REQUEST, &error),
    }
}

async fn begin_session(app: &App, signed_in: SignedIn) -> Response {
    let id = CsrfToken::new_random_len(32).into_secret();
    let SignedIn { claims, id_token } = signed_in;
    let identity = match app.logout.record_login(&claims, id.as_str()).await {
        Ok(identity) => identity,
        Err(error) => {
            let status = match error {
                RecordLoginError::LoggedOut => StatusCode::UNAUTHORIZED,
                RecordLoginError::SessionIndex(_) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_REQUEST,
            };
            return failed(status, &error.into());
        }
    };
    let session = Session {
        sub: identity.sub.to_string(),
        sid: identity.sid.map(|sid| sid.to_string()),
        tokens: Some((claims, id_token)),
        ended: None,
        begun: Instant::now(),
    };
    app.sessions.begin(id.as_str().into(), session);
    redirect("/", &set_cookie(app, COOKIE, &id, 86_400))
}

/// Behind `RequireSession`: who is signed in, in full.
pub(crate) async fn protected(State(app): State<Arc<App>>, session: CurrentSession) -> Response {
    let tokens = session.local.and_then(|id| app.sessions.find(&id)?.tokens);
    match tokens {
        Some((claims, id_token)) => (
            NO_STORE,
            Json(json!({"claims": claims, "idToken": id_token})),
        )
            .into_response(),
        None => (StatusCode::FOUND, [(LOCATION, "/login")]).into_response(),
    }
}

/// How the caller's session stands, also after its end.
pub(crate) async fn session(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let id = cookie(&headers, COOKIE);
    let known = id.as_ref().and_then(|id| app.sessions.find(id));
    let active = match id {
        Some(id) => app.logout.session(id).await,
        None => Ok(logout_receiver::LocalSession::Unknown),
    };
    let Ok(active) = active else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let active = matches!(active, logout_receiver::LocalSession::Live(_));
    let ended = known.as_ref().and_then(|session| session.ended.as_ref());
    let answer = json!({
        "active": active,
        "sid": known.as_ref().and_then(|session| session.sid.as_deref()),
        "sub": known.as_ref().map(|session| session.sub.as_str()),
        "ended_by": ended.map(|ended| ended.by),
        "session_metadata": ended.map_or(Value::Null, |ended| ended.metadata.clone()),
    });
    (NO_STORE, Json(answer)).into_response()
}

/// Ends the session here and, where the provider has a door for it, there.
pub(crate) async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let mut id_token = None;
    if let Some(id) = cookie(&headers, COOKIE) {
        id_token = app.sessions.find(&id).and_then(|session| session.tokens);
        app.sessions.end(&id, "sign-out", Value::Null);
        if let Err(error) = app.logout.forget_session(id).await {
            return failed(StatusCode::SERVICE_UNAVAILABLE, &error.into());
        }
    }
    let hint = id_token.as_ref().map(|(_, id_token)| id_token.as_str());
    let there = app.openid.end_session_url(hint).await;
    let there = there.as_ref().map_or("/", |url| url.as_str());
    let headers = [(LOCATION, there), (CACHE_CONTROL, "no-store")];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Any other address.
pub(crate) async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Html(pages::not_found())).into_response()
}

fn failed(status: StatusCode, error: &anyhow::Error) -> Response {
    tracing::warn!("{error:#}");
    (status, NO_STORE, Html(pages::failed(&format!("{error:#}")))).into_response()
}

fn redirect(location: &str, cookie: &str) -> Response {
    let headers = [
        (LOCATION, location),
        (SET_COOKIE, cookie),
        (CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::FOUND, headers).into_response()
}

fn set_cookie(app: &App, name: &str, value: &str, max_age: u32) -> String {
    let secure = if app.openid.is_https() {
        "; Secure"
    } else {
        ""
    };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}{secure}")
}

//! `/login`: the page with address and password.
//!
//! It carries the app's request in its own query and checks it anew each time, so it can be left
//! open for a day, or opened twice.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use logout_shared::Secret;

use super::browser::Browser;
use super::parameters::Pairs;
use super::{LOGIN, authorize, endpoint, return_to_app};
use crate::http::{cookies, pages};
use crate::issuer::Issuer;
use crate::login::authorize::{AuthorizationRequest, RefusalCode, load_request};
use crate::login::sign_in::{SignIn, SignInError, sign_in};
use crate::login::throttle::{Throttle, TooManyFailures};

/// Shows the page.
pub(super) async fn show(State(issuer): State<Issuer>, RawQuery(query): RawQuery) -> Response {
    match load_request(&issuer, authorize::parameters(query.as_deref())).await {
        Ok(request) => {
            let form = Form {
                issuer: &issuer,
                request: &request,
                query: query.as_deref(),
            };
            let email = request.login_hint.clone().unwrap_or_default();
            form.page(StatusCode::OK, email, None)
        }
        Err(error) => authorize::reply(&issuer, &error),
    }
}

/// Takes the form.
pub(super) async fn submit(
    State(issuer): State<Issuer>,
    Extension(throttle): Extension<Arc<Throttle>>,
    RawQuery(query): RawQuery,
    browser: Browser,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = match load_request(&issuer, authorize::parameters(query.as_deref())).await {
        Ok(request) => request,
        Err(error) => return authorize::reply(&issuer, &error),
    };
    let form = Form {
        issuer: &issuer,
        request: &request,
        query: query.as_deref(),
    };
    let (email, password) = match credentials(&headers, &body) {
        Ok(credentials) => credentials,
        Err(text) => return form.page(StatusCode::BAD_REQUEST, String::new(), Some(text.into())),
    };
    let entry = SignIn {
        request: request.clone(),
        email: email.clone(),
        password,
        handle: browser.handle,
        device: browser.device,
        ip: browser.ip,
    };
    match sign_in(&issuer, &throttle, entry).await {
        Ok(signed_in) => {
            let mut response =
                return_to_app::with_code(issuer.id(), &request.back, &signed_in.code);
            let (handle, session) = (&signed_in.handle, &signed_in.session);
            let cookie = cookies::set_handle(issuer.id(), handle, session, issuer.now());
            response.headers_mut().append(SET_COOKIE, cookie);
            response
        }
        Err(error) => form.refusal(email, &error),
    }
}

fn credentials(headers: &HeaderMap, body: &[u8]) -> Result<(String, Secret<String>), &'static str> {
    let (mut email, mut password) = (None, None);
    let repeated = Pairs::of_form(headers, body)
        .map_err(|_| "The form was not understood. Please try again.")?
        .fill([("email", &mut email), ("password", &mut password)]);
    match (email, password, repeated) {
        (Some(email), Some(password), None) => Ok((email, Secret::new(password))),
        _ => Err("Please fill in both fields."),
    }
}

struct Form<'a> {
    issuer: &'a Issuer,
    request: &'a AuthorizationRequest,
    query: Option<&'a str>,
}

impl Form<'_> {
    fn page(&self, status: StatusCode, email: String, fault: Option<String>) -> Response {
        let login = endpoint(self.issuer.id(), LOGIN);
        let page = pages::SignInPage {
            stylesheet: pages::stylesheet(self.issuer.id()),
            app: self.request.client.name.clone(),
            action: format!("{login}?{}", self.query.unwrap_or_default()),
            email,
            fault,
        };
        pages::page(status, &page, &[&self.request.back.redirect_uri])
    }

    fn refusal(&self, email: String, error: &SignInError) -> Response {
        let (status, text) = match error {
            SignInError::WrongCredentials => {
                (StatusCode::BAD_REQUEST, "Wrong e-mail address or password.")
            }
            SignInError::Blocked => (
                StatusCode::FORBIDDEN,
                "This account is blocked. Please ask its administrator.",
            ),
            SignInError::TooManyFailures(failures) => return self.too_many(email, *failures),
            SignInError::Denied(why) => {
                let refused = self.request.refuse(RefusalCode::AccessDenied, why.clone());
                return return_to_app::with_refusal(self.issuer.id(), &refused);
            }
            SignInError::FormerSession(_) | SignInError::Actions(_) | SignInError::Storage(_) => {
                return pages::failure_page(self.issuer.id(), error);
            }
        };
        self.page(status, email, Some(text.to_owned()))
    }

    fn too_many(&self, email: String, failures: TooManyFailures) -> Response {
        let secs = failures.retry_after.as_secs() + 1;
        let wait = if secs > 90 {
            format!("{} minutes", secs.div_ceil(60))
        } else {
            format!("{secs} seconds")
        };
        let text = format!("Too many sign-ins have failed. Please try again in {wait}.");
        let mut response = self.page(StatusCode::TOO_MANY_REQUESTS, email, Some(text));
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(secs));
        response
    }
}

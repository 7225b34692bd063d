//! `/oidc/logout`: where an app sends a browser to sign its person out (RP-Initiated Logout 1.0).
//!
//! Who is asked first and who is not, and where the browser may go afterwards, is decided in
//! `login/sign_out.rs`. A person who confirms sends the same parameters again, to an address that
//! takes forms from our own page only.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::browser::Browser;
use super::parameters::Pairs;
use super::{CONFIRM_END_SESSION, END_SESSION, authorize, endpoint, return_to_app};
use crate::domain::session::Session;
use crate::http::{cookies, pages};
use crate::issuer::Issuer;
use crate::login::sign_out::{
    self, Decision, Parameters, SignOutError, SignOutRequest, decide, load_request,
};
use crate::storage::StorageError;

/// The endpoint.
pub(super) async fn end_session(
    State(issuer): State<Issuer>,
    RawQuery(query): RawQuery,
    browser: Browser,
) -> Response {
    let parameters = parameters(Pairs::of_query(query.as_deref()));
    let asked = parameters.clone();
    let done = async {
        let request = load_request(&issuer, parameters.clone()).await?;
        match decide(&issuer, &request, browser.handle.as_ref()).await? {
            Decision::Ask(session) => Ok(ask(&issuer, &request, &session, parameters).await?),
            Decision::End(session) => {
                sign_out::sign_out(&issuer, &request, session, &browser.device).await?;
                Ok(goodbye(&issuer, &request))
            }
            Decision::Nothing => Ok(goodbye(&issuer, &request)),
        }
    };
    answer(&issuer, &browser, &asked, done.await).await
}

/// The same request by POST: a form on a foreign page comes without our cookie, so the browser is
/// asked to come again.
pub(super) async fn repeat_as_get(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    authorize::repeat(&issuer, END_SESSION, &headers, &body)
}

/// The person has said yes.
pub(super) async fn confirm(
    State(issuer): State<Issuer>,
    browser: Browser,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = parameters(Pairs::of_form(&headers, &body).unwrap_or_default());
    let done = async {
        let request = load_request(&issuer, asked.clone()).await?;
        let session = match decide(&issuer, &request, browser.handle.as_ref()).await? {
            Decision::End(session) => Some(session),
            Decision::Ask(session) => Some(session.id),
            Decision::Nothing => None,
        };
        if let Some(session) = session {
            sign_out::sign_out(&issuer, &request, session, &browser.device).await?;
        }
        Ok(goodbye(&issuer, &request))
    };
    answer(&issuer, &browser, &asked, done.await).await
}

/// The answer to a request that was acted on or not.
pub(super) async fn answer(
    issuer: &Issuer,
    browser: &Browser,
    asked: &Parameters,
    done: Result<Response, SignOutError>,
) -> Response {
    match done {
        Ok(response) => response,
        Err(error @ (SignOutError::End(_) | SignOutError::Storage(_))) => {
            pages::failure_page(issuer.id(), &error)
        }
        Err(error) => {
            let recorded = sign_out::record_failure(issuer, &error, asked, &browser.device);
            if let Err(error) = recorded.await {
                return pages::failure_page(issuer.id(), &error);
            }
            let title = "You were not signed out";
            pages::error_page(
                issuer.id(),
                StatusCode::BAD_REQUEST,
                title,
                &error.to_string(),
            )
        }
    }
}

/// The browser leaves without its handle, to where the app wants it or to our own last page.
pub(super) fn goodbye(issuer: &Issuer, request: &SignOutRequest) -> Response {
    let mut response = if let Some(address) = &request.redirect_uri {
        match &request.state {
            Some(state) => {
                let address = return_to_app::extend(address, &[("state", state.clone())]);
                return_to_app::redirect(&address)
            }
            None => return_to_app::redirect(address),
        }
    } else {
        let page = pages::SignedOutPage {
            stylesheet: pages::stylesheet(issuer.id()),
        };
        pages::page(StatusCode::OK, &page, &[])
    };
    response
        .headers_mut()
        .append(SET_COOKIE, cookies::clear_handle(issuer.id()));
    response
}

async fn ask(
    issuer: &Issuer,
    request: &SignOutRequest,
    session: &Session,
    parameters: Parameters,
) -> Result<Response, StorageError> {
    let user = issuer
        .store()
        .read()
        .await?
        .find_user(&session.user)
        .await?;
    let given = [
        ("id_token_hint", parameters.id_token_hint),
        ("logout_hint", parameters.logout_hint),
        ("client_id", parameters.client_id),
        (
            "post_logout_redirect_uri",
            parameters.post_logout_redirect_uri,
        ),
        ("state", parameters.state),
        ("wait_ms", parameters.wait_ms),
    ];
    let page = pages::ConfirmSignOutPage {
        stylesheet: pages::stylesheet(issuer.id()),
        user: user.map(|user| user.email).unwrap_or_default(),
        action: endpoint(issuer.id(), CONFIRM_END_SESSION),
        parameters: given
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
    };
    let targets: Vec<&str> = request.redirect_uri.as_deref().into_iter().collect();
    Ok(pages::page(StatusCode::OK, &page, &targets))
}

fn parameters(pairs: Pairs) -> Parameters {
    let mut found = Parameters::default();
    found.repeated = pairs.fill([
        ("id_token_hint", &mut found.id_token_hint),
        ("logout_hint", &mut found.logout_hint),
        ("client_id", &mut found.client_id),
        (
            "post_logout_redirect_uri",
            &mut found.post_logout_redirect_uri,
        ),
        ("state", &mut found.state),
        ("wait_ms", &mut found.wait_ms),
    ]);
    found
}

//! `/v2/logout`: Auth0's older way out, which asks nobody.
//!
//! The browser's session ends, and the browser goes to `returnTo` if the client registered it.

use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::browser::Browser;
use super::end_session;
use super::parameters::Pairs;
use crate::issuer::Issuer;
use crate::login::sign_out::{self, Decision, Parameters, SignOutError, decide, load_request};

/// The endpoint.
pub(super) async fn log_out(
    State(issuer): State<Issuer>,
    RawQuery(query): RawQuery,
    browser: Browser,
) -> Response {
    let mut parameters = Parameters::default();
    parameters.repeated = Pairs::of_query(query.as_deref()).fill([
        ("client_id", &mut parameters.client_id),
        ("returnTo", &mut parameters.post_logout_redirect_uri),
        ("wait_ms", &mut parameters.wait_ms),
    ]);
    let done = async {
        let request = load_request(&issuer, parameters.clone()).await?;
        let session = match decide(&issuer, &request, browser.handle.as_ref()).await? {
            Decision::End(session) => Some(session),
            Decision::Ask(session) => Some(session.id),
            Decision::Nothing => None,
        };
        if let Some(session) = session {
            sign_out::sign_out(&issuer, &request, session, &browser.device).await?;
        }
        Ok::<_, SignOutError>(end_session::goodbye(&issuer, &request))
    };
    end_session::answer(&issuer, &browser, &parameters, done.await).await
}

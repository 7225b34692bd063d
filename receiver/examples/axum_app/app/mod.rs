//! The app: its settings, and the lines that back-channel logout takes.
//!
//! `oidc.rs` is the sign-in with the `openidconnect` crate, `sessions.rs` the app's own sessions
//! and its logout hook, `routes.rs` and `pages.rs` what a browser sees.

mod oidc;
mod pages;
mod routes;
mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use logout_receiver::{BackchannelLogout, RequireSession, SigningAlgorithm};
use url::Url;

use self::oidc::OpenIdClient;
use self::sessions::{EndSessions, Sessions};

/// What the app must know of its provider and of itself.
pub(crate) struct Settings {
    /// The provider's issuer identifier, exactly as it writes it.
    pub(crate) issuer: String,
    /// This app's client id at the provider.
    pub(crate) client_id: String,
    /// Its client secret; a public client has none.
    pub(crate) client_secret: Option<String>,
    /// The algorithm of ID Tokens and logout tokens.
    pub(crate) alg: SigningAlgorithm,
    /// The address browsers use.
    pub(crate) public_url: Url,
}

/// What the handlers share.
struct App {
    logout: BackchannelLogout,
    openid: OpenIdClient,
    sessions: Arc<Sessions>,
}

/// The whole app.
///
/// # Errors
///
/// A setting that makes no sense.
pub(crate) fn router(settings: Settings) -> anyhow::Result<Router> {
    let sessions = Arc::new(Sessions::default());

    // Back-channel logout, all of it:
    let logout = BackchannelLogout::builder(&settings.issuer, &settings.client_id)
        .signing_algorithm(settings.alg)
        .in_memory()
        .session_of(|request| sessions::cookie(&request.headers, sessions::COOKIE))
        .hook(EndSessions(Arc::clone(&sessions)))
        .build()?;

    let openid = OpenIdClient::new(
        settings.issuer,
        settings.client_id,
        settings.client_secret,
        settings.alg,
        &settings.public_url,
    )?;
    let app = Arc::new(App {
        logout: logout.clone(),
        openid,
        sessions,
    });
    Ok(Router::new()
        .route("/protected", get(routes::protected))
        .layer(RequireSession::new(logout.clone()).redirect_to("/login"))
        .merge(
            Router::new()
                .route("/", get(routes::home))
                .layer(RequireSession::new(logout.clone()).optional()),
        )
        .route("/login", get(routes::login))
        .route("/callback", get(routes::callback))
        .route("/sign-out", post(routes::sign_out))
        .route("/session", get(routes::session))
        .merge(logout.routes("/backchannel-logout"))
        .fallback(routes::not_found)
        .with_state(app))
}

//! A small app that signs people in through any OpenID provider and is signed out by it.
//!
//! `cargo run --release -p logout-receiver --example axum_app -- --issuer URL --client-id ID
//! [--client-secret S] [--listen ADDR] [--public-url URL] [--alg RS256]`
//!
//! Register `…/callback` as redirect URI and `…/backchannel-logout` as back-channel logout URI. The
//! lines that back-channel logout takes are in this file; `oidc.rs` is the sign-in with the
//! `openidconnect` crate, `sessions.rs` the app's own sessions and its logout hook, `routes.rs` and
//! `pages.rs` what a browser sees.

mod oidc;
mod pages;
mod routes;
mod sessions;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::routing::{get, post};
use clap::Parser;
use logout_receiver::{BackchannelLogout, RequireSession, SigningAlgorithm};
use tokio::net::TcpListener;
use url::Url;

use self::oidc::OpenIdClient;
use self::sessions::{EndSessions, Sessions};

/// What the command line says.
#[derive(Parser)]
struct Arguments {
    /// The provider's issuer identifier, exactly as it writes it.
    #[arg(long)]
    issuer: String,
    /// This app's client id at the provider.
    #[arg(long)]
    client_id: String,
    /// Its client secret; leave it out for a public client.
    #[arg(long)]
    client_secret: Option<String>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// The address browsers use, when it is not the one listened on.
    #[arg(long)]
    public_url: Option<Url>,
    /// The algorithm of ID Tokens and logout tokens.
    #[arg(long, default_value = "RS256")]
    alg: SigningAlgorithm,
}

/// What the handlers share.
pub(crate) struct App {
    pub(crate) logout: BackchannelLogout,
    pub(crate) openid: OpenIdClient,
    pub(crate) sessions: Arc<Sessions>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let public_url = match arguments.public_url.clone() {
        Some(url) => url,
        None => Url::parse(&format!("http://{}/", listener.local_addr()?))?,
    };
    let router = router(arguments, &public_url)?;
    println!("listening on {public_url}");
    axum::serve(listener, router)
        .with_graceful_shutdown(interrupted())
        .await?;
    Ok(())
}

fn router(arguments: Arguments, public_url: &Url) -> anyhow::Result<Router> {
    let sessions = Arc::new(Sessions::default());

    // Back-channel logout, all of it:
    let logout = BackchannelLogout::builder(&arguments.issuer, &arguments.client_id)
        .signing_algorithm(arguments.alg)
        .in_memory()
        .session_of(|request| sessions::cookie(&request.headers, sessions::COOKIE))
        .hook(EndSessions(Arc::clone(&sessions)))
        .build()?;

    let openid = OpenIdClient::new(
        arguments.issuer,
        arguments.client_id,
        arguments.client_secret,
        arguments.alg,
        public_url,
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

async fn interrupted() {
    // Without a handler for the signal the process ends by it, which is as good.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

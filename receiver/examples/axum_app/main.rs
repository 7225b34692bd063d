//! A small app that signs people in through any OpenID provider and is signed out by it.
//!
//! `cargo run --release -p logout-receiver --example axum_app -- --issuer URL --client-id ID
//! [--client-secret S] [--listen ADDR] [--public-url URL] [--alg RS256]`
//!
//! Register `…/callback` as redirect URI and `…/backchannel-logout` as back-channel logout URI. The
//! lines that back-channel logout takes are in `app/mod.rs`; this file is the command line.

mod app;

use std::net::SocketAddr;

use anyhow::Context as _;
use clap::Parser;
use logout_receiver::SigningAlgorithm;
use tokio::net::TcpListener;
use url::Url;

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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let public_url = match arguments.public_url {
        Some(url) => url,
        None => Url::parse(&format!("http://{}/", listener.local_addr()?))?,
    };
    let router = app::router(app::Settings {
        issuer: arguments.issuer,
        client_id: arguments.client_id,
        client_secret: arguments.client_secret,
        alg: arguments.alg,
        public_url: public_url.clone(),
    })?;
    println!("listening on {public_url}");
    axum::serve(listener, router)
        .with_graceful_shutdown(interrupted())
        .await?;
    Ok(())
}

async fn interrupted() {
    // Without a handler for the signal the process ends by it, which is as good.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

//! `serve`: runs the server until a signal to stop.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Log, LogFormat};
use crate::server;

/// Runs the server. The line with the address is printed when it answers.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    log(&config.log)?;
    // Before the start, so that a signal during it is not lost.
    let mut terminated = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    let development = config.is_development();
    if !development {
        warn_of_danger(&config);
    }
    let server = server::serve(config).await?;
    // Whoever started us may have closed standard output; that is no reason not to serve.
    let _ = announce(&server, development);
    let name = tokio::select! {
        _ = terminated.recv() => "SIGTERM",
        _ = interrupted.recv() => "Ctrl-C",
    };
    tracing::info!("stopping after {name}");
    tokio::select! {
        () = server.shutdown() => tracing::info!("stopped"),
        // A second signal does not wait for anything; the outbox survives it.
        _ = terminated.recv() => anyhow::bail!("stopped at once after a second signal"),
        _ = interrupted.recv() => anyhow::bail!("stopped at once after a second signal"),
    }
    Ok(())
}

/// What is fine on one's own machine and needs a second look anywhere else.
fn warn_of_danger(config: &Config) {
    let issuer = config.issuer();
    if issuer.url().scheme() == "http" {
        tracing::warn!("issuer {issuer} is http: passwords and tokens travel in the clear");
    }
    if config.allows_http() {
        tracing::warn!("egress.danger_allow_http is on: logout tokens may travel in the clear");
    }
    if config.allows_private_addresses() {
        tracing::warn!(
            "egress.danger_allow_private_addresses is on: clients' URLs may lead into this network"
        );
    }
}

fn announce(server: &server::Server, development: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let address = server.local_addr();
    let issuer = server.issuer().id();
    let scheme = if server.speaks_tls() { "https" } else { "http" };
    writeln!(out, "listening on {scheme}://{address} as issuer {issuer}")?;
    if let Some(admin) = server.admin_addr() {
        writeln!(out, "the Management API is on {scheme}://{admin}")?;
    }
    if let Some(authority) = server.development_authority() {
        let path = authority.display();
        writeln!(out, "its certificate is good for those who trust {path}:")?;
        writeln!(out, "  NODE_EXTRA_CA_CERTS={path}   for Node")?;
        writeln!(
            out,
            "  SSL_CERT_FILE={path}   for OpenSSL, Python and Go; curl takes --cacert"
        )?;
    }
    if development {
        writeln!(out, "for development: only this machine can reach it")?;
    }
    out.flush()
}

fn log(log: &Log) -> anyhow::Result<()> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(log.env_filter()?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // It fails only where a subscriber is set already.
    let _ = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}

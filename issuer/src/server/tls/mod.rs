//! TLS on the server's own connections: which certificate, and that it is always a good one.
//!
//! The certificate comes from files (`files.rs`) or from an authority that is made for
//! development (`development.rs`). It is looked after while the server runs: files that change
//! are read again, a development certificate is renewed before it ends. Either way the new one
//! counts from the next handshake, and connections that stand go on. What cannot be used is told
//! and leaves the old one in place. Handshakes are done in `connections.rs`.

mod development;
mod error;
mod files;
mod identity;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use logout_shared::Clock;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_util::task::AbortOnDropHandle;

use crate::config::{self, Config};

pub use error::TlsError;

use development::Development;
use files::Files;
use identity::Identity;

/// How often it is looked whether there is another certificate.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// HTTP/2 is not offered: the server below has no time limit for idle streams of it.
const HTTP_1_1: &[u8] = b"http/1.1";

/// TLS as it is spoken, as long as this is held.
#[derive(Debug)]
pub(super) struct Tls {
    /// The file with the development authority, for those who are to trust it.
    pub(super) authority: Option<PathBuf>,
    current: Arc<Current>,
    _upkeep: AbortOnDropHandle<()>,
}

impl Tls {
    /// Gets the certificate and begins to look after it; `None` where the server speaks no TLS.
    pub(super) async fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, TlsError> {
        let Some(setting) = &config.http.tls else {
            return Ok(None);
        };
        let (identity, source) = Source::open(setting, config, &*clock).await?;
        let authority = source.authority();
        let current = Arc::new(Current(ArcSwap::new(identity.key)));
        let upkeep = tokio::spawn(look_after(source, Arc::clone(&current), clock));
        Ok(Some(Self {
            authority,
            current,
            _upkeep: AbortOnDropHandle::new(upkeep),
        }))
    }

    /// What does handshakes.
    ///
    /// # Errors
    ///
    /// Never with this provider, which knows both versions.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let mut settings = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.current) as Arc<dyn ResolvesServerCert>);
        settings.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(TlsAcceptor::from(Arc::new(settings)))
    }
}

/// Checks the certificate files that the configuration names; makes nothing.
///
/// # Errors
///
/// [`TlsError`] says what is wrong with which file.
pub async fn check(config: &Config) -> Result<(), TlsError> {
    if let Some(config::Tls::Files { cert, key }) = &config.http.tls {
        Files::new(config.resolve(cert), config.resolve(key))
            .read()
            .await?;
    }
    Ok(())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The certificate that the next handshake gets.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Where certificates come from.
enum Source {
    Files(Files),
    Development(Development),
}

impl Source {
    async fn open(
        setting: &config::Tls,
        config: &Config,
        clock: &dyn Clock,
    ) -> Result<(Identity, Self), TlsError> {
        match setting {
            config::Tls::Files { cert, key } => {
                let mut files = Files::new(config.resolve(cert), config.resolve(key));
                let identity = files.read().await?;
                identity.warn_of_end(clock.now());
                Ok((identity, Self::Files(files)))
            }
            config::Tls::SelfSigned => {
                let mut development = Development::beside_master_key(config);
                let identity = development.make(clock.now())?;
                Ok((identity, Self::Development(development)))
            }
        }
    }

    fn authority(&self) -> Option<PathBuf> {
        match self {
            Self::Files(_) => None,
            Self::Development(development) => Some(development.authority()),
        }
    }

    /// Another certificate, if there is to be one.
    async fn look(&mut self, clock: &dyn Clock) -> Result<Option<Identity>, TlsError> {
        match self {
            Self::Files(files) => files.look(clock.now()).await,
            Self::Development(development) => development.look(clock.now()),
        }
    }
}

async fn look_after(mut source: Source, current: Arc<Current>, clock: Arc<dyn Clock>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match source.look(&*clock).await {
            Ok(None) => {}
            Ok(Some(identity)) => {
                let ends = identity.ends.to_rfc3339();
                tracing::info!("new connections get another certificate, which ends {ends}");
                identity.warn_of_end(clock.now());
                current.0.store(identity.key);
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the certificate before stays in use: {error}");
            }
        }
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Library(error)
    }
}

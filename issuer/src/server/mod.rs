//! Puts the rooms together: one running issuer.
//!
//! A start binds the addresses first, so that a taken port costs nothing, gets the certificate,
//! then opens the store and takes the server lock, makes keys, makes what the configuration asks for, starts the worker,
//! and accepts last: whoever gets an answer gets it from a whole server. A stop goes the other
//! way round; the worker stops before the store closes. The command is in `cli/serve.rs`, the
//! accept loop in `connections.rs`, the certificate in `tls/`, the page for operators in `metrics_page.rs`.

mod connections;
mod error;
mod listeners;
mod metrics_page;
mod tls;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use logout_shared::{Clock, RandomSource, SystemClock, SystemRandom};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

#[cfg(feature = "actions")]
use crate::actions::PoolSettings;
use crate::bootstrap;
use crate::config::Config;
use crate::http::AppState;
use crate::issuer::{Issuer, IssuerConfig};
use crate::storage::Store;
use crate::storage::sqlite::{ServerLock, SqliteOptions, SqliteStore};

pub use error::{OpenError, ServeError};
pub use tls::{TlsError, check as check_certificate};

use listeners::Listeners;
use metrics_page::MetricsPage;
use tls::Tls;

/// Starts a server as the configuration says.
///
/// # Errors
///
/// [`ServeError`] says what stands in the way, for people.
///
/// # Examples
///
/// ```no_run
/// use logout_issuer::config::Config;
///
/// # async fn run() -> Result<(), logout_issuer::server::ServeError> {
/// let mut config = Config::default();
/// config.http.listen = ([127, 0, 0, 1], 0).into();
/// let server = logout_issuer::server::serve(config).await?;
/// println!("{}", server.local_addr());
/// server.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub async fn serve(config: Config) -> Result<Server, ServeError> {
    Server::builder(config).start().await
}

/// A running issuer. Dropping it is as a crash: nothing is lost, and nobody is waited for.
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    issuer: Issuer,
    /// Also stops accepting when the server is dropped.
    stop: DropGuard,
    accepting: Vec<JoinHandle<()>>,
    tls: Option<Tls>,
    metrics: Option<MetricsPage>,
    grace: std::time::Duration,
    /// Held as long as the server runs; none for a store that no other process can open.
    lock: Option<ServerLock>,
}

impl Server {
    /// A server with parts of one's own: a store, a clock, a listener.
    pub fn builder(config: Config) -> ServerBuilder {
        ServerBuilder {
            config,
            listener: None,
            store: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The address of the Management API, where it has one of its own.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// Whether it speaks TLS itself.
    pub fn speaks_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The file with the certificate of the development authority, where there is one.
    pub fn development_authority(&self) -> Option<&Path> {
        self.tls.as_ref()?.authority.as_deref()
    }

    /// The address of `/metrics`, where it has one of its own.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|page| page.address)
    }

    /// The engine inside.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Stops: no new requests, then the worker, then the store.
    pub fn shutdown(self) -> BoxFuture<'static, ()> {
        // Boxed, so that all below it is compiled here and not again in every program that calls it.
        Box::pin(async move {
            drop(self.stop);
            drop(self.metrics);
            for accepting in self.accepting {
                if let Err(error) = accepting.await {
                    tracing::error!("the server did not stop cleanly: {error}");
                }
            }
            self.issuer.shutdown(self.grace).await;
            self.issuer.store().close().await;
            drop(self.lock);
        })
    }
}

/// Parts of a server, see [`Server::builder`].
pub struct ServerBuilder {
    config: Config,
    listener: Option<TcpListener>,
    store: Option<Arc<dyn Store>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
}

impl ServerBuilder {
    /// Listens here instead of binding `http.listen`.
    #[must_use]
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Keeps everything here instead of opening `storage.url`; no lock is taken.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Takes the time from here.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes randomness from here.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn RandomSource>) -> Self {
        self.random = random;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// [`ServeError`] says what stands in the way, for people.
    pub fn start(self) -> BoxFuture<'static, Result<Server, ServeError>> {
        // Boxed, so that all below it is compiled here and not again in every program that calls it.
        Box::pin(async move {
            let Self {
                mut config,
                listener,
                store,
                clock,
                random,
            } = self;
            let mut listeners = Listeners::bind(&config, listener).await?;
            let (local_addr, admin_addr) = listeners.addresses()?;
            config.issuer = Some(config.issuer_at(local_addr));
            let tls = Tls::open(&config, Arc::clone(&clock)).await?;
            let (store, lock) = take_store(&config, store, &*clock).await?;
            let issuer = build(&config, store, clock, random).await?;
            bootstrap::run(&issuer, &config).await?;
            issuer.start_delivery();
            let mut state = AppState::new(issuer.clone(), config.http_settings());
            let metrics = MetricsPage::open(&config, listeners.metrics.take(), &mut state);
            let grace = state.http.shutdown_grace;
            let stop = state.stop.clone();
            let accepting = listeners.accept(tls.as_ref(), &state)?;
            Ok(Server {
                local_addr,
                admin_addr,
                issuer,
                stop: stop.drop_guard(),
                accepting,
                tls,
                metrics,
                grace,
                lock,
            })
        })
    }
}

/// The store to serve from, and the lock of one that other processes can open too.
async fn take_store(
    config: &Config,
    given: Option<Arc<dyn Store>>,
    clock: &dyn Clock,
) -> Result<(Arc<dyn Store>, Option<ServerLock>), ServeError> {
    if let Some(store) = given {
        return Ok((store, None));
    }
    let store = open_store(config).await?;
    let lock = store.lock_for_server(clock.now()).await;
    Ok((store, Some(lock.map_err(ServeError::Lock)?)))
}

/// Opens the store and builds the engine, without a worker: what commands work on.
///
/// # Errors
///
/// [`OpenError`] says what stands in the way, for people.
pub fn open(config: &Config) -> BoxFuture<'_, Result<Issuer, OpenError>> {
    // Boxed, so that all below it is compiled here and not again in every program that calls it.
    Box::pin(async move {
        let store = open_store(config).await?;
        build(config, store, Arc::new(SystemClock), Arc::new(SystemRandom)).await
    })
}

/// Opens the store that the configuration names; makes and migrates it if needed.
///
/// # Errors
///
/// [`OpenError`] says what stands in the way, for people.
pub async fn open_store(config: &Config) -> Result<Arc<SqliteStore>, OpenError> {
    let path = config.database_path()?;
    let options = SqliteOptions {
        path: Some(path),
        readers: config.storage.readers,
    };
    Ok(SqliteStore::open(&options).await?)
}

async fn build(
    config: &Config,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
) -> Result<Issuer, OpenError> {
    let engine = IssuerConfig {
        id: config.issuer(),
        sessions: (&config.session).into(),
        refresh_tokens: (&config.tokens).into(),
        delivery: (&config.delivery).into(),
        retention: (&config.retention).into(),
        egress: config.egress_settings(),
        signing_algorithms: config.keys.signing_algorithms.clone(),
        rotate_keys_every: config.keys.rotate_every,
        master_keys: config.master_keys(&*random)?,
        action_limits: (&config.actions).into(),
    };
    let mut builder = Issuer::builder(engine).store(store).clock(clock);
    #[cfg(feature = "actions")]
    if let Some(program) = &config.actions.worker {
        builder = builder.actions(Arc::new(crate::actions::Pool::new(PoolSettings {
            program: config.resolve(program),
            workers: config.actions.workers,
            patience: config.actions.patience,
        })));
    }
    builder = builder.random(random);
    Ok(builder.build().await?)
}

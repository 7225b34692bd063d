//! The addresses that a server listens on: taken all at once before anything is made, served when
//! everything is.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::connections::{self, Door};
use super::tls::Tls;
use super::{ServeError, TlsError};
use crate::config::Config;
use crate::http::{AppState, admin_app, app};

/// The addresses of one server.
pub(super) struct Listeners {
    pub(super) main: TcpListener,
    /// For the Management API, if it has its own.
    pub(super) admin: Option<TcpListener>,
    /// For `/metrics`, if it has its own.
    pub(super) metrics: Option<TcpListener>,
}

impl Listeners {
    /// Takes what the configuration names; `main` is one that the host of the library has.
    pub(super) async fn bind(
        config: &Config,
        main: Option<TcpListener>,
    ) -> Result<Self, ServeError> {
        let main = match main {
            Some(main) => main,
            None => bind("http.listen", config.http.listen).await?,
        };
        let admin = bind_some("http.admin_listen", config.http.admin_listen).await?;
        let metrics = bind_some("metrics.listen", config.metrics.listen).await?;
        Ok(Self {
            main,
            admin,
            metrics,
        })
    }

    /// The main address, and that of the Management API if it has its own.
    pub(super) fn addresses(&self) -> Result<(SocketAddr, Option<SocketAddr>), ServeError> {
        let of = |listener: &TcpListener| listener.local_addr().map_err(ServeError::Listen);
        Ok((of(&self.main)?, self.admin.as_ref().map(of).transpose()?))
    }

    /// Begins to serve everybody, and the Management API where it has an address of its own.
    pub(super) fn accept(
        self,
        tls: Option<&Tls>,
        state: &AppState,
    ) -> Result<Vec<JoinHandle<()>>, TlsError> {
        let mut doors = vec![(self.main, app(state.clone()))];
        if let Some(admin) = self.admin {
            doors.push((admin, admin_app(state.clone())));
        }
        let begin = |(listener, app)| {
            let tls = tls.map(Tls::acceptor).transpose()?;
            let door = Door { listener, tls };
            let (settings, stop) = (Arc::clone(&state.http), state.stop.clone());
            Ok(tokio::spawn(connections::serve(door, app, settings, stop)))
        };
        doors.into_iter().map(begin).collect()
    }
}

async fn bind_some(
    key: &'static str,
    listen: Option<SocketAddr>,
) -> Result<Option<TcpListener>, ServeError> {
    match listen {
        Some(listen) => bind(key, listen).await.map(Some),
        None => Ok(None),
    }
}

async fn bind(key: &'static str, listen: SocketAddr) -> Result<TcpListener, ServeError> {
    let bound = TcpListener::bind(listen).await;
    bound.map_err(|source| ServeError::Bind {
        key,
        listen,
        source,
    })
}

//! The addresses that a server listens on, taken all at once before anything is made.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::ServeError;
use crate::config::Config;

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

//! Names to addresses, under the guard.
//!
//! The connection goes to exactly the addresses judged here: there is no second look-up in
//! between that could answer otherwise. Look-ups have their own time limit and their own number
//! of slots, since the system's resolver blocks a thread each and slow name servers must not take
//! the threads that sign and hash. Hosts that are addresses never come here; `client.rs` judges
//! those.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::guard::{AddressRefused, Guard};

/// Looks names up.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of a host.
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
#[derive(Debug)]
pub struct SystemLookup {
    slots: Semaphore,
    timeout: Duration,
}

impl SystemLookup {
    /// A resolver with `slots` look-ups at a time, each `timeout` at most.
    pub fn new(slots: usize, timeout: Duration) -> Self {
        Self {
            slots: Semaphore::new(slots),
            timeout,
        }
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let look_up = async {
            let _slot = self.slots.acquire().await.map_err(io::Error::other)?;
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        };
        tokio::time::timeout(self.timeout, look_up)
            .await
            .unwrap_or_else(|_| {
                Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the look-up took too long",
                ))
            })
    }
}

/// Why a name gave no address that may be called.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// No answer, or an answer without addresses.
    #[error("the name has no address")]
    Dns(#[source] io::Error),
    /// An answer with a forbidden address.
    #[error(transparent)]
    Refused(#[from] AddressRefused),
}

/// The resolver of the HTTP client.
pub(super) struct GuardedResolver {
    lookup: Arc<dyn Lookup>,
    guard: Arc<Guard>,
    /// The proxy's own name, which the operator answers for.
    exempt: Option<String>,
}

impl GuardedResolver {
    pub(super) fn new(lookup: Arc<dyn Lookup>, guard: Arc<Guard>, exempt: Option<String>) -> Self {
        Self {
            lookup,
            guard,
            exempt,
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = Arc::clone(&self.lookup);
        let guard = Arc::clone(&self.guard);
        let exempt = self.exempt.as_deref() == Some(name.as_str());
        Box::pin(async move {
            let found = lookup
                .lookup(name.as_str())
                .await
                .map_err(ResolveError::Dns)?;
            if found.is_empty() {
                let empty = io::Error::new(io::ErrorKind::NotFound, "the answer is empty");
                return Err(ResolveError::Dns(empty).into());
            }
            if !exempt {
                guard.check_all(&found).map_err(ResolveError::Refused)?;
            }
            let addresses = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Vec<IpAddr>);

    #[async_trait]
    impl Lookup for Fixed {
        async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.clone())
        }
    }

    async fn resolve(addresses: &[&str], exempt: Option<&str>) -> Result<usize, String> {
        let found = addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        let guard = Arc::new(Guard::default());
        let exempt = exempt.map(str::to_owned);
        let resolver = GuardedResolver::new(Arc::new(Fixed(found)), guard, exempt);
        let answer = resolver.resolve("app.example".parse().unwrap()).await;
        answer
            .map(Iterator::count)
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn g18_a_mixed_answer_is_refused_as_a_whole() {
        assert_eq!(resolve(&["8.8.8.8", "1.1.1.1"], None).await, Ok(2));
        let error = resolve(&["8.8.8.8", "192.168.1.1"], None)
            .await
            .unwrap_err();
        assert!(error.contains("192.168.1.1"), "{error}");
    }

    #[tokio::test]
    async fn an_empty_answer_is_no_address() {
        assert!(resolve(&[], None).await.is_err());
    }

    #[tokio::test]
    async fn g18_the_proxy_is_the_operators_business() {
        assert_eq!(resolve(&["10.0.0.1"], Some("app.example")).await, Ok(1));
    }

    #[tokio::test]
    async fn g15_a_look_up_ends_in_time() {
        let lookup = SystemLookup::new(0, Duration::from_millis(1));
        let error = lookup.lookup("app.example").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}

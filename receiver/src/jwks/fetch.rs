//! Fetches the issuer's key set over HTTP: the only file of this crate that makes requests.
//!
//! The addresses come from the configured issuer or from the app, never from a token. Redirects
//! are not followed, plain http is refused away from the loopback interface, and both documents
//! are read up to a limit. The time limit over all of it, and when to fetch, are `cache.rs`'s.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use logout_shared::Issuer;
use logout_shared::discovery::{self, ProviderMetadata};
use logout_shared::jwks::MAX_SET_BYTES;
use url::{Host, Position, Url};

use super::{KeyFetchError, KeyFetcher};

/// Fetches keys with reqwest, by discovery or from a fixed address.
pub struct HttpKeyFetcher {
    client: reqwest::Client,
    location: Location,
    source: String,
    danger_allow_http: bool,
    /// Where the newest discovery document said that the keys are.
    discovered: Mutex<Option<Url>>,
}

enum Location {
    Discover(Issuer),
    At(Url),
}

impl HttpKeyFetcher {
    /// Finds the key set through the issuer's discovery document.
    ///
    /// # Errors
    ///
    /// [`KeyFetchError::Transport`] if the HTTP client cannot be made.
    pub fn discover(issuer: Issuer) -> Result<HttpKeyFetcher, KeyFetchError> {
        HttpKeyFetcher::new(Location::Discover(issuer))
    }

    /// Reads the key set at `url`; no discovery document is needed.
    ///
    /// # Errors
    ///
    /// [`KeyFetchError::Transport`] if the HTTP client cannot be made.
    pub fn at(url: Url) -> Result<HttpKeyFetcher, KeyFetchError> {
        HttpKeyFetcher::new(Location::At(url))
    }

    fn new(location: Location) -> Result<HttpKeyFetcher, KeyFetchError> {
        let client = default_client().map_err(|error| KeyFetchError::Transport {
            what: "client",
            source: error.into(),
        })?;
        let source = match &location {
            Location::Discover(issuer) => issuer.as_str().to_owned(),
            // Neither a password nor a query that may hold one.
            Location::At(url) => format!(
                "{}://{}",
                url.scheme(),
                &url[Position::BeforeHost..Position::AfterPath]
            ),
        };
        let discovered = Mutex::default();
        Ok(HttpKeyFetcher {
            client,
            location,
            source,
            danger_allow_http: false,
            discovered,
        })
    }

    /// Uses the app's own client, for proxies and private certificate authorities.
    ///
    /// # Security
    ///
    /// The client should not follow redirects; ours does not.
    #[must_use]
    pub fn with_client(self, client: reqwest::Client) -> HttpKeyFetcher {
        HttpKeyFetcher { client, ..self }
    }

    /// Lets keys come over plain http from any host.
    ///
    /// # Security
    ///
    /// Whoever sits on the way can then put in keys of their own and sign out anybody.
    #[must_use]
    pub fn danger_allow_http(self) -> HttpKeyFetcher {
        HttpKeyFetcher {
            danger_allow_http: true,
            ..self
        }
    }

    async fn key_set_url(&self) -> Result<Url, KeyFetchError> {
        let issuer = match &self.location {
            Location::At(url) => return Ok(url.clone()),
            Location::Discover(issuer) => issuer,
        };
        match self.ask_discovery(issuer).await {
            Ok(url) => {
                *self
                    .discovered
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = Some(url.clone());
                Ok(url)
            }
            // The document may be out of reach while the keys, often elsewhere, are not.
            Err(error @ (KeyFetchError::Transport { .. } | KeyFetchError::Status { .. })) => {
                let known = self
                    .discovered
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                known.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn ask_discovery(&self, issuer: &Issuer) -> Result<Url, KeyFetchError> {
        let url = discovery::document_url(issuer);
        let body = self
            .get(DISCOVERY, &url, discovery::MAX_DOCUMENT_BYTES)
            .await?;
        let metadata = ProviderMetadata::parse(&body, issuer)
            .map_err(|error| KeyFetchError::Discovery(error.into()))?;
        Ok(metadata.jwks_uri)
    }

    async fn get(
        &self,
        what: &'static str,
        url: &Url,
        limit: usize,
    ) -> Result<Vec<u8>, KeyFetchError> {
        if !self.danger_allow_http && !is_https_or_loopback(url) {
            return Err(KeyFetchError::NotHttps {
                url: url.to_string(),
            });
        }
        let transport = |error: reqwest::Error| KeyFetchError::Transport {
            what,
            source: error.without_url().into(),
        };
        let request = self
            .client
            .get(url.clone())
            .header("accept", "application/json");
        let mut response = request.send().await.map_err(transport)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(KeyFetchError::Status {
                what,
                status: response.status().as_u16(),
            });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > limit {
                return Err(KeyFetchError::TooLarge { what, limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

#[async_trait]
impl KeyFetcher for HttpKeyFetcher {
    async fn fetch(&self) -> Result<Vec<u8>, KeyFetchError> {
        let url = self.key_set_url().await?;
        self.get(KEY_SET, &url, MAX_SET_BYTES).await
    }

    /// The issuer, or the address of the key set.
    fn source(&self) -> &str {
        &self.source
    }
}

const DISCOVERY: &str = "the discovery document";
const KEY_SET: &str = "the key set";

/// A client that goes where it is told: no redirects, no proxy from the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that makes an HTTP client"
)]
fn default_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(2))
        .build()
}

fn is_https_or_loopback(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (url, expected) in [
            ("https://op.example/jwks", true),
            ("http://127.0.0.1:8080/jwks", true),
            ("http://[::1]/jwks", true),
            ("http://localhost:1/jwks", true),
            ("http://op.example/jwks", false),
            ("http://localhost.example/jwks", false),
            ("http://10.0.0.1/jwks", false),
            ("file:///etc/passwd", false),
        ] {
            let url = Url::parse(url).expect("a url");
            assert_eq!(is_https_or_loopback(&url), expected, "{url}");
        }
    }

    #[test]
    fn the_name_for_metrics_holds_no_password() {
        let url = "https://app:secret@op.example:8443/keys?token=secret#secret";
        let fetcher = HttpKeyFetcher::at(url.parse().expect("a url")).expect("a client");
        assert_eq!(fetcher.source(), "https://op.example:8443/keys");
    }
}

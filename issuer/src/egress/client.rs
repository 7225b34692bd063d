//! Sends a form to somebody else's address or reads a document there, and says in one word why it
//! could not.
//!
//! There is one HTTP client for everything: building one costs milliseconds, and connections are
//! kept only by one that lives on. Requests to one host are not limited here; `delivery/` counts
//! them.

use std::error::Error as StdError;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Certificate, Client, Proxy};
use url::{Url, form_urlencoded};

use super::resolver::{GuardedResolver, ResolveError};
use super::{AddressRefused, Answer, Guard, Lookup, Settings, SystemLookup, answer};
use crate::domain::delivery::AttemptError;
use crate::domain::logout_settings::{LogoutUrl, UrlPolicy};

/// The way out.
#[derive(Debug, Clone)]
pub struct Egress {
    client: Client,
    guard: Arc<Guard>,
    danger_allow_http: bool,
}

/// The way out cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetUpError {
    /// The file of further certificate authorities cannot be used.
    #[error("cannot use the certificate authorities in {path}")]
    CaFile {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The proxy's URL cannot be used.
    #[error("cannot use the proxy of the egress settings")]
    Proxy(#[source] reqwest::Error),
    /// The HTTP client cannot be made.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// A request that got no answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer ({})", class.as_str())]
pub struct EgressError {
    /// Why, in one word.
    pub class: AttemptError,
    /// The cause, without the URL.
    #[source]
    pub source: Box<dyn StdError + Send + Sync>,
}

/// `http` is closed by the settings.
#[derive(Debug, thiserror::Error)]
#[error("http is not allowed, only https")]
struct HttpRefused;

impl Egress {
    /// Sets the way out up, with the system's resolver.
    ///
    /// # Errors
    ///
    /// [`SetUpError`] if the settings cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, SetUpError> {
        let slots = usize::try_from(settings.max_lookups.max(1)).unwrap_or(usize::MAX);
        let lookup = SystemLookup::new(slots, settings.lookup_timeout());
        Self::with_lookup(settings, Arc::new(lookup))
    }

    /// Sets the way out up, with another resolver.
    ///
    /// # Errors
    ///
    /// [`SetUpError`] if the settings cannot be used.
    pub fn with_lookup(settings: &Settings, lookup: Arc<dyn Lookup>) -> Result<Self, SetUpError> {
        let guard = Arc::new(Guard::new(
            settings.allow.clone(),
            settings.danger_allow_private_addresses,
        ));
        let proxy_host = settings
            .proxy
            .as_ref()
            .and_then(Url::host_str)
            .map(str::to_owned);
        let resolver = GuardedResolver::new(lookup, Arc::clone(&guard), proxy_host);
        let client = http_client(settings, resolver)?;
        Ok(Self {
            client,
            guard,
            danger_allow_http: settings.danger_allow_http,
        })
    }

    /// The rule that registered URLs must keep.
    pub fn url_policy(&self) -> UrlPolicy {
        UrlPolicy {
            danger_allow_http: self.danger_allow_http,
        }
    }

    /// Judges a URL whose host is an address, for registration; names pass.
    ///
    /// # Errors
    ///
    /// [`AddressRefused`] if it could never be called.
    pub fn check_literal(&self, url: &LogoutUrl) -> Result<(), AddressRefused> {
        Url::parse(url.as_str()).map_or(Ok(()), |url| self.guard.check_literal(&url))
    }

    /// Posts a form with one field and reads the answer, all within `timeout`.
    ///
    /// # Errors
    ///
    /// [`EgressError`] if there was no answer, or if the guard forbids asking for one.
    pub async fn post_form(
        &self,
        url: &LogoutUrl,
        field: &str,
        value: &str,
        timeout: Duration,
    ) -> Result<Answer, EgressError> {
        let url = parsed(url)?;
        self.check_before_sending(&url)?;
        let form = form_urlencoded::Serializer::new(String::with_capacity(value.len() + 32))
            .append_pair(field, value)
            .finish();
        // Back-Channel Logout §2.5: a form, by POST.
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .timeout(timeout)
            .body(form);
        let response = request.send().await.map_err(classified)?;
        Ok(Answer::read(response).await)
    }

    /// Reads a document of at most `max_bytes`, all within `timeout`.
    ///
    /// # Errors
    ///
    /// [`EgressError`] if there was no answer, if it was not 200 or was too long, or if the guard
    /// forbids asking for one.
    pub async fn fetch(
        &self,
        url: &LogoutUrl,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Bytes, EgressError> {
        let url = parsed(url)?;
        self.check_before_sending(&url)?;
        let request = self.client.get(url).timeout(timeout);
        let response = request.send().await.map_err(classified)?;
        answer::read_document(response, max_bytes).await
    }

    /// The client's resolver is never asked for a host that is an address, so it is judged here,
    /// before each request.
    fn check_before_sending(&self, url: &Url) -> Result<(), EgressError> {
        let refused = |source| EgressError {
            class: AttemptError::AddressRefused,
            source,
        };
        if url.scheme() != "https" && !self.danger_allow_http {
            return Err(refused(Box::new(HttpRefused)));
        }
        self.guard
            .check_literal(url)
            .map_err(|error| refused(Box::new(error)))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that makes the client"
)]
fn http_client(settings: &Settings, resolver: GuardedResolver) -> Result<Client, SetUpError> {
    let mut builder = Client::builder()
        .dns_resolver(Arc::new(resolver))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .https_only(!settings.danger_allow_http)
        .connect_timeout(settings.connect_timeout())
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_mins(1))
        .user_agent(concat!("logout-issuer/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = &settings.ca_file {
        builder = builder.tls_certs_merge(read_authorities(path)?);
    }
    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(Proxy::all(proxy.clone()).map_err(SetUpError::Proxy)?);
    }
    builder.build().map_err(SetUpError::Client)
}

fn read_authorities(path: &Path) -> Result<Vec<Certificate>, SetUpError> {
    let failed = |source| SetUpError::CaFile {
        path: path.display().to_string(),
        source,
    };
    let pem = std::fs::read(path).map_err(|error| failed(error.into()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| failed(error.into()))?;
    if found.is_empty() {
        return Err(failed("the file has no PEM certificate".into()));
    }
    Ok(found)
}

fn parsed(url: &LogoutUrl) -> Result<Url, EgressError> {
    Url::parse(url.as_str()).map_err(|error| EgressError {
        class: AttemptError::Connect,
        source: error.into(),
    })
}

/// One word for a request that got no answer.
pub(super) fn classified(error: reqwest::Error) -> EgressError {
    let class = class_of(&error);
    EgressError {
        class,
        source: Box::new(error.without_url()),
    }
}

fn class_of(error: &reqwest::Error) -> AttemptError {
    let mut refused_or_dns = None;
    let mut socket = None;
    let mut cause = error.source();
    while let Some(current) = cause {
        match current.downcast_ref::<ResolveError>() {
            Some(ResolveError::Refused(_)) => refused_or_dns = Some(AttemptError::AddressRefused),
            Some(ResolveError::Dns(_)) => refused_or_dns = Some(AttemptError::Dns),
            None => {}
        }
        if let Some(found) = current.downcast_ref::<io::Error>() {
            socket = socket.or(Some(innermost_kind(found)));
        }
        cause = current.source();
    }
    match (refused_or_dns, socket) {
        (Some(class), _) => class,
        _ if error.is_timeout() => AttemptError::Timeout,
        // The TLS layer reports what it refuses as invalid data, and a peer that hangs up during
        // the handshake as an unexpected end.
        (_, Some(io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof))
            if error.is_connect() =>
        {
            AttemptError::Tls
        }
        _ if error.is_connect() => AttemptError::Connect,
        _ => AttemptError::Reset,
    }
}

/// The connector wraps errors of the socket and of TLS once more, hiding their kind.
fn innermost_kind(error: &io::Error) -> io::ErrorKind {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<io::Error>())
    {
        Some(inner) => innermost_kind(inner),
        None => error.kind(),
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;

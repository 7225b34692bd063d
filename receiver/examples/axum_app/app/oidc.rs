//! Signing in: authorization code with PKCE, state and nonce, by the `openidconnect` crate.
//!
//! The provider's documents are read anew for each sign-in: the app starts without the provider,
//! and a key rotation needs no restart. A sign-in under way is remembered here for ten minutes and
//! tied to the browser that began it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_receiver::SigningAlgorithm;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, LogoutRequest, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, Scope,
    TokenResponse as _,
};
use serde_json::Value;
use url::Url;

/// How long a person may take at the provider.
const PATIENCE: Duration = Duration::from_mins(10);

/// The provider as this app's client sees it.
pub(crate) struct OpenIdClient {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    alg: CoreJwsSigningAlgorithm,
    public_url: Url,
    http: reqwest::Client,
    pending: Mutex<HashMap<String, Pending>>,
}

/// A sign-in that has been begun and not finished.
struct Pending {
    browser: String,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    since: Instant,
}

/// Where to send the browser, and what it must bring back in a cookie.
pub(crate) struct Begun {
    pub(crate) url: Url,
    pub(crate) browser: String,
}

/// Who signed in: the verified claims and the token they came in.
pub(crate) struct SignedIn {
    pub(crate) claims: Value,
    pub(crate) id_token: String,
}

impl OpenIdClient {
    pub(crate) fn new(
        issuer: String,
        client_id: String,
        client_secret: Option<String>,
        alg: SigningAlgorithm,
        public_url: &Url,
    ) -> anyhow::Result<OpenIdClient> {
        Ok(OpenIdClient {
            issuer: IssuerUrl::new(issuer).context("--issuer is not a URL")?,
            client_id: ClientId::new(client_id),
            client_secret: client_secret.map(ClientSecret::new),
            alg: serde_json::from_value(Value::from(alg.as_str())).context("--alg")?,
            public_url: public_url.clone(),
            http: http_client()?,
            pending: Mutex::default(),
        })
    }

    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Whether cookies travel over https only.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// Prepares a sign-in and says where it goes on.
    pub(crate) async fn begin(&self) -> anyhow::Result<Begun> {
        let provider = self.discover().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client(provider)?;
        let request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        let scopes = ["profile", "email"].map(|scope| Scope::new(scope.to_owned()));
        let (url, state, nonce) = request
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        let browser = CsrfToken::new_random().into_secret();
        let pending = Pending {
            browser: browser.clone(),
            nonce,
            verifier,
            since: Instant::now(),
        };
        let mut all = self.pending();
        all.retain(|_, pending| pending.since.elapsed() < PATIENCE);
        all.insert(state.into_secret(), pending);
        Ok(Begun { url, browser })
    }

    /// Turns the code that the browser brought back into verified claims.
    pub(crate) async fn finish(
        &self,
        state: &str,
        browser: Option<&str>,
        code: String,
    ) -> anyhow::Result<SignedIn> {
        let pending = self.pending().remove(state);
        let pending = pending.context("this sign-in is unknown or took too long")?;
        if pending.since.elapsed() >= PATIENCE || browser != Some(pending.browser.as_str()) {
            bail!("this sign-in was begun in another browser or took too long");
        }
        let client = self.client(self.discover().await?)?;
        let exchange = client.exchange_code(AuthorizationCode::new(code))?;
        let tokens = exchange
            .set_pkce_verifier(pending.verifier)
            .request_async(&self.sender())
            .await
            .context("the provider did not give tokens for the code")?;
        let id_token = tokens.id_token().context("the provider gave no ID Token")?;
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs([self.alg.clone()]);
        id_token
            .claims(&verifier, &pending.nonce)
            .context("the provider's ID Token is not valid")?;
        let id_token = id_token.to_string();
        Ok(SignedIn {
            claims: claims_of(&id_token)?,
            id_token,
        })
    }

    /// Where the browser ends its session at the provider, if that can be done.
    pub(crate) async fn end_session_url(&self, id_token: Option<&str>) -> Option<Url> {
        let provider = self.discover().await.ok()?;
        let endpoint = provider
            .additional_metadata()
            .end_session_endpoint
            .clone()?;
        let home = PostLogoutRedirectUrl::new(self.public_url.to_string()).ok()?;
        let mut request = LogoutRequest::from(endpoint)
            .set_client_id(self.client_id.clone())
            .set_post_logout_redirect_uri(home);
        if let Some(id_token) = id_token.and_then(|token| token.parse::<CoreIdToken>().ok()) {
            request = request.set_id_token_hint(&id_token);
        }
        Some(request.http_get_url())
    }

    async fn discover(&self) -> anyhow::Result<ProviderMetadataWithLogout> {
        ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.sender())
            .await
            .with_context(|| format!("the provider at {} cannot be reached", self.issuer.as_str()))
    }

    fn client(&self, provider: ProviderMetadataWithLogout) -> anyhow::Result<CodeClient> {
        let redirect = RedirectUrl::from_url(self.public_url.join("callback")?);
        let (id, secret) = (self.client_id.clone(), self.client_secret.clone());
        Ok(CodeClient::from_provider_metadata(provider, id, secret).set_redirect_uri(redirect))
    }

    /// The crate's own HTTP client would bring a second reqwest; this one does not follow redirects.
    fn sender(&self) -> impl Fn(HttpRequest) -> Sending + use<> {
        let http = self.http.clone();
        move |request| Box::pin(send(http.clone(), request))
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<String, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Sending = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send>>;

async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let (head, body) = request.into_parts();
    let request = http.request(head.method, head.uri.to_string());
    let response = request.headers(head.headers).body(body).send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = HttpResponse::new(response.bytes().await?.to_vec());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an example is an app, not part of the library"
)]
fn http_client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()
        .map_err(|error| anyhow!(error))
}

/// The claims exactly as the provider wrote them, `sid` among them, of a token verified before.
fn claims_of(id_token: &str) -> anyhow::Result<Value> {
    let payload = id_token.split('.').nth(1).unwrap_or_default();
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

/// A client that knows where to send the browser, and perhaps where to get tokens.
type CodeClient = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

//! A server on a socket, an app that is told of logouts, and a person who is signed in.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_issuer::config::Config;
use logout_issuer::domain::client::Client;
use logout_issuer::domain::logout_settings::{
    DeliverySettings, LogoutSettings, LogoutUrl, UrlPolicy,
};
use logout_issuer::login::users::{NewUser, create_user};
use logout_issuer::server::Server;
use logout_issuer::storage::sqlite::SqliteStore;
use logout_shared::{Secret, SigningAlgorithm};
use logout_tests::browser::{Browser, Page};
use logout_tests::issuer_process::CreatedClient;
use logout_tests::relying_party::TestRelyingParty;
use logout_tests::sign_in::{SignIn, SignedIn};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

use crate::house::{EMAIL, PASSWORD, SECRET, client, form, seal};

const CLIENT: &str = "conformance";

pub(super) struct Stage {
    pub(super) app: TestRelyingParty,
    issuer: String,
    browser: Browser,
    server: Server,
    _folder: TempDir,
}

impl Stage {
    /// A server that says of itself that it is `issuer`, or where it listens.
    pub(super) async fn start(issuer: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let mut config = Config {
            issuer: Some(issuer.unwrap_or(&address).parse().unwrap()),
            ..Config::default()
        };
        config.keys.master_key_file = folder.path().join("master.key");
        // Only in development it is made at the first start.
        let master_key = URL_SAFE_NO_PAD.encode([7; 32]);
        std::fs::write(&config.keys.master_key_file, master_key).unwrap();
        config.keys.signing_algorithms = vec![SigningAlgorithm::Rs256];
        config.egress.danger_allow_http = Some(true);
        config.egress.danger_allow_private_addresses = Some(true);
        let server = Server::builder(config)
            .listener(listener)
            .store(SqliteStore::in_memory().await.unwrap());
        let server = server.start().await.unwrap();
        let stage = Self {
            app: TestRelyingParty::start().await,
            issuer: address,
            browser: Browser::new(),
            server,
            _folder: folder,
        };
        stage.register().await;
        stage
    }

    /// As the suite registers itself: one address after sign-out, and `sid` required.
    async fn register(&self) {
        let issuer = self.server.issuer();
        let policy = UrlPolicy {
            danger_allow_http: true,
        };
        let settings = LogoutSettings {
            urls: vec![LogoutUrl::parse(&self.app.url(), policy).unwrap()],
            delivery: DeliverySettings {
                session_required: true,
                ..DeliverySettings::default()
            },
            ..LogoutSettings::default()
        };
        let app = Client {
            sealed_secret: Some(seal(issuer, CLIENT, SECRET)),
            callbacks: vec![self.app.callback()],
            allowed_logout_urls: vec![self.after_logout()],
            signing_algorithm: SigningAlgorithm::Rs256,
            logout: Some(settings),
            ..client(CLIENT)
        };
        let write = issuer
            .store()
            .write(move |tx| Box::pin(async move { tx.insert_client(&app).await }));
        assert!(write.await.unwrap());
        let ada = NewUser {
            email: EMAIL.to_owned(),
            password: Some(Secret::new(PASSWORD.to_owned())),
            ..NewUser::default()
        };
        create_user(issuer, ada).await.unwrap();
    }

    /// The app's registered address after sign-out.
    pub(super) fn after_logout(&self) -> String {
        format!("http://{}/post_logout_redirect", self.app.address())
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// A normal authorization flow.
    pub(super) async fn sign_in(&self) -> SignedIn {
        let client = CreatedClient {
            id: CLIENT.to_owned(),
            secret: SECRET.to_owned(),
        };
        let walk = SignIn {
            issuer: &self.issuer,
            client: &client,
            callback: &self.app.callback(),
            email: EMAIL,
            password: PASSWORD,
        };
        walk.walk(&self.browser).await
    }

    /// Sends the browser to the end of the session, and to where that leads.
    pub(super) async fn end_session(&self, fields: &[(&str, &str)]) -> Page {
        let url = self.url(&format!("oidc/logout?{}", form(fields)));
        self.browser.open(&url).await.unwrap()
    }

    /// Presses the one button of a page.
    pub(super) async fn confirm(&self, page: &Page) -> Page {
        self.browser.submit(page, &[]).await.unwrap()
    }

    /// The error of an authorization request that must not ask anybody; none for a live session.
    pub(super) async fn error_without_prompt(&self) -> Option<String> {
        let fields = [
            ("client_id", CLIENT),
            ("redirect_uri", &self.app.callback()),
            ("response_type", "code"),
            ("scope", "openid"),
            ("prompt", "none"),
        ];
        let url = self.url(&format!("authorize?{}", form(&fields)));
        let page = self.browser.open(&url).await.unwrap();
        assert!(
            page.url.as_str().starts_with(&self.app.callback()),
            "{page:?}"
        );
        parameter(&page.url, "error")
    }

    pub(super) async fn assert_signed_out(&self) {
        let error = self.error_without_prompt().await;
        // OpenID Connect Core §3.1.2.6: those that say that somebody must be asked.
        let known = [
            "login_required",
            "interaction_required",
            "account_selection_required",
            "consent_required",
        ];
        assert!(
            error.as_deref().is_some_and(|it| known.contains(&it)),
            "{error:?}"
        );
    }

    /// A document of the issuer.
    pub(super) async fn document(&self, path: &str) -> Value {
        let page = self.browser.open(&self.url(path)).await.unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        serde_json::from_str(&page.body).unwrap()
    }

    /// Whether a page is one of the server's own.
    pub(super) fn is_own(&self, page: &Page) -> bool {
        page.url.as_str().starts_with(&self.issuer)
    }
}

pub(super) fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

/// How long the app may wait to be told.
pub(super) const SOON: Duration = Duration::from_secs(10);

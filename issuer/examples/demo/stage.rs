//! Starts the issuer and the sample app on free ports, with a user and a client already there.
//!
//! Everything lives in a temporary folder and is gone when the demo ends.

use anyhow::Context as _;
use axum::middleware::from_fn_with_state;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_issuer::config::{BootstrapClient, BootstrapUser, Config, SecretSource};
use logout_issuer::domain::logout_settings::Initiators;
use logout_issuer::server::{Server, serve};
use logout_shared::{ClientId, RandomSource as _, Secret, SigningAlgorithm, SystemRandom};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::app;
use crate::tap::{Tap, listen};

/// The demo's user.
pub(crate) const EMAIL: &str = "ada@example.com";
/// The demo user's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The issuer and the app, running.
pub(crate) struct Stage {
    pub(crate) issuer_url: String,
    pub(crate) app_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) tap: Tap,
    server: Server,
    app: JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn set() -> anyhow::Result<Self> {
        let folder = TempDir::new().context("cannot make a temporary folder")?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let app_url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let (client_id, client_secret) = ("demo-app", secret());

        let mut config = Config {
            base: folder.path().to_owned(),
            ..Config::default()
        };
        config.http.listen = ([127, 0, 0, 1], 0).into();
        config.bootstrap.users.push(user());
        config
            .bootstrap
            .clients
            .push(client(client_id.parse()?, &client_secret, &app_url)?);
        let server = serve(config).await?;
        let issuer_url = server.issuer().id().as_str().to_owned();

        let tap = Tap::new();
        let router = app::router(app::Settings {
            issuer: issuer_url.clone(),
            client_id: client_id.to_owned(),
            client_secret: Some(client_secret.clone()),
            alg: SigningAlgorithm::Rs256,
            public_url: app_url.clone(),
        })?;
        let router = router.layer(from_fn_with_state(tap.clone(), listen));
        let app = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            issuer_url,
            app_url: app_url.into(),
            client_id: client_id.to_owned(),
            client_secret,
            tap,
            server,
            app,
            _folder: folder,
        })
    }

    /// The live session that was begun last.
    pub(crate) async fn newest_session(&self) -> anyhow::Result<Option<String>> {
        let issuer = self.server.issuer();
        let mut store = issuer.store().read().await?;
        let page = store.list_sessions(None, 100, issuer.now()).await?;
        let newest = page
            .sessions
            .iter()
            .max_by_key(|(session, _)| session.created_at);
        Ok(newest.map(|(session, _)| session.id.to_string()))
    }

    pub(crate) async fn clear(self) {
        self.app.abort();
        self.server.shutdown().await;
    }
}

fn secret() -> String {
    let mut bytes = [0; 24];
    SystemRandom.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn user() -> BootstrapUser {
    BootstrapUser {
        email: EMAIL.to_owned(),
        password: SecretSource::Inline(Secret::new(PASSWORD.to_owned())),
        id: None,
        admin: true,
    }
}

fn client(id: ClientId, secret: &str, app: &Url) -> anyhow::Result<BootstrapClient> {
    Ok(BootstrapClient {
        id,
        name: Some("The demo's app".to_owned()),
        secret: Some(SecretSource::Inline(Secret::new(secret.to_owned()))),
        callbacks: vec![app.join("callback")?.into()],
        logout_urls: vec![app.to_string()],
        backchannel_logout_urls: vec![app.join("backchannel-logout")?.into()],
        initiators: Initiators::All,
        include_session_metadata: true,
        encryption_alg: None,
        encryption_enc: None,
        jwks_uri: None,
        private_key_jwt: false,
        management_scopes: vec!["all".to_owned()],
    })
}

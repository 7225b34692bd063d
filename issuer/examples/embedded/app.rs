//! The app: the receiver in axum, which notes what it hears.

use std::time::Duration;

use async_trait::async_trait;
use logout_receiver::{
    BackchannelLogout, EndedSession, HookError, LocalSession, LogoutHook, LogoutToken,
    SigningAlgorithm,
};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::Outcome;
use super::provider::SignedIn;

/// The app's client id at the provider.
pub(crate) const CLIENT: &str = "photos";

/// How long the app may take to hear.
const PATIENCE: Duration = Duration::from_secs(10);

/// An app that people are signed in to.
pub(crate) struct App {
    logout: BackchannelLogout,
    address: std::net::SocketAddr,
    heard: mpsc::UnboundedReceiver<Heard>,
}

/// A logout that the app was told of.
pub(crate) struct Heard {
    pub(crate) sid: String,
    pub(crate) device: Option<String>,
}

struct Note(mpsc::UnboundedSender<Heard>);

#[async_trait]
impl LogoutHook for Note {
    async fn on_logout(
        &self,
        token: &LogoutToken,
        _ended: &[EndedSession],
    ) -> Result<(), HookError> {
        let sid = token.sid().map(ToString::to_string);
        let device = token.session_metadata().and_then(|it| it.get("deviceName"));
        let heard = Heard {
            sid: sid.unwrap_or_default(),
            device: device.map(str::to_owned),
        };
        self.0.send(heard).map_err(HookError::failed)
    }
}

impl App {
    /// Starts the app on a free port.
    pub(crate) async fn start(issuer: &str, keys_url: &str) -> Outcome<Self> {
        let (sender, heard) = mpsc::unbounded_channel();
        let logout = BackchannelLogout::builder(issuer, CLIENT)
            .in_memory()
            .signing_algorithm(SigningAlgorithm::Es256)
            .jwks_uri(keys_url)
            .hook(Note(sender))
            .build()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = logout.routes("/backchannel-logout");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            logout,
            address,
            heard,
        })
    }

    pub(crate) fn logout_url(&self) -> String {
        format!("http://{}/backchannel-logout", self.address)
    }

    /// What the login callback does once the ID Token is checked.
    pub(crate) async fn record_login(&self, person: &SignedIn) -> Outcome {
        let local = person.sid.as_str();
        self.logout.record_login(&person.id_token, local).await?;
        Ok(())
    }

    /// Whether the person is still signed in here.
    pub(crate) async fn knows(&self, person: &SignedIn) -> Outcome<bool> {
        let found = self.logout.session(person.sid.as_str()).await?;
        Ok(matches!(found, LocalSession::Live(_)))
    }

    /// The next logout that comes.
    pub(crate) async fn hears(&mut self) -> Outcome<Heard> {
        let heard = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        let heard = heard.map_err(|_| "the app was not told")?;
        Ok(heard.ok_or("the app is gone")?)
    }

    /// Whether no logout came beside those that were waited for.
    pub(crate) fn heard_nothing_else(&mut self) -> bool {
        self.heard.try_recv().is_err()
    }
}

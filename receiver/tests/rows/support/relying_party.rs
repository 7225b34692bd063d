//! A relying party of these tests: an axum app with one protected page, on a socket.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use logout_receiver::{
    BackchannelLogout, Builder, CurrentSession, KeySource, LocalSession, RequireSession,
};
use logout_shared::ManualClock;
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Answer, CLIENT, ISSUER, exchange, key, key_set, manual_clock, post_form};

/// A relying party under test.
pub(crate) struct RelyingParty {
    pub(crate) logout: BackchannelLogout,
    pub(crate) address: SocketAddr,
}

/// The set-up most rows use: given keys, memory, a manual clock.
pub(crate) fn builder(clock: &ManualClock) -> Builder {
    BackchannelLogout::builder(ISSUER, CLIENT)
        .keys(KeySource::given(key_set([key()])))
        .in_memory()
        .clock(clock.clone())
        .session_of(|request| {
            let cookie = request.headers.get("cookie")?.to_str().ok()?;
            Some(cookie.strip_prefix("local=")?.into())
        })
}

impl RelyingParty {
    /// With the usual set-up.
    pub(crate) async fn start() -> RelyingParty {
        RelyingParty::with(builder(&manual_clock())).await
    }

    /// With a set-up of the test's own.
    pub(crate) async fn with(builder: Builder) -> RelyingParty {
        RelyingParty::of(builder.build().expect("a set-up that works")).await
    }

    /// Around a receiver that exists already.
    pub(crate) async fn of(logout: BackchannelLogout) -> RelyingParty {
        let page = |session: CurrentSession| async move { session.sub().to_string() };
        let app = Router::new()
            .route("/protected", get(page))
            .layer(RequireSession::new(logout.clone()))
            .merge(logout.routes("/backchannel-logout"));
        RelyingParty {
            logout,
            address: serve(app).await,
        }
    }

    /// Posts a logout token.
    pub(crate) async fn post(&self, token: &str) -> Answer {
        post_form(self.address, "/backchannel-logout", token).await
    }

    /// Begins a local session.
    pub(crate) async fn log_in(&self, claims: &Value, local: &str) {
        self.logout
            .record_login(claims, local)
            .await
            .expect("a login");
    }

    /// Whether the local session lives, as the app's page sees it.
    pub(crate) async fn is_live(&self, local: &str) -> bool {
        let request = format!(
            "GET /protected HTTP/1.1\r\nHost: rp\r\nConnection: close\r\nCookie: local={local}\r\n\r\n"
        );
        let answer = exchange(self.address, request.as_bytes()).await;
        assert!(matches!(answer.status, 200 | 401), "{answer:?}");
        let by_page = answer.status == 200;
        let by_call = self
            .logout
            .session(local)
            .await
            .expect("an index in memory");
        assert_eq!(matches!(by_call, LocalSession::Live(_)), by_page);
        by_page
    }
}

/// Serves an app on a free port for as long as the test runs.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

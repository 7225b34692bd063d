//! Back-channel logout on plain hyper: no framework, the library's two services and a `match`.
//!
//! `cargo run --release -p logout-receiver --example hyper_app [-- --listen 127.0.0.1:3001]`
//!
//! It needs no provider: it plays that part itself with a key made at start, records one session
//! and prints three commands to try. A real app takes the keys from its provider, which is what
//! happens when `keys` is left out, and calls `record_login` where its sign-in ends.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Parser;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use logout_receiver::{
    BackchannelLogout, CurrentSession, KeySource, LogoutEndpoint, RequireSession, SigningAlgorithm,
};
use logout_shared::jwk::SigningKey;
use logout_shared::jwks::JwkSet;
use serde_json::json;
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _};

const ISSUER: &str = "https://issuer.example/";
const CLIENT_ID: &str = "hyper-app";

#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3001")]
    listen: SocketAddr,
}

type Answer = Response<Full<Bytes>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let key = SigningKey::generate(SigningAlgorithm::Es256)?;
    let keys = JwkSet::parse(JwkSet::of_public([&key]).to_string().as_bytes())?;

    let logout = BackchannelLogout::builder(ISSUER, CLIENT_ID)
        .signing_algorithm(SigningAlgorithm::Es256)
        .keys(KeySource::given(keys))
        .in_memory()
        .session_of(|request| {
            let cookie = request.headers.get("cookie")?.to_str().ok()?;
            Some(cookie.strip_prefix("session=")?.into())
        })
        .build()?;
    let app = App {
        endpoint: logout.endpoint(),
        guard: RequireSession::new(logout.clone()),
    };

    let listener = TcpListener::bind(arguments.listen)
        .await
        .context("cannot listen")?;
    let address = listener.local_addr()?;
    play_the_provider(&logout, &key, address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let app = app.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| app.clone().answer(request));
            let mut server = http1::Builder::new();
            let connection = server.timer(TokioTimer::new());
            if let Err(error) = connection
                .serve_connection(TokioIo::new(stream), service)
                .await
            {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
}

#[derive(Clone)]
struct App {
    endpoint: LogoutEndpoint,
    guard: RequireSession,
}

impl App {
    async fn answer(self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        match request.uri().path() {
            "/backchannel-logout" => self.endpoint.oneshot(request).await,
            "/" => {
                self.guard
                    .layer(tower::service_fn(home))
                    .oneshot(request)
                    .await
            }
            _ => {
                let mut response = Response::new(Full::from("not found\n"));
                *response.status_mut() = StatusCode::NOT_FOUND;
                Ok(response)
            }
        }
    }
}

async fn home(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let session = request.extensions().get::<CurrentSession>();
    let name = session.map_or("nobody", |session| session.sub().as_str());
    Ok(Response::new(Full::from(format!("signed in as {name}\n"))))
}

async fn play_the_provider(
    logout: &BackchannelLogout,
    key: &SigningKey,
    address: SocketAddr,
) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "an example is its own top floor")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let login = json!({"iss": ISSUER, "aud": CLIENT_ID, "sub": "alice", "sid": "s-1", "iat": now});
    logout.record_login(&login, "demo").await?;
    let claims = json!({
        "iss": ISSUER, "aud": CLIENT_ID, "sub": "alice", "sid": "s-1", "jti": "demo-1",
        "iat": now, "exp": now + 120,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    let token = key.sign("logout+jwt", claims.to_string().as_bytes())?;
    println!("signed in:     curl -i -H 'Cookie: session=demo' http://{address}/");
    println!("logged out by: curl -i -d logout_token={token} http://{address}/backchannel-logout");
    println!("(within two minutes; after it the first command is answered 401)");
    Ok(())
}

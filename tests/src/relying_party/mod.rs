//! A relying party that answers as it is told and remembers what it was told.
//!
//! It listens on a free loopback port and speaks just enough HTTP/1.1 to be told of a logout, and
//! to misbehave below HTTP: hang, close, reset, send garbage. It does not check tokens; it decodes
//! them so that a test can look. For an app that checks them, use `logout-receiver` itself.
//! How one connection is served stands in `connection.rs`, what can be answered in `answer.rs`.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use logout_tests::relying_party::{Answer, TestRelyingParty};
//!
//! let shop = TestRelyingParty::start().await;
//! shop.answer_in_turn([Answer::Status(503), Answer::Hang]); // then 200 for ever
//! assert!(shop.url().ends_with("/backchannel-logout"));
//! assert!(shop.requests().is_empty());
//! # });
//! ```

mod answer;
mod connection;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use answer::Answer;

use crate::http;

/// How long [`TestRelyingParty::wait_for`] waits before it gives up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A programmable relying party. Stops listening when dropped.
#[derive(Debug)]
pub struct TestRelyingParty {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
    requests: Mutex<Vec<Told>>,
    count: watch::Sender<usize>,
}

#[derive(Debug)]
struct Script {
    in_turn: VecDeque<Answer>,
    always: Answer,
}

/// One request that the relying party got; visits of browsers (GET) do not count.
#[derive(Debug, Clone)]
pub struct Told {
    /// When the request had come in whole.
    pub at: Instant,
    /// The request's method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// The form's fields, in order.
    pub fields: Vec<(String, String)>,
}

impl Told {
    /// The logout token as it came.
    ///
    /// # Panics
    ///
    /// If the request had none.
    pub fn token(&self) -> &str {
        let field = self.fields.iter().find(|(name, _)| name == "logout_token");
        &field.expect("the request has a logout_token").1
    }

    /// The token's header, decoded and not verified.
    ///
    /// # Panics
    ///
    /// If the token is no JWS.
    pub fn header(&self) -> Value {
        http::decode_part(self.token(), 0)
    }

    /// The token's claims, decoded and not verified.
    ///
    /// # Panics
    ///
    /// If the token is no JWS.
    pub fn claims(&self) -> Value {
        http::decode_part(self.token(), 1)
    }
}

impl TestRelyingParty {
    /// Listens on a free loopback port and answers 200 to everything.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Listens on this address: the relying party that comes back after an outage.
    ///
    /// # Panics
    ///
    /// If the address is taken.
    pub async fn start_on(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address)
            .await
            .expect("the address is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let script = Script {
            in_turn: VecDeque::new(),
            always: Answer::Status(200),
        };
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            requests: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let server = tokio::spawn(connection::accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            server,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its back-channel logout URL.
    pub fn url(&self) -> String {
        format!("http://{}/backchannel-logout", self.address)
    }

    /// Its redirect URI; a browser that lands there sees an empty page.
    pub fn callback(&self) -> String {
        format!("http://{}/callback", self.address)
    }

    /// Answers like this from now on, once the turns are used up.
    pub fn always_answer(&self, answer: Answer) {
        self.shared.script().always = answer;
    }

    /// Gives the next requests these answers, one each.
    pub fn answer_in_turn(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.script().in_turn.extend(answers);
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Told> {
        self.shared
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until `count` requests have come and gives all there are.
    ///
    /// # Panics
    ///
    /// If they have not come after [`PATIENCE`].
    pub async fn wait_for(&self, count: usize) -> Vec<Told> {
        let mut counted = self.shared.count.subscribe();
        let enough = tokio::time::timeout(PATIENCE, counted.wait_for(|seen| *seen >= count)).await;
        assert!(
            enough.is_ok(),
            "{count} requests wanted, {} came",
            self.requests().len()
        );
        self.requests()
    }

    /// Stops listening and drops open connections; the port is free afterwards.
    pub async fn stop(mut self) -> SocketAddr {
        self.server.abort();
        let _ = (&mut self.server).await;
        self.address
    }
}

impl Drop for TestRelyingParty {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_answer(&self) -> Answer {
        let mut script = self.script();
        script
            .in_turn
            .pop_front()
            .unwrap_or_else(|| script.always.clone())
    }

    fn note(&self, told: Told) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(told);
        self.count.send_replace(requests.len());
    }
}

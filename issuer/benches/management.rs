//! What reading and changing a session over the Management API costs among few and among many.
//!
//! `cargo bench --workspace --bench management [-- SESSIONS]`. Two servers, one with a thousand
//! sessions and one with a million, are asked over HTTP on loopback by eight callers, in turns, so
//! that a noisy moment hits both. Callers and servers share the processors. Beside them stands the
//! same servers' `/healthz`, which reads nothing. All sessions have metadata from the beginning, so
//! that a change replaces as much as it writes: were it a session's first, its page of the store
//! might have to be split, among many nearly each time and among few hardly ever.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use logout_issuer::domain::client::Client;
use logout_issuer::domain::management_scope;
use logout_issuer::domain::session::{AuthenticationMethod, Device, Session, SessionLifetimes};
use logout_issuer::http::{AppState, Settings, app};
use logout_issuer::issuer::{Issuer, IssuerConfig};
use logout_issuer::login::access_token::{self, AccessToken, management_audience};
use logout_issuer::storage::StorageError;
use logout_issuer::storage::sqlite::{SqliteOptions, SqliteStore};
use logout_shared::seal::SealingKey;
use logout_shared::{SessionId, SessionMetadata, SigningAlgorithm, SystemRandom, Timestamp};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// What the server uses.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FEW: usize = 1_000;
const CALLERS: usize = 8;
const ROUNDS: usize = 5;
const WINDOW: Duration = Duration::from_secs(2);
/// How many sessions are seeded in one transaction.
const AT_ONCE: usize = 2_000;
/// Far from each other in the store, whatever their number.
const STRIDE: usize = 7_919;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let many: usize = given.unwrap_or(1_000_000);
    let servers = [Server::start(FEW).await?, Server::start(many).await?];
    for call in [Call::Health, Call::Get, Call::Patch] {
        let mut measured = [Vec::new(), Vec::new()];
        for round in 0..2 * ROUNDS {
            let turn = (round + round / 2) % 2;
            measured[turn].push(servers[turn].asked(call).await?);
        }
        let [few, with_many] = measured.map(Measured::of);
        println!(
            "{call:?}: {FEW} sessions {few}; {many} sessions {with_many}; \
             p95 ratio {:.2}, rate ratio {:.2}",
            with_many.p95 / few.p95,
            few.rate / with_many.rate,
        );
    }
    println!("memory of this process, both servers: {} MiB", resident()?);
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Call {
    Health,
    Get,
    Patch,
}

struct Server {
    address: String,
    http: reqwest::Client,
    token: String,
    sessions: Vec<SessionId>,
    next: AtomicUsize,
    /// The store's file, gone with the server.
    _folder: TempDir,
}

impl Server {
    async fn start(count: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let options = SqliteOptions::file(folder.path().join("issuer.db"));
        let algorithm = SigningAlgorithm::Es256;
        let config = IssuerConfig {
            signing_algorithms: vec![algorithm],
            ..IssuerConfig::new(
                "https://issuer.example/".parse()?,
                SealingKey::generate(&SystemRandom),
            )
        };
        let store = SqliteStore::open(&options).await?;
        let issuer = Issuer::builder(config).store(store).build().await?;
        let begun = Instant::now();
        let sessions = seed(&issuer, count).await?;
        let secs = begun.elapsed().as_secs_f64();
        println!("{count} sessions written in {secs:.1} s");
        let token = token(&issuer, algorithm).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let router = app(AppState::new(issuer, Settings::default()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            http: caller()?,
            token,
            sessions,
            next: AtomicUsize::new(0),
            _folder: folder,
        })
    }

    /// Calls for the length of a window; gives what each call took, and the window.
    async fn asked(&self, call: Call) -> anyhow::Result<(Vec<Duration>, Duration)> {
        let begun = Instant::now();
        let caller = || async {
            let mut waits = Vec::new();
            while begun.elapsed() < WINDOW {
                let asked = Instant::now();
                self.ask(call).await?;
                waits.push(asked.elapsed());
            }
            anyhow::Ok(waits)
        };
        let callers = (0..CALLERS).map(|_| caller());
        let waits = futures_util::future::try_join_all(callers).await?;
        Ok((waits.concat(), begun.elapsed()))
    }

    async fn ask(&self, call: Call) -> anyhow::Result<()> {
        let place = self.next.fetch_add(STRIDE, Ordering::Relaxed) % self.sessions.len();
        let session = format!("{}/api/v2/sessions/{}", self.address, self.sessions[place]);
        let request = match call {
            Call::Health => self.http.get(format!("{}/healthz", self.address)),
            Call::Get => self.http.get(session),
            Call::Patch => {
                let body = json!({"session_metadata": metadata(place)});
                self.http.patch(session).json(&body)
            }
        };
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        ensure!(status.is_success(), "{status} {body:?}");
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "it calls loopback only")]
fn caller() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().build()
}

async fn seed(issuer: &Issuer, count: usize) -> anyhow::Result<Vec<SessionId>> {
    let then = issuer.now();
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let (first, last) = (all.len(), count.min(all.len() + AT_ONCE));
        let written = issuer.store().write(move |tx| {
            Box::pin(async move {
                let mut ids = Vec::with_capacity(last - first);
                for number in first..last {
                    let session = session(number, then);
                    tx.insert_session(&session, None).await?;
                    ids.push(session.id);
                }
                Ok::<_, StorageError>(ids)
            })
        });
        all.extend(written.await?);
    }
    Ok(all)
}

/// A session of a user of its own.
fn session(number: usize, then: Timestamp) -> Session {
    let user = format!("auth0|{number:024}");
    let session = Session::start(
        SessionId::generate(&SystemRandom),
        user.parse().expect("a subject"),
        Device::first_seen(Some("Mozilla/5.0".into()), Some("192.0.2.7".into())),
        AuthenticationMethod::password(then),
        &SessionLifetimes::default(),
    );
    let metadata = SessionMetadata::from_json(&metadata(number)).expect("fits");
    Session {
        metadata,
        ..session
    }
}

/// Of the same length for all.
fn metadata(number: usize) -> Value {
    json!({"device": format!("kiosk {number:07}")})
}

/// An access token of a client that may do everything.
async fn token(issuer: &Issuer, algorithm: SigningAlgorithm) -> anyhow::Result<String> {
    let client = Client {
        management_scopes: management_scope::granted([management_scope::EVERYTHING])?,
        ..Client::new("machine".parse()?, "Machine".to_owned(), issuer.now())
    };
    let token = AccessToken {
        subject: "machine@clients".to_owned(),
        client: client.id.clone(),
        audience: management_audience(issuer.id()),
        scopes: client.management_scopes.clone(),
        session: None,
        grant: None,
        custom: Map::new(),
    };
    let written = issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { tx.insert_client(&client).await })
    });
    written.await?;
    Ok(access_token::mint(issuer, &token, algorithm, issuer.now()).await?)
}

/// Calls a second, and what calls took in milliseconds.
struct Measured {
    rate: f64,
    p50: f64,
    p95: f64,
}

impl Measured {
    fn of(windows: Vec<(Vec<Duration>, Duration)>) -> Self {
        let took: f64 = windows.iter().map(|(_, took)| took.as_secs_f64()).sum();
        let waits = windows.into_iter().flat_map(|(waits, _)| waits);
        let mut waits: Vec<f64> = waits.map(|wait| wait.as_secs_f64() * 1e3).collect();
        waits.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| waits[waits.len() * percent / 100];
        let count = u32::try_from(waits.len()).expect("some thousands of calls");
        Self {
            rate: f64::from(count) / took,
            p50: at(50),
            p95: at(95),
        }
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rate, p50, p95 } = self;
        write!(f, "{rate:.0}/s, p50 {p50:.2} ms, p95 {p95:.2} ms")
    }
}

/// What the process keeps in memory, in MiB.
fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.context("no VmRSS")?.parse::<u64>()? / 1024)
}

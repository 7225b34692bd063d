//! What the end of very many sessions at once costs, and what others wait meanwhile.
//!
//! `cargo bench -p logout-issuer --bench expiry [-- SESSIONS]`. Sessions expire and are ended by the
//! sweep; then one delivery about all sessions of a user is taken apart, because the user has
//! signed in again. Beside both, other sessions are ended one after the other, as by people who
//! sign out. The store is a file, every end is durable; the disk's own time stands beside.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logout_issuer::domain::client::Client;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl};
use logout_issuer::domain::session::{AuthenticationMethod, Device, Session, SessionLifetimes};
use logout_issuer::issuer::{Issuer, IssuerConfig};
use logout_issuer::storage::sqlite::{SqliteOptions, SqliteStore};
use logout_issuer::storage::{StorageError, Store};
use logout_shared::seal::SealingKey;
use logout_shared::{
    ClientId, ManualClock, SessionId, SigningAlgorithm, Subject, SystemRandom, Timestamp,
};
use logout_tests::relying_party::TestRelyingParty;
use tempfile::TempDir;

const START: Timestamp = Timestamp::from_secs(1_795_413_600);

/// Clients that take part in sessions, each in some.
const CLIENTS: usize = 100;

/// Sessions that are ended one by one beside the sweep; more than there is time for.
const OTHERS: usize = 20_000;

/// The sessions of one user that one delivery is about.
const OF_ONE_USER: usize = 10_000;

#[tokio::main]
async fn main() {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let sessions: usize = given.unwrap_or(100_000);
    println!("fdatasync of a page: {}", Waits(fdatasyncs()));
    for participants in [1, 10] {
        sweep(sessions, participants).await;
    }
    expansion().await;
}

/// Ends expired sessions while others are signed out of.
async fn sweep(sessions: usize, participants: usize) {
    let bench = Bench::open("https://shop.example/bcl").await;
    bench.seed("expired", sessions, participants).await;
    bench.clock.advance(Duration::from_hours(72));
    bench.seed("live", OTHERS, participants).await;
    let alone = bench.end_others(200, 0, |ended| ended == 200).await;
    println!("{participants} participants: the end of a session, alone: {alone}");
    let issuer = bench.issuer.clone();
    let begun = Instant::now();
    let sweep = tokio::spawn(async move { issuer.end_expired_sessions().await });
    let meanwhile = bench
        .end_others(OTHERS - 200, 200, |_| sweep.is_finished())
        .await;
    let ended = sweep
        .await
        .expect("the sweep ends")
        .expect("the store works");
    let secs = begun.elapsed().as_secs_f64();
    assert_eq!(ended, sessions as u64);
    println!(
        "{participants} participants: {ended} expired sessions ended in {secs:.1} s, {:.0} a second",
        f64::from(u32::try_from(ended).expect("a few")) / secs
    );
    println!("{participants} participants: the end of a session meanwhile: {meanwhile}");
}

/// Tells a user's sessions one by one, since the user has signed in again.
async fn expansion() {
    let shop = TestRelyingParty::start().await;
    let bench = Bench::open(&shop.url()).await;
    bench.seed("live", OTHERS, 0).await;
    let user: Subject = "auth0|one".parse().expect("a subject");
    let at_shop = |_| (user.clone(), vec![client_id(0)]);
    bench.seed_as("one", OF_ONE_USER, at_shop).await;
    bench.clock.advance(Duration::from_mins(1));
    let accounts = bench.issuer.accounts();
    let begun = Instant::now();
    let ended = accounts.email_identifier_changed(&user).await;
    let ended = ended.expect("the store works");
    println!(
        "{} sessions of one user ended in {:.0} ms, {} delivery",
        ended.sessions.len(),
        begun.elapsed().as_secs_f64() * 1_000.0,
        ended.deliveries.len()
    );
    bench.seed_as("again", 1, at_shop).await;
    let begun = Instant::now();
    bench.issuer.start_delivery();
    let done = |_| shop.requests().len() >= OF_ONE_USER;
    let meanwhile = bench.end_others(OTHERS, 0, done).await;
    println!(
        "taken apart and told one by one in {:.1} s; the end of a session meanwhile: {meanwhile}",
        begun.elapsed().as_secs_f64()
    );
    bench.issuer.shutdown(Duration::from_secs(5)).await;
}

struct Bench {
    issuer: Issuer,
    clock: ManualClock,
    _folder: TempDir,
}

impl Bench {
    async fn open(url: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let options = SqliteOptions::file(folder.path().join("bench.db"));
        let store = SqliteStore::open(&options).await.expect("a store");
        let clock = ManualClock::at(START);
        let master = SealingKey::generate(&SystemRandom);
        let id = "https://issuer.example/".parse().expect("an issuer");
        let mut config = IssuerConfig::new(id, master);
        config.signing_algorithms = vec![SigningAlgorithm::Es256];
        config.egress.danger_allow_http = true;
        config.egress.danger_allow_private_addresses = true;
        let builder = Issuer::builder(config)
            .store(store as Arc<dyn Store>)
            .clock(Arc::new(clock.clone()));
        let issuer = builder.build().await.expect("an issuer");
        let clients: Vec<Client> = (0..CLIENTS).map(|number| client(number, url)).collect();
        let work = issuer.store().write::<_, StorageError, _>(move |tx| {
            Box::pin(async move {
                for client in &clients {
                    tx.insert_client(client).await?;
                }
                Ok(())
            })
        });
        work.await.expect("the store works");
        Self {
            issuer,
            clock,
            _folder: folder,
        }
    }

    /// Stores sessions, each of a user of its own.
    async fn seed(&self, name: &'static str, count: usize, participants: usize) {
        self.seed_as(name, count, |number| {
            let user = format!("auth0|{name}-{number}");
            let clients = (0..participants).map(|one| client_id((number + one) % CLIENTS));
            (user.parse().expect("a subject"), clients.collect())
        })
        .await;
    }

    /// Stores sessions whose user and clients come from their number.
    async fn seed_as(
        &self,
        name: &'static str,
        count: usize,
        whose: impl Fn(usize) -> (Subject, Vec<ClientId>),
    ) {
        let now = self.issuer.now();
        let numbers: Vec<usize> = (0..count).collect();
        for chunk in numbers.chunks(2_000) {
            let sessions = chunk.iter().map(|number| {
                let (user, clients) = whose(*number);
                let method = AuthenticationMethod::password(now);
                let lifetimes = SessionLifetimes::default();
                let id = sid(name, *number);
                let session = Session::start(id, user, Device::default(), method, &lifetimes);
                (session, clients)
            });
            let sessions: Vec<(Session, Vec<ClientId>)> = sessions.collect();
            let work = self.issuer.store().write::<_, StorageError, _>(move |tx| {
                Box::pin(async move {
                    for (session, clients) in &sessions {
                        tx.insert_session(session, None).await?;
                        for client in clients {
                            tx.join_session(&session.id, client, now).await?;
                        }
                    }
                    Ok(())
                })
            });
            work.await.expect("the store works");
        }
    }

    /// Ends sessions one after the other until it is enough; gives how long each took.
    async fn end_others(&self, most: usize, first: usize, enough: impl Fn(usize) -> bool) -> Waits {
        let mut waits = Vec::new();
        for number in first..first + most {
            let asked = Instant::now();
            let (sessions, sid) = (self.issuer.sessions(), sid("live", number));
            let ended = sessions.end(&sid, Initiator::RpLogout);
            ended.await.expect("the session is there");
            waits.push(asked.elapsed());
            if enough(waits.len()) {
                break;
            }
        }
        Waits(waits)
    }
}

fn sid(name: &str, number: usize) -> SessionId {
    format!("{name}-{number}").parse().expect("a session id")
}

fn client_id(number: usize) -> ClientId {
    format!("client-{number}").parse().expect("a client id")
}

fn client(number: usize, url: &str) -> Client {
    let mut logout = LogoutSettings {
        urls: vec![LogoutUrl::from_stored(url.to_owned())],
        initiators: Some(Initiators::All),
        ..LogoutSettings::default()
    };
    logout.delivery.subject_logout = true;
    Client {
        signing_algorithm: SigningAlgorithm::Es256,
        logout: Some(logout),
        ..Client::new(client_id(number), format!("Client {number}"), START)
    }
}

/// How long the disk itself takes to make a page durable.
fn fdatasyncs() -> Vec<Duration> {
    let folder = TempDir::new().expect("a temporary folder");
    let mut file = File::create(folder.path().join("page")).expect("a file");
    let sync = |_| {
        let begun = Instant::now();
        file.write_all(&[0; 4_096]).expect("room for a page");
        file.sync_data().expect("the disk works");
        begun.elapsed()
    };
    (0..200).map(sync).collect()
}

struct Waits(Vec<Duration>);

impl std::fmt::Display for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort();
        let at = |percent: usize| {
            let wait = sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)];
            wait.as_secs_f64() * 1_000.0
        };
        let (median, high, most) = (at(50), at(95), at(100));
        write!(
            f,
            "p50 {median:.2} ms, p95 {high:.2} ms, max {most:.2} ms, n {}",
            sorted.len()
        )
    }
}

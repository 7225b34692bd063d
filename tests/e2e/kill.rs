//! The server killed at random moments, and on a full disk: whatever it said had happened is told.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use logout_issuer::domain::session::{AuthenticationMethod, Device, Session, SessionLifetimes};
use logout_issuer::storage::sqlite::{SqliteOptions, SqliteStore};
use logout_issuer::storage::{StorageError, Store};
use logout_shared::{
    ClientId, Clock as _, RandomSource as _, SessionId, SystemClock, SystemRandom,
};
use logout_tests::http::Management;
use logout_tests::issuer_process::{CreatedClient, IssuerHome, IssuerProcess};
use logout_tests::relying_party::TestRelyingParty;
use tempfile::TempDir;

const LOGOUTS: usize = 5_000;
const KILLS: usize = 50;
/// How many callers end sessions at the same time.
const CALLERS: usize = 8;

struct Stage {
    folder: TempDir,
    home: IssuerHome,
    shop: TestRelyingParty,
    client: CreatedClient,
    sids: Vec<String>,
}

impl Stage {
    /// A store with so many sessions in which one client took part.
    async fn set(sessions: usize) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let home = IssuerHome::new(folder.path(), "").expect("a folder to write to");
        let shop = TestRelyingParty::start().await;
        let client = home.create_client(&shop.callback(), &shop.url()).await;
        let options = SqliteOptions::file(folder.path().join("issuer.db"));
        let store = SqliteStore::open(&options).await.expect("the store opens");
        let store: &dyn Store = &*store;
        let joined: ClientId = client.id.parse().expect("a client id");
        let seeded = store.write(move |tx| {
            Box::pin(async move {
                let then = SystemClock.now() - Duration::from_mins(1);
                let mut sids = Vec::new();
                for number in 0..sessions {
                    let session = Session::start(
                        SessionId::generate(&SystemRandom),
                        format!("auth0|{number}").parse().expect("a subject"),
                        Device::default(),
                        AuthenticationMethod::password(then),
                        &SessionLifetimes::default(),
                    );
                    tx.insert_session(&session, None).await?;
                    tx.join_session(&session.id, &joined, then).await?;
                    sids.push(session.id.to_string());
                }
                Ok::<_, StorageError>(sids)
            })
        });
        let sids = seeded.await.expect("sessions are seeded");
        store.close().await;
        Self {
            folder,
            home,
            shop,
            client,
            sids,
        }
    }

    async fn management(&self) -> Management {
        Management::sign_in(&self.home.issuer(), &self.client.id, &self.client.secret).await
    }

    /// How often the app heard of each session.
    fn heard(&self) -> HashMap<String, usize> {
        let mut heard = HashMap::new();
        for told in self.shop.requests() {
            let sid = told.claims()["sid"].as_str().unwrap_or_default().to_owned();
            *heard.entry(sid).or_default() += 1;
        }
        heard
    }

    /// Waits until the app has heard of all of these.
    async fn until_heard(&self, sids: &[String]) -> HashMap<String, usize> {
        for _ in 0..1_200 {
            let heard = self.heard();
            if sids.iter().all(|sid| heard.contains_key(sid)) {
                return heard;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let heard = self.heard();
        let unheard = sids.iter().filter(|sid| !heard.contains_key(*sid)).count();
        panic!(
            "the app has not heard of {unheard} of {} sessions",
            sids.len()
        );
    }
}

/// Ends sessions as far as the server answers; gives those whose end it confirmed.
async fn end(management: &Management, sids: Vec<String>) -> HashSet<String> {
    let shares = sids.chunks(sids.len().div_ceil(CALLERS).max(1));
    let callers = shares.map(|share| async move {
        let mut confirmed = Vec::new();
        for sid in share {
            match management.try_delete_session(sid).await {
                Some(status) if status.is_success() => confirmed.push(sid.clone()),
                // Ended before the answer was lost: a second end finds no session.
                Some(status) if status.as_u16() == 404 => confirmed.push(sid.clone()),
                Some(_) => {}
                None => break,
            }
        }
        confirmed
    });
    let confirmed = futures_util::future::join_all(callers).await;
    confirmed.into_iter().flatten().collect()
}

fn random_millis(most: u64) -> Duration {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes);
    Duration::from_millis(u64::from_le_bytes(bytes) % most)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g25_killed_fifty_times_during_five_thousand_logouts_the_server_forgets_none() {
    let stage = Stage::set(LOGOUTS).await;
    let mut server = IssuerProcess::start(&stage.home).await;
    let management = stage.management().await;
    let mut open: Vec<String> = stage.sids.clone();
    for _ in 0..KILLS {
        let batch: Vec<String> = open.iter().take(LOGOUTS / KILLS).cloned().collect();
        let ends = tokio::spawn({
            let management = management.clone();
            async move { end(&management, batch).await }
        });
        tokio::time::sleep(random_millis(120)).await;
        server.kill().await;
        let confirmed = ends.await.expect("callers do not panic");
        open.retain(|sid| !confirmed.contains(sid));
        server = IssuerProcess::start(&stage.home).await;
    }
    let confirmed = end(&management, open.clone()).await;
    assert_eq!(confirmed.len(), open.len(), "a server that lives answers");
    let heard = stage.until_heard(&stage.sids).await;
    let (all, twice) = (
        heard.len(),
        heard.values().filter(|times| **times > 1).count(),
    );
    println!("{all} sessions told, {twice} of them more than once, none unheard");
    assert_eq!(all, LOGOUTS, "and nothing else was told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g25_on_a_full_disk_the_server_says_so_and_what_it_confirmed_is_told() {
    let stage = Stage::set(1_500).await;
    let size = std::fs::metadata(stage.folder.path().join("issuer.db"))
        .expect("the store is a file")
        .len();
    // Room for the journal to begin with, and for no more.
    let server = IssuerProcess::start_with_file_limit(&stage.home, size + 64 * 1024).await;
    let management = stage.management().await;
    let confirmed = end(&management, stage.sids.clone()).await;
    assert!(
        confirmed.len() < stage.sids.len(),
        "the disk has room for all {} ends",
        confirmed.len()
    );
    server.lift_file_limit().await;
    let mut rest = stage.sids.clone();
    rest.retain(|sid| !confirmed.contains(sid));
    let later = end(&management, rest.clone()).await;
    assert_eq!(later.len(), rest.len(), "{}", server.log());
    stage.until_heard(&stage.sids).await;
}

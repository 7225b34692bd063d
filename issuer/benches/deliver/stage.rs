//! What every part of the bench stands on: an issuer on SQLite in a file, clients at the
//! endpoints of the receivers, and sessions that were there before the measurement.

use std::sync::Arc;
use std::time::{Duration, Instant};

use logout_issuer::domain::client::Client;
use logout_issuer::domain::delivery::DeliveryState;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl};
use logout_issuer::domain::session::{AuthenticationMethod, Device, Session, SessionLifetimes};
use logout_issuer::egress::Settings as EgressSettings;
use logout_issuer::issuer::{Issuer, IssuerConfig};
use logout_issuer::storage::sqlite::{SqliteOptions, SqliteStore};
use logout_issuer::storage::{DeliveryFilter, StorageError};
use logout_shared::seal::SealingKey;
use logout_shared::{ClientId, SessionId, SigningAlgorithm, SystemRandom, Timestamp};
use tempfile::TempDir;

/// How many sessions are seeded in one transaction.
const SEEDED_AT_ONCE: usize = 500;

pub(crate) struct Stage {
    pub(crate) issuer: Issuer,
    pub(crate) clients: Vec<ClientId>,
    seeded: u64,
    /// The store's file, gone with the stage.
    pub(crate) folder: TempDir,
}

impl Stage {
    /// An issuer with one client for each URL, telling them already.
    pub(crate) async fn new(urls: &[String], algorithm: SigningAlgorithm) -> anyhow::Result<Stage> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let store =
            SqliteStore::open(&SqliteOptions::file(folder.path().join("issuer.db"))).await?;
        let config = IssuerConfig {
            egress: EgressSettings {
                danger_allow_http: true,
                danger_allow_private_addresses: true,
                ..EgressSettings::default()
            },
            signing_algorithms: vec![algorithm],
            ..IssuerConfig::new(
                "https://issuer.example/".parse()?,
                SealingKey::generate(&SystemRandom),
            )
        };
        let issuer = Issuer::builder(config).store(store).build().await?;
        let clients = urls
            .iter()
            .enumerate()
            .map(|(number, url)| client(number, url, algorithm, issuer.now()))
            .collect::<anyhow::Result<Vec<Client>>>()?;
        let ids = clients.iter().map(|client| client.id.clone()).collect();
        let work = issuer.store().write(move |tx| {
            Box::pin(async move {
                for client in &clients {
                    tx.insert_client(client).await?;
                }
                Ok::<(), StorageError>(())
            })
        });
        work.await?;
        issuer.start_delivery();
        Ok(Stage {
            issuer,
            clients: ids,
            seeded: 0,
            folder,
        })
    }

    /// Begins that many sessions, each with so many of the clients in turn; they joined a minute ago.
    pub(crate) async fn seed(
        &mut self,
        sessions: usize,
        participants: usize,
    ) -> anyhow::Result<Vec<SessionId>> {
        let clients = Arc::new(self.clients.clone());
        self.seed_with(sessions, participants, clients).await
    }

    /// As [`seed`](Self::seed), with these clients alone.
    pub(crate) async fn seed_with(
        &mut self,
        sessions: usize,
        participants: usize,
        clients: Arc<Vec<ClientId>>,
    ) -> anyhow::Result<Vec<SessionId>> {
        let mut all = Vec::with_capacity(sessions);
        while all.len() < sessions {
            let count = SEEDED_AT_ONCE.min(sessions - all.len());
            let (first, clients) = (self.seeded, Arc::clone(&clients));
            let then = self.issuer.now() - Duration::from_mins(1);
            self.seeded += count as u64;
            let work = self.issuer.store().write(move |tx| {
                Box::pin(async move {
                    let mut ids = Vec::with_capacity(count);
                    for number in first..first + count as u64 {
                        let session = session(number, then);
                        tx.insert_session(&session, None).await?;
                        for step in 0..participants as u64 {
                            let place =
                                (number * participants as u64 + step) % clients.len() as u64;
                            let client = &clients[usize::try_from(place).unwrap_or_default()];
                            tx.join_session(&session.id, client, then).await?;
                        }
                        ids.push(session.id);
                    }
                    Ok::<_, StorageError>(ids)
                })
            });
            all.extend(work.await?);
        }
        Ok(all)
    }

    pub(crate) async fn end(&self, id: &SessionId) -> anyhow::Result<usize> {
        let ended = self
            .issuer
            .sessions()
            .end(id, Initiator::SessionRevoked)
            .await?;
        Ok(ended.deliveries.len())
    }

    /// Waits until the store says that nothing is in flight any more.
    pub(crate) async fn until_recorded(&self) -> anyhow::Result<()> {
        let in_flight = DeliveryFilter {
            states: vec![DeliveryState::InFlight],
            ..DeliveryFilter::default()
        };
        let begun = Instant::now();
        loop {
            let mut snapshot = self.issuer.store().read().await?;
            let page = snapshot.list_deliveries(&in_flight, None, 1).await?;
            if page.deliveries.is_empty() {
                return Ok(());
            }
            anyhow::ensure!(
                begun.elapsed() < Duration::from_mins(2),
                "some deliveries are never recorded"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn client(
    number: usize,
    url: &str,
    algorithm: SigningAlgorithm,
    now: Timestamp,
) -> anyhow::Result<Client> {
    let id = format!("client-{number:04}").parse()?;
    Ok(Client {
        signing_algorithm: algorithm,
        logout: Some(LogoutSettings {
            urls: vec![LogoutUrl::from_stored(url.to_owned())],
            initiators: Some(Initiators::All),
            ..LogoutSettings::default()
        }),
        ..Client::new(id, format!("Client {number}"), now)
    })
}

/// A session of a user of its own.
fn session(number: u64, then: Timestamp) -> Session {
    let user = format!("auth0|{number:024}");
    Session::start(
        SessionId::generate(&SystemRandom),
        user.parse().expect("a subject"),
        Device::first_seen(Some("Mozilla/5.0".into()), Some("192.0.2.7".into())),
        AuthenticationMethod::password(then),
        &SessionLifetimes::default(),
    )
}

//! The stage: an issuer on a store, a clock that is set by hand, and clients to be told.

use std::sync::Arc;
use std::time::Duration;

use logout_issuer::delivery::Settings as DeliverySettings;
use logout_issuer::domain::client::Client;
use logout_issuer::domain::delivery::{Attempt, Delivery, DeliveryId, DeliveryState};
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl};
use logout_issuer::domain::session::Device;
use logout_issuer::egress::Settings as EgressSettings;
use logout_issuer::issuer::{Issuer, IssuerBuilder, IssuerConfig};
use logout_issuer::logout::Ended;
use logout_issuer::storage::sqlite::SqliteStore;
use logout_issuer::storage::{LogRecord, Store};
use logout_shared::jws::UnverifiedJws;
use logout_shared::logout_token::{Expected, LogoutToken};
use logout_shared::seal::SealingKey;
use logout_shared::{ClientId, ManualClock, SessionId, SigningAlgorithm, SystemRandom, Timestamp};
use logout_tests::relying_party::Told;

pub(crate) const START: Timestamp = Timestamp::from_secs(1_795_413_600);
pub(crate) const ISSUER: &str = "https://issuer.example/";

pub(crate) struct World {
    pub(crate) issuer: Issuer,
    pub(crate) clock: ManualClock,
    pub(crate) master: SealingKey,
}

impl World {
    /// An issuer on a store in memory, telling clients already.
    pub(crate) async fn start() -> Self {
        let store = SqliteStore::in_memory().await.unwrap();
        let world = Self::on(store, ManualClock::at(START), master()).await;
        world.issuer.start_delivery();
        world
    }

    /// An issuer on this store that does nothing by itself yet.
    pub(crate) async fn on(store: Arc<dyn Store>, clock: ManualClock, master: SealingKey) -> Self {
        Self::with(store, clock, master, |builder| builder).await
    }

    /// As [`on`](Self::on), with changes.
    pub(crate) async fn with(
        store: Arc<dyn Store>,
        clock: ManualClock,
        master: SealingKey,
        change: impl FnOnce(IssuerBuilder) -> IssuerBuilder,
    ) -> Self {
        let config = IssuerConfig {
            egress: EgressSettings {
                danger_allow_http: true,
                danger_allow_private_addresses: true,
                ..EgressSettings::default()
            },
            delivery: DeliverySettings::default(),
            signing_algorithms: vec![SigningAlgorithm::Es256, SigningAlgorithm::EdDsa],
            ..IssuerConfig::new(ISSUER.parse().unwrap(), master.clone())
        };
        let builder = Issuer::builder(config)
            .store(store)
            .clock(Arc::new(clock.clone()));
        Self {
            issuer: change(builder).build().await.unwrap(),
            clock,
            master,
        }
    }

    /// Registers a client that hears of everything at one URL.
    pub(crate) async fn client(&self, id: &str, url: &str) -> ClientId {
        self.client_with(id, &[url], |_| {}).await
    }

    /// Registers a client.
    pub(crate) async fn client_with(
        &self,
        id: &str,
        urls: &[&str],
        change: impl FnOnce(&mut LogoutSettings),
    ) -> ClientId {
        let client = client(id, urls, change);
        let id = client.id.clone();
        let work = self
            .issuer
            .store()
            .write(move |tx| Box::pin(async move { tx.insert_client(&client).await }));
        assert!(work.await.unwrap(), "the id is free");
        id
    }

    /// Stores a client's changes.
    pub(crate) async fn update(&self, client: Client) {
        let work = self
            .issuer
            .store()
            .write(move |tx| Box::pin(async move { tx.update_client(&client).await }));
        assert!(work.await.unwrap(), "the client is there");
    }

    /// A session of `auth0|7` with these participants, joined long enough ago.
    pub(crate) async fn session(&self, clients: &[&ClientId]) -> SessionId {
        let user = "auth0|7".parse().unwrap();
        let sessions = self.issuer.sessions();
        let sid = sessions.begin(&user, Device::default()).await.unwrap();
        for client in clients {
            sessions.join(&sid, client).await.unwrap();
        }
        self.clock.advance(Duration::from_secs(11));
        sid
    }

    /// Revokes a session.
    pub(crate) async fn revoke(&self, sid: &SessionId) -> Ended {
        self.issuer
            .sessions()
            .end(sid, Initiator::SessionRevoked)
            .await
            .unwrap()
    }

    /// Begins and revokes a session in which one client took part; gives its delivery.
    pub(crate) async fn revoke_one(&self, client: &ClientId) -> DeliveryId {
        let sid = self.session(&[client]).await;
        self.revoke(&sid).await.deliveries[0]
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, span: Duration) {
        self.clock.advance(span);
        self.issuer.store().ring_bell();
    }

    pub(crate) async fn delivery(&self, id: DeliveryId) -> Delivery {
        let mut snapshot = self.issuer.store().read().await.unwrap();
        snapshot
            .find_delivery(id)
            .await
            .unwrap()
            .expect("the delivery is kept")
    }

    pub(crate) async fn history(&self, id: DeliveryId) -> Vec<Attempt> {
        self.issuer
            .store()
            .read()
            .await
            .unwrap()
            .attempts(id)
            .await
            .unwrap()
    }

    pub(crate) async fn events(&self, code: &str) -> Vec<LogRecord> {
        let mut snapshot = self.issuer.store().read().await.unwrap();
        snapshot.list_events(Some(code), 0, 100).await.unwrap()
    }

    /// Waits until a delivery is as wished. Records are written in groups, so they come a moment
    /// after the client was told.
    pub(crate) async fn until(&self, id: DeliveryId, wish: impl Fn(&Delivery) -> bool) -> Delivery {
        for _ in 0..3_000 {
            let delivery = self.delivery(id).await;
            if wish(&delivery) {
                return delivery;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("still {:?}", self.delivery(id).await);
    }

    /// Waits until a first attempt was recorded, or the delivery waits for its endpoint.
    pub(crate) async fn until_attempted_or_queued(&self, id: DeliveryId) -> Delivery {
        self.until(id, |delivery| {
            delivery.queued_at.is_some()
                || (delivery.attempts > 0 && delivery.state != DeliveryState::InFlight)
        })
        .await
    }

    /// Lets one probe after another go out, until one is answered or so many were not.
    pub(crate) async fn pass_probes(&self, count: u32) {
        for _ in 0..count {
            self.pass(Duration::from_secs(72));
            self.until_quiet().await;
        }
    }

    /// Waits until nothing is under way and whatever is due has been taken up.
    pub(crate) async fn until_quiet(&self) {
        for _ in 0..3_000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let now = self.clock_now();
            let busy = self
                .issuer
                .endpoint_windows()
                .into_iter()
                .any(|(_, window)| {
                    window.in_flight > 0 || window.next_probe_at.is_some_and(|at| at <= now)
                });
            if !busy {
                return;
            }
        }
        panic!("still busy: {:?}", self.issuer.endpoint_windows());
    }

    pub(crate) async fn until_state(&self, id: DeliveryId, state: DeliveryState) -> Delivery {
        self.until(id, |delivery| delivery.state == state).await
    }

    /// Waits until an attempt was recorded and the delivery waits for its next one, or is over.
    pub(crate) async fn until_attempted(&self, id: DeliveryId, attempts: u32) -> Delivery {
        let rests = |delivery: &Delivery| delivery.state != DeliveryState::InFlight;
        self.until(id, |delivery| {
            delivery.attempts == attempts && rests(delivery)
        })
        .await
    }

    /// Checks a token as a receiver does.
    pub(crate) fn check(
        &self,
        told: &Told,
        client: &ClientId,
        algorithm: SigningAlgorithm,
    ) -> LogoutToken {
        let unverified = UnverifiedJws::parse(told.token(), 96_000).unwrap();
        let published = self.issuer.keys().published(self.clock_now()).to_string();
        let published = logout_shared::jwks::JwkSet::parse(published.as_bytes()).unwrap();
        let kid = unverified.header().kid.clone().expect("a kid is set");
        let keys = published.candidates(algorithm, Some(&kid));
        let verified = unverified.verify(algorithm, &keys).unwrap();
        let (issuer, now) = (ISSUER.parse().unwrap(), self.clock_now());
        verified
            .check(&Expected::new(&issuer, client, now))
            .unwrap()
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        self.issuer.now()
    }
}

pub(crate) fn master() -> SealingKey {
    SealingKey::generate(&SystemRandom)
}

/// A client that hears of everything and signs with ES256.
pub(crate) fn client(id: &str, urls: &[&str], change: impl FnOnce(&mut LogoutSettings)) -> Client {
    let urls = urls
        .iter()
        .map(|url| LogoutUrl::from_stored((*url).to_owned()));
    let mut settings = LogoutSettings {
        urls: urls.collect(),
        initiators: Some(Initiators::All),
        ..LogoutSettings::default()
    };
    change(&mut settings);
    Client {
        signing_algorithm: SigningAlgorithm::Es256,
        logout: Some(settings),
        ..Client::new(id.parse().unwrap(), id, START)
    }
}

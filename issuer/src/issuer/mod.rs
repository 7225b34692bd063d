//! The issuer as a value: what an identity provider with its own login holds on to.
//!
//! It ties the floors below together (store, keys, the way out, the delivery worker) and hands
//! them to whoever acts for it: `sessions.rs` for embedders, `login/` and `http/` in the server.
//! Nothing happens by itself until [`Issuer::start_delivery`]. `builder.rs` makes one, `sweep.rs`
//! ends sessions whose time has come, `history.rs` deletes what is old, `settings.rs` holds
//! what can be changed meanwhile, `key_watch.rs` follows other processes.

mod builder;
mod endpoints;
mod history;
mod key_watch;
mod settings;
mod sweep;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use logout_shared::{Clock, RandomSource, Timestamp};
use tokio_util::task::AbortOnDropHandle;

use crate::accounts::Accounts;
use crate::actions::Actions;
use crate::delivery::{self, Parts, Running, Waiters, WindowView, Windows};
use crate::domain::delivery::{DeliveryId, Endpoint};
use crate::domain::initiator::Initiator;
use crate::domain::logout_settings::AskedWait;
use crate::domain::refresh_token::RefreshTokenRules;
use crate::domain::signing_key::{DueSteps, KeyLife};
use crate::egress::Egress;
use crate::enlisted::Enlisted;
use crate::keyring::client_keys::ClientKeyCache;
use crate::keyring::encrypter::Encrypter;
use crate::keyring::{KeyRing, KeyRingError};
use crate::logout::{EndQueue, Ended, Ending, LogContext, expiry};
use crate::sessions::Sessions;
use crate::storage::{HostTransaction, StorageError, Store};

pub use builder::{BuildError, IssuerBuilder, IssuerConfig};
pub use endpoints::EndpointState;
pub use history::Deleted;

use settings::LiveSettings;

/// An issuer. Cloning is cheap, all clones are the same issuer.
///
/// Dropping the last clone without [`shutdown`](Self::shutdown) is as a crash: nothing is lost,
/// and what was under way is taken up again when the leases have run out.
///
/// # Examples
///
/// ```
/// # use logout_issuer::domain::{initiator::Initiator, session::Device};
/// # use logout_issuer::issuer::{Issuer, IssuerConfig};
/// # use logout_shared::{SystemRandom, seal::SealingKey};
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let store = logout_issuer::storage::sqlite::SqliteStore::in_memory().await?;
/// let master_key = SealingKey::generate(&SystemRandom);
/// let config = IssuerConfig::new("https://issuer.example/".parse()?, master_key);
/// let issuer = Issuer::builder(config).store(store).build().await?;
/// issuer.start_delivery();
///
/// let user = "auth0|7".parse()?;
/// let sid = issuer.sessions().begin(&user, Device::default()).await?;
/// issuer.sessions().set_metadata(&sid, "deviceName", "kiosk").await?;
/// issuer.sessions().end(&sid, Initiator::RpLogout).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    config: IssuerConfig,
    settings: LiveSettings,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
    keys: Arc<KeyRing>,
    client_keys: Arc<ClientKeyCache>,
    encrypter: Arc<Encrypter>,
    egress: Arc<Egress>,
    waiters: Arc<Waiters>,
    windows: Windows,
    ends: EndQueue,
    actions: Actions,
    running: Mutex<Option<Tasks>>,
}

/// What goes on by itself.
struct Tasks {
    worker: Running,
    others: [AbortOnDropHandle<()>; 3],
}

impl Issuer {
    /// Begins to build an issuer.
    pub fn builder(config: IssuerConfig) -> IssuerBuilder {
        IssuerBuilder::new(config)
    }

    /// The issuer identifier.
    pub fn id(&self) -> &logout_shared::Issuer {
        &self.0.config.id
    }

    /// Where everything is kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// The signing keys.
    pub fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    /// The public keys of clients.
    pub fn client_keys(&self) -> &ClientKeyCache {
        &self.0.client_keys
    }

    /// What encrypts tokens for clients that ask for it.
    pub fn encrypter(&self) -> &Encrypter {
        &self.0.encrypter
    }

    /// The way out.
    pub fn egress(&self) -> &Egress {
        &self.0.egress
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The source of randomness.
    pub fn random(&self) -> &Arc<dyn RandomSource> {
        &self.0.random
    }

    /// How refresh tokens live, where a client says nothing else.
    pub fn refresh_token_rules(&self) -> &RefreshTokenRules {
        &self.0.config.refresh_tokens
    }

    /// The engine of Actions.
    pub fn actions(&self) -> &Actions {
        &self.0.actions
    }

    /// How deliveries are made.
    pub fn delivery_settings(&self) -> &delivery::Settings {
        &self.0.config.delivery
    }

    /// The windows of the endpoints that this process is telling, has failed to tell, or knows to
    /// be down; all others are as new.
    pub fn endpoint_windows(&self) -> Vec<(Endpoint, WindowView)> {
        self.0.windows.view()
    }

    /// Tries an endpoint that is down now, if anything is owed to it; gives whether it is down.
    pub fn probe_endpoint(&self, endpoint: &Endpoint) -> bool {
        let is_down = self.0.windows.probe_now(endpoint, self.now());
        self.0.store.ring_bell();
        is_down
    }

    /// Begins, joins and ends sessions.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions::new(self)
    }

    /// Tells what happened to a user's account.
    pub fn accounts(&self) -> Accounts<'_> {
        Accounts::new(self)
    }

    /// Begins, joins and ends sessions inside a transaction that the host began for work of its
    /// own, on the database of this issuer's store.
    ///
    /// The host commits, and all of it has happened; it rolls back, and nothing has. The store
    /// notices the commit within a quarter of a second, or at once if the host then calls
    /// [`ring`](Self::ring).
    ///
    /// # Examples
    ///
    /// ```
    /// # use logout_issuer::domain::{initiator::Initiator, session::Device};
    /// # use logout_issuer::issuer::{Issuer, IssuerConfig};
    /// # use logout_shared::{SystemRandom, seal::SealingKey};
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let store = logout_issuer::storage::sqlite::SqliteStore::in_memory().await?;
    /// # let url = format!("sqlite:{}", store.path().display());
    /// # let config = IssuerConfig::new("https://issuer.example/".parse()?, SealingKey::generate(&SystemRandom));
    /// # let issuer = Issuer::builder(config).store(store).build().await?;
    /// # let sid = issuer.sessions().begin(&"ada".parse()?, Device::default()).await?;
    /// let pool = sqlx::SqlitePool::connect(&url).await?; // the issuer's file
    /// let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    /// // … the host's own statements …
    /// issuer.enlist(&mut tx).end(&sid, Initiator::PasswordChanged).await?;
    /// tx.commit().await?;
    /// issuer.ring();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enlist<'t, H: HostTransaction<'t>>(&self, host: H) -> Enlisted<'_, H::Work> {
        Enlisted::new(self, host.enlist())
    }

    /// Looks for new deliveries now, after a commit of the host's own made some.
    pub fn ring(&self) {
        self.0.store.ring_bell();
    }

    /// Where single sessions are ended, many at a time.
    pub(crate) fn end_queue(&self) -> &EndQueue {
        &self.0.ends
    }

    /// Why sessions end, for those who end them in a transaction of their own.
    pub fn ending(&self, initiator: Initiator, context: LogContext) -> Ending {
        let give_up_after = self.0.config.delivery.retry.give_up_after();
        Ending::by(initiator, context, give_up_after)
    }

    /// Ends every session whose time has come, now; gives how many. The sweep does this by itself.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store fails.
    pub async fn end_expired_sessions(&self) -> Result<u64, StorageError> {
        let give_up_after = self.0.config.delivery.retry.give_up_after();
        let (store, now) = (&*self.0.store, self.now());
        expiry::end_expired_sessions(store, give_up_after, now, &self.0.random).await
    }

    /// Forgets every session that ended 30 days ago or earlier, and who was not told of its end;
    /// gives how many. The sweep does this by itself.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store fails.
    pub async fn forget_ended_sessions(&self) -> Result<u64, StorageError> {
        expiry::forget_ended_sessions(&*self.0.store, self.now()).await
    }

    /// Waits until the first attempt at each delivery has ended, or `at_most`; gives whether all
    /// of them have.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store cannot be read.
    pub async fn wait_for_first_attempts(
        &self,
        deliveries: &[DeliveryId],
        at_most: Duration,
    ) -> Result<bool, StorageError> {
        self.0
            .waiters
            .wait_for_first_attempts(&*self.0.store, deliveries, at_most)
            .await
    }

    /// Waits for first answers, for each client as long as its settings say, or for all of them
    /// as long as the caller asks; gives whether all have answered.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store cannot be read.
    pub async fn wait_for_answers(
        &self,
        ended: &Ended,
        asked: Option<AskedWait>,
    ) -> Result<bool, StorageError> {
        if let Some(asked) = asked {
            let at_most = asked.duration();
            return self
                .wait_for_first_attempts(&ended.deliveries, at_most)
                .await;
        }
        let nobody_waits = ended.waits.keys().any(Duration::is_zero);
        let waits = ended.waits.iter().filter(|(at_most, _)| !at_most.is_zero());
        let waits = waits.map(|(at_most, ids)| self.wait_for_first_attempts(ids, *at_most));
        let answered = futures_util::future::try_join_all(waits).await?;
        Ok(!nobody_waits && answered.into_iter().all(|all| all))
    }

    /// Does what is due with the signing keys, now; gives what. The sweep does this by itself.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`] if a key cannot be made or the store fails.
    pub async fn turn_keys(&self) -> Result<DueSteps, KeyRingError> {
        let life = KeyLife {
            rotate_every: self.0.config.rotate_keys_every,
            // Sessions that began before the settings were changed may live longer.
            longest_session: self
                .0
                .config
                .sessions
                .absolute
                .max(self.session_lifetimes().absolute),
        };
        self.0.keys.turn(&*self.0.store, life, self.now()).await
    }

    /// Starts what goes on by itself: telling clients, ending sessions whose time has come,
    /// deleting old history, and replacing signing keys.
    ///
    /// A second call does nothing.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start_delivery(&self) {
        let mut running = self.lock_running();
        if running.is_none() {
            let worker = delivery::start(self.parts());
            let sweep = tokio::spawn(sweep::run(Arc::downgrade(&self.0)));
            let history = tokio::spawn(history::run(Arc::downgrade(&self.0)));
            let key_watch = tokio::spawn(key_watch::run(Arc::downgrade(&self.0)));
            let others = [sweep, history, key_watch].map(AbortOnDropHandle::new);
            *running = Some(Tasks { worker, others });
        }
    }

    /// Stops what goes on by itself. Attempts under way may finish until `at_most` has passed;
    /// leases are given back, so that whoever comes next goes on at once.
    pub fn shutdown(&self, at_most: Duration) -> BoxFuture<'_, ()> {
        // Boxed, so that all below it is compiled here and not again in every program that calls it.
        Box::pin(async move {
            let tasks = self.lock_running().take();
            if let Some(Tasks { worker, others }) = tasks {
                drop(others);
                worker.drain(at_most).await;
            }
        })
    }

    fn parts(&self) -> Parts {
        Parts {
            issuer: self.0.config.id.clone(),
            store: Arc::clone(&self.0.store),
            keys: Arc::clone(&self.0.keys),
            encrypter: Arc::clone(&self.0.encrypter),
            sender: Arc::clone(&self.0.egress) as Arc<dyn delivery::LogoutSender>,
            clock: Arc::clone(&self.0.clock),
            random: Arc::clone(&self.0.random),
            settings: self.0.config.delivery.clone(),
            waiters: Arc::clone(&self.0.waiters),
            windows: self.0.windows.clone(),
        }
    }

    fn lock_running(&self) -> std::sync::MutexGuard<'_, Option<Tasks>> {
        self.0
            .running
            .lock()
            .expect("no code panics while it holds this lock")
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer")
            .field("id", self.id())
            .finish_non_exhaustive()
    }
}

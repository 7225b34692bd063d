//! Makes an [`Issuer`]: its configuration, what it may be given instead of the system's own, and
//! what can go wrong.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use logout_shared::seal::SealingKey;
use logout_shared::{Clock, RandomSource, SigningAlgorithm, SystemClock, SystemRandom};

use super::settings::LiveSettings;
use super::{Inner, Issuer};
#[cfg(feature = "actions")]
use crate::actions::InProcess;
use crate::actions::{ActionEngine, Actions};
use crate::delivery;
use crate::domain::action_run::RunLimits;
use crate::domain::refresh_token::RefreshTokenRules;
use crate::domain::retention::Retention;
use crate::domain::session::SessionLifetimes;
use crate::egress::{self, Egress, Lookup, SetUpError};
use crate::keyring::client_keys::{ClientKeyCache, KeySetSource};
use crate::keyring::encrypter::Encrypter;
use crate::keyring::{KeyRing, KeyRingError};
use crate::logout::EndQueue;
use crate::storage::{StorageError, Store};

/// What an issuer is told about itself.
#[derive(Debug, Clone)]
pub struct IssuerConfig {
    /// The issuer identifier, exactly as it goes into tokens.
    pub id: logout_shared::Issuer,
    /// How long sessions live, unless the settings in the store say something else.
    pub sessions: SessionLifetimes,
    /// How refresh tokens live, where a client says nothing else.
    pub refresh_tokens: RefreshTokenRules,
    /// How hard and how often clients are told.
    pub delivery: delivery::Settings,
    /// How long history is kept.
    pub retention: Retention,
    /// Which addresses may be called, and how.
    pub egress: egress::Settings,
    /// One signing key is made for each of these.
    pub signing_algorithms: Vec<SigningAlgorithm>,
    /// How often each signing key is replaced, 48 h or more; `None`: only by hand.
    pub rotate_keys_every: Option<Duration>,
    /// The first seals secrets at rest, all of them open what was sealed.
    pub master_keys: Vec<SealingKey>,
    /// What all Actions of one login may use together.
    pub action_limits: RunLimits,
}

impl IssuerConfig {
    /// The algorithms for which keys are made unless others are named.
    pub const DEFAULT_ALGORITHMS: [SigningAlgorithm; 4] = [
        SigningAlgorithm::Rs256,
        SigningAlgorithm::Ps256,
        SigningAlgorithm::Es256,
        SigningAlgorithm::EdDsa,
    ];

    /// How often signing keys are replaced unless something else is asked for.
    pub const DEFAULT_KEY_ROTATION: Duration = Duration::from_hours(90 * 24);

    /// A configuration with the defaults for everything that has one.
    pub fn new(id: logout_shared::Issuer, master_key: SealingKey) -> Self {
        Self {
            id,
            sessions: SessionLifetimes::default(),
            refresh_tokens: RefreshTokenRules::default(),
            delivery: delivery::Settings::default(),
            retention: Retention::default(),
            egress: egress::Settings::default(),
            signing_algorithms: Self::DEFAULT_ALGORITHMS.to_vec(),
            rotate_keys_every: Some(Self::DEFAULT_KEY_ROTATION),
            master_keys: vec![master_key],
            action_limits: RunLimits::default(),
        }
    }
}

/// An issuer cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// [`IssuerBuilder::store`] was not called.
    #[error("the issuer has no store")]
    NoStore,
    /// The egress settings cannot be used.
    #[error(transparent)]
    Egress(#[from] SetUpError),
    /// The signing keys cannot be opened or made.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// The settings cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Builds an [`Issuer`].
pub struct IssuerBuilder {
    config: IssuerConfig,
    store: Option<Arc<dyn Store>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
    lookup: Option<Arc<dyn Lookup>>,
    actions: Option<Arc<dyn ActionEngine>>,
}

impl IssuerBuilder {
    pub(super) fn new(config: IssuerConfig) -> Self {
        Self {
            config,
            store: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            lookup: None,
            actions: None,
        }
    }

    /// Where sessions, clients and deliveries are kept.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another source of randomness than the system's.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn RandomSource>) -> Self {
        self.random = random;
        self
    }

    /// Another resolver than the system's.
    #[must_use]
    pub fn lookup(mut self, lookup: Arc<dyn Lookup>) -> Self {
        self.lookup = Some(lookup);
        self
    }

    /// Another engine for Actions than the one inside this process, such as worker processes.
    #[must_use]
    pub fn actions(mut self, engine: Arc<dyn ActionEngine>) -> Self {
        self.actions = Some(engine);
        self
    }

    /// Opens the key ring, making keys at the first start, sets the way out up, and starts the task
    /// that ends sessions on the current runtime.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if there is no store, if the keys cannot be opened with the master keys
    /// given, or if the egress settings cannot be used.
    pub fn build(self) -> BoxFuture<'static, Result<Issuer, BuildError>> {
        // Boxed, so that all below it is compiled here and not again in every program that calls it.
        Box::pin(async move {
            let store = self.store.ok_or(BuildError::NoStore)?;
            let egress = match self.lookup {
                Some(lookup) => Egress::with_lookup(&self.config.egress, lookup)?,
                None => Egress::new(&self.config.egress)?,
            };
            let egress = Arc::new(egress);
            let (masters, algorithms) = (&self.config.master_keys, &self.config.signing_algorithms);
            let keys =
                KeyRing::open(&*store, masters.clone(), algorithms, self.clock.now()).await?;
            let client_keys = Arc::clone(&egress) as Arc<dyn KeySetSource>;
            let client_keys = Arc::new(ClientKeyCache::new(client_keys));
            let settings = store.read().await?.tenant_settings().await?;
            let windows = self.config.delivery.windows();
            let engine = self.actions;
            #[cfg(feature = "actions")]
            let engine = engine.or_else(|| Some(Arc::new(InProcess::default())));
            let actions = Actions::new(engine, self.config.action_limits);
            Ok(Issuer(Arc::new(Inner {
                windows,
                ends: EndQueue::start(
                    Arc::clone(&store),
                    Arc::clone(&self.clock),
                    Arc::clone(&self.random),
                ),
                config: self.config,
                settings: LiveSettings::new(settings),
                store,
                clock: self.clock,
                random: self.random,
                keys: Arc::new(keys),
                encrypter: Arc::new(Encrypter::new(Arc::clone(&client_keys))),
                client_keys,
                egress,
                waiters: Arc::default(),
                actions,
                running: Mutex::new(None),
            })))
        })
    }
}

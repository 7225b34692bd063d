//! Sets up [`BackchannelLogout`](crate::BackchannelLogout): where an app meets every setting.
//!
//! `build` does no I/O, so a provider that is down when the app starts hinders nothing. It refuses
//! what could not work or would be unsafe, before the first request. What the settings mean and
//! their defaults stand in `config.rs` and `jwks/mod.rs`; `build.rs` is the last step, `key_choice.rs` makes
//! the key source.

use std::sync::Arc;

use http::request::Parts;
use logout_shared::logout_token::TypePolicy;
use logout_shared::{
    ClientId, Clock, InvalidId, RandomSource, Secret, SigningAlgorithm, SystemClock, SystemRandom,
};

use crate::config::{EndpointSettings, SessionSettings, TokenRules};
use crate::hook::LogoutHook;
use crate::http::require_session::PresentedBy;
use crate::jwks::{KeySettings, KeySource};
use crate::replay::ReplayCache;
use crate::session_index::{LocalSessionId, LoginIdentity, MemorySessionIndex, SessionIndex};

mod build;
mod error;
mod key_choice;

pub use self::error::BuildError;
use self::key_choice::KeyChoice;

/// Collects what [`BackchannelLogout`](crate::BackchannelLogout) needs.
///
/// Only issuer, client and a session index must be said.
#[must_use = "nothing is set up before `build`"]
pub struct Builder {
    issuer: String,
    client_id: String,
    rules: TokenRules,
    endpoint: EndpointSettings,
    sessions: SessionSettings,
    keys: KeyChoice,
    key_settings: KeySettings,
    #[cfg(feature = "jwe")]
    decryption: Vec<logout_shared::jwe::DecryptionKey>,
    index: Option<Arc<dyn SessionIndex>>,
    replay: Option<Arc<dyn ReplayCache>>,
    hook: Option<Arc<dyn LogoutHook>>,
    presented_by: PresentedBy,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
}

impl Builder {
    pub(crate) fn new(issuer: &str, client_id: &str) -> Builder {
        Builder {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            rules: TokenRules::default(),
            endpoint: EndpointSettings::default(),
            sessions: SessionSettings::default(),
            keys: KeyChoice::Discover,
            key_settings: KeySettings::default(),
            #[cfg(feature = "jwe")]
            decryption: Vec::new(),
            index: None,
            replay: None,
            hook: None,
            presented_by: PresentedBy::Index,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }

    /// Keeps sessions and token ids in this process: for one process, and not for cookie-only
    /// sessions.
    pub fn in_memory(self) -> Builder {
        self.sessions(MemorySessionIndex::new())
    }

    /// Keeps sessions in `index`, which several receivers may share.
    pub fn sessions(self, index: impl SessionIndex + 'static) -> Builder {
        Builder {
            index: Some(Arc::new(index)),
            ..self
        }
    }

    /// Keeps token ids in `replay`; without, in this process.
    pub fn replay_cache(self, replay: impl ReplayCache + 'static) -> Builder {
        Builder {
            replay: Some(Arc::new(replay)),
            ..self
        }
    }

    /// Calls `hook` at every logout.
    pub fn hook(self, hook: impl LogoutHook + 'static) -> Builder {
        Builder {
            hook: Some(Arc::new(hook)),
            ..self
        }
    }

    /// Tells which local session a request presents, for `RequireSession`.
    pub fn session_of(
        self,
        read: impl Fn(&Parts) -> Option<LocalSessionId> + Send + Sync + 'static,
    ) -> Builder {
        Builder {
            presented_by: PresentedBy::Local(Arc::new(read)),
            ..self
        }
    }

    /// Tells who a request's cookie says signed in, for apps that keep sessions only there.
    ///
    /// # Security
    ///
    /// The cookie must be sealed or signed by the app: what the closure returns is believed.
    pub fn cookie_login_of(
        self,
        read: impl Fn(&Parts) -> Option<LoginIdentity> + Send + Sync + 'static,
    ) -> Builder {
        Builder {
            presented_by: PresentedBy::Cookie(Arc::new(read)),
            ..self
        }
    }

    /// Accepts tokens signed with `algorithm` and no other; RS256 unless set.
    pub fn signing_algorithm(mut self, algorithm: SigningAlgorithm) -> Builder {
        self.rules.algorithm = algorithm;
        self
    }

    /// Sets everything that makes a token acceptable at once.
    pub fn rules(self, rules: TokenRules) -> Builder {
        Builder { rules, ..self }
    }

    /// Accepts only `logout+jwt` as the token's type.
    pub fn strict_typ(mut self) -> Builder {
        self.rules.types = TypePolicy::Strict;
        self
    }

    /// Accepts tokens without `exp`, bounded by the age of their `iat`.
    pub fn exp_optional(mut self) -> Builder {
        self.rules.exp_required = false;
        self
    }

    /// Refuses tokens without `sid`.
    pub fn require_sid(mut self) -> Builder {
        self.rules.sid_required = true;
        self
    }

    /// Accepts tokens that address these clients beside ours.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] if one of them cannot be a client id.
    pub fn trusted_audiences<'a>(
        mut self,
        audiences: impl IntoIterator<Item = &'a str>,
    ) -> Result<Builder, InvalidId> {
        self.rules.trusted_audiences = audiences
            .into_iter()
            .map(ClientId::try_from)
            .collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Takes keys from here instead of the issuer's discovery document.
    pub fn keys(self, keys: KeySource) -> Builder {
        Builder {
            keys: KeyChoice::Given(keys),
            ..self
        }
    }

    /// Fetches keys from this address; the discovery document is not needed then.
    #[cfg(feature = "fetch")]
    pub fn jwks_uri(self, url: &str) -> Builder {
        Builder {
            keys: KeyChoice::At(url.to_owned()),
            ..self
        }
    }

    /// Verifies HS256, HS384 or HS512 with the client's secret.
    pub fn client_secret(self, secret: Secret<String>) -> Builder {
        Builder {
            keys: KeyChoice::Secret(secret),
            ..self
        }
    }

    /// Decrypts tokens with this key, and accepts no unencrypted ones from then on.
    ///
    /// Call it more than once to accept an old key beside a new one.
    #[cfg(feature = "jwe")]
    pub fn decryption_key(mut self, key: logout_shared::jwe::DecryptionKey) -> Builder {
        self.decryption.push(key);
        self
    }

    /// Sets how long keys count and how often they are fetched.
    pub fn key_settings(self, key_settings: KeySettings) -> Builder {
        Builder {
            key_settings,
            ..self
        }
    }

    /// Sets how the endpoint treats requests.
    pub fn endpoint_settings(self, endpoint: EndpointSettings) -> Builder {
        Builder { endpoint, ..self }
    }

    /// Sets what a logout does to sessions.
    pub fn session_settings(self, sessions: SessionSettings) -> Builder {
        Builder { sessions, ..self }
    }

    /// Answers 400 where 503 would say that a repetition may succeed.
    pub fn answer_400_when_unavailable(mut self) -> Builder {
        self.endpoint.answer_400_when_unavailable = true;
        self
    }

    /// Takes the time from `clock`; for tests.
    pub fn clock(self, clock: impl Clock + 'static) -> Builder {
        Builder {
            clock: Arc::new(clock),
            ..self
        }
    }

    /// Takes random bits from `random`; for tests.
    pub fn random(self, random: impl RandomSource + 'static) -> Builder {
        Builder {
            random: Arc::new(random),
            ..self
        }
    }
}

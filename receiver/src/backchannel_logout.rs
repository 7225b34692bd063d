//! The flow of one logout: verify → reserve → mark → hook → remove → commit, and nothing else.
//!
//! Whatever fails after the reservation gives it back, so that a retry is a retry and not a replay.
//! From the mark on the sessions are refused; they stay listed until the hook has succeeded, so
//! that the retry gets the same list again. A process that dies anywhere in between leaves a
//! reservation that lapses and marks that hold.
//!
//! Each step's own rules are next door: `verifier.rs`, `replay/`, `session_index/`, `hook.rs`.
//! Logins are recorded in `login.rs`; the builder is in `builder.rs`; HTTP is in `http/`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use logout_shared::logout_token::{LogoutSubject, LogoutToken};
use logout_shared::{Clock, RandomSource, Timestamp};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::builder::Builder;
use crate::config::{EndpointSettings, SessionSettings};
use crate::error::{Invalid, Unavailable, VerifyError};
use crate::hook::{HookError, LogoutHook};
use crate::http::LogoutEndpoint;
use crate::http::require_session::PresentedBy;
use crate::replay::{ReplayCache, ReservationOwner, Reserved, TokenKey};
use crate::session_index::{
    EndedSession, LocalSessionId, Logout, LogoutTarget, Scope, SessionIndex,
};
use crate::telemetry;
use crate::verifier::Verifier;

/// Back-channel logout for one client of one issuer; cheap to clone.
///
/// Several of them, for other issuers or clients, live side by side in one process and may share
/// a session index and a replay cache.
///
/// # Examples
///
/// ```
/// use logout_receiver::BackchannelLogout;
///
/// let logout = BackchannelLogout::builder("https://issuer.example/", "client-id")
///     .in_memory()
///     .build()?;
/// # Ok::<(), logout_receiver::BuildError>(())
/// ```
#[derive(Clone)]
pub struct BackchannelLogout {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) verifier: Verifier,
    pub(crate) replay: Arc<dyn ReplayCache>,
    pub(crate) sessions: Arc<dyn SessionIndex>,
    pub(crate) hook: Option<Arc<dyn LogoutHook>>,
    pub(crate) settings: SessionSettings,
    pub(crate) endpoint: EndpointSettings,
    pub(crate) presented_by: PresentedBy,
    pub(crate) scope: Scope,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) owners: Owners,
}

/// A logout that has been done.
#[derive(Debug)]
#[non_exhaustive]
pub struct CompletedLogout {
    /// The token that asked for it.
    pub token: LogoutToken,
    /// The local sessions it ended; none when it named none of ours.
    pub ended: Vec<EndedSession>,
}

impl BackchannelLogout {
    /// Begins to set up logout for `client_id` at `issuer`, both exactly as the issuer writes them.
    pub fn builder(issuer: &str, client_id: &str) -> Builder {
        Builder::new(issuer, client_id)
    }

    /// The part that checks tokens and touches no session.
    pub fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }

    /// The endpoint as a `tower` service, for any framework.
    pub fn endpoint(&self) -> LogoutEndpoint {
        LogoutEndpoint::new(self.clone())
    }

    /// Checks a logout token and ends the sessions it names.
    ///
    /// A token that names no session of ours succeeds, as the specification asks.
    ///
    /// # Errors
    ///
    /// [`VerifyError`], grouped by whose fault it is.
    pub async fn receive(&self, logout_token: &str) -> Result<CompletedLogout, VerifyError> {
        let scope = &self.inner.scope;
        let dealt_with = async {
            let watch = telemetry::Stopwatch::start();
            let result = self.run(logout_token).await;
            telemetry::received(scope, &result, &watch);
            result
        };
        dealt_with.instrument(telemetry::span(scope)).await
    }

    async fn run(&self, logout_token: &str) -> Result<CompletedLogout, VerifyError> {
        let inner = &*self.inner;
        let token = inner.verifier.verify(logout_token).await?;
        let reservation = self.reserve(&token).await?;
        match self.act(&token).await {
            Ok(ended) => {
                self.commit(&token, reservation).await?;
                Ok(CompletedLogout { token, ended })
            }
            Err(error) => {
                self.release(&token, reservation).await;
                Err(error)
            }
        }
    }

    /// Back-Channel Logout §2.6 step 8.
    async fn reserve(&self, token: &LogoutToken) -> Result<Reservation, VerifyError> {
        let inner = &*self.inner;
        let keep_until = inner.verifier.dead_at(token);
        let reservation = Reservation {
            owner: inner.owners.next(),
            keep_until,
        };
        let now = inner.clock.now();
        let key = self.key(token);
        match inner
            .replay
            .reserve(&key, reservation.owner, now, keep_until)
            .await
        {
            Ok(Reserved::Taken) => Ok(reservation),
            Ok(Reserved::InFlight) => Err(Unavailable::InFlight.into()),
            Ok(Reserved::Spent) => Err(Invalid::Replayed.into()),
            Ok(Reserved::Full) => Err(Unavailable::ReplayCacheFull.into()),
            Err(error) => Err(Unavailable::ReplayCache(error).into()),
        }
    }

    async fn commit(&self, token: &LogoutToken, held: Reservation) -> Result<(), VerifyError> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let committed = inner
            .replay
            .commit(&self.key(token), held.owner, now, held.keep_until)
            .await;
        committed.map_err(|error| Unavailable::ReplayCache(error).into())
    }

    async fn release(&self, token: &LogoutToken, held: Reservation) {
        if let Err(error) = self
            .inner
            .replay
            .release(&self.key(token), held.owner)
            .await
        {
            tracing::warn!(%error, "a reservation could not be given back and will lapse");
        }
    }

    /// Back-Channel Logout §2.7: ends the sessions. Repeating it is harmless at every point.
    async fn act(&self, token: &LogoutToken) -> Result<Vec<EndedSession>, VerifyError> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let logout = self.logout_of(token, now);
        let marked = inner
            .sessions
            .mark(&logout, now)
            .await
            .map_err(Unavailable::SessionIndex)?;
        if marked.owner_differs {
            telemetry::owner_differs(&inner.scope);
        }
        let ended = marked.ended;
        match self.call_hook(token, &ended).await {
            Ok(()) => {
                self.remove(ended.iter().map(|session| &session.local))
                    .await?;
            }
            Err(error) => {
                if let HookError::Partial { unfinished, .. } = &error {
                    let done = ended.iter().map(|session| &session.local);
                    self.remove(done.filter(|local| !unfinished.contains(local)))
                        .await?;
                }
                return Err(error.into());
            }
        }
        Ok(ended)
    }

    async fn call_hook(
        &self,
        token: &LogoutToken,
        ended: &[EndedSession],
    ) -> Result<(), HookError> {
        let Some(hook) = &self.inner.hook else {
            return Ok(());
        };
        let call = AssertUnwindSafe(hook.on_logout(token, ended)).catch_unwind();
        match timeout(self.inner.settings.hook_time_limit, call).await {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => Err(HookError::Panicked),
            Err(_elapsed) => Err(HookError::TimedOut),
        }
    }

    async fn remove<'a>(
        &self,
        locals: impl Iterator<Item = &'a LocalSessionId>,
    ) -> Result<(), Unavailable> {
        let locals: Vec<LocalSessionId> = locals.cloned().collect();
        if locals.is_empty() {
            return Ok(());
        }
        let removed = self.inner.sessions.remove(&self.inner.scope, &locals).await;
        removed.map_err(Unavailable::SessionIndex)
    }

    fn logout_of(&self, token: &LogoutToken, now: Timestamp) -> Logout {
        let settings = &self.inner.settings;
        let target = match token.subject() {
            LogoutSubject::Session(sid) => LogoutTarget::Session(sid.clone()),
            LogoutSubject::User(sub) => LogoutTarget::User(sub.clone()),
            LogoutSubject::Both { sub, .. } if settings.end_all_of_subject => {
                LogoutTarget::User(sub.clone())
            }
            LogoutSubject::Both { sub, sid } => LogoutTarget::SessionOf {
                sid: sid.clone(),
                sub: sub.clone(),
            },
        };
        Logout {
            scope: self.inner.scope.clone(),
            target,
            not_after_secs: token.time_of_event().as_secs(),
            keep_until: now + settings.longest_session,
        }
    }

    fn key<'a>(&'a self, token: &'a LogoutToken) -> TokenKey<'a> {
        let Scope { issuer, client_id } = &self.inner.scope;
        TokenKey {
            issuer,
            client_id,
            jti: token.jti(),
        }
    }
}

struct Reservation {
    owner: ReservationOwner,
    keep_until: Timestamp,
}

/// Gives out reservation owners: the process's 64 random bits, then a counter.
pub(crate) struct Owners {
    process: u64,
    next: AtomicU64,
}

impl Owners {
    pub(crate) fn new(random: &dyn RandomSource) -> Owners {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        Owners {
            process: u64::from_le_bytes(bytes),
            next: AtomicU64::default(),
        }
    }

    fn next(&self) -> ReservationOwner {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        ReservationOwner::from_bits(u128::from(self.process) << 64 | u128::from(number))
    }
}

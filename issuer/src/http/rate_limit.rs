//! How often one caller may call the Management API.
//!
//! Callers are told apart by the client of their token, and those without a good token by their
//! address: nobody can use up the calls of somebody else. Each has a bucket of `burst` calls that
//! fills by `per_second`. Every answer says what is left; a refusal leaves a record (`api_limit`),
//! one a client and minute. Memory is bounded: addresses share a fixed number of slots, and there
//! are no more clients than are registered.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use logout_shared::{ClientId, Timestamp};
use serde_json::json;

use super::api_error::ApiError;
use super::bearer::Bearer;
use super::{AppState, ClientAddress, RateLimit};
use crate::domain::event_log::{LogCode, LogEvent};
use crate::login::throttle::network;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Slots that the addresses of callers without a token share.
const ADDRESS_SLOTS: u64 = 1 << 14;
/// With so many buckets, those that are full again are forgotten.
const TIDY_AT: usize = 1 << 15;
/// How often a refusal is recorded for one client, and for all that have no token together.
const RECORD_EVERY: Duration = Duration::from_mins(1);

/// Whose bucket a call is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Caller {
    Client(ClientId),
    /// A slot of addresses.
    Address(u64),
    /// All callers without a token, for the record.
    Strangers,
}

type Buckets<M> = RateLimiter<Caller, HashMapStateStore<Caller>, Steady, M>;
type Plain = governor::middleware::NoOpMiddleware<Duration>;

/// The buckets of all callers.
#[derive(Clone)]
pub(super) struct Limiter(Arc<Inner>);

struct Inner {
    state: AppState,
    limit: RateLimit,
    calls: Buckets<StateInformationMiddleware>,
    records: Buckets<Plain>,
    hasher: RandomState,
}

/// What a call is told about its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    remaining: u32,
    /// When the bucket is full again; after a refusal, when the next call is taken.
    reset: Timestamp,
    /// How long a refused call has to wait.
    refused: Option<Duration>,
}

impl Limiter {
    pub(super) fn new(limit: RateLimit, state: AppState) -> Self {
        let clock = Steady::new(state.clone());
        let quota = Quota::per_second(limit.per_second).allow_burst(limit.burst);
        let once = Quota::with_period(RECORD_EVERY).expect("a minute is not zero");
        let once = once.allow_burst(NonZeroU32::MIN);
        let buckets = HashMapStateStore::default;
        let calls: Buckets<Plain> = RateLimiter::new(quota, buckets(), clock.clone());
        Self(Arc::new(Inner {
            state,
            limit,
            calls: calls.with_middleware(),
            records: RateLimiter::new(once, buckets(), clock),
            hasher: RandomState::new(),
        }))
    }
}

impl Inner {
    /// Takes a call from the caller's bucket.
    fn take(&self, caller: &Caller) -> Told {
        if self.calls.len() >= TIDY_AT {
            self.calls.retain_recent();
            self.records.retain_recent();
        }
        let now = self.state.issuer.now();
        let burst = self.limit.burst.get();
        match self.calls.check_key(caller) {
            Ok(left) => {
                let remaining = left.remaining_burst_capacity().min(burst);
                let missing = Duration::from_secs((burst - remaining).into());
                Told {
                    remaining,
                    reset: now + missing / self.limit.per_second.get(),
                    refused: None,
                }
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.calls.clock().now());
                Told {
                    remaining: 0,
                    reset: now + wait,
                    refused: Some(wait),
                }
            }
        }
    }

    fn slot(&self, ip: Option<IpAddr>) -> Caller {
        Caller::Address(self.hasher.hash_one(ip.map(network)) % ADDRESS_SLOTS)
    }

    /// Writes that a caller was refused, unless that was written a moment ago.
    async fn record(&self, bearer: Option<&Bearer>, ip: Option<IpAddr>) {
        let caller = bearer.map_or(Caller::Strangers, |bearer| {
            Caller::Client(bearer.client().clone())
        });
        if self.records.check_key(&caller).is_err() {
            return;
        }
        let RateLimit { per_second, burst } = self.limit;
        let issuer = &self.state.issuer;
        let text = "Too many calls of the Management API";
        let event = LogEvent {
            client: bearer.map(|bearer| bearer.client().clone()),
            client_name: bearer.map(|bearer| bearer.client_name().to_owned()),
            ip: ip.map(|ip| ip.to_string()),
            details: json!({ "per_second": per_second, "burst": burst }),
            ..LogEvent::new(LogCode::ApiLimit, text, issuer.now())
        };
        let write = issuer
            .store()
            .write(move |tx| Box::pin(async move { tx.append_events(&[event]).await }));
        if let Err(error) = write.await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "a refused call cannot be recorded");
        }
    }

    fn tell(&self, told: Told, response: &mut Response) {
        // Rounded up: who comes back when told must not come too early.
        let reset = (told.reset + Duration::from_millis(999)).as_secs();
        let headers = response.headers_mut();
        headers.insert(LIMIT, HeaderValue::from(self.limit.burst.get()));
        headers.insert(REMAINING, HeaderValue::from(told.remaining));
        headers.insert(RESET, HeaderValue::from(reset));
    }
}

/// The middleware; before the body is read.
pub(super) async fn hold(
    State(Limiter(limiter)): State<Limiter>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let (bearer, ip) = identify(&mut parts, &limiter.state).await;
    let caller = match &bearer {
        Some(bearer) => Caller::Client(bearer.client().clone()),
        None => limiter.slot(ip),
    };
    let told = limiter.take(&caller);
    let mut response = if let Some(wait) = told.refused {
        limiter.record(bearer.as_ref(), ip).await;
        ApiError::RateLimited(wait).into_response()
    } else {
        if let Some(bearer) = bearer {
            parts.extensions.insert(bearer);
        }
        next.run(Request::from_parts(parts, body)).await
    };
    limiter.tell(told, &mut response);
    response
}

/// The client of a good token, and the address.
async fn identify(parts: &mut Parts, state: &AppState) -> (Option<Bearer>, Option<IpAddr>) {
    let Ok(ClientAddress(ip)) = ClientAddress::from_request_parts(parts, state).await;
    // Why a token is not good is told by the handler.
    (Bearer::from_request_parts(parts, state).await.ok(), ip)
}

/// The issuer's clock, but never backwards: a wall clock that is set back by an hour must not
/// keep everybody out for one.
#[derive(Clone)]
struct Steady {
    state: AppState,
    /// What the wall clock said last, and the time counted since the start.
    seen: Arc<Mutex<(Timestamp, Duration)>>,
}

impl Steady {
    fn new(state: AppState) -> Self {
        let seen = Arc::new(Mutex::new((state.issuer.now(), Duration::ZERO)));
        Self { state, seen }
    }
}

impl Clock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let now = self.state.issuer.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = seen.1 + now.saturating_since(seen.0);
        *seen = (now, counted);
        counted
    }
}

//! Rows D25 to D30: a token acts once, a failure does not use it up, and doubt refuses.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use logout_receiver::replay::{
    MemoryReplayCache, ReplayCache, ReservationOwner, Reserved, TokenKey,
};
use logout_receiver::{
    BackchannelLogout, EndedSession, HookError, KeySource, LogoutHook, LogoutToken, StoreError,
};
use logout_shared::{ClientId, Issuer, SystemRandom, Timestamp, TokenId};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::{
    CLIENT, FailingStore, Hook, RelyingParty, builder, claims, id_token, key, key_set,
    manual_clock, sign, signed, start, with,
};

#[tokio::test]
async fn d25_the_second_use_of_a_token_is_refused() {
    let relying_party = RelyingParty::start().await;
    let token = signed(&claims());
    relying_party.post(&token).await.assert_ok();
    let again = relying_party.post(&token).await;
    again.assert_refused();
    assert_eq!(again.json()["error_description"], "replayed");
}

#[tokio::test]
async fn d25_another_token_with_the_same_id_is_refused_whatever_its_expiry() {
    let relying_party = RelyingParty::start().await;
    let first = with(claims(), &json!({"jti": "same"}));
    relying_party.post(&signed(&first)).await.assert_ok();
    let later = with(first, &json!({"exp": start().as_secs() + 500}));
    relying_party.post(&signed(&later)).await.assert_refused();
}

#[tokio::test]
async fn d26_two_issuers_may_use_the_same_id() {
    let clock = manual_clock();
    let cache = Arc::new(MemoryReplayCache::new(&SystemRandom));
    for issuer in ["https://one.example/", "https://two.example/"] {
        let set_up = BackchannelLogout::builder(issuer, CLIENT)
            .keys(KeySource::given(key_set([key()])))
            .in_memory()
            .replay_cache(Arc::clone(&cache))
            .clock(clock.clone());
        let relying_party = RelyingParty::with(set_up).await;
        let token = signed(&with(claims(), &json!({"iss": issuer, "jti": "same"})));
        relying_party.post(&token).await.assert_ok();
        relying_party.post(&token).await.assert_refused();
    }
    assert_eq!(cache.len(), 2);
}

#[tokio::test]
async fn d27_a_token_that_met_a_broken_store_works_when_it_comes_again() {
    let store = Arc::new(FailingStore::default());
    let set_up = builder(&manual_clock()).sessions(Arc::clone(&store));
    let relying_party = RelyingParty::with(set_up).await;
    relying_party
        .log_in(&id_token("alice", "sid-1"), "browser")
        .await;
    let token = signed(&claims());
    store.set_down(true);
    relying_party
        .post(&token)
        .await
        .assert_unavailable("session_index_unavailable");
    store.set_down(false);
    relying_party.post(&token).await.assert_ok();
    assert!(!relying_party.is_live("browser").await);
    relying_party.post(&token).await.assert_refused();
}

/// A hook that waits until the test lets it go.
struct Waiting {
    entered: Semaphore,
    leave: Semaphore,
}

#[async_trait]
impl LogoutHook for Waiting {
    async fn on_logout(&self, _: &LogoutToken, _: &[EndedSession]) -> Result<(), HookError> {
        self.entered.add_permits(1);
        self.leave
            .acquire()
            .await
            .map_err(HookError::failed)?
            .forget();
        Ok(())
    }
}

#[tokio::test]
async fn d28_of_two_parallel_posts_one_acts_and_the_other_is_put_off() {
    let hook = Arc::new(Waiting {
        entered: Semaphore::new(0),
        leave: Semaphore::new(0),
    });
    let set_up = builder(&manual_clock()).hook(Arc::clone(&hook));
    let relying_party = RelyingParty::with(set_up).await;
    let token = signed(&claims());
    let first = {
        let (logout, token) = (relying_party.logout.clone(), token.clone());
        tokio::spawn(async move { logout.receive(&token).await })
    };
    hook.entered.acquire().await.expect("entered").forget();
    let second = relying_party.post(&token).await;
    second.assert_unavailable("in_flight");
    assert_eq!(second.header("retry-after"), Some("1"));
    hook.leave.add_permits(1);
    first.await.expect("no panic").expect("acts");
    relying_party.post(&token).await.assert_refused();
}

#[tokio::test]
async fn d28_a_reservation_that_its_owner_abandoned_lapses() {
    let clock = manual_clock();
    let hook = Arc::new(Waiting {
        entered: Semaphore::new(0),
        leave: Semaphore::new(0),
    });
    let set_up = builder(&clock).hook(Arc::clone(&hook));
    let relying_party = RelyingParty::with(set_up).await;
    let token = signed(&claims());
    let crashed = {
        let (logout, token) = (relying_party.logout.clone(), token.clone());
        tokio::spawn(async move { logout.receive(&token).await })
    };
    hook.entered.acquire().await.expect("entered").forget();
    crashed.abort();
    assert!(crashed.await.is_err(), "stopped between reserve and commit");
    hook.leave.add_permits(1);
    clock.advance(Duration::from_secs(9));
    relying_party
        .post(&token)
        .await
        .assert_unavailable("in_flight");
    clock.advance(Duration::from_secs(1));
    relying_party.post(&token).await.assert_ok();
}

/// A replay cache that cannot be asked.
struct Down;

#[async_trait]
impl ReplayCache for Down {
    async fn reserve(
        &self,
        _: &TokenKey<'_>,
        _: ReservationOwner,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Reserved, StoreError> {
        Err(StoreError::new("pretending", "it is down"))
    }

    async fn commit(
        &self,
        _: &TokenKey<'_>,
        _: ReservationOwner,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        Err(StoreError::new("pretending", "it is down"))
    }

    async fn release(&self, _: &TokenKey<'_>, _: ReservationOwner) -> Result<(), StoreError> {
        Err(StoreError::new("pretending", "it is down"))
    }
}

#[tokio::test]
async fn d29_without_the_replay_cache_nothing_acts() {
    let relying_party = RelyingParty::with(builder(&manual_clock()).replay_cache(Down)).await;
    relying_party
        .log_in(&id_token("alice", "sid-1"), "browser")
        .await;
    let answer = relying_party.post(&signed(&claims())).await;
    answer.assert_unavailable("replay_cache_unavailable");
    assert!(relying_party.is_live("browser").await);
}

#[tokio::test]
async fn d30_a_full_cache_puts_off_and_evicts_nobody() {
    let clock = manual_clock();
    let cache = MemoryReplayCache::with_max_entries(&SystemRandom, 2);
    let relying_party = RelyingParty::with(builder(&clock).replay_cache(cache)).await;
    let (first, second) = (signed(&claims()), signed(&claims()));
    relying_party.post(&first).await.assert_ok();
    relying_party.post(&second).await.assert_ok();
    relying_party
        .post(&signed(&claims()))
        .await
        .assert_unavailable("replay_cache_full");
    relying_party.post(&first).await.assert_refused();
    relying_party.post(&second).await.assert_refused();
    // Room comes back with time only: tokens of 120 s, leeway of 60 s, buckets of 60 s.
    clock.advance(Duration::from_mins(5));
    let now = start().as_secs() + 300;
    let later = with(claims(), &json!({"iat": now, "exp": now + 120}));
    relying_party.post(&signed(&later)).await.assert_ok();
}

#[tokio::test]
async fn d30_only_tokens_with_a_good_signature_and_good_claims_take_room() {
    let cache = Arc::new(MemoryReplayCache::new(&SystemRandom));
    let set_up = builder(&manual_clock()).replay_cache(Arc::clone(&cache));
    let relying_party = RelyingParty::with(set_up).await;
    let token = signed(&claims());
    let forged = format!("{}AAAA", &token[..token.len() - 4]);
    let wrong_kind = sign(key(), "at+jwt", &claims());
    for token in [
        forged,
        wrong_kind,
        signed(&with(claims(), &json!({"nonce": ""}))),
    ] {
        relying_party.post(&token).await.assert_refused();
    }
    assert!(cache.is_empty());
}

#[tokio::test]
async fn d30_an_entry_outlives_every_moment_at_which_its_token_passes() {
    let clock = manual_clock();
    let relying_party = RelyingParty::with(builder(&clock)).await;
    let token = signed(&claims());
    relying_party.post(&token).await.assert_ok();
    // exp is at 120 s and the leeway 60 s: the last moment is just before 180 s.
    clock.advance(Duration::from_millis(179_999));
    let answer = relying_party.post(&token).await;
    answer.assert_refused();
    assert_eq!(answer.json()["error_description"], "replayed");
    clock.advance(Duration::from_millis(1));
    let answer = relying_party.post(&token).await;
    assert_eq!(answer.json()["error_description"], "expired");
}

/// The parts of one token's name.
fn named(jti: &str) -> (Issuer, ClientId, TokenId) {
    let issuer = "https://issuer.example/".parse().expect("an issuer");
    let client_id = ClientId::try_from(CLIENT).expect("a client id");
    (
        issuer,
        client_id,
        TokenId::try_from(jti).expect("a token id"),
    )
}

#[tokio::test]
async fn commit_and_release_act_only_for_the_owner() {
    let cache = MemoryReplayCache::new(&SystemRandom);
    let (issuer, client_id, jti) = named("one");
    let token = TokenKey {
        issuer: &issuer,
        client_id: &client_id,
        jti: &jti,
    };
    let [first, second] = [1, 2].map(ReservationOwner::from_bits);
    let (now, until) = (start(), start() + Duration::from_mins(3));
    let outcome = cache
        .reserve(&token, first, now, until)
        .await
        .expect("memory");
    assert_eq!(outcome, Reserved::Taken);
    // The first owner is slow; its reservation lapses and goes to the second.
    let later = now + Duration::from_secs(10);
    let outcome = cache
        .reserve(&token, second, later, until)
        .await
        .expect("memory");
    assert_eq!(outcome, Reserved::Taken);
    cache.release(&token, first).await.expect("memory");
    cache
        .commit(&token, first, later, until)
        .await
        .expect("memory");
    let third = ReservationOwner::from_bits(3);
    let still = cache
        .reserve(&token, third, later, until)
        .await
        .expect("memory");
    assert_eq!(still, Reserved::InFlight);
    cache.release(&token, second).await.expect("memory");
    let free = cache
        .reserve(&token, third, later, until)
        .await
        .expect("memory");
    assert_eq!(free, Reserved::Taken);
    cache
        .commit(&token, third, later, until)
        .await
        .expect("memory");
    let spent = cache
        .reserve(&token, first, later, until)
        .await
        .expect("memory");
    assert_eq!(spent, Reserved::Spent);
}

#[tokio::test]
async fn a_failing_hook_leaves_the_token_usable() {
    let hook = Hook::answering([Err(HookError::failed("away"))]);
    let relying_party = RelyingParty::with(builder(&manual_clock()).hook(hook)).await;
    let token = signed(&claims());
    relying_party
        .post(&token)
        .await
        .assert_unavailable("hook_failed");
    relying_party.post(&token).await.assert_ok();
    relying_party.post(&token).await.assert_refused();
}

//! What every replay cache must do, whatever keeps it.

use std::time::Duration;

use logout_receiver::replay::{ReplayCache, ReservationOwner, Reserved, TokenKey};
use logout_shared::{ClientId, Issuer, Timestamp, TokenId};

/// Names of a token, owned.
struct Named {
    issuer: Issuer,
    client_id: ClientId,
    jti: TokenId,
}

impl Named {
    fn new(issuer: &str, client_id: &str, jti: &str) -> Named {
        Named {
            issuer: issuer.parse().expect("an issuer"),
            client_id: ClientId::try_from(client_id).expect("a client id"),
            jti: TokenId::try_from(jti).expect("a token id"),
        }
    }

    fn key(&self) -> TokenKey<'_> {
        TokenKey {
            issuer: &self.issuer,
            client_id: &self.client_id,
            jti: &self.jti,
        }
    }
}

const ISSUER: &str = "https://issuer.example/";

fn now() -> Timestamp {
    Timestamp::from_secs(1_795_000_000)
}

async fn reserve(cache: &dyn ReplayCache, token: &Named, owner: u128) -> Reserved {
    let until = now() + Duration::from_mins(3);
    let owner = ReservationOwner::from_bits(owner);
    cache
        .reserve(&token.key(), owner, now(), until)
        .await
        .expect("asked")
}

async fn commit(cache: &dyn ReplayCache, token: &Named, owner: u128) {
    let until = now() + Duration::from_mins(3);
    let owner = ReservationOwner::from_bits(owner);
    cache
        .commit(&token.key(), owner, now(), until)
        .await
        .expect("told");
}

async fn release(cache: &dyn ReplayCache, token: &Named, owner: u128) {
    let owner = ReservationOwner::from_bits(owner);
    cache.release(&token.key(), owner).await.expect("told");
}

/// Runs every case.
pub(crate) async fn check(cache: &dyn ReplayCache) {
    let token = Named::new(ISSUER, "client", "one");
    assert_eq!(reserve(cache, &token, 1).await, Reserved::Taken);
    assert_eq!(reserve(cache, &token, 2).await, Reserved::InFlight);
    assert_eq!(reserve(cache, &token, 1).await, Reserved::InFlight);
    // Only the owner's word counts.
    release(cache, &token, 2).await;
    assert_eq!(reserve(cache, &token, 2).await, Reserved::InFlight);
    commit(cache, &token, 2).await;
    assert_eq!(reserve(cache, &token, 2).await, Reserved::InFlight);
    release(cache, &token, 1).await;
    assert_eq!(reserve(cache, &token, 2).await, Reserved::Taken);
    commit(cache, &token, 2).await;
    for owner in [1, 2, 3] {
        assert_eq!(reserve(cache, &token, owner).await, Reserved::Spent);
        release(cache, &token, owner).await;
        commit(cache, &token, owner).await;
    }
    assert_eq!(reserve(cache, &token, 4).await, Reserved::Spent);
    // A reservation that lapsed and that nobody took over still acted.
    let lapsed = Named::new(ISSUER, "client", "lapsed");
    commit(cache, &lapsed, 1).await;
    assert_eq!(reserve(cache, &lapsed, 2).await, Reserved::Spent);
    // The same id of another issuer, for another client, or almost the same id.
    for other in [
        Named::new("https://other.example/", "client", "one"),
        Named::new(ISSUER, "client-2", "one"),
        Named::new(ISSUER, "client", "One"),
        Named::new(ISSUER, "clien", "tone"),
        Named::new(ISSUER, "client", "one "),
        Named::new(ISSUER, "client", "jti:one\u{e9}{}*"),
    ] {
        assert_eq!(
            reserve(cache, &other, 1).await,
            Reserved::Taken,
            "{:?}",
            other.jti
        );
    }
    of_many_parallel_reservations_one_is_taken(cache).await;
}

async fn of_many_parallel_reservations_one_is_taken(cache: &dyn ReplayCache) {
    for round in 0..20 {
        let token = Named::new(ISSUER, "client", &format!("race-{round}"));
        let tries = (0..8).map(|owner| reserve(cache, &token, owner));
        let outcomes = futures_util::future::join_all(tries).await;
        let winners = outcomes
            .iter()
            .filter(|outcome| **outcome == Reserved::Taken)
            .count();
        assert_eq!(winners, 1, "{outcomes:?}");
    }
}

/// A store that is away answers errors.
pub(crate) async fn check_down(cache: &dyn ReplayCache) {
    let token = Named::new(ISSUER, "client", "fresh");
    let owner = ReservationOwner::from_bits(1);
    assert!(
        cache
            .reserve(&token.key(), owner, now(), now())
            .await
            .is_err()
    );
    assert!(
        cache
            .commit(&token.key(), owner, now(), now())
            .await
            .is_err()
    );
}

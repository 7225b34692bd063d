//! What the replay cache holds on to: a million entries, and a hundred thousand refusals.
//!
//! Measured as the process's resident memory, which is what an operator sees; R is the part of the
//! allowance that is used.

use std::fs;

use logout_receiver::replay::{MemoryReplayCache, ReplayCache, ReservationOwner, TokenKey};
use logout_receiver::{BackchannelLogout, KeySource};
use logout_shared::jwks::JwkSet;
use logout_shared::{ClientId, Issuer, ManualClock, SystemRandom, TokenId};
use tokio::runtime::Runtime;

use crate::tokens::{CLIENT, ISSUER, Tokens, start};

/// What a million entries may take.
const ALLOWANCE_KIB: f64 = 64.0 * 1024.0;

pub(crate) fn report(runtime: &Runtime) {
    let before = resident_kib();
    let cache = MemoryReplayCache::new(&SystemRandom);
    runtime.block_on(fill(&cache));
    let used = resident_kib() - before;
    assert_eq!(cache.len(), 1_000_000);
    println!(
        "memory of 1000000 replay entries: {used:.0} KiB ratio {:.2}",
        used / ALLOWANCE_KIB
    );
    drop(cache);

    let tokens = Tokens::sign(logout_receiver::SigningAlgorithm::Es256, 1).expect("a token");
    runtime.block_on(refuse(&tokens, 1_000));
    let before = resident_kib();
    runtime.block_on(refuse(&tokens, 100_000));
    let grown = (resident_kib() - before).max(0.0);
    println!(
        "memory after 100000 refused tokens: {grown:.0} KiB more ratio {:.2}",
        grown / ALLOWANCE_KIB
    );
}

async fn fill(cache: &MemoryReplayCache) {
    let issuer: Issuer = ISSUER.parse().expect("an issuer");
    let client_id = ClientId::try_from(CLIENT).expect("a client id");
    for number in 0..1_000_000_u64 {
        let jti = TokenId::try_from(format!("0f5f2f7e-0000-4000-8000-{number:012}"));
        let jti = jti.expect("a token id");
        let token = TokenKey {
            issuer: &issuer,
            client_id: &client_id,
            jti: &jti,
        };
        let owner = ReservationOwner::from_bits(u128::from(number));
        // Spread over the two minutes that tokens live, as they come in life.
        let until = start() + std::time::Duration::from_millis(number % 120_000);
        cache
            .reserve(&token, owner, start(), until)
            .await
            .expect("memory");
        cache
            .commit(&token, owner, start(), until)
            .await
            .expect("memory");
    }
}

async fn refuse(tokens: &Tokens, count: usize) {
    let logout = BackchannelLogout::builder(ISSUER, CLIENT)
        .signing_algorithm(tokens.algorithm())
        .keys(KeySource::given(
            JwkSet::parse(tokens.key_set().as_bytes()).expect("keys"),
        ))
        .clock(ManualClock::at(start()))
        .in_memory()
        .build()
        .expect("a set-up that works");
    let good = tokens.text(0);
    for number in 0..count {
        // Another character of the signature each time.
        let mut bad = good.as_bytes().to_vec();
        let place = good.len() - 2 - number % 60;
        bad[place] = if bad[place] == b'A' { b'B' } else { b'A' };
        let bad = String::from_utf8(bad).expect("ASCII");
        assert!(logout.receive(&bad).await.is_err());
    }
}

fn resident_kib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("a line");
    let number = line.split_whitespace().nth(1).expect("a number");
    number.parse().expect("a number")
}

//! Keys are made once, sealed, published, and sign.

use logout_shared::jws::UnverifiedJws;
use logout_shared::{SystemRandom, Timestamp};

use super::*;
use crate::storage::sqlite::SqliteStore;

const NOW: Timestamp = Timestamp::from_secs(1_795_413_600);
const DEFAULT: [SigningAlgorithm; 4] = [
    SigningAlgorithm::Rs256,
    SigningAlgorithm::Ps256,
    SigningAlgorithm::Es256,
    SigningAlgorithm::EdDsa,
];

fn master() -> SealingKey {
    SealingKey::generate(&SystemRandom)
}

async fn ring(store: &dyn Store, master: &SealingKey, algorithms: &[SigningAlgorithm]) -> KeyRing {
    KeyRing::open(store, vec![master.clone()], algorithms, NOW)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_first_start_makes_one_current_key_for_each_algorithm_and_the_second_none() {
    let store = SqliteStore::in_memory().await.unwrap();
    let master = master();
    let first = ring(&*store, &master, &DEFAULT).await;
    let second = ring(&*store, &master, &DEFAULT).await;
    assert_eq!(first.records(), second.records());
    let mut made: Vec<_> = first
        .records()
        .iter()
        .map(|key| (key.algorithm, key.state))
        .collect();
    made.sort_by_key(|(algorithm, _)| *algorithm);
    let mut wanted = DEFAULT.map(|algorithm| (algorithm, SigningKeyState::Current));
    wanted.sort_by_key(|(algorithm, _)| *algorithm);
    assert_eq!(made, wanted);
}

#[tokio::test]
async fn g6_what_the_ring_signs_verifies_with_what_it_publishes() {
    let store = SqliteStore::in_memory().await.unwrap();
    let ring = ring(&*store, &master(), &DEFAULT).await;
    let published = JwkSet::parse(ring.published(NOW).to_string().as_bytes()).unwrap();
    for algorithm in DEFAULT {
        let token = ring
            .sign(algorithm, "logout+jwt", b"{\"a\":1}".to_vec())
            .await
            .unwrap();
        let unverified = UnverifiedJws::parse(&token, 4_096).unwrap();
        let kid = unverified.header().kid.clone().expect("a kid is set");
        let keys = published.candidates(algorithm, Some(&kid));
        assert_eq!(keys.len(), 1, "{algorithm}");
        unverified.verify(algorithm, &keys).unwrap();
    }
}

#[tokio::test]
async fn racing_first_starts_end_with_the_same_keys() {
    let store = SqliteStore::in_memory().await.unwrap();
    let master = master();
    let algorithms = [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];
    let starts = (0..6).map(|_| ring(&*store, &master, &algorithms));
    let rings = futures_util::future::join_all(starts).await;
    for ring in &rings {
        ring.reload(&*store).await.unwrap();
        assert_eq!(ring.records(), rings[0].records());
    }
    assert_eq!(rings[0].records().len(), 2);
}

#[tokio::test]
async fn a_new_algorithm_gets_a_key_and_the_others_keep_theirs() {
    let store = SqliteStore::in_memory().await.unwrap();
    let master = master();
    let before = ring(&*store, &master, &[SigningAlgorithm::Es256]).await;
    let after = ring(
        &*store,
        &master,
        &[SigningAlgorithm::Es256, SigningAlgorithm::EdDsa],
    )
    .await;
    assert!(after.records().contains(&before.records()[0]));
    assert_eq!(after.records().len(), 2);
    assert!(before.current(SigningAlgorithm::EdDsa).is_err());
    before.reload(&*store).await.unwrap();
    assert!(before.current(SigningAlgorithm::EdDsa).is_ok());
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_the_message_names_the_key() {
    let store = SqliteStore::in_memory().await.unwrap();
    let algorithms = [SigningAlgorithm::Es256];
    let first = ring(&*store, &master(), &algorithms).await;
    let error = KeyRing::open(&*store, vec![master()], &algorithms, NOW)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains(&first.records()[0].kid),
        "{error}"
    );
}

#[tokio::test]
async fn a_second_master_key_opens_what_the_first_sealed() {
    let store = SqliteStore::in_memory().await.unwrap();
    let (old, new) = (master(), master());
    let before = ring(&*store, &old, &[SigningAlgorithm::Es256]).await;
    let sealed = before
        .seal(CLIENT_SECRET_PURPOSE, "shop", b"hunter2")
        .unwrap();
    let both = KeyRing::open(&*store, vec![new, old], &[SigningAlgorithm::Es256], NOW)
        .await
        .unwrap();
    assert_eq!(
        both.unseal(CLIENT_SECRET_PURPOSE, "shop", &sealed)
            .unwrap()
            .expose(),
        b"hunter2"
    );
    assert!(both.unseal(CLIENT_SECRET_PURPOSE, "till", &sealed).is_err());
}

#[tokio::test]
async fn a_private_key_does_not_lie_open_in_the_store() {
    let store = SqliteStore::in_memory().await.unwrap();
    let ring = ring(&*store, &master(), &[SigningAlgorithm::Es256]).await;
    let record = &ring.records()[0];
    let kept = format!("{record:?}");
    assert!(
        !kept.contains("PRIVATE KEY") && record.public_jwk.get("d").is_none(),
        "{kept}"
    );
}

#[tokio::test]
async fn g5_a_shared_secret_is_no_key_of_an_issuer() {
    let store = SqliteStore::in_memory().await.unwrap();
    let hs256 = [SigningAlgorithm::Hs256];
    let error = KeyRing::open(&*store, vec![master()], &hs256, NOW)
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        KeyRingError::NoKeyPair(SigningAlgorithm::Hs256)
    ));
    let error = KeyRing::open(&*store, Vec::new(), &DEFAULT, NOW)
        .await
        .unwrap_err();
    assert!(matches!(error, KeyRingError::NoMasterKey));
}

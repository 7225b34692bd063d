//! When clients' keys are read, by a clock that is set by hand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use logout_shared::jwe::{self, DecryptionKey};
use serde_json::json;

use super::*;
use crate::domain::delivery::AttemptError;
use crate::egress::EgressError;

const START: Timestamp = Timestamp::from_secs(1_795_413_600);
const JUST_BEFORE: Duration = Duration::from_millis(1);

/// Publishes a key set, or hangs up.
#[derive(Default)]
struct Client {
    set: Mutex<Option<String>>,
    asked: AtomicUsize,
}

impl Client {
    fn publish_new(&self) {
        let (alg, enc) = (jwe::KeyManagement::EcdhEs, jwe::ContentEncryption::A256gcm);
        let key = DecryptionKey::generate(alg, enc).unwrap();
        let set = json!({"keys": [key.public_jwk()]});
        *locked(&self.set) = Some(set.to_string());
    }

    fn go_down(&self) {
        *locked(&self.set) = None;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KeySetSource for Client {
    async fn fetch_key_set(&self, _: &LogoutUrl, _: usize) -> Result<Bytes, EgressError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // Others get their turn meanwhile.
        tokio::task::yield_now().await;
        let set = locked(&self.set).clone();
        set.map(Bytes::from).ok_or_else(|| EgressError {
            class: AttemptError::Timeout,
            source: "no answer".into(),
        })
    }
}

fn stage() -> (Arc<Client>, KeyCache, Place) {
    let client = Arc::new(Client::default());
    client.publish_new();
    let cache = KeyCache::new(Arc::clone(&client) as Arc<dyn KeySetSource>);
    let url = LogoutUrl::from_stored("https://shop.example/jwks".into());
    (client, cache, (url, KeyManagement::EcdhEs))
}

#[tokio::test]
async fn a_key_is_fresh_for_ten_minutes_and_not_longer() {
    let (client, cache, place) = stage();
    let first = cache.fetched(&place, START).await.unwrap();
    client.publish_new();
    let last = START + FRESH_FOR - JUST_BEFORE;
    let same = cache.fetched(&place, last).await.unwrap();
    assert!(Arc::ptr_eq(&first.key, &same.key) && client.asked() == 1);
    let next = cache.fetched(&place, START + FRESH_FOR).await.unwrap();
    assert!(!Arc::ptr_eq(&first.key, &next.key) && client.asked() == 2);
}

#[tokio::test]
async fn a_key_outlives_its_client_by_a_day_and_not_longer() {
    let (client, cache, place) = stage();
    cache.fetched(&place, START).await.unwrap();
    client.go_down();
    let last = START + STALE_FOR - JUST_BEFORE;
    cache.fetched(&place, last).await.unwrap();
    let error = cache.fetched(&place, START + STALE_FOR).await.unwrap_err();
    assert!(matches!(error, ClientKeyError::Fetch("timeout")), "{error}");
}

#[tokio::test]
async fn a_client_that_is_down_is_asked_once_in_a_cool_down_by_whoever_comes_first() {
    let (client, cache, place) = stage();
    client.go_down();
    let many = (0..20).map(|_| cache.fetched(&place, START));
    let answers = futures_util::future::join_all(many).await;
    assert!(answers.iter().all(Result::is_err));
    let last = START + COOL_DOWN - JUST_BEFORE;
    cache.fetched(&place, last).await.unwrap_err();
    assert_eq!(client.asked(), 1);
    client.publish_new();
    cache.fetched(&place, START + COOL_DOWN).await.unwrap();
    assert_eq!(client.asked(), 2);
}

#[tokio::test]
async fn after_a_refusal_the_set_is_looked_at_and_a_change_is_noticed() {
    let (client, cache, place) = stage();
    let used = cache.fetched(&place, START).await.unwrap();
    assert!(
        !cache.may_be_replaced(&place, &used, START).await,
        "read for this very attempt"
    );
    let soon = START + COOL_DOWN - JUST_BEFORE;
    assert!(
        cache.may_be_replaced(&place, &used, soon).await,
        "nobody may look yet"
    );
    let later = START + COOL_DOWN;
    assert!(
        !cache.may_be_replaced(&place, &used, later).await,
        "looked: the same"
    );
    client.publish_new();
    let later = later + COOL_DOWN;
    assert!(
        cache.may_be_replaced(&place, &used, later).await,
        "looked: another"
    );
    let now = cache.fetched(&place, later).await.unwrap();
    assert!(!Arc::ptr_eq(&used.key, &now.key) && client.asked() == 3);
}

#[tokio::test]
async fn a_client_that_refuses_and_is_down_may_have_replaced_its_key() {
    let (client, cache, place) = stage();
    let used = cache.fetched(&place, START).await.unwrap();
    client.go_down();
    let later = START + COOL_DOWN;
    assert!(cache.may_be_replaced(&place, &used, later).await);
}

#[tokio::test]
async fn a_set_without_a_key_that_fits_is_told_and_asked_for_again() {
    let (client, cache, place) = stage();
    for broken in ["<html>", r#"{"keys":[]}"#] {
        let place = (LogoutUrl::from_stored(broken.into()), place.1);
        *locked(&client.set) = Some(broken.to_owned());
        let error = cache.fetched(&place, START).await.unwrap_err();
        assert!(matches!(error, ClientKeyError::Unusable(_)), "{error}");
    }
}

#[test]
fn places_are_forgotten_before_there_are_too_many() {
    let mut map = HashMap::new();
    for place in 0..MAX_PLACES {
        insert(&mut map, place, place);
    }
    assert_eq!(map.len(), MAX_PLACES);
    insert(&mut map, MAX_PLACES, MAX_PLACES);
    assert_eq!(map.len(), 1);
}

//! When clients' key sets are read, by a clock that is set by hand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use logout_shared::SigningAlgorithm;
use logout_shared::jwk::SigningKey;
use logout_shared::jwks::JwkSet;

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
        let key = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
        let set = JwkSet::of_public([&key]);
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

fn stage() -> (Arc<Client>, ClientKeyCache, LogoutUrl) {
    let client = Arc::new(Client::default());
    client.publish_new();
    let cache = ClientKeyCache::new(Arc::clone(&client) as Arc<dyn KeySetSource>);
    let url = LogoutUrl::from_stored("https://shop.example/jwks".into());
    (client, cache, url)
}

#[tokio::test]
async fn a_key_is_fresh_for_ten_minutes_and_not_longer() {
    let (client, cache, url) = stage();
    let first = cache.fetched(&url, START).await.unwrap();
    client.publish_new();
    let last = START + FRESH_FOR - JUST_BEFORE;
    let same = cache.fetched(&url, last).await.unwrap();
    assert!(Arc::ptr_eq(&first.set, &same.set) && client.asked() == 1);
    let next = cache.fetched(&url, START + FRESH_FOR).await.unwrap();
    assert!(!Arc::ptr_eq(&first.set, &next.set) && client.asked() == 2);
}

#[tokio::test]
async fn a_key_outlives_its_client_by_a_day_and_not_longer() {
    let (client, cache, url) = stage();
    cache.fetched(&url, START).await.unwrap();
    client.go_down();
    let last = START + STALE_FOR - JUST_BEFORE;
    cache.fetched(&url, last).await.unwrap();
    let error = cache.fetched(&url, START + STALE_FOR).await.unwrap_err();
    assert!(matches!(error, KeySetError::Fetch("timeout")), "{error}");
}

#[tokio::test]
async fn a_client_that_is_down_is_asked_once_in_a_cool_down_by_whoever_comes_first() {
    let (client, cache, url) = stage();
    client.go_down();
    let many = (0..20).map(|_| cache.fetched(&url, START));
    let answers = futures_util::future::join_all(many).await;
    assert!(answers.iter().all(Result::is_err));
    let last = START + COOL_DOWN - JUST_BEFORE;
    cache.fetched(&url, last).await.unwrap_err();
    assert_eq!(client.asked(), 1);
    client.publish_new();
    cache.fetched(&url, START + COOL_DOWN).await.unwrap();
    assert_eq!(client.asked(), 2);
}

#[tokio::test]
async fn after_a_refusal_the_set_is_looked_at_and_a_change_is_noticed() {
    let (client, cache, url) = stage();
    let used = cache.fetched(&url, START).await.unwrap();
    assert!(
        !cache.may_be_replaced(&url, &used, START).await,
        "read for this very attempt"
    );
    let soon = START + COOL_DOWN - JUST_BEFORE;
    assert!(
        cache.may_be_replaced(&url, &used, soon).await,
        "nobody may look yet"
    );
    let later = START + COOL_DOWN;
    assert!(
        !cache.may_be_replaced(&url, &used, later).await,
        "looked: the same"
    );
    client.publish_new();
    let later = later + COOL_DOWN;
    assert!(
        cache.may_be_replaced(&url, &used, later).await,
        "looked: another"
    );
    let now = cache.fetched(&url, later).await.unwrap();
    assert!(!Arc::ptr_eq(&used.set, &now.set) && client.asked() == 3);
}

#[tokio::test]
async fn a_client_that_refuses_and_is_down_may_have_reurld_its_key() {
    let (client, cache, url) = stage();
    let used = cache.fetched(&url, START).await.unwrap();
    client.go_down();
    let later = START + COOL_DOWN;
    assert!(cache.may_be_replaced(&url, &used, later).await);
}

#[tokio::test]
async fn what_is_no_key_set_is_told_and_does_not_take_the_place_of_one() {
    let (client, cache, url) = stage();
    let good = cache.fetched(&url, START).await.unwrap();
    for (later, broken) in (1..).zip(["<html>", r#"{"keys":{}}"#]) {
        *locked(&client.set) = Some(broken.to_owned());
        let elsewhere = LogoutUrl::from_stored(broken.into());
        let error = cache.fetched(&elsewhere, START).await.unwrap_err();
        assert!(matches!(error, KeySetError::Unusable(_)), "{error}");
        let stale = START + FRESH_FOR * later;
        let used = cache.fetched(&url, stale).await.unwrap();
        assert!(Arc::ptr_eq(&good.set, &used.set), "{broken}");
    }
    assert_eq!(client.asked(), 5);
}

#[tokio::test]
async fn whoever_finds_nothing_fitting_gets_what_was_published_since_once_in_a_cool_down() {
    let (client, cache, url) = stage();
    let used = cache.fetched(&url, START).await.unwrap();
    client.publish_new();
    let soon = START + COOL_DOWN - JUST_BEFORE;
    assert!(cache.replacement(&url, &used, soon).await.is_none());
    let later = START + COOL_DOWN;
    let new = cache.replacement(&url, &used, later).await.unwrap();
    assert!(!Arc::ptr_eq(&used.set, &new.set) && client.asked() == 2);
    // Who comes with the old one now shares it; who comes with the new one gets none.
    assert!(cache.replacement(&url, &used, later).await.is_some());
    assert!(cache.replacement(&url, &new, later).await.is_none());
    assert_eq!(client.asked(), 2);
}

#[test]
fn places_are_forgotten_before_there_are_too_many() {
    let mut map = HashMap::new();
    for url in 0..MAX_PLACES {
        insert(&mut map, url, url);
    }
    assert_eq!(map.len(), MAX_PLACES);
    insert(&mut map, MAX_PLACES, MAX_PLACES);
    assert_eq!(map.len(), 1);
}

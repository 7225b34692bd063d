//! Keys that are replaced, by a clock that is set by hand.

use std::sync::Arc;
use std::time::Duration;

use logout_shared::SystemRandom;
use logout_shared::jws::UnverifiedJws;
use logout_shared::seal::SealingKey;

use super::*;
use crate::domain::signing_key::{PUBLISHED_AFTER, PUBLISHED_BEFORE};
use crate::storage::sqlite::SqliteStore;

const START: Timestamp = Timestamp::from_secs(1_795_413_600);
const TICK: Duration = Duration::from_millis(1);
const ES256: SigningAlgorithm = SigningAlgorithm::Es256;
const LIFE: KeyLife = KeyLife {
    rotate_every: Some(Duration::from_hours(90 * 24)),
    longest_session: Duration::from_hours(7 * 24),
};

struct World {
    store: Arc<SqliteStore>,
    master: SealingKey,
    ring: KeyRing,
}

impl World {
    async fn start() -> Self {
        let store = SqliteStore::in_memory().await.unwrap();
        let master = SealingKey::generate(&SystemRandom);
        let ring = open(&store, &master).await;
        Self {
            store,
            master,
            ring,
        }
    }

    async fn turn(&self, now: Timestamp) -> DueSteps {
        self.ring.turn(&*self.store, LIFE, now).await.unwrap()
    }

    async fn stored(&self) -> Vec<SigningKeyRecord> {
        self.store
            .read()
            .await
            .unwrap()
            .signing_keys()
            .await
            .unwrap()
    }

    fn current(&self) -> String {
        self.ring.current(ES256).unwrap().kid().to_owned()
    }

    fn publishes(&self, kid: &str, now: Timestamp) -> bool {
        let set = self.ring.published(now);
        let mut keys = set["keys"].as_array().unwrap().iter();
        keys.any(|key| key["kid"] == kid)
    }

    async fn sign(&self) -> String {
        let payload = b"{\"a\":1}".to_vec();
        self.ring.sign(ES256, "JWT", payload).await.unwrap()
    }

    fn believes(&self, token: &str) -> bool {
        let unverified = UnverifiedJws::parse(token, 4_096).unwrap();
        let keys = self.ring.verification_keys();
        let candidates = keys.candidates(ES256, unverified.header().kid.as_deref());
        unverified.verify(ES256, &candidates).is_ok()
    }
}

async fn open(store: &Arc<SqliteStore>, master: &SealingKey) -> KeyRing {
    let masters = vec![master.clone()];
    KeyRing::open(&**store, masters, &[ES256], START)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_key_is_announced_signs_a_day_later_and_is_published_until_its_tokens_are_dead() {
    let world = World::start().await;
    let (old, day) = (world.current(), PUBLISHED_BEFORE);
    let announced_at = START + day * 89;
    assert!(world.turn(announced_at - TICK).await.is_empty());
    assert_eq!(world.turn(announced_at).await.announce, [ES256]);
    let keys = world.stored().await;
    let next = key_in(&keys, ES256, SigningKeyState::Next)
        .unwrap()
        .kid
        .clone();
    assert!(world.publishes(&next, announced_at) && world.current() == old);

    let token = world.sign().await;
    let signs_from = announced_at + day;
    assert!(world.turn(signs_from - TICK).await.is_empty());
    assert_eq!(world.current(), old);
    assert_eq!(world.turn(signs_from).await.activate[0], next);
    assert_eq!(world.current(), next);
    let keys = world.stored().await;
    let retired = key_in(&keys, ES256, SigningKeyState::Retired).unwrap();
    assert_eq!((&retired.kid, &retired.sealed_private_key), (&old, &None));

    let last = signs_from + PUBLISHED_AFTER - TICK;
    assert!(world.publishes(&old, last) && !world.publishes(&old, last + TICK));
    assert!(
        world.believes(&token),
        "an ID Token still names its session"
    );
    let last = signs_from + LIFE.longest_session - TICK;
    assert!(world.turn(last).await.is_empty() && world.believes(&token));
    assert_eq!(world.turn(last + TICK).await.forget, [old]);
    assert!(!world.believes(&token));
}

#[tokio::test]
async fn of_several_processes_one_makes_the_key_and_the_others_take_it_over() {
    let world = World::start().await;
    let other = open(&world.store, &world.master).await;
    let moment = START + PUBLISHED_BEFORE * 89;
    let both = futures_util::future::join(
        world.ring.turn(&*world.store, LIFE, moment),
        other.turn(&*world.store, LIFE, moment),
    );
    let (here, there) = both.await;
    let made = here.unwrap().announce.len() + there.unwrap().announce.len();
    assert_eq!((made, world.stored().await.len()), (1, 2));
    other.reload(&*world.store).await.unwrap();
    world.ring.reload(&*world.store).await.unwrap();
    assert_eq!(world.ring.records(), other.records());
}

#[tokio::test]
async fn announcing_twice_makes_one_key_and_its_day_is_waited_for() {
    let world = World::start().await;
    let never = KeyLife {
        rotate_every: None,
        ..LIFE
    };
    let old = world.current();
    let first = world
        .ring
        .announce(&*world.store, None, START)
        .await
        .unwrap();
    let second = world
        .ring
        .announce(&*world.store, Some(ES256), START + TICK)
        .await
        .unwrap();
    assert_eq!(first, second);
    assert_eq!(first[0].signs_from(), Some(START + PUBLISHED_BEFORE));
    world
        .ring
        .turn(&*world.store, never, START + PUBLISHED_BEFORE - TICK)
        .await
        .unwrap();
    assert_eq!(world.current(), old);
    world
        .ring
        .turn(&*world.store, never, START + PUBLISHED_BEFORE)
        .await
        .unwrap();
    assert_eq!(world.current(), first[0].kid);
}

#[tokio::test]
async fn in_an_emergency_new_keys_sign_at_once_and_the_old_are_believed_no_more() {
    let world = World::start().await;
    let announced = world
        .ring
        .announce(&*world.store, None, START)
        .await
        .unwrap();
    let (old, token) = (world.current(), world.sign().await);
    let other = open(&world.store, &world.master).await;
    let new = world
        .ring
        .replace_at_once(&*world.store, None, START + TICK)
        .await
        .unwrap();
    assert_eq!(world.current(), new[0].kid);
    assert!(world.publishes(&new[0].kid, START + TICK));
    for gone in [&old, &announced[0].kid] {
        assert!(!world.publishes(gone, START + TICK), "{gone}");
    }
    assert!(!world.believes(&token) && world.believes(&world.sign().await));
    let left = world.stored().await;
    let left = left.iter().filter(|key| key.sealed_private_key.is_some());
    assert_eq!(left.map(|key| &key.kid).collect::<Vec<_>>(), [&new[0].kid]);
    // Another process signs with the old key until it looks.
    assert_eq!(other.current(ES256).unwrap().kid(), old);
    other.reload(&*world.store).await.unwrap();
    assert_eq!(other.current(ES256).unwrap().kid(), new[0].kid);
}

#[tokio::test]
async fn an_algorithm_without_keys_is_not_rotated() {
    let world = World::start().await;
    let rs256 = Some(SigningAlgorithm::Rs256);
    let refused = world.ring.announce(&*world.store, rs256, START).await;
    assert!(matches!(refused, Err(KeyRingError::NoCurrentKey(_))));
    let refused = world
        .ring
        .replace_at_once(&*world.store, rs256, START)
        .await;
    assert!(matches!(refused, Err(KeyRingError::NoCurrentKey(_))));
}

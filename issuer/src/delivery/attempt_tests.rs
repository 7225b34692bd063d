//! An attempt with a sender that answers from memory.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use logout_shared::SigningAlgorithm;
use logout_shared::SystemRandom;
use logout_shared::jws::UnverifiedJws;
use logout_shared::logout_token::Expected;
use logout_shared::seal::SealingKey;

use super::*;
use crate::delivery::sample;
use crate::domain::delivery::{About, Verdict};
use crate::domain::logout_settings::TokenType;
use crate::domain::token_encryption::{
    ClientKeys, ContentEncryption, KeyManagement, TokenEncryption,
};
use crate::egress::RetryAfter;
use crate::keyring::client_keys::{ClientKeyCache, KeySetSource};
use crate::storage::sqlite::SqliteStore;

const NOW: Timestamp = Timestamp::from_secs(1_795_413_600);

/// Keeps what was sent and answers what it was told to.
struct Fixed {
    answer: Mutex<Option<Result<Answer, EgressError>>>,
    sent: Mutex<Vec<(String, String, Duration)>>,
}

#[async_trait]
impl LogoutSender for Fixed {
    async fn send(
        &self,
        url: &LogoutUrl,
        token: &str,
        timeout: Duration,
    ) -> Result<Answer, EgressError> {
        self.sent
            .lock()
            .unwrap()
            .push((url.to_string(), token.to_owned(), timeout));
        self.answer
            .lock()
            .unwrap()
            .take()
            .expect("one attempt sends once")
    }
}

fn answering(answer: Result<Answer, EgressError>) -> Fixed {
    Fixed {
        answer: Mutex::new(Some(answer)),
        sent: Mutex::new(Vec::new()),
    }
}

fn status(status: u16) -> Answer {
    Answer {
        status,
        body_complete: true,
        ..Answer::default()
    }
}

/// No key set can be read.
struct NoKeySets;

#[async_trait]
impl KeySetSource for NoKeySets {
    async fn fetch_key_set(&self, _: &LogoutUrl, _: usize) -> Result<Bytes, EgressError> {
        Err(EgressError {
            class: AttemptError::Timeout,
            source: "no answer".into(),
        })
    }
}

async fn keys() -> KeyRing {
    let store = SqliteStore::in_memory().await.unwrap();
    let algorithms = [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];
    KeyRing::open(
        &*store,
        vec![SealingKey::generate(&SystemRandom)],
        &algorithms,
        NOW,
    )
    .await
    .unwrap()
}

async fn try_once(claimed: &ClaimedDelivery, keys: &KeyRing, sender: &Fixed) -> AttemptOutcome {
    let issuer = "https://issuer.example/".parse().unwrap();
    let means = Means {
        issuer: &issuer,
        keys,
        encrypter: &Encrypter::new(Arc::new(ClientKeyCache::new(Arc::new(NoKeySets)))),
        sender,
    };
    attempt(claimed, means, NOW, "j1".parse().unwrap())
        .await
        .unwrap()
}

fn tried(outcome: AttemptOutcome) -> (Attempt, Option<Duration>) {
    match outcome {
        AttemptOutcome::Tried(attempt, retry_after) => (attempt, retry_after),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn g1_g5_g6_the_token_is_signed_as_this_client_wants_it() {
    let keys = keys().await;
    for (algorithm, token_type) in [
        (SigningAlgorithm::Es256, TokenType::LogoutJwt),
        (SigningAlgorithm::EdDsa, TokenType::Jwt),
    ] {
        let mut client = sample::client();
        client.signing_algorithm = algorithm;
        client.logout.as_mut().unwrap().delivery.token_type = token_type;
        let claimed = ClaimedDelivery {
            client: Some(Arc::new(client)),
            ..sample::claimed()
        };
        let sender = answering(Ok(status(200)));
        try_once(&claimed, &keys, &sender).await;
        let sent = sender.sent.lock().unwrap();
        let (url, token, _) = &sent[0];
        assert_eq!(url, sample::URL);
        let unverified = UnverifiedJws::parse(token, 96_000).unwrap();
        assert_eq!(
            unverified.header().typ.as_deref(),
            Some(token_type.as_str())
        );
        let published = keys.verification_keys();
        let kid = unverified.header().kid.clone().unwrap();
        let found = published.candidates(algorithm, Some(&kid));
        let issuer = "https://issuer.example/".parse().unwrap();
        let client = "shop".parse().unwrap();
        let verified = unverified.verify(algorithm, &found).unwrap();
        verified
            .check(&Expected::new(&issuer, &client, NOW))
            .unwrap();
    }
}

#[tokio::test]
async fn an_algorithm_without_a_key_is_our_fault_and_sends_nothing() {
    let mut client = sample::client();
    client.signing_algorithm = SigningAlgorithm::Ps256;
    let claimed = ClaimedDelivery {
        client: Some(Arc::new(client)),
        ..sample::claimed()
    };
    let issuer = "https://issuer.example/".parse().unwrap();
    let (keys, sender) = (keys().await, answering(Ok(status(200))));
    let means = Means {
        issuer: &issuer,
        keys: &keys,
        encrypter: &Encrypter::new(Arc::new(ClientKeyCache::new(Arc::new(NoKeySets)))),
        sender: &sender,
    };
    let error = attempt(&claimed, means, NOW, "j1".parse().unwrap())
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        KeyRingError::NoCurrentKey(SigningAlgorithm::Ps256)
    ));
    assert!(sender.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn g13_every_answer_has_its_class() {
    let keys = keys().await;
    for (answered, class) in [
        (200, None),
        (204, None),
        (202, None),
        (301, Some(AttemptError::Redirect)),
        (400, Some(AttemptError::Status)),
        (503, Some(AttemptError::Status)),
    ] {
        let outcome = try_once(&sample::claimed(), &keys, &answering(Ok(status(answered)))).await;
        let (attempt, _) = tried(outcome);
        assert_eq!((attempt.status, attempt.error), (Some(answered), class));
        assert_eq!(attempt.number, 1);
    }
    let cut = Ok(Answer {
        status: 200,
        ..Answer::default()
    });
    let (attempt, _) = tried(try_once(&sample::claimed(), &keys, &answering(cut)).await);
    assert_eq!(attempt.error, Some(AttemptError::Body));
    assert_eq!(attempt.verdict(), Verdict::Heard { odd: false });
    let refused = EgressError {
        class: AttemptError::Dns,
        source: "gone".into(),
    };
    let (attempt, _) = tried(try_once(&sample::claimed(), &keys, &answering(Err(refused))).await);
    assert_eq!(
        (attempt.status, attempt.error),
        (None, Some(AttemptError::Dns))
    );
}

#[tokio::test]
async fn g16_g20_retry_after_and_the_error_fields_are_handed_on() {
    let answer = Answer {
        status: 503,
        retry_after: Some(RetryAfter::In(Duration::from_secs(7))),
        body_complete: true,
        oauth_error: Some("temporarily_unavailable".into()),
        oauth_error_description: None,
    };
    let keys = keys().await;
    let outcome = try_once(&sample::claimed(), &keys, &answering(Ok(answer))).await;
    let (attempt, retry_after) = tried(outcome);
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    assert_eq!(
        attempt.oauth_error.as_deref(),
        Some("temporarily_unavailable")
    );
}

#[tokio::test]
async fn g27_the_client_decides_how_long_its_answer_is_waited_for() {
    let keys = keys().await;
    for timeout_ms in [500, 10_000] {
        let mut client = sample::client();
        client.logout.as_mut().unwrap().delivery.timeout_ms = timeout_ms;
        let claimed = ClaimedDelivery {
            client: Some(Arc::new(client)),
            ..sample::claimed()
        };
        let sender = answering(Ok(status(200)));
        try_once(&claimed, &keys, &sender).await;
        let (_, _, timeout) = sender.sent.lock().unwrap().remove(0);
        assert_eq!(timeout, Duration::from_millis(timeout_ms.into()));
    }
}

#[tokio::test]
async fn g8_a_client_that_requires_sid_is_never_sent_a_token_without() {
    let mut client = sample::client();
    client.logout.as_mut().unwrap().delivery.session_required = true;
    let mut claimed = ClaimedDelivery {
        client: Some(Arc::new(client)),
        ..sample::claimed()
    };
    claimed.delivery.about = About::AllSessions(vec!["s1".parse().unwrap()]);
    let sender = answering(Ok(status(200)));
    assert_eq!(
        try_once(&claimed, &keys().await, &sender).await,
        AttemptOutcome::Expand
    );
    assert!(sender.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn g23_a_client_that_is_gone_or_has_no_url_is_not_told() {
    let keys = keys().await;
    let mut without_url = sample::client();
    without_url.logout.as_mut().unwrap().urls.clear();
    for client in [None, Some(Arc::new(without_url))] {
        let sender = answering(Ok(status(200)));
        let claimed = ClaimedDelivery {
            client,
            ..sample::claimed()
        };
        assert_eq!(
            try_once(&claimed, &keys, &sender).await,
            AttemptOutcome::Cancelled
        );
        assert!(sender.sent.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn g23_what_waits_for_a_removed_url_moves() {
    let mut client = sample::client();
    client.logout.as_mut().unwrap().urls =
        vec![LogoutUrl::from_stored("https://shop.example/right".into())];
    let claimed = ClaimedDelivery {
        client: Some(Arc::new(client)),
        ..sample::claimed()
    };
    let sender = answering(Ok(status(200)));
    assert_eq!(
        try_once(&claimed, &keys().await, &sender).await,
        AttemptOutcome::Moved
    );
}

#[tokio::test]
async fn g24_one_token_for_all_sessions_is_never_sent_while_one_lives() {
    let mut claimed = sample::claimed();
    claimed.delivery.about = About::AllSessions(vec!["s1".parse().unwrap()]);
    claimed.other_live_session = true;
    let sender = answering(Ok(status(200)));
    assert_eq!(
        try_once(&claimed, &keys().await, &sender).await,
        AttemptOutcome::Expand
    );
    assert!(sender.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn g26_without_a_key_of_the_client_nothing_is_sent_and_it_is_tried_again() {
    let keys = keys().await;
    let at = LogoutUrl::from_stored("https://shop.example/jwks".into());
    for client_keys in [None, Some(ClientKeys::At(at))] {
        let mut client = sample::client();
        client.encryption = Some(TokenEncryption {
            alg: KeyManagement::EcdhEs,
            enc: ContentEncryption::A256Gcm,
        });
        client.keys = client_keys;
        let claimed = ClaimedDelivery {
            client: Some(Arc::new(client)),
            ..sample::claimed()
        };
        let sender = answering(Ok(status(200)));
        let (attempt, _) = tried(try_once(&claimed, &keys, &sender).await);
        assert!(sender.sent.lock().unwrap().is_empty());
        assert_eq!(
            (attempt.status, attempt.error),
            (None, Some(AttemptError::ClientKeys))
        );
        assert_eq!(attempt.verdict(), Verdict::Retry);
    }
}

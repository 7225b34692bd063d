//! What an operator can count: accepted, refused by reason, replayed, keys fetched, time taken.
#![cfg(feature = "metrics")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use logout_receiver::jwks::{KeyFetchError, KeyFetcher};
use logout_receiver::{BackchannelLogout, KeySettings, KeySource, SigningAlgorithm};
use logout_shared::jwk::SigningKey;
use logout_shared::jwks::JwkSet;
use logout_shared::{ManualClock, Timestamp};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use serde_json::json;

const ISSUER: &str = "https://issuer.example/";
const CLIENT: &str = "client-1";
const NOW: i64 = 1_795_000_000;

/// Adds up whatever is recorded, by name and labels.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<BTreeMap<String, f64>>>);

/// One line of it.
struct Line {
    ledger: Ledger,
    name: String,
}

impl Ledger {
    fn line(&self, key: &Key) -> Arc<Line> {
        let labels: Vec<String> = key
            .labels()
            .filter(|label| !["issuer", "client_id"].contains(&label.key()))
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::new(Line {
            ledger: self.clone(),
            name,
        })
    }

    fn read(&self, name: &str) -> f64 {
        self.0
            .lock()
            .expect("not poisoned")
            .get(name)
            .copied()
            .unwrap_or_default()
    }
}

impl Line {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut lines = self.ledger.0.lock().expect("not poisoned");
        let line = lines.entry(self.name.clone()).or_default();
        *line = change(*line);
    }
}

impl CounterFn for Line {
    fn increment(&self, value: u64) {
        self.change(|sum| sum + f64::from(u32::try_from(value).expect("small")));
    }

    fn absolute(&self, value: u64) {
        self.change(|_| f64::from(u32::try_from(value).expect("small")));
    }
}

impl GaugeFn for Line {
    fn increment(&self, value: f64) {
        self.change(|sum| sum + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|sum| sum - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl HistogramFn for Line {
    /// Counts the samples; how long things take is not for a test to say.
    fn record(&self, value: f64) {
        assert!((0.0..60.0).contains(&value));
        self.change(|count| count + 1.0);
    }
}

impl Recorder for Ledger {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.line(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.line(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.line(key))
    }
}

/// Brings the key set once and fails from then on.
struct Once(Mutex<Option<Vec<u8>>>);

#[async_trait]
impl KeyFetcher for Once {
    async fn fetch(&self) -> Result<Vec<u8>, KeyFetchError> {
        let set = self.0.lock().expect("not poisoned").take();
        set.ok_or(KeyFetchError::Status {
            what: "the key set",
            status: 500,
        })
    }

    fn source(&self) -> &'static str {
        "op"
    }
}

#[test]
fn every_outcome_is_counted_under_its_reason() {
    let ledger = Ledger::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    metrics::with_local_recorder(&ledger, || runtime.block_on(play()));
    for (name, value) in [
        (
            "logout_receiver_tokens_total{outcome=accepted,reason=}",
            1.0,
        ),
        (
            "logout_receiver_tokens_total{outcome=refused,reason=replayed}",
            1.0,
        ),
        (
            "logout_receiver_tokens_total{outcome=refused,reason=nonce_present}",
            1.0,
        ),
        (
            "logout_receiver_tokens_total{outcome=refused,reason=not_compact}",
            1.0,
        ),
        (
            "logout_receiver_tokens_total{outcome=unavailable,reason=key_unknown_yet}",
            1.0,
        ),
        ("logout_receiver_token_seconds{}", 5.0),
        (
            "logout_receiver_key_fetches_total{source=op,outcome=ok}",
            1.0,
        ),
        (
            "logout_receiver_key_fetches_total{source=op,outcome=failed}",
            1.0,
        ),
        ("logout_receiver_keys{source=op}", 1.0),
        ("logout_receiver_keys_skipped{source=op}", 1.0),
        (
            "logout_receiver_keys_fetched_at_seconds{source=op}",
            1_795_000_000.0,
        ),
        ("logout_receiver_owner_differs_total{}", 1.0),
    ] {
        assert!(
            (ledger.read(name) - value).abs() < 1e-9,
            "{name}: {}",
            ledger.read(name)
        );
    }
}

async fn play() {
    let key = SigningKey::generate(SigningAlgorithm::Es256).expect("a key");
    let stranger = SigningKey::generate(SigningAlgorithm::Es256).expect("a key");
    let clock = ManualClock::at(Timestamp::from_secs(NOW));
    let mut set = JwkSet::of_public([&key]);
    let listed = set["keys"].as_array_mut().expect("a list");
    listed.push(json!({"kty": "post-quantum"}));
    let set = set.to_string().into_bytes();
    let fetcher = Once(Mutex::new(Some(set)));
    let keys = KeySource::fetched(fetcher, KeySettings::default(), Arc::new(clock.clone()));
    let logout = BackchannelLogout::builder(ISSUER, CLIENT)
        .signing_algorithm(SigningAlgorithm::Es256)
        .keys(keys)
        .in_memory()
        .clock(clock.clone())
        .build()
        .expect("a set-up that works");
    let login = json!({"iss": ISSUER, "aud": CLIENT, "sub": "bob", "sid": "s-1", "iat": NOW - 60});
    logout.record_login(&login, "local").await.expect("a login");
    let token = |key: &SigningKey, extra: &str| {
        let claims = format!(
            "{{\"iss\":\"{ISSUER}\",\"aud\":\"{CLIENT}\",\"iat\":{NOW},\"exp\":{},\"sub\":\"alice\",\
             \"sid\":\"s-1\",\"jti\":\"j-1\",\"events\":\
             {{\"http://schemas.openid.net/event/backchannel-logout\":{{}}}}{extra}}}",
            NOW + 120
        );
        key.sign("logout+jwt", claims.as_bytes()).expect("signs")
    };
    let good = token(&key, "");
    logout
        .receive(&good)
        .await
        .expect("a good token, though the session is another's");
    logout.receive(&good).await.expect_err("used before");
    logout
        .receive(&token(&key, ",\"nonce\":1"))
        .await
        .expect_err("a nonce");
    logout.receive("nonsense").await.expect_err("no token");
    // After the cool-down the unknown key is looked for, and the fetch fails.
    clock.advance(std::time::Duration::from_secs(31));
    logout
        .receive(&token(&stranger, ""))
        .await
        .expect_err("an unknown key");
}

//! Rows C: whose keys count, when they are fetched, and what a key endpoint may do to us.

mod choice;
mod endpoint;
mod rotation;

use std::time::Duration;

use base64::Engine as _;
use futures_util::future::join_all;
use logout_receiver::{BackchannelLogout, Builder, KeySettings, SigningAlgorithm};
use logout_shared::ManualClock;
use logout_shared::jwk::SigningKey;
use serde_json::{Map, Value, json};

use crate::support::{
    Behaviour, CLIENT, Provider, RelyingParty, claims, id_token, manual_clock, sign, with,
};

fn new_key() -> SigningKey {
    SigningKey::generate(SigningAlgorithm::Es256).expect("a key")
}

/// Key settings under which nothing is waited for.
fn hasty() -> KeySettings {
    let mut settings = KeySettings::default();
    settings.cool_down_wait = Duration::ZERO;
    settings
}

fn discovering(provider: &Provider, clock: &ManualClock) -> Builder {
    BackchannelLogout::builder(&provider.issuer(), CLIENT)
        .signing_algorithm(SigningAlgorithm::Es256)
        .in_memory()
        .clock(clock.clone())
        .key_settings(hasty())
}

async fn relying_party(provider: &Provider, clock: &ManualClock) -> RelyingParty {
    RelyingParty::with(discovering(provider, clock)).await
}

/// A clock, a provider with one key, and a relying party that has not asked for it yet.
async fn stage() -> (ManualClock, SigningKey, Provider, RelyingParty) {
    let (clock, key) = (manual_clock(), new_key());
    let provider = Provider::start([&key]).await;
    let relying_party = relying_party(&provider, &clock).await;
    (clock, key, provider, relying_party)
}

/// A token signed with this key is heard.
async fn hear(
    relying_party: &RelyingParty,
    provider: &Provider,
    clock: &ManualClock,
    key: &SigningKey,
) {
    let answer = relying_party.post(&token(provider, clock, key)).await;
    answer.assert_ok();
}

/// A good token of this provider, signed with this key, issued now.
fn token(provider: &Provider, clock: &ManualClock, key: &SigningKey) -> String {
    sign(key, "logout+jwt", &fresh(provider, clock))
}

fn fresh(provider: &Provider, clock: &ManualClock) -> Value {
    let now = logout_shared::Clock::now(clock).as_secs();
    with(
        claims(),
        &json!({"iss": provider.issuer(), "iat": now, "exp": now + 120}),
    )
}

/// The same, with other header members; `kid: ""` stands for none.
fn token_with_header(provider: &Provider, key: &SigningKey, header: &Value) -> String {
    let mut header = header.as_object().cloned().expect("an object");
    let payload = fresh(provider, &manual_clock()).to_string();
    if header.get("kid") == Some(&json!("")) {
        header.remove("kid");
        header.insert("alg".into(), key.algorithm().as_str().into());
        let header = Value::Object(header).to_string();
        return key
            .sign_raw(header.as_bytes(), payload.as_bytes())
            .expect("signs");
    }
    key.sign_with_header("logout+jwt", &header, payload.as_bytes())
        .expect("signs")
}

//! Tokens of a provider that exists only in these tests.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use logout_shared::jwk::SigningKey;
use logout_shared::jwks::JwkSet;
use logout_shared::{ManualClock, SigningAlgorithm, Timestamp};
use serde_json::{Map, Value, json};

/// The issuer whose keys are given.
pub(crate) const ISSUER: &str = "https://issuer.example/";

/// The relying party's client id there.
pub(crate) const CLIENT: &str = "client-1";

/// When every test begins.
pub(crate) fn start() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-23T06:00:00Z").expect("a time")
}

/// A clock at the start.
pub(crate) fn manual_clock() -> ManualClock {
    ManualClock::at(start())
}

/// The provider's RS256 key, made once per run.
pub(crate) fn key() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> =
        LazyLock::new(|| SigningKey::generate(SigningAlgorithm::Rs256).expect("a key"));
    &KEY
}

/// The set that publishes these keys.
pub(crate) fn key_set<'k>(keys: impl IntoIterator<Item = &'k SigningKey>) -> JwkSet {
    JwkSet::parse(JwkSet::of_public(keys).to_string().as_bytes()).expect("a key set")
}

/// The claims of a good logout token issued at the start, with a `jti` of its own.
pub(crate) fn claims() -> Value {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let now = start().as_secs();
    json!({
        "iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + 120,
        "jti": format!("jti-{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        "sub": "alice", "sid": "sid-1",
    })
}

/// Some claims with others put over them; `null` takes one away.
pub(crate) fn with(mut claims: Value, changes: &Value) -> Value {
    let members = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// Signs claims as a logout token.
pub(crate) fn signed(claims: &Value) -> String {
    sign(key(), "logout+jwt", claims)
}

/// Signs claims as any kind of token.
pub(crate) fn sign(key: &SigningKey, typ: &str, claims: &Value) -> String {
    let none = Map::new();
    key.sign_with_header(typ, &none, claims.to_string().as_bytes())
        .expect("signs")
}

/// An ID Token's claims, issued a minute before the start.
pub(crate) fn id_token(sub: &str, sid: &str) -> Value {
    let iat = start().as_secs() - 60;
    json!({"iss": ISSUER, "aud": CLIENT, "sub": sub, "sid": sid, "iat": iat, "exp": iat + 3600})
}

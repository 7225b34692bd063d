//! A logout token from a stranger, and one whose header and claims a stranger wrote.
//!
//! The input is taken as a token first: whatever it is, it must not verify, since the fuzzer has
//! not the key. Then its first line is signed as header with the rest as payload: what passes the
//! rules must name a subject and must never carry a nonce.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use logout_shared::jwk::SigningKey;
use logout_shared::jws::UnverifiedJws;
use logout_shared::logout_token::Expected;
use logout_shared::logout_token::request::MAX_TOKEN_BYTES;
use logout_shared::{ClientId, Issuer, Secret, SigningAlgorithm, Timestamp};

const ALG: SigningAlgorithm = SigningAlgorithm::Hs256;
const NOW: i64 = 1_795_413_600;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let secret = Secret::new("a secret of this fuzz target alone, long enough".to_owned());
    SigningKey::hmac(ALG, &secret).expect("the secret is long enough")
});
static ISSUER: LazyLock<Issuer> =
    LazyLock::new(|| "https://issuer.example/".parse().expect("a valid issuer"));
static CLIENT: LazyLock<ClientId> = LazyLock::new(|| "shop".parse().expect("a valid client id"));

fuzz_target!(|data: &[u8]| {
    let verification_key = KEY.verification_key();
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(jws) = UnverifiedJws::parse(text, MAX_TOKEN_BYTES)
    {
        assert!(jws.verify(ALG, &[&verification_key]).is_err(), "forged");
    }
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (Some(header), Some(payload)) = (parts.next(), parts.next()) else {
        return;
    };
    let Ok(token) = KEY.sign_raw(header, payload) else {
        return;
    };
    let Ok(jws) = UnverifiedJws::parse(&token, MAX_TOKEN_BYTES) else {
        return;
    };
    let Ok(verified) = jws.verify(ALG, &[&verification_key]) else {
        return;
    };
    let expected = Expected::new(&ISSUER, &CLIENT, Timestamp::from_secs(NOW));
    let Ok(token) = verified.check(&expected) else {
        return;
    };
    assert_eq!(token.issuer(), &*ISSUER);
    assert!(token.sub().is_some() || token.sid().is_some());
    assert!(token.claim::<serde_json::Value>("nonce").is_none());
    assert!(token.expires_at() > token.issued_at());
});

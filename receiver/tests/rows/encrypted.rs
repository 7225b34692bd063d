//! Rows B24 and B40 to B45: encrypted logout tokens, and what is not one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_receiver::{Builder, SessionMetadata};
use logout_shared::jwe::{ContentEncryption, DecryptionKey, EncryptionKey, KeyManagement};
use serde_json::{Value, json};

use crate::support::key as signing_key;
use crate::support::{
    ISSUER, RelyingParty, builder, claims, exchange, form_request, manual_clock, sign, signed, with,
};

const ENC: ContentEncryption = ContentEncryption::A256gcm;

/// The client's key, for its side and for the issuer's.
fn keys(alg: KeyManagement) -> (Builder, EncryptionKey) {
    let decryption = DecryptionKey::generate(alg, ENC).expect("a key");
    let encryption =
        EncryptionKey::from_jwk(&decryption.public_jwk(), alg).expect("its other half");
    (
        builder(&manual_clock()).decryption_key(decryption),
        encryption,
    )
}

fn encrypted(key: &EncryptionKey, inner: &str) -> String {
    key.encrypt(ENC, "JWT", ISSUER, inner.as_bytes())
        .expect("encrypts")
}

#[tokio::test]
async fn b40_an_encrypted_token_is_refused_where_none_was_agreed_on() {
    let (_, key) = keys(KeyManagement::EcdhEs);
    let relying_party = RelyingParty::start().await;
    relying_party
        .post(&encrypted(&key, &signed(&claims())))
        .await
        .assert_refused();
}

#[tokio::test]
async fn b41_a_plain_token_is_refused_where_encryption_was_agreed_on() {
    let (set_up, _) = keys(KeyManagement::EcdhEs);
    let relying_party = RelyingParty::with(set_up).await;
    let answer = relying_party.post(&signed(&claims())).await;
    answer.assert_refused();
    assert_eq!(answer.json()["error_description"], "not_encrypted");
}

#[tokio::test]
async fn b42_a_signed_token_inside_an_encrypted_one_is_heard() {
    for alg in [
        KeyManagement::RsaOaep256,
        KeyManagement::EcdhEs,
        KeyManagement::EcdhEsA256kw,
    ] {
        let (set_up, key) = keys(alg);
        let relying_party = RelyingParty::with(set_up).await;
        let token = encrypted(&key, &signed(&claims()));
        relying_party.post(&token).await.assert_ok();
        relying_party.post(&token).await.assert_refused();
    }
}

#[tokio::test]
async fn b42_the_largest_session_metadata_comes_through_signed_and_encrypted() {
    let mut metadata = SessionMetadata::new();
    for number in 0..25 {
        // A control character takes six bytes in JSON.
        let (key, value) = (
            format!("{number:02}{}", "k".repeat(253)),
            "\u{1}".repeat(255),
        );
        metadata.set(&key, &value).expect("within the limits");
    }
    let full = with(claims(), &json!({"session_metadata": metadata}));
    let token = signed(&full);
    assert!(token.len() > 55_000, "{}", token.len());
    let plain = RelyingParty::start().await;
    plain.post(&token).await.assert_ok();
    let (set_up, key) = keys(KeyManagement::RsaOaep256);
    let token = encrypted(&key, &token);
    assert!(token.len() > 75_000, "{}", token.len());
    RelyingParty::with(set_up)
        .await
        .post(&token)
        .await
        .assert_ok();
}

#[tokio::test]
async fn b43_what_is_encrypted_must_still_be_signed() {
    let (set_up, key) = keys(KeyManagement::EcdhEs);
    let relying_party = RelyingParty::with(set_up).await;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims()));
    let with_signature = format!("{unsigned}AAAA");
    for inner in [
        claims().to_string(),
        unsigned,
        with_signature,
        String::new(),
    ] {
        relying_party
            .post(&encrypted(&key, &inner))
            .await
            .assert_refused();
    }
    // Nor may it be encrypted twice, or signed by somebody else.
    let twice = encrypted(&key, &signed(&claims()));
    relying_party
        .post(&encrypted(&key, &twice))
        .await
        .assert_refused();
    let forged = logout_shared::jwk::SigningKey::generate(signing_key().algorithm());
    let forged = sign(&forged.expect("a key"), "logout+jwt", &claims());
    relying_party
        .post(&encrypted(&key, &forged))
        .await
        .assert_refused();
}

#[tokio::test]
async fn b24_b44_dangerous_or_unagreed_encryption_is_refused_before_any_work() {
    let (set_up, key) = keys(KeyManagement::RsaOaep256);
    let relying_party = RelyingParty::with(set_up).await;
    let good = encrypted(&key, &signed(&claims()));
    let (_, rest) = good.split_once('.').expect("five parts");
    for header in [
        json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "zip": "DEF"}),
        json!({"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 2_000_000_000, "p2s": "AAAA"}),
        json!({"alg": "RSA1_5", "enc": "A256GCM"}),
        json!({"alg": "dir", "enc": "A256GCM"}),
        json!({"alg": "RSA-OAEP", "enc": "A256GCM"}),
        json!({"alg": "RSA-OAEP-256", "enc": "A128CBC-HS256"}),
        json!({"alg": "RSA-OAEP-256", "enc": "none"}),
        json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "crit": ["x"], "x": 1}),
    ] {
        let token = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
        relying_party.post(&token).await.assert_refused();
    }
    // Damaged anywhere, it does not open.
    for place in [good.len() - 3, good.len() / 2, rest.len() / 4] {
        let mut damaged = good.clone().into_bytes();
        damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
        let damaged = String::from_utf8(damaged).expect("ASCII");
        relying_party.post(&damaged).await.assert_refused();
    }
    let body = format!("logout_token={good}.");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let request = form_request("/backchannel-logout", form, &body);
    exchange(relying_party.address, &request)
        .await
        .assert_refused();
    relying_party.post(&good).await.assert_ok();
}

#[tokio::test]
async fn b45_another_issuer_in_the_outer_header_is_refused() {
    let (set_up, key) = keys(KeyManagement::EcdhEs);
    let relying_party = RelyingParty::with(set_up).await;
    let inner = signed(&claims());
    let other = key.encrypt(ENC, "JWT", "https://other.example/", inner.as_bytes());
    let answer = relying_party.post(&other.expect("encrypts")).await;
    answer.assert_refused();
    assert_eq!(answer.json()["error_description"], "iss_header_mismatch");
    relying_party
        .post(&encrypted(&key, &inner))
        .await
        .assert_ok();
}

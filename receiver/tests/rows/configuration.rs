//! Rows B6, B11 and B16: what no set-up may switch off, and keys too weak to count.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_receiver::{BackchannelLogout, BuildError, KeySource, SigningAlgorithm};
use logout_shared::Secret;
use logout_shared::jwks::JwkSet;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::json;

use crate::support::{CLIENT, ISSUER, RelyingParty, builder, claims, key, key_set, manual_clock};

#[test]
fn b6_there_is_no_algorithm_none_to_configure() {
    for name in ["none", "None", "NONE", "nOnE", ""] {
        assert!(name.parse::<SigningAlgorithm>().is_err(), "{name}");
    }
}

#[test]
fn b11_an_empty_or_short_client_secret_is_a_configuration_error() {
    for (algorithm, least) in [
        (SigningAlgorithm::Hs256, 32),
        (SigningAlgorithm::Hs384, 48),
        (SigningAlgorithm::Hs512, 64),
    ] {
        for length in [0, 1, least - 1] {
            let refused = BackchannelLogout::builder(ISSUER, CLIENT)
                .signing_algorithm(algorithm)
                .client_secret(Secret::new("s".repeat(length)))
                .build_verifier();
            assert!(
                matches!(refused.err(), Some(BuildError::Secret(_))),
                "{algorithm} {length}"
            );
        }
    }
}

#[test]
fn a_secret_and_public_keys_are_never_taken_for_each_other() {
    let secret = BackchannelLogout::builder(ISSUER, CLIENT)
        .client_secret(Secret::new("s".repeat(64)))
        .build_verifier();
    assert!(matches!(
        secret.err(),
        Some(BuildError::AlgorithmMismatch { .. })
    ));
    let keys = BackchannelLogout::builder(ISSUER, CLIENT)
        .signing_algorithm(SigningAlgorithm::Hs256)
        .keys(KeySource::given(key_set([key()])))
        .build_verifier();
    assert!(matches!(
        keys.err(),
        Some(BuildError::AlgorithmMismatch { .. })
    ));
}

#[test]
fn an_issuer_or_client_id_that_cannot_be_one_is_refused() {
    for (issuer, client_id) in [
        ("", CLIENT),
        ("issuer.example", CLIENT),
        ("ftp://issuer.example/", CLIENT),
        ("https://issuer.example/?tenant=1", CLIENT),
        ("https://issuer.example/#x", CLIENT),
        (ISSUER, ""),
    ] {
        let refused = BackchannelLogout::builder(issuer, client_id)
            .in_memory()
            .build();
        assert!(
            matches!(refused.err(), Some(BuildError::Id(_))),
            "{issuer} {client_id}"
        );
    }
}

#[tokio::test]
async fn b16_an_rsa_key_below_2048_bits_is_not_used() {
    let weak = Rsa::generate(1024).expect("a weak key");
    let number = |number: &openssl::bn::BigNumRef| URL_SAFE_NO_PAD.encode(number.to_vec());
    let jwk = json!({"kty": "RSA", "kid": "weak", "n": number(weak.n()), "e": number(weak.e())});
    let set = json!({"keys": [jwk, key().public_jwk()]});
    let keys = JwkSet::parse(set.to_string().as_bytes()).expect("a key set");
    let set_up = builder(&manual_clock()).keys(KeySource::given(keys));
    let relying_party = RelyingParty::with(set_up).await;
    let header = json!({"alg": "RS256", "typ": "logout+jwt", "kid": "weak"});
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(&claims()));
    let private = PKey::from_rsa(weak).expect("a key");
    let mut signer = Signer::new(MessageDigest::sha256(), &private).expect("a signer");
    let signature = signer
        .sign_oneshot_to_vec(message.as_bytes())
        .expect("signs");
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    relying_party.post(&token).await.assert_refused();
    assert_eq!(relying_party.logout.verifier().key_state().skipped, 1);
}

//! Signing keys: made, read, written, and what they sign.

use super::*;

#[test]
fn a_key_pair_survives_its_pem_form() {
    for algorithm in SigningAlgorithm::ALL
        .into_iter()
        .filter(|alg| !alg.is_symmetric())
    {
        let key = SigningKey::generate(algorithm).expect("makes a key");
        let pem = key.to_pkcs8_pem();
        assert!(
            pem.expose().starts_with("-----BEGIN PRIVATE KEY-----\n"),
            "{algorithm}"
        );
        let again = SigningKey::from_pkcs8_pem(algorithm, pem.expose()).expect("reads it");
        assert_eq!(again.kid(), key.kid());
        assert_eq!(again.public_jwk(), key.public_jwk());
        let signature = key.signature(b"message").expect("signs");
        let verifier = again.verification_key();
        assert!(
            verifier.verifies(algorithm, b"message", &signature),
            "{algorithm}"
        );
        assert!(
            !verifier.verifies(algorithm, b"massage", &signature),
            "{algorithm}"
        );
    }
}

#[test]
fn public_jwks_carry_kid_alg_and_use_and_nothing_private() {
    for algorithm in [
        SigningAlgorithm::Ps256,
        SigningAlgorithm::Es512,
        SigningAlgorithm::EdDsa,
    ] {
        let key = SigningKey::generate(algorithm).expect("makes a key");
        let jwk = key.public_jwk();
        assert_eq!(jwk["kid"], key.kid());
        assert_eq!(jwk["alg"], algorithm.as_str());
        assert_eq!(jwk["use"], "sig");
        for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(jwk.get(secret).is_none(), "{algorithm} shows {secret}");
        }
    }
}

#[test]
fn keys_that_do_not_fit_the_algorithm_are_refused() {
    let ed = SigningKey::generate(SigningAlgorithm::EdDsa).expect("makes a key");
    let pem = ed.to_pkcs8_pem();
    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256] {
        let refused = SigningKey::from_pkcs8_pem(algorithm, pem.expose());
        assert!(
            matches!(refused, Err(SigningKeyError::NotAKey(_))),
            "{algorithm}"
        );
    }
    let p384 = SigningKey::generate(SigningAlgorithm::Es384).expect("makes a key");
    let refused = SigningKey::from_pkcs8_pem(SigningAlgorithm::Es256, p384.to_pkcs8_pem().expose());
    assert!(matches!(refused, Err(SigningKeyError::NotAKey(_))));
    for text in [
        "",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        for algorithm in SigningAlgorithm::ALL {
            assert!(
                SigningKey::from_pkcs8_pem(algorithm, text).is_err(),
                "{algorithm}"
            );
        }
    }
}

#[test]
fn small_rsa_keys_are_refused() {
    let small = rsa::RsaPrivateKey::new(&mut rand_core::OsRng, 1024).expect("makes a key");
    let pem = small.to_pkcs8_pem(LineEnding::LF).expect("writes it");
    let refused = SigningKey::from_pkcs8_pem(SigningAlgorithm::Rs256, &pem);
    assert!(matches!(refused, Err(SigningKeyError::RsaSize(1024))));
}

#[test]
fn a_shared_secret_is_as_long_as_the_hash() {
    for (algorithm, least) in [
        (SigningAlgorithm::Hs256, 32),
        (SigningAlgorithm::Hs384, 48),
        (SigningAlgorithm::Hs512, 64),
    ] {
        for bytes in [0, least - 1] {
            let secret = Secret::new("s".repeat(bytes));
            let signing = SigningKey::hmac(algorithm, &secret).expect_err("is refused");
            let verifying = VerificationKey::hmac(algorithm, &secret).expect_err("is refused");
            for error in [signing, verifying] {
                let told = format!("has {bytes} bytes, but {algorithm} needs at least {least}");
                assert!(error.to_string().contains(&told), "{error}");
            }
        }
        let secret = Secret::new("s".repeat(least));
        assert!(SigningKey::hmac(algorithm, &secret).is_ok());
        assert!(VerificationKey::hmac(algorithm, &secret).is_ok());
    }
    let secret = Secret::new("s".repeat(64));
    assert!(SigningKey::hmac(SigningAlgorithm::Rs256, &secret).is_err());
}

#[test]
fn a_shared_secret_has_no_public_half() {
    let secret = Secret::new("s".repeat(32));
    let key = SigningKey::hmac(SigningAlgorithm::Hs256, &secret).expect("long enough");
    assert!(key.kid().is_empty() && key.public_jwk().is_null());
    assert!(key.to_pkcs8_pem().expose().is_empty());
    let token = key.sign("JWT", b"{}").expect("signs");
    let header = URL_SAFE_NO_PAD
        .decode(token.split('.').next().expect("one"))
        .expect("ok");
    assert_eq!(header, br#"{"alg":"HS256","typ":"JWT"}"#);
}

#[test]
fn debug_shows_no_key() {
    let secret = Secret::new("very-secret-".repeat(4));
    let key = SigningKey::hmac(SigningAlgorithm::Hs256, &secret).expect("long enough");
    assert_eq!(format!("{key:?}"), "SigningKey(HS256 \"\")");
}

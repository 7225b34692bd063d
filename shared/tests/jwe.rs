//! Encrypting and decrypting together: what one side closes, the other opens, and nothing else.
//!
//! Rows B24 and B41 to B45 of the case table.
#![cfg(feature = "jwe")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_shared::jwa::SigningAlgorithm;
use logout_shared::jwe::{
    ContentEncryption, DecryptionKey, EncryptionKey, JweError, KeyManagement, decrypt,
};
use logout_shared::jwk::{JwkError, SigningKey};
use logout_shared::jws::{JwsError, UnverifiedJws};
use logout_shared::logout_token::request::MAX_TOKEN_BYTES;
use logout_shared::metadata::{MAX_ENTRIES, MAX_VALUE_UTF16, SessionMetadata};
use serde_json::{Value, json};

const INNER: &str = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";
const LIMIT: usize = 96_000;

fn key(alg: KeyManagement, enc: ContentEncryption) -> DecryptionKey {
    DecryptionKey::generate(alg, enc).expect("makes a key")
}

fn encrypted(key: &DecryptionKey) -> String {
    EncryptionKey::from_jwk(&key.public_jwk(), key.alg())
        .expect("valid")
        .encrypt(
            key.enc(),
            "JWT",
            "https://issuer.example/",
            INNER.as_bytes(),
        )
        .expect("encrypts")
}

/// The token with its header replaced by `change` of it, and otherwise as it was.
fn with_header(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let (header, rest) = token.split_once('.').expect("five parts");
    let mut header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON");
    change(&mut header);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

/// The token with one part replaced by other bytes.
fn with_part(token: &str, at: usize, bytes: &[u8]) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[at] = URL_SAFE_NO_PAD.encode(bytes);
    parts.join(".")
}

fn error(token: &str, keys: &[DecryptionKey]) -> JweError {
    decrypt(token, LIMIT, keys).expect_err("is refused")
}

#[test]
fn every_algorithm_and_encryption_opens_what_it_closed() {
    let rsa = SigningKey::generate(SigningAlgorithm::Rs256)
        .expect("makes a key")
        .to_pkcs8_pem();
    for curve in [
        SigningAlgorithm::Es256,
        SigningAlgorithm::Es384,
        SigningAlgorithm::Es512,
    ] {
        let point = SigningKey::generate(curve)
            .expect("makes a key")
            .to_pkcs8_pem();
        for alg in KeyManagement::ALL {
            let pem = if alg.is_rsa() { &rsa } else { &point };
            for enc in ContentEncryption::ALL {
                let key = DecryptionKey::from_pkcs8_pem(Some("k"), *alg, *enc, pem.expose());
                let key = key.expect("reads");
                let decrypted = decrypt(&encrypted(&key), LIMIT, &[key]);
                assert_eq!(
                    decrypted.expect("decrypts").token(),
                    INNER,
                    "{curve} {alg} {enc}"
                );
            }
        }
    }
}

/// Rows B42 and B43.
#[test]
fn what_is_inside_must_be_signed() {
    let keys = [key(
        KeyManagement::RsaOaep256,
        ContentEncryption::A128cbcHs256,
    )];
    let signing = SigningKey::generate(SigningAlgorithm::Es256).expect("makes a key");
    let encryption = EncryptionKey::from_jwk(&keys[0].public_jwk(), keys[0].alg()).expect("valid");
    let open = |inner: &str| {
        let token = encryption.encrypt(keys[0].enc(), "JWT", "https://i.example", inner.as_bytes());
        let decrypted = decrypt(&token.expect("encrypts"), LIMIT, &keys).expect("decrypts");
        let jws = UnverifiedJws::parse(decrypted.token(), LIMIT)?;
        jws.verify(SigningAlgorithm::Es256, &[&signing.verification_key()])
    };
    let signed = signing.sign("logout+jwt", b"{}").expect("signs");
    assert!(open(&signed).is_ok());
    let unsigned = signing
        .sign_raw(br#"{"alg":"none"}"#, b"{}")
        .expect("signs");
    assert_eq!(
        open(&unsigned),
        Err(JwsError::WrongAlgorithm(SigningAlgorithm::Es256))
    );
    let (front, _) = unsigned.rsplit_once('.').expect("three parts");
    assert_eq!(open(&format!("{front}.")), Err(JwsError::NotCompact));
    assert_eq!(
        open(r#"{"iss":"https://i.example"}"#),
        Err(JwsError::NotCompact)
    );
}

#[test]
fn the_largest_metadata_fits_an_encrypted_token() {
    let keys = [key(
        KeyManagement::RsaOaep256,
        ContentEncryption::A256cbcHs512,
    )];
    let mut metadata = SessionMetadata::new();
    for entry in 0..MAX_ENTRIES {
        let value = "\u{1}".repeat(MAX_VALUE_UTF16);
        metadata
            .set(format!("{entry:0255}"), value)
            .expect("within the limits");
    }
    let payload = json!({ "session_metadata": metadata }).to_string();
    let signing = SigningKey::generate(SigningAlgorithm::Rs256).expect("makes a key");
    let signed = signing
        .sign("logout+jwt", payload.as_bytes())
        .expect("signs");
    let encryption = EncryptionKey::from_jwk(&keys[0].public_jwk(), keys[0].alg()).expect("valid");
    let token = encryption.encrypt(keys[0].enc(), "JWT", "https://i.example", signed.as_bytes());
    let token = token.expect("encrypts");
    assert!(
        token.len() > 75_000 && token.len() < MAX_TOKEN_BYTES - 8_000,
        "{}",
        token.len()
    );
    let decrypted = decrypt(&token, MAX_TOKEN_BYTES, &keys).expect("decrypts");
    assert_eq!(decrypted.token(), signed);
}

#[test]
fn any_changed_character_is_noticed() {
    for enc in [ContentEncryption::A128cbcHs256, ContentEncryption::A256gcm] {
        let keys = [key(KeyManagement::EcdhEsA128kw, enc)];
        let token = encrypted(&keys[0]);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(
                decrypt(&changed, LIMIT, &keys).is_err(),
                "{enc} character {at}"
            );
        }
    }
}

#[test]
fn other_algorithms_than_agreed_on_are_refused_without_trying() {
    let keys = [key(KeyManagement::EcdhEs, ContentEncryption::A256gcm)];
    let token = encrypted(&keys[0]);
    for (name, value) in [
        ("alg", "RSA1_5"),
        ("alg", "PBES2-HS256+A128KW"),
        ("alg", "dir"),
        ("alg", "ECDH-ES+A256KW"),
        ("enc", "A128GCM"),
        ("enc", "none"),
    ] {
        let other = with_header(&token, |header| header[name] = value.into());
        assert_eq!(
            error(&other, &keys),
            JweError::WrongAlgorithm,
            "{name} {value}"
        );
    }
}

#[test]
fn dangerous_header_members_are_refused() {
    let keys = [key(KeyManagement::EcdhEs, ContentEncryption::A256gcm)];
    let token = encrypted(&keys[0]);
    for (name, value) in [
        ("zip", json!("DEF")),
        ("crit", json!([])),
        ("p2c", json!(1_000_000_000)),
        ("jku", json!("https://evil.example")),
    ] {
        let other = with_header(&token, |header| header[name] = value);
        assert_eq!(error(&other, &keys), JweError::RefusedMember(name));
    }
}

#[test]
fn wrong_lengths_are_refused_and_never_panic() {
    for (alg, enc) in [
        (KeyManagement::EcdhEsA256kw, ContentEncryption::A256gcm),
        (KeyManagement::EcdhEs, ContentEncryption::A128cbcHs256),
        (KeyManagement::RsaOaep256, ContentEncryption::A128gcm),
    ] {
        let keys = [key(alg, enc)];
        let token = encrypted(&keys[0]);
        let whole: Vec<Vec<u8>> = token
            .split('.')
            .map(|part| URL_SAFE_NO_PAD.decode(part).expect("ok"))
            .collect();
        for at in [1, 2, 4] {
            for length in 0..whole[at].len() {
                let short = with_part(&token, at, &whole[at][..length]);
                assert_eq!(
                    error(&short, &keys),
                    JweError::Decrypt,
                    "{alg} {at} {length}"
                );
            }
            let long = with_part(&token, at, &[&whole[at][..], &[0]].concat());
            assert_eq!(error(&long, &keys), JweError::Decrypt, "{alg} {at}");
        }
        assert_eq!(error(&with_part(&token, 3, &[]), &keys), JweError::Decrypt);
    }
}

#[test]
fn a_kid_selects_the_key_and_without_one_all_are_tried() {
    let (alg, enc) = (KeyManagement::EcdhEs, ContentEncryption::A256gcm);
    let keys = [key(alg, enc), key(alg, enc)];
    assert!(decrypt(&encrypted(&keys[1]), LIMIT, &keys).is_ok());
    let [_, second] = keys;
    let (token, first) = (encrypted(&second), key(alg, enc));
    assert_eq!(error(&token, &[first]), JweError::NoKey);
    let pem = second.to_pkcs8_pem().expose();
    let nameless = DecryptionKey::from_pkcs8_pem(None, alg, enc, pem).expect("reads");
    assert!(decrypt(&token, LIMIT, &[key(alg, enc), nameless]).is_ok());
}

#[test]
fn a_token_that_is_only_signed_is_told_apart() {
    let keys = [key(KeyManagement::EcdhEs, ContentEncryption::A256gcm)];
    assert_eq!(error(INNER, &keys), JweError::NotEncrypted);
    assert_eq!(error("a.b.c.d", &keys), JweError::NotCompact);
    assert_eq!(error("a.b.c.d.e.f", &keys), JweError::NotCompact);
    assert_eq!(error(&".".repeat(90_000), &keys), JweError::NotCompact);
    assert_eq!(
        error(&".".repeat(LIMIT + 1), &keys),
        JweError::TooLarge(LIMIT + 1)
    );
}

#[test]
fn the_headers_issuer_must_agree_where_there_is_one() {
    let keys = [key(KeyManagement::EcdhEs, ContentEncryption::A256gcm)];
    let decrypted = decrypt(&encrypted(&keys[0]), LIMIT, &keys).expect("decrypts");
    assert!(decrypted.agrees_with(&"https://issuer.example/".parse().expect("valid")));
    assert!(!decrypted.agrees_with(&"https://issuer.example".parse().expect("valid")));
}

#[test]
fn the_clients_set_gives_the_key_marked_for_encryption() {
    let (alg, enc) = (KeyManagement::RsaOaep256, ContentEncryption::A128cbcHs256);
    let key = key(alg, enc);
    let signing = SigningKey::generate(SigningAlgorithm::Rs256).expect("makes a key");
    let mut unmarked = signing.public_jwk();
    for name in ["use", "alg"] {
        unmarked.as_object_mut().expect("an object").remove(name);
    }
    unmarked["kid"] = "unmarked".into();
    let set = |keys: Value| json!({ "keys": keys }).to_string();
    let choose = |keys| EncryptionKey::from_set(set(keys).as_bytes(), alg);
    let chosen = choose(json!([signing.public_jwk(), unmarked, key.public_jwk()]));
    assert_eq!(
        chosen.expect("there is one").kid(),
        key.public_jwk()["kid"].as_str()
    );
    let chosen = choose(json!([signing.public_jwk(), unmarked]));
    assert_eq!(chosen.expect("there is one").kid(), Some("unmarked"));
    assert!(choose(json!([signing.public_jwk()])).is_err());
    let refused = EncryptionKey::from_jwk(&signing.public_jwk(), alg).expect_err("is refused");
    assert_eq!(refused, JwkError::WrongPurpose);
}

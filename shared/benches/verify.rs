//! What verifying a logout token costs beyond the bare OpenSSL signature check.
//!
//! Both are measured in turns, in windows so short that most see no other process, and compared by
//! their lower quartiles, because the machine's speed drifts by more than the difference. Run with
//! `cargo bench -p logout-shared --bench verify`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_shared::id::{ClientId, Issuer};
use logout_shared::jwa::SigningAlgorithm;
use logout_shared::jwk::SigningKey;
use logout_shared::jwks::JwkSet;
use logout_shared::jws::UnverifiedJws;
use logout_shared::logout_token::{Audience, Events, Expected, LogoutClaims, TYP};
use logout_shared::time::Timestamp;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::sign::Verifier;

const WINDOWS: usize = 2_000;
const CALLS: u32 = 16;

fn main() {
    for algorithm in [
        SigningAlgorithm::Rs256,
        SigningAlgorithm::Es256,
        SigningAlgorithm::EdDsa,
    ] {
        compare(algorithm);
    }
}

fn compare(algorithm: SigningAlgorithm) {
    let key = SigningKey::generate(algorithm).expect("makes a key");
    let set = JwkSet::of_public([&key]).to_string();
    let set = JwkSet::parse(set.as_bytes()).expect("a key set");
    let issuer: Issuer = "https://issuer.example/".parse().expect("valid");
    let client_id: ClientId = "iBVe4BR1ErZgqOtLnDHQU4ItNb1C8mJ0".parse().expect("valid");
    let now = Timestamp::from_secs(1_795_413_610);
    let token = key.sign(TYP, &claims().to_json()).expect("signs");

    let whole = || {
        let jws = UnverifiedJws::parse(&token, 96_000).expect("sound");
        let keys = set.candidates(algorithm, jws.header().kid.as_deref());
        let verified = jws.verify(algorithm, &keys).expect("signed");
        verified
            .check(&Expected::new(&issuer, &client_id, now))
            .expect("good")
    };
    let public = public_key(&key);
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    if algorithm == SigningAlgorithm::Es256 {
        signature = der(&signature);
    }
    let raw = || raw_verify(algorithm, &public, signed.as_bytes(), &signature);
    assert!(raw());

    let (mut of_whole, mut of_raw) = (Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        of_whole.push(window(&whole));
        of_raw.push(window(&raw));
    }
    let (whole, raw) = (lower_quartile(of_whole), lower_quartile(of_raw));
    println!(
        "{algorithm}, token of {} bytes: whole {whole:?}, bare signature {raw:?}, difference {:?}",
        token.len(),
        whole.saturating_sub(raw)
    );
}

fn claims() -> LogoutClaims {
    LogoutClaims {
        iss: "https://issuer.example/".into(),
        sub: Some("auth0|602c0dcab993d10073daf680".into()),
        aud: Audience::One("iBVe4BR1ErZgqOtLnDHQU4ItNb1C8mJ0".into()),
        iat: 1_795_413_600,
        exp: 1_795_413_720,
        jti: "c0a8012e-7f3a-4b1d-9a57-6f2a1c0d9b11".into(),
        events: Events,
        sid: Some("375UIp_ID5mCTClIeBEHpXfGwq51tF_L".into()),
        toe: None,
        trace_id: Some("0123456789abcdef".into()),
        session_metadata: None,
    }
}

fn window<T>(call: &impl Fn() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..CALLS {
        black_box(call());
    }
    start.elapsed() / CALLS
}

fn lower_quartile(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 4]
}

fn public_key(key: &SigningKey) -> PKey<Public> {
    let private = PKey::private_key_from_pem(key.to_pkcs8_pem().expose().as_bytes());
    let public = private.expect("reads").public_key_to_der().expect("writes");
    PKey::public_key_from_der(&public).expect("reads")
}

fn raw_verify(alg: SigningAlgorithm, key: &PKey<Public>, signed: &[u8], signature: &[u8]) -> bool {
    if alg == SigningAlgorithm::EdDsa {
        let mut verifier = Verifier::new_without_digest(key).expect("a context");
        return verifier
            .verify_oneshot(signature, signed)
            .expect("an answer");
    }
    let mut verifier = Verifier::new(MessageDigest::sha256(), key).expect("a context");
    verifier.update(signed).expect("hashes");
    verifier.verify(signature).expect("an answer")
}

fn der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let number = |bytes| openssl::bn::BigNum::from_slice(bytes).expect("a number");
    openssl::ecdsa::EcdsaSig::from_private_components(number(r), number(s))
        .and_then(|signature| signature.to_der())
        .expect("writes")
}

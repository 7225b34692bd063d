//! What we mint, we accept; what differs from it in a single character, we refuse.

use std::sync::LazyLock;

use logout_shared::jwa::SigningAlgorithm;
use logout_shared::jwk::{SigningKey, VerificationKey};
use logout_shared::jws::UnverifiedJws;
use logout_shared::logout_token::request::{
    MAX_BODY_BYTES, MAX_TOKEN_BYTES, encode_form, parse_form,
};
use logout_shared::logout_token::{
    Audience, Events, Expected, LogoutClaims, LogoutSubject, LogoutToken, TYP,
};
use logout_shared::metadata::{MAX_ENTRIES, MAX_VALUE_UTF16};
use logout_shared::random::{SeededRandom, SystemRandom};
use logout_shared::{
    ClientId, Issuer, Secret, SessionId, SessionMetadata, Subject, Timestamp, TokenId, TraceId,
};
use proptest::prelude::*;

static KEYS: LazyLock<[(SigningKey, VerificationKey); 3]> = LazyLock::new(|| {
    let secret = Secret::new("s".repeat(32));
    [
        SigningKey::generate(SigningAlgorithm::Es256),
        SigningKey::generate(SigningAlgorithm::EdDsa),
        SigningKey::hmac(SigningAlgorithm::Hs256, &secret),
    ]
    .map(|key| key.expect("a key"))
    .map(|key| (key.clone(), key.verification_key()))
});

const NOW: Timestamp = Timestamp::from_secs(1_795_413_600);

fn issuer() -> Issuer {
    "https://issuer.example/".parse().expect("valid")
}

fn client_id() -> ClientId {
    "shop".parse().expect("valid")
}

fn verify(token: &str, key: &VerificationKey, alg: SigningAlgorithm) -> Option<LogoutToken> {
    let (issuer, client_id) = (issuer(), client_id());
    let jws = UnverifiedJws::parse(token, MAX_TOKEN_BYTES).ok()?;
    let verified = jws.verify(alg, &[key]).ok()?;
    verified
        .check(&Expected::new(&issuer, &client_id, NOW))
        .ok()
}

fn claims(sub: Option<String>, sid: Option<String>) -> LogoutClaims {
    let iat = NOW.as_secs();
    LogoutClaims {
        iss: issuer().as_str().into(),
        sub,
        aud: Audience::One(client_id().into()),
        iat,
        exp: iat + 120,
        jti: TokenId::generate(&SystemRandom).into(),
        events: Events,
        sid,
        toe: None,
        trace_id: Some(TraceId::generate(&SeededRandom::new(1)).into()),
        session_metadata: None,
    }
}

/// Metadata as large as it can be, of the characters that grow most on the way.
fn largest_metadata() -> SessionMetadata {
    let mut metadata = SessionMetadata::new();
    for entry in 0..MAX_ENTRIES {
        let key = format!("{entry:0255}");
        metadata
            .set(key, "\u{1}".repeat(MAX_VALUE_UTF16))
            .expect("within the limits");
    }
    metadata
}

#[test]
fn no_single_character_of_a_token_can_change() {
    for (key, verifier) in &KEYS[1..] {
        let token = key
            .sign(TYP, &claims(None, Some("s".into())).to_json())
            .expect("signs");
        assert!(verify(&token, verifier, key.algorithm()).is_some());
        // All 256 bytes for the cheap algorithm, the neighbours for the other.
        let step = if key.algorithm() == SigningAlgorithm::Hs256 {
            1
        } else {
            85
        };
        for at in 0..token.len() {
            for byte in (0..=u8::MAX).step_by(step) {
                let mut changed = token.clone().into_bytes();
                if changed[at] == byte {
                    continue;
                }
                changed[at] = byte;
                let Ok(changed) = String::from_utf8(changed) else {
                    continue;
                };
                let refused = verify(&changed, verifier, key.algorithm()).is_none();
                assert!(refused, "{}: byte {at} may be {byte}", key.algorithm());
            }
        }
    }
}

#[test]
fn no_character_can_be_lost_or_added() {
    let (key, verifier) = &KEYS[2];
    let token = key
        .sign(TYP, &claims(None, Some("s".into())).to_json())
        .expect("signs");
    for at in 0..=token.len() {
        for added in ["A", ".", "=", " ", "\n", "-", "_", "é"] {
            let longer = format!("{}{added}{}", &token[..at], &token[at..]);
            assert!(
                verify(&longer, verifier, key.algorithm()).is_none(),
                "{added:?} at {at}"
            );
        }
        let shorter = format!(
            "{}{}",
            &token[..at],
            token.get(at + 1..).unwrap_or_default()
        );
        let whole = at == token.len();
        assert_eq!(
            verify(&shorter, verifier, key.algorithm()).is_some(),
            whole,
            "without {at}"
        );
    }
}

#[test]
fn the_largest_metadata_passes_every_limit_on_its_way() {
    let (key, verifier) = &KEYS[0];
    let mut claims = claims(Some("u".repeat(255)), Some("s".repeat(255)));
    claims.session_metadata = Some(largest_metadata());
    let token = key.sign(TYP, &claims.to_json()).expect("signs");
    assert!(
        token.len() > 50_000 && token.len() <= MAX_TOKEN_BYTES,
        "{}",
        token.len()
    );
    let body = encode_form(&token);
    assert!(body.len() <= MAX_BODY_BYTES);
    let token = parse_form(body.as_bytes()).expect("a form");
    let checked = verify(&token, verifier, key.algorithm()).expect("accepted");
    assert_eq!(checked.session_metadata(), Some(&largest_metadata()));
}

#[test]
fn what_a_token_says_can_be_read_from_it() {
    let (key, verifier) = &KEYS[0];
    let mut claims = claims(Some("auth0|7".into()), None);
    claims.aud = Audience::Many(vec!["shop".into()]);
    claims.toe = Some(NOW.as_secs() - 3600);
    let token = key.sign(TYP, &claims.to_json()).expect("signs");
    let checked = verify(&token, verifier, key.algorithm()).expect("accepted");
    assert_eq!(
        checked.subject(),
        &LogoutSubject::User("auth0|7".parse().expect("valid"))
    );
    assert_eq!(
        (checked.sid(), checked.sub().map(Subject::as_str)),
        (None, Some("auth0|7"))
    );
    assert_eq!(checked.audience().collect::<Vec<_>>(), ["shop"]);
    assert_eq!(checked.issuer(), &issuer());
    assert_eq!(checked.jti().as_str(), claims.jti);
    assert_eq!(checked.issued_at(), NOW);
    assert_eq!(checked.expires_at().as_secs(), claims.exp);
    assert_eq!(checked.time_of_event().as_secs(), NOW.as_secs() - 3600);
    assert_eq!(
        checked.trace_id().map(TraceId::as_str),
        claims.trace_id.as_deref()
    );
    assert!(matches!(
        checked.claim::<&str>("iss"),
        Some(Ok("https://issuer.example/"))
    ));
    assert!(checked.claim::<u8>("iss").is_some_and(|read| read.is_err()));
    assert!(checked.claim::<u8>("absent").is_none());
    assert_eq!(checked.claims()["aud"], serde_json::json!(["shop"]));
}

#[test]
fn a_time_of_event_after_the_making_is_not_believed() {
    let (key, verifier) = &KEYS[0];
    let mut claims = claims(Some("u".into()), None);
    claims.toe = Some(NOW.as_secs() + 3600);
    let token = key.sign(TYP, &claims.to_json()).expect("signs");
    let checked = verify(&token, verifier, key.algorithm()).expect("accepted");
    assert_eq!(checked.time_of_event(), NOW);
}

#[test]
fn a_known_header_is_taken_for_the_same_text_and_for_no_other() {
    let key = &KEYS[0].0;
    let payload = claims(Some("alice".into()), None).to_json();
    let [usual, other] = [TYP, "JWT"].map(|typ| key.sign(typ, &payload).expect("signs"));
    let read = UnverifiedJws::parse(&usual, MAX_TOKEN_BYTES).expect("sound");
    let known = read.to_known();
    let parse = |token| UnverifiedJws::parse_knowing(token, MAX_TOKEN_BYTES, Some(&known));
    let again = parse(&usual).expect("sound");
    assert!(again.has(&known));
    assert_eq!(again.header(), read.header());
    let other = parse(&other).expect("sound");
    assert!(!other.has(&known));
    assert_eq!(other.header().typ.as_deref(), Some("JWT"));
}

proptest! {
    #[test]
    fn whatever_we_mint_verifies(
        which in 0..3_usize,
        sub in "\\PC{1,60}",
        sid in "[ -~]{1,255}",
        shape in 0..3_u8,
        entries in prop::collection::btree_map("[A-Za-z0-9_-]{1,40}", "[^\\x00]{0,60}", 0..25),
    ) {
        let (key, verifier) = &KEYS[which];
        prop_assume!(sub.parse::<Subject>().is_ok());
        let sub = (shape != 0).then_some(sub);
        let sid = (shape != 1).then_some(sid);
        let mut claims = claims(sub.clone(), sid.clone());
        let metadata = SessionMetadata::try_from(entries).expect("within the limits");
        claims.session_metadata = Some(metadata.clone());
        let token = key.sign(TYP, &claims.to_json()).expect("signs");
        let checked = verify(&token, verifier, key.algorithm());
        let checked = checked.ok_or_else(|| TestCaseError::fail("refused"))?;
        prop_assert_eq!(checked.sub().map(Subject::as_str), sub.as_deref());
        prop_assert_eq!(checked.sid().map(SessionId::as_str), sid.as_deref());
        let got = checked.session_metadata().cloned().unwrap_or_default();
        prop_assert_eq!(got, metadata);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,200}") {
        let (key, verifier) = &KEYS[2];
        prop_assert!(verify(&text, verifier, key.algorithm()).is_none());
        let _parsed = parse_form(text.as_bytes());
        let signed = key.sign_raw(br#"{"alg":"HS256"}"#, text.as_bytes()).expect("signs");
        prop_assert!(verify(&signed, verifier, key.algorithm()).is_none());
    }
}

//! What holds for any logout token: what an issuer mints verifies and comes out as it went in, and
//! a token with a single changed byte is refused.
//!
//! The fixed cases are in `rows/`; here `proptest` looks for what nobody thought of.

use std::sync::LazyLock;

use logout_receiver::{
    BackchannelLogout, Invalid, KeySource, LogoutSubject, SigningAlgorithm, Verifier, VerifyError,
};
use logout_shared::jwk::SigningKey;
use logout_shared::jwks::JwkSet;
use logout_shared::logout_token::{Audience, Events, LogoutClaims};
use logout_shared::{ManualClock, SessionMetadata, Timestamp};
use proptest::prelude::*;

const ISSUER: &str = "https://issuer.example/";
const CLIENT: &str = "client-1";
const NOW: i64 = 1_795_000_000;

static KEYS: LazyLock<[SigningKey; 3]> = LazyLock::new(|| {
    [
        SigningAlgorithm::Rs256,
        SigningAlgorithm::Es256,
        SigningAlgorithm::EdDsa,
    ]
    .map(|algorithm| SigningKey::generate(algorithm).expect("a key"))
});

fn verifier(key: &SigningKey) -> Verifier {
    let keys = JwkSet::of_public([key]).to_string();
    BackchannelLogout::builder(ISSUER, CLIENT)
        .signing_algorithm(key.algorithm())
        .keys(KeySource::given(
            JwkSet::parse(keys.as_bytes()).expect("a key set"),
        ))
        .clock(ManualClock::at(Timestamp::from_secs(NOW)))
        .build_verifier()
        .expect("a set-up that works")
}

fn verify(verifier: &Verifier, token: &str) -> Result<logout_receiver::LogoutToken, VerifyError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(verifier.verify(token))
}

/// Metadata within the limits: any characters but NUL.
fn metadata() -> impl Strategy<Value = SessionMetadata> {
    prop::collection::btree_map("[A-Za-z0-9_-]{1,40}", "[^\u{0}]{0,60}", 0..8).prop_map(|map| {
        let mut metadata = SessionMetadata::new();
        for (key, value) in &map {
            metadata.set(key, value).expect("within the limits");
        }
        metadata
    })
}

/// Claims as an issuer mints them, for one session, one user, or both.
fn claims() -> impl Strategy<Value = LogoutClaims> {
    let sub = prop::option::of("[^\\p{C}]{1,60}");
    let subject = (sub, prop::option::of("[ -~]{1,255}"))
        .prop_filter("one of them", |(sub, sid)| sub.is_some() || sid.is_some());
    let times = (-500_i64..50, 30_i64..600, prop::option::of(0_i64..NOW));
    let trace_id = prop::option::of("[0-9a-f]{16}");
    (
        subject,
        times,
        "[ -~]{1,60}",
        trace_id,
        prop::option::of(metadata()),
    )
        .prop_map(
            |((sub, sid), (age, lifetime, toe), jti, trace_id, session_metadata)| LogoutClaims {
                iss: ISSUER.to_owned(),
                sub,
                aud: Audience::One(CLIENT.to_owned()),
                iat: NOW + age,
                exp: (NOW + age + lifetime).max(NOW),
                jti,
                events: Events,
                sid,
                toe,
                trace_id,
                session_metadata: session_metadata.filter(|metadata| !metadata.is_empty()),
            },
        )
}

proptest! {
    #[test]
    fn what_is_minted_verifies_and_comes_out_as_it_went_in(claims in claims(), key in 0..3_usize) {
        prop_assume!(claims.exp - claims.iat <= 600);
        let key = &KEYS[key];
        let token = key.sign("logout+jwt", &claims.to_json()).expect("signs");
        let got = verify(&verifier(key), &token).expect("a good token");
        let (sub, sid) = match got.subject() {
            LogoutSubject::User(sub) => (Some(sub.as_str()), None),
            LogoutSubject::Session(sid) => (None, Some(sid.as_str())),
            LogoutSubject::Both { sub, sid } => (Some(sub.as_str()), Some(sid.as_str())),
        };
        prop_assert_eq!((sub, sid), (claims.sub.as_deref(), claims.sid.as_deref()));
        prop_assert_eq!(got.jti().as_str(), claims.jti.as_str());
        prop_assert_eq!(got.issued_at().as_secs(), claims.iat);
        prop_assert_eq!(got.expires_at().as_secs(), claims.exp);
        let event = claims.toe.unwrap_or(claims.iat).min(claims.iat);
        prop_assert_eq!(got.time_of_event().as_secs(), event);
        prop_assert_eq!(got.session_metadata(), claims.session_metadata.as_ref());
        let trace_id = got.trace_id().map(|trace_id| trace_id.as_str().to_owned());
        prop_assert_eq!(trace_id, claims.trace_id);
    }

    #[test]
    fn a_single_changed_byte_is_refused(
        claims in claims(),
        key in 0..3_usize,
        place in any::<prop::sample::Index>(),
        byte in 0_u8..128,
    ) {
        let key = &KEYS[key];
        let token = key.sign("logout+jwt", &claims.to_json()).expect("signs");
        let place = place.index(token.len());
        prop_assume!(token.as_bytes()[place] != byte);
        let mut changed = token.into_bytes();
        changed[place] = byte;
        let changed = String::from_utf8(changed).expect("ASCII");
        let refused = verify(&verifier(key), &changed);
        let refused = refused.expect_err("changed after signing");
        // Never for its claims: those are looked at only after the signature held.
        prop_assert!(!matches!(refused, VerifyError::Invalid(Invalid::Rule(_))), "{refused}");
        prop_assert!(matches!(refused, VerifyError::Invalid(_)), "{refused}");
    }

    #[test]
    fn no_text_makes_the_verifier_panic_or_accept(text in "\\PC{0,200}") {
        prop_assert!(verify(&verifier(&KEYS[1]), &text).is_err());
    }
}

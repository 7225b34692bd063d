//! Every vector against the whole check: form, key, signature, rules.

mod forge;

use std::collections::BTreeSet;
use std::path::Path;

use forge::{Forge, Outcome, Setting, Vector, VectorFile};
use logout_shared::jwks::JwkSet;
use logout_shared::jws::{JwsError, UnverifiedJws};
use logout_shared::logout_token::request::MAX_TOKEN_BYTES;
use logout_shared::logout_token::{LogoutToken, RuleViolation};
use logout_shared::{ClientId, Issuer, Timestamp};

fn files() -> Vec<VectorFile> {
    forge::all_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"))
}

fn setting() -> Setting {
    Setting {
        issuer: "https://issuer.example/".into(),
        client_id: "shop".into(),
        client_secret: "the client secret ".repeat(4),
        sub: "auth0|7".into(),
        sid: "375UIp_ID5mCTClIeBEHpXfGwq51tF_L".into(),
        now: Timestamp::from_secs(1_795_413_600),
    }
}

enum Refusal {
    Jws(JwsError),
    Rule(RuleViolation),
}

impl Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Jws(error) => error.code(),
            Self::Rule(violation) => violation.code(),
        }
    }
}

/// The whole check of one token, as a receiver does it.
fn verify(forge: &Forge, keys: &JwkSet, vector: &Vector) -> Result<LogoutToken, Refusal> {
    let issuer: Issuer = forge.setting.issuer.parse().expect("valid");
    let client_id: ClientId = forge.setting.client_id.parse().expect("valid");
    let token = forge.token(vector);
    let algorithm = vector.expect.algorithm;
    let jws = UnverifiedJws::parse(&token, MAX_TOKEN_BYTES).map_err(Refusal::Jws)?;
    let shared = forge.shared_key(algorithm);
    let candidates = if algorithm.is_symmetric() {
        vec![&shared]
    } else {
        keys.candidates(algorithm, jws.header().kid.as_deref())
    };
    let verified = jws.verify(algorithm, &candidates).map_err(Refusal::Jws)?;
    let expected = vector
        .expect
        .expected(&issuer, &client_id, forge.setting.now);
    verified.check(&expected).map_err(Refusal::Rule)
}

/// What is wrong with the outcome, if anything.
fn complaint(vector: &Vector, outcome: &Result<LogoutToken, Refusal>) -> Option<String> {
    let got = match (vector.result, outcome) {
        (Outcome::Accepted, Ok(token)) => {
            let dropped = token.metadata_problem().is_some() && token.session_metadata().is_none();
            if dropped == vector.metadata_dropped {
                return None;
            }
            format!("metadata dropped: {dropped}")
        }
        (Outcome::Refused, Err(refusal)) if vector.code.as_deref() == Some(refusal.code()) => {
            return None;
        }
        (_, Ok(_)) => "accepted".to_owned(),
        (_, Err(refusal)) => format!("refused as {}", refusal.code()),
    };
    let wanted = vector.code.as_deref().unwrap_or("accepted");
    Some(format!(
        "{} {}: {got}, wanted {wanted}",
        vector.row, vector.name
    ))
}

#[test]
fn every_vector_has_its_outcome() {
    let forge = Forge::new(setting());
    let keys = JwkSet::parse(forge.public_keys().to_string().as_bytes()).expect("a key set");
    let complaints: Vec<String> = files()
        .iter()
        .flat_map(|file| &file.vectors)
        .filter_map(|vector| complaint(vector, &verify(&forge, &keys, vector)))
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_row_that_needs_no_network_has_a_vector() {
    let files = files();
    let there: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| &file.vectors)
        .map(|vector| vector.row.as_str())
        .collect();
    // Elsewhere: B6 and B11 are refused configurations and B16 is a refused key (unit tests), B41
    // to B45 are encrypted (tests/jwe.rs), D25 to D30 need the receiver's memory.
    let b = (1..=40)
        .filter(|row| ![6, 11, 16].contains(row))
        .map(|row| format!("B{row}"));
    let d = (1..=62)
        .filter(|row| !(25..=30).contains(row))
        .map(|row| format!("D{row}"));
    let e = [1, 2, 3, 4, 5, 9].map(|row| format!("E{row}"));
    for row in b.chain(d).chain(e) {
        assert!(there.contains(row.as_str()), "no vector for {row}");
    }
}

#[test]
fn vectors_are_complete_and_told_apart() {
    let mut names = BTreeSet::new();
    for file in files() {
        assert!(!file.step.is_empty());
        for vector in file.vectors {
            let refused = vector.result == Outcome::Refused;
            assert_eq!(
                refused,
                vector.code.is_some(),
                "{} {}",
                vector.row,
                vector.name
            );
            let name = format!("{} {}", vector.row, vector.name);
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
    }
}

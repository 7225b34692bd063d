//! The rows that are data, B, D and some of C and E, against the verifier and through a socket.
//!
//! The files and their interpreter are `shared`'s; here they meet the whole receiver.

#[expect(dead_code, unused_imports, reason = "other test crates use more of it")]
#[path = "../../../shared/tests/forge/mod.rs"]
mod forge;

use std::collections::BTreeMap;
use std::path::Path;

use logout_receiver::{BackchannelLogout, Builder, KeySource, TokenRules};
use logout_shared::jwks::JwkSet;
use logout_shared::logout_token::request::{MAX_BODY_BYTES, encode_form};
use logout_shared::{ClientId, Issuer, ManualClock, Secret};

use self::forge::{Forge, Outcome, Setting, Vector};
use crate::support::{CLIENT, ISSUER, RelyingParty, exchange, form_request, start};

fn setting() -> Setting {
    Setting {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: "the client's secret ".repeat(4),
        sub: "auth0|7".to_owned(),
        sid: "sid-of-the-vectors".to_owned(),
        now: start(),
    }
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tests/vectors");
    forge::all_files(&folder)
        .into_iter()
        .flat_map(|file| file.vectors)
        .collect()
}

/// A receiver that expects what the vector says.
fn builder(forge: &Forge, vector: &Vector) -> Builder {
    let issuer: Issuer = ISSUER.parse().expect("an issuer");
    let client_id = ClientId::try_from(CLIENT).expect("a client id");
    let expected = vector.expect.expected(&issuer, &client_id, start());
    let mut rules = TokenRules::default();
    rules.algorithm = vector.expect.algorithm;
    rules.types = expected.types;
    rules.leeway = expected.leeway;
    rules.max_lifetime = expected.max_lifetime;
    rules.max_age = expected.max_age;
    rules.exp_required = expected.exp_required;
    rules.sid_required = expected.sid_required;
    rules.metadata_strict = expected.metadata_strict;
    rules.trusted_audiences = expected.trusted_audiences.to_vec();
    let builder = BackchannelLogout::builder(ISSUER, CLIENT)
        .rules(rules)
        .in_memory()
        .clock(ManualClock::at(start()));
    if vector.expect.algorithm.is_symmetric() {
        return builder.client_secret(Secret::new(forge.setting.client_secret.clone()));
    }
    let keys = JwkSet::parse(forge.public_keys().to_string().as_bytes()).expect("a key set");
    builder.keys(KeySource::given(keys))
}

fn wanted(vector: &Vector) -> &str {
    match vector.result {
        Outcome::Accepted => "accepted",
        Outcome::Refused => vector.code.as_deref().expect("a refusal has a code"),
    }
}

#[tokio::test]
async fn every_vector_has_its_outcome_at_the_verifier() {
    let forge = Forge::new(setting());
    let mut complaints = Vec::new();
    for vector in vectors() {
        let verifier = builder(&forge, &vector)
            .build_verifier()
            .expect("a set-up that works");
        let got = match verifier.verify(&forge.token(&vector)).await {
            Ok(token) => {
                let dropped = token.metadata_problem().is_some();
                assert_eq!(
                    dropped, vector.metadata_dropped,
                    "{} {}",
                    vector.row, vector.name
                );
                "accepted"
            }
            Err(error) => error.code(),
        };
        if got != wanted(&vector) {
            complaints.push(format!(
                "{} {}: {got}, not {}",
                vector.row,
                vector.name,
                wanted(&vector)
            ));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test]
async fn every_vector_has_its_outcome_through_http() {
    let forge = Forge::new(setting());
    let mut relying_parties = BTreeMap::new();
    let mut complaints = Vec::new();
    let mut played = 0;
    for vector in vectors() {
        let body = encode_form(&forge.token(&vector));
        // Row A10: such a body is refused before anything looks at the token.
        if body.len() > MAX_BODY_BYTES {
            continue;
        }
        let expectations = format!("{:?}", vector.expect);
        if !relying_parties.contains_key(&expectations) {
            let relying_party = RelyingParty::with(builder(&forge, &vector)).await;
            relying_parties.insert(expectations.clone(), relying_party);
        }
        let address = relying_parties[&expectations].address;
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let answer = exchange(address, &form_request("/backchannel-logout", form, &body)).await;
        let got = match answer.status {
            200 => "accepted".to_owned(),
            400 => answer.json()["error_description"]
                .as_str()
                .expect("a reason")
                .to_owned(),
            other => format!("status {other}"),
        };
        // An empty string is no field as far as the form goes.
        let same =
            got == wanted(&vector) || (got == "empty_token" && wanted(&vector) == "not_compact");
        if !same {
            complaints.push(format!(
                "{} {}: {got}, not {}",
                vector.row,
                vector.name,
                wanted(&vector)
            ));
        }
        played += 1;
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(played > 300, "only {played} vectors were small enough");
}

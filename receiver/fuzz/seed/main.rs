//! Writes the first corpus of each fuzz target, from the vectors of `shared/tests/vectors`.
//!
//! `cargo run --release --example fuzz_corpus` fills `receiver/fuzz/corpus/`, which is not kept in the
//! repository: it follows from the vectors.

#[path = "../../../shared/tests/forge/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the forge serves other tests too")]
mod forge;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use forge::{Forge, Setting};
use logout_shared::Timestamp;
use logout_shared::logout_token::request::encode_form;
use serde_json::{Value, json};

/// A seed longer than this only slows the fuzzer down.
const MAX_SEED_BYTES: usize = 16 * 1024;

fn main() -> std::io::Result<()> {
    let receiver = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = Corpus(receiver.join("fuzz/corpus"));
    // What the target `token` expects.
    let forge = Forge::new(Setting {
        issuer: "https://issuer.example/".into(),
        client_id: "shop".into(),
        client_secret: "the client secret ".repeat(4),
        sub: "auth0|7".into(),
        sid: "375UIp_ID5mCTClIeBEHpXfGwq51tF_L".into(),
        now: Timestamp::from_secs(1_795_413_600),
    });
    let files = forge::all_files(&receiver.join("../shared/tests/vectors"));
    let vectors = files.iter().flat_map(|file| &file.vectors);
    for (number, vector) in vectors.enumerate() {
        let token = forge.token(vector);
        let name = format!("{}-{number}", vector.row);
        corpus.add("token", &name, token.as_bytes())?;
        corpus.add("form", &name, encode_form(&token).as_bytes())?;
        if let Some(payload) = token.split('.').nth(1)
            && let Ok(payload) = URL_SAFE_NO_PAD.decode(payload)
        {
            let signed = [
                br#"{"alg":"HS256","typ":"logout+jwt"}"#,
                b"\n".as_slice(),
                &payload,
            ];
            corpus.add("token", &format!("{name}-signed"), &signed.concat())?;
        }
    }
    corpus.add(
        "form",
        "two-fields",
        b"ignored_parameter=1&logout_token=a.b.c",
    )?;
    corpus.add("form", "twice", b"logout_token=a.b.c&logout_token=a.b.c")?;
    corpus.add("form", "escaped", b"%6cogout_token=a%2Eb%2Ec")?;
    corpus.add("form", "broken-escape", b"logout_token=a%2")?;
    for (name, set) in key_sets(&forge.public_keys()) {
        corpus.add("key_set", &name, set.to_string().as_bytes())?;
    }
    for (name, document) in documents() {
        corpus.add("discovery", name, document.to_string().as_bytes())?;
    }
    Ok(())
}

/// The whole set, and each key alone, once as it is and once without each of its members.
fn key_sets(whole: &Value) -> Vec<(String, Value)> {
    let mut sets = vec![
        ("whole".to_owned(), whole.clone()),
        ("empty".into(), json!({"keys": []})),
    ];
    for (number, key) in whole["keys"].as_array().into_iter().flatten().enumerate() {
        sets.push((format!("{number}"), json!({ "keys": [key] })));
        for member in key.as_object().into_iter().flat_map(|key| key.keys()) {
            let mut key = key.clone();
            key.as_object_mut()
                .expect("a key is an object")
                .remove(member);
            sets.push((
                format!("{number}-without-{member}"),
                json!({ "keys": [key] }),
            ));
        }
    }
    sets
}

fn documents() -> [(&'static str, Value); 3] {
    let small = json!({
        "issuer": "https://issuer.example/",
        "jwks_uri": "https://issuer.example/.well-known/jwks.json",
    });
    let mut large = small.clone();
    large["backchannel_logout_supported"] = true.into();
    large["backchannel_logout_session_supported"] = true.into();
    large["end_session_endpoint"] = "https://issuer.example/oidc/logout".into();
    large["id_token_signing_alg_values_supported"] = json!(["RS256", "ES256", "unknown"]);
    let mut other = small.clone();
    other["issuer"] = "https://issuer.example".into();
    [
        ("small", small),
        ("large", large),
        ("another-issuer", other),
    ]
}

struct Corpus(PathBuf);

impl Corpus {
    fn add(&self, target: &str, name: &str, seed: &[u8]) -> std::io::Result<()> {
        if seed.len() > MAX_SEED_BYTES {
            return Ok(());
        }
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name.replace('/', "-")), seed)
    }
}

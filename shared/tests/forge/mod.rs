//! Makes the good and broken logout tokens that the vectors describe.
//!
//! A [`Forge`] stands in for an issuer: it has a key for every algorithm, and it can misuse them.
//! It needs nothing but the public API of the crate and the [`Setting`] it speaks for, so any test
//! of a receiver can use it. A vector that it does not understand is an error, never skipped.
//! Neighbours: `vector.rs` is the form of the files, `operations.rs` damages finished tokens,
//! `public_forms.rs` writes public keys as an attacker would feed them to HMAC.
#![expect(unreachable_pub, reason = "what other test crates use is public")]

mod operations;
mod public_forms;
mod vector;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_shared::jwa::SigningAlgorithm;
use logout_shared::jwk::{SigningKey, VerificationKey};
use logout_shared::jwks::JwkSet;
use logout_shared::logout_token::EVENT_URI;
use logout_shared::{Secret, Timestamp};
use serde_json::{Map, Value, json};

pub use vector::{Outcome, Sign, Vector, VectorFile, all_files};

/// Whom the forged tokens come from and go to.
#[derive(Debug, Clone)]
pub struct Setting {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    pub sub: String,
    pub sid: String,
    pub now: Timestamp,
}

/// An issuer that also makes broken tokens.
pub struct Forge {
    pub setting: Setting,
    keys: BTreeMap<SigningAlgorithm, SigningKey>,
    /// Keys of somebody else.
    others: BTreeMap<SigningAlgorithm, SigningKey>,
}

impl Forge {
    /// Makes keys for every algorithm.
    pub fn new(setting: Setting) -> Self {
        let keys = make_keys(&setting.client_secret);
        let others = make_keys(&"another secret ".repeat(5));
        Self {
            setting,
            keys,
            others,
        }
    }

    /// The key set that the issuer publishes.
    pub fn public_keys(&self) -> Value {
        JwkSet::of_public(self.keys.values())
    }

    /// The key of an `HS…` algorithm, which is not published.
    pub fn shared_key(&self, algorithm: SigningAlgorithm) -> VerificationKey {
        self.keys[&algorithm].verification_key()
    }

    /// The token that a vector describes.
    pub fn token(&self, vector: &Vector) -> String {
        let header = part(&self.header(vector), vector.header_base64.as_deref());
        let mut payload = self.payload(vector);
        if vector.sign == Sign::SpareBits || vector.damages("payload") {
            pad_for_spare_bits(&mut payload);
        }
        let mut payload = part(&payload, vector.payload_base64.as_deref());
        if vector.sign == Sign::SpareBits {
            operations::set_spare_bits(&mut payload);
        }
        let message = format!("{header}.{payload}");
        let signature = self
            .signer(vector)
            .signature(message.as_bytes())
            .expect("signs");
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
        vector
            .token
            .iter()
            .fold(token, |token, operation| operation.apply(&token))
    }

    fn header(&self, vector: &Vector) -> String {
        if let Some(raw) = &vector.header_raw {
            return self.text(raw);
        }
        let mut header = Map::new();
        let own = &self.keys[&vector.algorithm];
        header.insert("alg".into(), vector.algorithm.as_str().into());
        header.insert("typ".into(), "logout+jwt".into());
        header.insert("kid".into(), own.kid().into());
        if own.kid().is_empty() {
            header.remove("kid");
        }
        match vector.sign {
            Sign::EmbeddedJwk => {
                header.remove("kid");
                header.insert("jwk".into(), self.others[&vector.algorithm].public_jwk());
            }
            Sign::Hs256PublicPem
            | Sign::Hs256PublicDer
            | Sign::Hs256PublicJwk
            | Sign::Hs256PublicModulus => {
                header.insert("alg".into(), "HS256".into());
            }
            Sign::Own | Sign::OtherKey | Sign::SpareBits => {}
        }
        let mut header = self.changed(header, &vector.header_remove, &vector.header);
        self.append(&mut header, vector.header_append.as_ref());
        if vector.damages("header") {
            pad_for_spare_bits(&mut header);
        }
        header
    }

    fn payload(&self, vector: &Vector) -> String {
        if let Some(raw) = &vector.payload_raw {
            return self.text(raw);
        }
        let now = self.setting.now.as_secs();
        let claims = json!({
            "iss": self.setting.issuer,
            "sub": self.setting.sub,
            "aud": self.setting.client_id,
            "iat": now,
            "exp": now + 120,
            "jti": format!("{} {}", vector.row, vector.name),
            "events": { EVENT_URI: {} },
            "sid": self.setting.sid,
            "trace_id": "0123456789abcdef",
        });
        let Value::Object(claims) = claims else {
            unreachable!("written as an object")
        };
        let mut payload = self.changed(claims, &vector.claims_remove, &vector.claims);
        self.append(&mut payload, vector.payload_append.as_ref());
        payload.push_str(vector.payload_suffix.as_deref().unwrap_or_default());
        payload
    }

    /// The object as JSON text, after removing and setting members.
    fn changed(
        &self,
        mut object: Map<String, Value>,
        gone: &[String],
        set: &Map<String, Value>,
    ) -> String {
        for name in gone {
            object.remove(name);
        }
        for (name, value) in set {
            object.insert(name.clone(), self.resolved(value));
        }
        Value::Object(object).to_string()
    }

    /// Puts the text of a further member behind the last one.
    fn append(&self, object: &mut String, member: Option<&Value>) {
        if let Some(member) = member {
            object.pop();
            object.push(',');
            object.push_str(&self.text(member));
            object.push('}');
        }
    }

    fn signer(&self, vector: &Vector) -> SigningKey {
        let hs256 = |secret: Vec<u8>| {
            SigningKey::hmac(SigningAlgorithm::Hs256, &Secret::new(secret)).expect("long enough")
        };
        let public = || self.keys[&SigningAlgorithm::Rs256].public_jwk();
        match vector.sign {
            Sign::Own | Sign::SpareBits => self.keys[&vector.algorithm].clone(),
            Sign::OtherKey | Sign::EmbeddedJwk => self.others[&vector.algorithm].clone(),
            Sign::Hs256PublicPem => hs256(public_forms::pem(&public()).into_bytes()),
            Sign::Hs256PublicDer => hs256(public_forms::der(&public())),
            Sign::Hs256PublicJwk => hs256(public().to_string().into_bytes()),
            Sign::Hs256PublicModulus => hs256(public_forms::modulus(&public())),
        }
    }

    /// A value of a vector that must be a text.
    fn text(&self, value: &Value) -> String {
        match self.resolved(value) {
            Value::String(text) => text,
            other => panic!("{other} should be a text"),
        }
    }

    /// A value of a vector with its `$` forms replaced.
    fn resolved(&self, value: &Value) -> Value {
        match value {
            Value::Array(list) => list.iter().map(|value| self.resolved(value)).collect(),
            Value::Object(object) => match object.iter().next() {
                Some((name, argument)) if name.starts_with('$') => self.special(name, argument),
                _ => {
                    let members = object
                        .iter()
                        .map(|(name, value)| (name.clone(), self.resolved(value)));
                    Value::Object(members.collect())
                }
            },
            plain => plain.clone(),
        }
    }

    fn special(&self, name: &str, argument: &Value) -> Value {
        let pair = || {
            let text = argument[0].as_str().expect("a text first");
            let count = argument[1].as_u64().expect("a count second");
            (text, usize::try_from(count).expect("a small count"))
        };
        match name {
            "$now" => self.time(argument),
            "$repeat" => {
                let (text, count) = pair();
                text.repeat(count).into()
            }
            "$nested" => {
                let (opening, count) = pair();
                let (inner, closing) = if opening == "[" {
                    ("", "]")
                } else {
                    ("1", "}")
                };
                format!("{}{inner}{}", opening.repeat(count), closing.repeat(count)).into()
            }
            "$concat" => {
                let parts = argument.as_array().expect("a list");
                parts
                    .iter()
                    .map(|part| self.text(part))
                    .collect::<String>()
                    .into()
            }
            "$issuer" => variant(&self.setting.issuer, argument).into(),
            "$client" => variant(&self.setting.client_id, argument).into(),
            "$kid" => {
                let algorithm = argument.as_str().and_then(|name| name.parse().ok());
                self.keys[&algorithm.expect("an algorithm")].kid().into()
            }
            other => panic!("the vectors have an unknown form {other}"),
        }
    }

    /// Seconds from now, with a fraction only where the vector has one.
    fn time(&self, offset: &Value) -> Value {
        let now = self.setting.now.as_secs();
        if let Some(offset) = offset.as_i64() {
            return (now + offset).into();
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "vectors are within hours of now"
        )]
        let offset = (offset.as_f64().expect("a number") * 1000.0) as i64;
        let millis = now * 1000 + offset;
        let text = format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000));
        text.parse::<f64>().expect("written as a number").into()
    }
}

/// One RSA key serves all RSA algorithms, since making one takes long.
fn make_keys(secret: &str) -> BTreeMap<SigningAlgorithm, SigningKey> {
    let rsa = SigningKey::generate(SigningAlgorithm::Rs256)
        .expect("makes a key")
        .to_pkcs8_pem();
    let make = |algorithm: SigningAlgorithm| {
        let key = match algorithm.as_str().split_at(2).0 {
            "RS" | "PS" => SigningKey::from_pkcs8_pem(algorithm, rsa.expose()),
            "HS" => SigningKey::hmac(algorithm, &Secret::new(secret.to_owned())),
            _ => SigningKey::generate(algorithm),
        };
        (algorithm, key.expect("a key"))
    };
    SigningAlgorithm::ALL.into_iter().map(make).collect()
}

fn part(text: &str, instead: Option<&str>) -> String {
    instead.map_or_else(|| URL_SAFE_NO_PAD.encode(text), str::to_owned)
}

/// Adds blanks until the last character of the base64url form has bits to spare.
fn pad_for_spare_bits(json: &mut String) {
    while json.len().is_multiple_of(3) {
        json.push(' ');
    }
}

/// An identifier, whole or nearly so.
fn variant(text: &str, which: &Value) -> String {
    match which.as_str() {
        None => text.to_owned(),
        Some("trimmed") => text.strip_suffix('/').expect("ends in a slash").to_owned(),
        Some("prefix") => text[..text.len() - 1].to_owned(),
        Some("upper") => text.to_uppercase(),
        Some("port") => {
            let (scheme, rest) = text.split_once("://").expect("a URL");
            let (host, path) = rest.split_once('/').expect("a path");
            format!("{scheme}://{host}:443/{path}")
        }
        // A Cyrillic letter that looks the same.
        Some("lookalike") => text.replacen('e', "\u{435}", 1),
        Some(other) => panic!("the vectors have an unknown variant {other}"),
    }
}

//! The form of the vector files, as `vectors/README.md` describes it.
//!
//! Unknown members are errors, so that a misspelt instruction cannot make a vector test nothing.
//! Neighbours: `mod.rs` makes the tokens, `operations.rs` has the operations on them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use logout_shared::jwa::SigningAlgorithm;
use logout_shared::logout_token::{Expected, TypePolicy};
use logout_shared::{ClientId, Issuer, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::operations::Operation;

/// One file: the vectors of one step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorFile {
    pub step: String,
    pub vectors: Vec<Vector>,
}

/// One token and what must become of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    pub row: String,
    pub name: String,
    #[serde(default = "rs256")]
    pub algorithm: SigningAlgorithm,
    #[serde(default)]
    pub expect: Expect,
    #[serde(default)]
    pub header: Map<String, Value>,
    #[serde(default)]
    pub header_remove: Vec<String>,
    pub header_append: Option<Value>,
    pub header_raw: Option<Value>,
    pub header_base64: Option<String>,
    #[serde(default)]
    pub claims: Map<String, Value>,
    #[serde(default)]
    pub claims_remove: Vec<String>,
    pub payload_append: Option<Value>,
    pub payload_raw: Option<Value>,
    pub payload_base64: Option<String>,
    pub payload_suffix: Option<String>,
    #[serde(default)]
    pub sign: Sign,
    #[serde(default)]
    pub token: Vec<Operation>,
    pub result: Outcome,
    pub code: Option<String>,
    #[serde(default)]
    pub metadata_dropped: bool,
}

/// What must become of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Accepted,
    Refused,
}

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    #[default]
    Own,
    OtherKey,
    EmbeddedJwk,
    #[serde(rename = "hs256_public_pem")]
    Hs256PublicPem,
    #[serde(rename = "hs256_public_der")]
    Hs256PublicDer,
    #[serde(rename = "hs256_public_jwk")]
    Hs256PublicJwk,
    #[serde(rename = "hs256_public_modulus")]
    Hs256PublicModulus,
    SpareBits,
}

/// Where the receiver's expectations differ from the defaults.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    pub algorithm: SigningAlgorithm,
    types: Types,
    trusted_audiences: Vec<ClientId>,
    exp_required: bool,
    sid_required: bool,
    metadata_strict: bool,
    max_age_secs: Option<u64>,
    max_lifetime_secs: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Types {
    Tolerant,
    Strict,
    WithSecurityEvents,
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            algorithm: rs256(),
            types: Types::Tolerant,
            trusted_audiences: Vec::new(),
            exp_required: true,
            sid_required: false,
            metadata_strict: false,
            max_age_secs: None,
            max_lifetime_secs: None,
        }
    }
}

impl Expect {
    /// The expectations as the rules take them.
    pub fn expected<'a>(
        &'a self,
        issuer: &'a Issuer,
        client_id: &'a ClientId,
        now: Timestamp,
    ) -> Expected<'a> {
        let mut expected = Expected::new(issuer, client_id, now);
        expected.types = match self.types {
            Types::Tolerant => TypePolicy::Tolerant,
            Types::Strict => TypePolicy::Strict,
            Types::WithSecurityEvents => TypePolicy::WithSecurityEvents,
        };
        expected.trusted_audiences = &self.trusted_audiences;
        expected.exp_required = self.exp_required;
        expected.sid_required = self.sid_required;
        expected.metadata_strict = self.metadata_strict;
        if let Some(secs) = self.max_age_secs {
            expected.max_age = Duration::from_secs(secs);
        }
        if let Some(secs) = self.max_lifetime_secs {
            expected.max_lifetime = Duration::from_secs(secs);
        }
        expected
    }
}

impl Vector {
    /// Whether left-over bits are set in a part of the finished token.
    pub(super) fn damages(&self, part: &str) -> bool {
        self.token
            .iter()
            .any(|operation| operation.sets_spare_bits_of(part))
    }
}

fn rs256() -> SigningAlgorithm {
    SigningAlgorithm::Rs256
}

/// Reads all vector files of a folder, by name.
pub fn all_files(folder: &Path) -> Vec<VectorFile> {
    let entries = fs::read_dir(folder).expect("the folder of the vectors");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).expect("a readable file");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().map(read).collect()
}

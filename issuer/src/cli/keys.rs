//! `keys`: shows the signing keys, never their private halves.

use clap::Subcommand;
use serde_json::{Value, json};

use super::output;
use crate::domain::signing_key::SigningKeyRecord;
use crate::issuer::Issuer;

/// What to do with signing keys.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the keys: which sign, which are only published.
    List {
        /// Prints a JSON array.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        let Self::List { json } = self;
        let records = issuer.store().read().await?.signing_keys().await?;
        if json {
            output::json(&Value::Array(records.iter().map(object).collect()))?;
        } else {
            let rows: Vec<_> = records.iter().map(row).collect();
            output::table(["KEY", "ALGORITHM", "STATE", "MADE"], &rows)?;
        }
        Ok(())
    }
}

fn row(key: &SigningKeyRecord) -> [String; 4] {
    [
        key.kid.clone(),
        key.algorithm.to_string(),
        key.state.as_str().to_owned(),
        key.created_at.to_rfc3339(),
    ]
}

fn object(key: &SigningKeyRecord) -> Value {
    json!({
        "kid": key.kid,
        "alg": key.algorithm,
        "state": key.state.as_str(),
        "created_at": key.created_at,
        "activated_at": key.activated_at,
        "retired_at": key.retired_at,
        "public_jwk": key.public_jwk,
    })
}

//! `keys`: shows and replaces the signing keys, and moves what is sealed to another master key.
//!
//! Private halves are never shown. A running server takes changes over within a second.

use clap::Subcommand;
use logout_shared::{SigningAlgorithm, Timestamp};
use serde_json::{Value, json};

use super::{WrongUsage, output};
use crate::domain::signing_key::SigningKeyRecord;
use crate::issuer::Issuer;
use crate::keyring::KeyRingError;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the keys: which sign, which are only published, until when.
    List {
        /// Prints a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Replaces signing keys: the new ones are published for a day before they sign.
    #[command(after_help = ROTATE_HELP)]
    Rotate {
        /// The keys have leaked: new ones sign at once, and the old are believed no more.
        #[arg(long)]
        emergency: bool,
        /// Of this algorithm only.
        #[arg(long, value_name = "ALG")]
        algorithm: Option<SigningAlgorithm>,
    },
    /// Seals under the master key what is still sealed under the previous one.
    #[command(after_help = RESEAL_HELP)]
    Reseal,
}

const ROTATE_HELP: &str = "\
Without --emergency nothing breaks: apps learn of the new key before it signs, and the old one is
published until the last token that it signed has expired. A server must be running to publish it.

With --emergency the old private keys are destroyed and leave the key set at once. Tokens that they
signed are refused here: programs need new access tokens. Apps that keep the key set believe the
old keys until they read it again, an hour at most; restart those that must not wait.";

const RESEAL_HELP: &str = "\
To change the master key: make a new one, name it in keys.master_key_file and the old one in
keys.previous_master_key_file, restart all servers, run this, and take the old one out again. It can
be stopped and run again. Backups from before still need the old key.";

impl Command {
    pub(super) async fn run(self, issuer: &Issuer) -> anyhow::Result<()> {
        match self {
            Self::List { json } => list(issuer, json).await,
            Self::Rotate {
                emergency: false,
                algorithm,
            } => rotate(issuer, algorithm).await,
            Self::Rotate { algorithm, .. } => replace_at_once(issuer, algorithm).await,
            Self::Reseal => reseal(issuer).await,
        }
    }
}

async fn list(issuer: &Issuer, json: bool) -> anyhow::Result<()> {
    let records = issuer.store().read().await?.signing_keys().await?;
    if json {
        output::json(&Value::Array(records.iter().map(object).collect()))?;
    } else {
        let now = issuer.now();
        let rows: Vec<_> = records.iter().map(|key| row(key, now)).collect();
        let heading = [
            "KEY",
            "ALGORITHM",
            "STATE",
            "MADE",
            "SIGNS FROM",
            "RETIRED",
            "PUBLISHED",
        ];
        output::table(heading, &rows)?;
    }
    Ok(())
}

async fn rotate(issuer: &Issuer, algorithm: Option<SigningAlgorithm>) -> anyhow::Result<()> {
    // A key whose day has come is let sign before another is announced.
    let done = issuer.turn_keys().await?;
    for kid in done.activate {
        output::line(&format!("{kid} signs from now on"))?;
    }
    let announced = issuer
        .keys()
        .announce(&**issuer.store(), algorithm, issuer.now());
    for key in announced.await.map_err(|error| refused(error, issuer))? {
        let from = key
            .signs_from()
            .map(Timestamp::to_rfc3339)
            .unwrap_or_default();
        output::line(&format!(
            "{}: {} is published, and signs from {from}",
            key.algorithm, key.kid
        ))?;
    }
    Ok(())
}

async fn replace_at_once(
    issuer: &Issuer,
    algorithm: Option<SigningAlgorithm>,
) -> anyhow::Result<()> {
    let new = issuer
        .keys()
        .replace_at_once(&**issuer.store(), algorithm, issuer.now());
    for key in new.await.map_err(|error| refused(error, issuer))? {
        output::line(&format!("{}: {} signs from now on", key.algorithm, key.kid))?;
    }
    output::line(
        "The private keys before are destroyed, and have left the key set. What they signed is \
         refused here:\nprograms need new access tokens. Apps that keep the key set believe the \
         old keys for up to an hour;\nrestart those that must not wait. If the store and the master \
         key leaked together, replace the master\nkey first (`keys reseal --help`), and all client \
         secrets.",
    )?;
    Ok(())
}

fn refused(error: KeyRingError, issuer: &Issuer) -> anyhow::Error {
    match error {
        KeyRingError::NoCurrentKey(algorithm) => {
            let ours = output::list(issuer.keys().algorithms());
            WrongUsage::because(format!(
                "{algorithm} is not in keys.signing_algorithms: {ours}"
            ))
        }
        error => error.into(),
    }
}

async fn reseal(issuer: &Issuer) -> anyhow::Result<()> {
    let done = issuer.keys().reseal(&**issuer.store()).await?;
    output::line(&format!(
        "{} signing keys, {} client secrets and {} secrets of Actions moved; all are sealed under master key {}",
        done.signing_keys,
        done.client_secrets,
        done.action_secrets,
        issuer.keys().sealing_key()
    ))?;
    Ok(())
}

fn row(key: &SigningKeyRecord, now: Timestamp) -> [String; 7] {
    let time = |time: Option<Timestamp>| time.map_or("-".to_owned(), Timestamp::to_rfc3339);
    let state = key.state.as_str();
    let published = match key.published_until() {
        None => "yes".to_owned(),
        Some(until) if now < until => format!("until {}", until.to_rfc3339()),
        Some(_) => "no".to_owned(),
    };
    [
        key.kid.clone(),
        key.algorithm.to_string(),
        if key.distrusted { "distrusted" } else { state }.to_owned(),
        key.created_at.to_rfc3339(),
        time(key.signs_from()),
        time(key.retired_at),
        published,
    ]
}

fn object(key: &SigningKeyRecord) -> Value {
    json!({
        "kid": key.kid,
        "alg": key.algorithm,
        "state": key.state.as_str(),
        "distrusted": key.distrusted,
        "created_at": key.created_at,
        "signs_from": key.signs_from(),
        "activated_at": key.activated_at,
        "retired_at": key.retired_at,
        "published_until": key.published_until(),
        "public_jwk": key.public_jwk,
    })
}

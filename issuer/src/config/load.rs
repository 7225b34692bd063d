//! Reads the file and the environment into one configuration.
//!
//! The environment wins over the file, the file over the defaults. Unknown keys are refused in
//! both: a setting that was misspelt must not be a setting that is silently off.

use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format as _, Toml};
use figment::value::Value;
use figment::{Figment, Source};

use super::{Config, ConfigError};

/// What environment variables begin with; two underscores part section and key.
const PREFIX: &str = "LOGOUT_ISSUER__";

impl Config {
    /// Reads the configuration from a file, if there is one, and the environment.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the key that is wrong and where it is written.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((
                name.strip_prefix(PREFIX)?.to_owned(),
                value.into_string().ok()?,
            ))
        });
        Self::read(file, variables)
    }

    /// Reads the file and variables whose names have lost their prefix.
    fn read(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        let mut base = PathBuf::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
            // Syntax is checked apart, so that the message keeps its line and column.
            if let Err(error) = Toml::from_str::<serde_json::Value>(&text) {
                let message = error.to_string();
                return Err(ConfigError::Syntax {
                    path: path.to_owned(),
                    message,
                });
            }
            figment = figment.merge(Toml::file_exact(path));
            base = path.parent().map(Path::to_owned).unwrap_or_default();
        }
        for (name, value) in variables {
            let key = name.to_lowercase().replace("__", ".");
            let value: Value = value.parse().expect("any text is a value");
            figment = figment.merge((key, value));
        }
        let mut config: Self = figment.extract().map_err(|error| tell(&error, &figment))?;
        config.base = base;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.issuer.is_none() && !self.http.listen.ip().is_loopback() {
            let problem = format!(
                "it must be set, because http.listen ({}) can be reached from other machines",
                self.http.listen
            );
            return Err(ConfigError::setting("issuer", problem));
        }
        self.http.check()?;
        self.check_tls()?;
        self.storage.check()?;
        self.keys.check()?;
        self.session.check()?;
        self.tokens.check()?;
        self.delivery.check()?;
        self.retention.check()?;
        self.actions.check()?;
        self.metrics.check(&self.http)?;
        self.log.env_filter()?;
        Ok(())
    }
}

/// Turns the library's error into one that names the key and the place, but no secret.
fn tell(error: &figment::Error, figment: &Figment) -> ConfigError {
    let mut path = error.path.clone();
    if let Kind::UnknownField(field, known) = &error.kind {
        // The library names the key in the path for some kinds of value and not for others.
        if path.last() != Some(field) {
            path.push(field.clone());
        }
        let key = path.join(".");
        let place = place(&key, figment, error);
        let known = known.join(", ");
        return ConfigError::UnknownKey { key, place, known };
    }
    let key = path.join(".");
    let place = place(&key, figment, error);
    let problem = match &error.kind {
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            if is_secret(&key) {
                format!("expected {expected}")
            } else {
                format!("found {actual}, expected {expected}")
            }
        }
        Kind::MissingField(field) => format!("\"{field}\" is missing"),
        Kind::UnknownVariant(variant, known) => {
            format!(
                "unknown value \"{variant}\"; known are {}",
                known.join(", ")
            )
        }
        Kind::Message(message) => message.clone(),
        other => other.to_string(),
    };
    ConfigError::Value {
        key,
        place,
        problem,
    }
}

fn place(key: &str, figment: &Figment, error: &figment::Error) -> String {
    let metadata = figment.find_metadata(key).or(error.metadata.as_ref());
    match metadata.and_then(|metadata| metadata.source.as_ref()) {
        Some(Source::File(path)) => path.display().to_string(),
        _ => format!(
            "environment variable {PREFIX}{}",
            key.to_uppercase().replace('.', "__")
        ),
    }
}

fn is_secret(key: &str) -> bool {
    ["secret", "password", "master_key"]
        .iter()
        .any(|word| key.contains(word))
}

/// What comes of this text and no environment.
#[cfg(test)]
pub(super) fn load_text(toml: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.toml");
    std::fs::write(&path, toml).unwrap();
    let config = Config::read(Some(&path), std::iter::empty());
    Config {
        base: PathBuf::new(),
        ..config.unwrap()
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

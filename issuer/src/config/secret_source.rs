//! A secret in the configuration: written there, in an environment variable, or in a file.

use std::fmt;
use std::path::PathBuf;

use logout_shared::Secret;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use super::{Config, ConfigError};

/// Where a secret is to be found.
#[derive(Clone)]
pub enum SecretSource {
    /// Here.
    Inline(Secret<String>),
    /// In the environment variable of this name.
    Env(String),
    /// In this file; a line break at its end does not belong to it.
    File(PathBuf),
}

impl SecretSource {
    /// Reads the secret; `key` is the setting's name for messages.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the variable or the file cannot be read, or holds nothing.
    pub fn read(&self, key: &str, config: &Config) -> Result<Secret<String>, ConfigError> {
        let secret = match self {
            Self::Inline(secret) => secret.clone(),
            Self::Env(env) => {
                #[expect(clippy::disallowed_methods, reason = "this is the configuration")]
                let value = std::env::var(env);
                let value = value.map_err(|_| {
                    ConfigError::setting(key, format!("environment variable {env} is not set"))
                })?;
                Secret::new(value)
            }
            Self::File(file) => {
                let path = config.resolve(file);
                let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::File {
                    key: key.to_owned(),
                    path,
                    source,
                })?;
                Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        };
        if secret.expose().is_empty() {
            return Err(ConfigError::setting(key, "the secret is empty"));
        }
        Ok(secret)
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("Inline(..)"),
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl PartialEq for SecretSource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Inline(one), Self::Inline(other)) => one.ct_eq(other),
            (Self::Env(one), Self::Env(other)) => one == other,
            (Self::File(one), Self::File(other)) => one == other,
            _ => false,
        }
    }
}

impl Serialize for SecretSource {
    /// For printing what is in force: where a secret is, never what it is.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Inline(_) => serializer.serialize_str("(hidden)"),
            Self::Env(name) => serializer.collect_map([("env", name)]),
            Self::File(path) => serializer.collect_map([("file", path)]),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Reads the three forms. Its messages name none of what it found, which may be the secret.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = SecretSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, { env = \"NAME\" } or { file = \"PATH\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretSource, E> {
        Ok(SecretSource::Inline(Secret::new(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<SecretSource, A::Error> {
        let wrong =
            || de::Error::custom("expected a text, { env = \"NAME\" } or { file = \"PATH\" }");
        let mut found = None;
        while let Some(name) = members.next_key::<String>()? {
            let source = match name.as_str() {
                "env" => SecretSource::Env(members.next_value()?),
                "file" => SecretSource::File(members.next_value()?),
                _ => return Err(wrong()),
            };
            if found.replace(source).is_some() {
                return Err(wrong());
            }
        }
        found.ok_or_else(wrong)
    }
}

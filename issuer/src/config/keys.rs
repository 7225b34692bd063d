//! Section `[keys]`: the algorithms that sign, and the master key that seals what is at rest.
//!
//! The master key comes from the environment or from a file. In development the file is made at
//! the first start; anywhere else a missing key is an error, because a new one would open
//! nothing that was sealed before.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use logout_shared::seal::SealingKey;
use logout_shared::{RandomSource, Secret, SigningAlgorithm};
use serde::{Deserialize, Serialize, Serializer};

use super::{Config, ConfigError};
use crate::domain::signing_key::ROTATE_AT_MOST_EVERY;
use crate::issuer::IssuerConfig;

/// Keys that sign, and the key that seals them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// The file with the master key.
    pub master_key_file: PathBuf,
    /// The master key itself; wins over the file.
    pub master_key: Option<MasterKeyText>,
    /// The file with the master key before; opens, but seals nothing.
    pub previous_master_key_file: Option<PathBuf>,
    /// The master key before, itself.
    pub previous_master_key: Option<MasterKeyText>,
    /// One key of each is made at the first start and published.
    pub signing_algorithms: Vec<SigningAlgorithm>,
    /// How often each of them is replaced; `None`, written "never": only by hand.
    #[serde(with = "rotate_every")]
    pub rotate_every: Option<Duration>,
}

/// A master key as it is written: 32 bytes in base64 or base64url.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct MasterKeyText(Secret<String>);

impl PartialEq for MasterKeyText {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0)
    }
}

impl Serialize for MasterKeyText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

impl Default for Keys {
    fn default() -> Self {
        use SigningAlgorithm::{EdDsa, Es256, Ps256, Rs256};
        Self {
            master_key_file: PathBuf::from("keys/master.key"),
            master_key: None,
            previous_master_key_file: None,
            previous_master_key: None,
            signing_algorithms: vec![Rs256, Ps256, Es256, EdDsa],
            rotate_every: Some(IssuerConfig::DEFAULT_KEY_ROTATION),
        }
    }
}

impl Keys {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refuse =
            |problem: String| Err(ConfigError::setting("keys.signing_algorithms", problem));
        // OpenID Connect Core §15.1: every provider signs with RS256; it is also the default.
        if !self.signing_algorithms.contains(&SigningAlgorithm::Rs256) {
            return refuse("RS256 must be among them".to_owned());
        }
        for (index, algorithm) in self.signing_algorithms.iter().enumerate() {
            if algorithm.is_symmetric() {
                return refuse(format!("{algorithm} has no public key"));
            }
            if self.signing_algorithms[..index].contains(algorithm) {
                return refuse(format!("{algorithm} is there twice"));
            }
        }
        if self
            .rotate_every
            .is_some_and(|every| every < ROTATE_AT_MOST_EVERY)
        {
            let problem = "it must be at least 2d, or \"never\": a key is published for a day before \
                 it signs";
            return Err(ConfigError::setting("keys.rotate_every", problem));
        }
        Ok(())
    }
}

/// A duration, or "never".
mod rotate_every {
    use std::time::Duration;

    use humantime_serde::re::humantime;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<Option<Duration>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "never" | "0" | "0s" => Ok(None),
            text => humantime::parse_duration(text)
                .map(Some)
                .map_err(D::Error::custom),
        }
    }

    #[expect(clippy::ref_option, reason = "serde wants it so")]
    pub(super) fn serialize<S>(every: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        match every {
            None => serializer.serialize_str("never"),
            Some(every) => serializer.collect_str(&humantime::format_duration(*every)),
        }
    }
}

impl Config {
    /// The master keys, the one that seals first; made here in development if there is none.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a key is missing, cannot be read, or is no key.
    pub fn master_keys(&self, random: &dyn RandomSource) -> Result<Vec<SealingKey>, ConfigError> {
        let keys = &self.keys;
        let mut found = vec![match &keys.master_key {
            Some(text) => parse("keys.master_key", &text.0)?,
            None => self.master_key_from_file(random)?,
        }];
        if let Some(text) = &keys.previous_master_key {
            found.push(parse("keys.previous_master_key", &text.0)?);
        }
        if let Some(file) = &keys.previous_master_key_file {
            let key = "keys.previous_master_key_file";
            let path = self.resolve(file);
            match read(&path) {
                Ok(text) => found.push(parse(key, &text)?),
                Err(source) => {
                    return Err(ConfigError::File {
                        key: key.into(),
                        path,
                        source,
                    });
                }
            }
        }
        Ok(found)
    }

    /// Checks that all secrets can be read, as far as they are not made at the first start.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first that cannot.
    pub fn check_secrets(&self, random: &dyn RandomSource) -> Result<(), ConfigError> {
        let file = self.resolve(&self.keys.master_key_file);
        let is_made_later =
            self.keys.master_key.is_none() && self.is_development() && !file.exists();
        if !is_made_later {
            self.master_keys(random)?;
        }
        for client in &self.bootstrap.clients {
            if let Some(secret) = &client.secret {
                secret.read(&client.secret_key(), self)?;
            }
        }
        for user in &self.bootstrap.users {
            user.password.read(&user.password_key(), self)?;
        }
        Ok(())
    }

    fn master_key_from_file(&self, random: &dyn RandomSource) -> Result<SealingKey, ConfigError> {
        let key = "keys.master_key_file";
        let path = self.resolve(&self.keys.master_key_file);
        let failed = |source| ConfigError::File {
            key: key.to_owned(),
            path: path.clone(),
            source,
        };
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && self.is_development() => {
                make(&path, random).map_err(failed)?;
                read(&path).map_err(failed)?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(ConfigError::NoMasterKey { path });
            }
            Err(error) => return Err(failed(error)),
        };
        parse(key, &text)
    }
}

fn read(path: &Path) -> std::io::Result<Secret<String>> {
    let text = std::fs::read_to_string(path)?;
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!("{} can be read by others than its owner", path.display());
    }
    Ok(Secret::new(text))
}

/// Makes a key file, whole or not at all; one that another process made meanwhile stays.
fn make(path: &Path, random: &dyn RandomSource) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let text = SealingKey::generate(random).to_text();
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn parse(key: &str, text: &Secret<String>) -> Result<SealingKey, ConfigError> {
    let text = text.expose().trim().trim_end_matches('=');
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .or_else(|_| STANDARD_NO_PAD.decode(text));
    let bytes = zeroize::Zeroizing::new(bytes.unwrap_or_default());
    let bytes: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| ConfigError::setting(key, "a master key is 32 bytes in base64"))?;
    Ok(SealingKey::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use logout_shared::SystemRandom;

    use super::*;

    fn config(folder: &Path, issuer: &str) -> Config {
        Config {
            issuer: Some(issuer.parse().unwrap()),
            base: folder.to_owned(),
            ..Config::default()
        }
    }

    #[test]
    fn development_makes_a_key_that_only_its_owner_reads_and_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), "http://127.0.0.1:8080/");
        assert_eq!(config.master_keys(&SystemRandom).unwrap().len(), 1);
        let path = folder.path().join("keys/master.key");
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let first = std::fs::read_to_string(&path).unwrap();
        config.master_keys(&SystemRandom).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }

    #[test]
    fn keys_are_replaced_every_two_days_at_most_or_never() {
        let read = |every: &str| {
            let text = serde_json::json!({ "rotate_every": every });
            serde_json::from_value::<Keys>(text).unwrap()
        };
        assert_eq!(read("never").rotate_every, None);
        assert_eq!(read("0").rotate_every, None);
        assert_eq!(
            serde_json::to_value(read("never")).unwrap()["rotate_every"],
            "never"
        );
        assert!(read("never").check().is_ok() && read("2d").check().is_ok());
        assert!(read("47h 59m 59s").check().is_err());
    }

    #[test]
    fn production_makes_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), "https://id.example/");
        let error = config.master_keys(&SystemRandom).unwrap_err().to_string();
        assert!(
            error.contains("master.key") && error.contains("openssl rand"),
            "{error}"
        );
        assert!(!folder.path().join("keys").exists());
    }

    #[test]
    fn both_alphabets_are_read_and_anything_else_is_refused_without_telling_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path(), "https://id.example/");
        for (text, good) in [
            (STANDARD_NO_PAD.encode([0xfb; 32]), true),
            (URL_SAFE_NO_PAD.encode([0xfb; 32]) + "=\n", true),
            (URL_SAFE_NO_PAD.encode([0xfb; 31]), false),
            ("hunter2".to_owned(), false),
        ] {
            config.keys.master_key = Some(MasterKeyText(Secret::new(text)));
            match config.master_keys(&SystemRandom) {
                Ok(_) => assert!(good),
                Err(error) => assert!(!good && !error.to_string().contains("hunter2"), "{error}"),
            }
        }
    }
}

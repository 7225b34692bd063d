//! Section `[storage]`: where the issuer keeps what it must not forget.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Config, ConfigError};

/// Where the issuer keeps what it must not forget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// `sqlite:` and a path.
    pub url: String,
    /// Connections that read beside the one that writes.
    pub readers: u32,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            url: "sqlite:data/issuer.db".to_owned(),
            readers: 4,
        }
    }
}

impl Storage {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.path()?;
        if !(1..=64).contains(&self.readers) {
            return Err(ConfigError::setting(
                "storage.readers",
                "it must be from 1 to 64",
            ));
        }
        Ok(())
    }

    fn path(&self) -> Result<PathBuf, ConfigError> {
        // A URL of another kind may hold a password, so the message names the kind only.
        let Some(path) = self.url.strip_prefix("sqlite:") else {
            return Err(ConfigError::setting(
                "storage.url",
                "it must begin with sqlite:",
            ));
        };
        // `sqlite:///var/x.db` and `sqlite:/var/x.db` are the same absolute path.
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains('?') {
            return Err(ConfigError::setting(
                "storage.url",
                "it must be sqlite: and a path",
            ));
        }
        Ok(PathBuf::from(path))
    }
}

impl Config {
    /// The path of the SQLite file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `storage.url` names none.
    pub fn database_path(&self) -> Result<PathBuf, ConfigError> {
        Ok(self.resolve(&self.storage.path()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> Result<PathBuf, ConfigError> {
        let storage = Storage {
            url: url.to_owned(),
            ..Storage::default()
        };
        Config {
            storage,
            base: "/etc/issuer".into(),
            ..Config::default()
        }
        .database_path()
    }

    #[test]
    fn relative_paths_start_at_the_base() {
        assert_eq!(
            path("sqlite:data/a.db").unwrap(),
            PathBuf::from("/etc/issuer/data/a.db")
        );
        assert_eq!(
            path("sqlite:/var/a.db").unwrap(),
            PathBuf::from("/var/a.db")
        );
        assert_eq!(
            path("sqlite:///var/a.db").unwrap(),
            PathBuf::from("/var/a.db")
        );
    }

    #[test]
    fn another_kind_of_url_is_refused_without_telling_it() {
        for url in [
            "postgres://u:hunter2@db/x",
            "data/a.db",
            "sqlite:",
            "sqlite:a.db?mode=ro",
        ] {
            let error = path(url).unwrap_err().to_string();
            assert!(
                error.contains("storage.url") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}

//! What can be wrong with a configuration.
//!
//! Every message names the key and where it is written, and never the value of a secret.

use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}", path = path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {message}", path = path.display())]
    Syntax {
        /// Its path.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A key that this server does not know.
    #[error("unknown key \"{key}\" in {place}; known here: {known}")]
    UnknownKey {
        /// The key with its section.
        key: String,
        /// The file or the environment variable.
        place: String,
        /// The keys of this section.
        known: String,
    },
    /// A value of the wrong kind.
    #[error("\"{key}\" in {place}: {problem}")]
    Value {
        /// The key with its section.
        key: String,
        /// The file or the environment variable.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A value that breaks a rule.
    #[error("{key}: {problem}")]
    Setting {
        /// The key with its section.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file that a setting names cannot be read or written.
    #[error("{key}: cannot use {path}", path = path.display())]
    File {
        /// The key with its section.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no master key, and this is not development.
    #[error(
        "no master key: {path} does not exist; make one with `openssl rand -base64 32 > {path}` \
         (it is made by itself only where issuer and http.listen are loopback)",
        path = path.display()
    )]
    NoMasterKey {
        /// Where it was looked for.
        path: PathBuf,
    },
}

impl ConfigError {
    /// A value that breaks a rule.
    pub fn setting(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

//! Setting `http.tls`: who speaks TLS on the server's own addresses, and with which certificate.
//!
//! Without it the server speaks plain HTTP, behind a proxy or on one machine. What a value means
//! is done in `server/tls/`; here it is read, and told what does not go together.

use std::fmt;
use std::path::PathBuf;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use super::{Config, ConfigError};

const SELF_SIGNED: &str = "self-signed";
const FORMS: &str = "\"self-signed\" or { cert = \"PATH\", key = \"PATH\" }";

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// From a development authority that the server makes beside the master key.
    SelfSigned,
    /// From files in PEM, which are read again when they change.
    Files {
        /// The server's certificate, then those between it and the authority.
        cert: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
}

impl Config {
    pub(super) fn check_tls(&self) -> Result<(), ConfigError> {
        let Some(tls) = &self.http.tls else {
            return Ok(());
        };
        let issuer = self.issuer();
        if issuer.url().scheme() != "https" {
            let problem = format!("{issuer} is http, but http.tls is set: write it with https");
            return Err(ConfigError::setting("issuer", problem));
        }
        if *tls == Tls::SelfSigned && !self.is_development() {
            let problem = "\"self-signed\" is for development, where issuer, http.listen and \
                 http.admin_listen are all loopback; elsewhere give { cert, key }, or leave it out \
                 and let a proxy speak TLS";
            return Err(ConfigError::setting("http.tls", problem));
        }
        Ok(())
    }
}

impl Serialize for Tls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::SelfSigned => serializer.serialize_str(SELF_SIGNED),
            Self::Files { cert, key } => serializer.collect_map([("cert", cert), ("key", key)]),
        }
    }
}

impl<'de> Deserialize<'de> for Tls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tls;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FORMS)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Tls, E> {
        match text {
            SELF_SIGNED => Ok(Tls::SelfSigned),
            other => Err(E::custom(format!("found \"{other}\", expected {FORMS}"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tls, A::Error> {
        let (mut cert, mut key) = (None, None);
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                "cert" => cert = Some(members.next_value()?),
                "key" => key = Some(members.next_value()?),
                other => return Err(de::Error::unknown_field(other, &["cert", "key"])),
            }
        }
        match (cert, key) {
            (Some(cert), Some(key)) => Ok(Tls::Files { cert, key }),
            (None, _) => Err(de::Error::missing_field("cert")),
            (_, None) => Err(de::Error::missing_field("key")),
        }
    }
}

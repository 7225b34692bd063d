//! The issuer identifier: a URL that is compared as an exact string.
//!
//! OpenID Connect compares `iss` byte by byte, so the text is kept as written; the parsed URL
//! stands beside it for those who must fetch something from there. Two texts that parse to the
//! same URL are two issuers.
//! Neighbours: `id.rs` holds all other identifiers and re-exports this one.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use crate::id::InvalidId;

/// An issuer identifier: `http` or `https`, with a host, without query, fragment or userinfo.
///
/// Cloning is cheap.
///
/// # Examples
///
/// ```
/// use logout_shared::id::Issuer;
///
/// let issuer: Issuer = "https://issuer.example/".parse()?;
/// assert_ne!(issuer, "https://issuer.example".parse()?);
/// assert_eq!(issuer.url().host_str(), Some("issuer.example"));
/// # Ok::<(), logout_shared::id::InvalidId>(())
/// ```
#[derive(Clone)]
pub struct Issuer(Arc<(String, Url)>);

impl Issuer {
    /// The identifier exactly as it was written.
    pub fn as_str(&self) -> &str {
        &self.0.0
    }

    /// The identifier as a URL, for fetching; never for comparing.
    pub fn url(&self) -> &Url {
        &self.0.1
    }
}

impl TryFrom<String> for Issuer {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        let refuse = |reason| InvalidId {
            kind: "issuer identifier",
            reason,
        };
        // The URL parser strips blanks and line breaks, which would make two texts one URL.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refuse(
                "it has a blank, a control character or a non-ASCII character",
            ));
        }
        let Some((_, rest)) = text
            .split_once("://")
            .filter(|parts| matches!(parts.0, "https" | "http"))
        else {
            return Err(refuse("it begins with neither https:// nor http://"));
        };
        // The URL parser reads a backslash as a slash.
        if text.contains(['?', '#', '\\']) {
            return Err(refuse("it has a query, a fragment or a backslash"));
        }
        if rest
            .split('/')
            .next()
            .is_some_and(|authority| authority.contains('@'))
        {
            return Err(refuse("it has a user name or password"));
        }
        let url = Url::parse(&text).map_err(|_| refuse("it is not an absolute URL"))?;
        Ok(Self(Arc::new((text, url))))
    }
}

impl TryFrom<&str> for Issuer {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<Self, InvalidId> {
        Self::try_from(text.to_owned())
    }
}

impl FromStr for Issuer {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::try_from(text.to_owned())
    }
}

impl AsRef<str> for Issuer {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Issuer {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Issuer {}

impl PartialOrd for Issuer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Issuer {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Issuer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({:?})", self.as_str())
    }
}

impl Serialize for Issuer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Issuer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::try_from(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_kept_as_written() {
        for text in [
            "https://A.example",
            "https://a.example:443/x/",
            "http://127.0.0.1:8080/",
        ] {
            let issuer: Issuer = text.parse().expect("valid");
            assert_eq!(issuer.as_str(), text);
        }
    }

    #[test]
    fn one_url_in_two_spellings_is_two_issuers() {
        let [a, b] = ["https://a.example", "https://a.example/"]
            .map(|text| text.parse::<Issuer>().expect("valid"));
        assert_eq!(a.url(), b.url());
        assert_ne!(a, b);
    }

    #[test]
    fn what_is_not_an_issuer_identifier_is_refused() {
        for text in [
            "",
            "a.example",
            "/path",
            "ftp://a.example",
            "https://",
            "https://a.example?",
            "https://a.example?x=1",
            "https://a.example#",
            "https://u:p@a.example",
            "https://u@a.example",
            "https://@a.example",
            "https:a.example",
            "https:\\\\a.example\\x",
            " https://a.example",
            "https://a.example\n",
            "https://ä.example",
            "mailto:a@example",
        ] {
            assert!(text.parse::<Issuer>().is_err(), "{text:?}");
        }
    }
}

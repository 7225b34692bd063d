//! The discovery document (`/.well-known/openid-configuration`).
//!
//! The issuer writes it, the relying party reads it. Reading is strict where belief begins: the
//! text is capped, is strict JSON, and its `issuer` is exactly the one that was asked. It is
//! tolerant elsewhere: unknown members are ignored. Whether a URL in it may be fetched is for the
//! caller to decide.
//! Neighbours: `jwks.rs` reads what `jwks_uri` points at.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::id::Issuer;
use crate::strict_json::{StrictJsonError, parse_object};

/// The most bytes of a discovery document.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// Why a text is not the discovery document of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// More than [`MAX_DOCUMENT_BYTES`].
    #[error("the discovery document has {0} bytes, more than {MAX_DOCUMENT_BYTES}")]
    TooLarge(usize),
    /// Not a strict JSON object.
    #[error("the discovery document is unreadable")]
    Json(#[from] StrictJsonError),
    /// `issuer` is missing or is not exactly the issuer that was asked.
    #[error("the discovery document is not that of {0}")]
    WrongIssuer(Issuer),
    /// A member that we need is missing or of the wrong kind.
    #[error("a member of the discovery document is missing or of the wrong kind")]
    Member,
}

/// What an issuer says about itself (OpenID Connect Discovery §3, and the logout specifications).
///
/// # Examples
///
/// ```
/// use logout_shared::discovery::ProviderMetadata;
/// use logout_shared::id::Issuer;
///
/// let issuer: Issuer = "https://issuer.example/".parse()?;
/// let document = br#"{
///     "issuer": "https://issuer.example/",
///     "jwks_uri": "https://issuer.example/.well-known/jwks.json",
///     "backchannel_logout_supported": true
/// }"#;
/// let metadata = ProviderMetadata::parse(document, &issuer)?;
/// assert!(metadata.backchannel_logout_supported);
/// assert!(ProviderMetadata::parse(document, &"https://issuer.example".parse()?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderMetadata {
    /// The issuer identifier.
    pub issuer: Issuer,
    /// Where the signing keys are published.
    pub jwks_uri: Url,
    /// Where a login begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<Url>,
    /// Where codes become tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<Url>,
    /// Where an access token gives the user's claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<Url>,
    /// Where a relying party sends the browser to log out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_session_endpoint: Option<Url>,
    /// Where tokens are revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<Url>,
    /// Whether logout tokens are sent.
    #[serde(default)]
    pub backchannel_logout_supported: bool,
    /// Whether they, and ID Tokens, bear a `sid`.
    #[serde(default)]
    pub backchannel_logout_session_supported: bool,
    /// Algorithms of ID Tokens, and so of logout tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// Key management of encrypted ID Tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token_encryption_alg_values_supported: Vec<String>,
    /// Content encryption of encrypted ID Tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token_encryption_enc_values_supported: Vec<String>,
    /// Scopes that may be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// Response types that may be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_types_supported: Vec<String>,
    /// How the answer of a login may travel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_modes_supported: Vec<String>,
    /// Grants of the token endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grant_types_supported: Vec<String>,
    /// Whether `sub` is the same for all clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject_types_supported: Vec<String>,
    /// How clients prove who they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Methods of PKCE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_challenge_methods_supported: Vec<String>,
    /// Claims that may appear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims_supported: Vec<String>,
}

impl ProviderMetadata {
    /// A document with nothing but the two members that every reader needs.
    pub fn new(issuer: Issuer, jwks_uri: Url) -> Self {
        Self {
            issuer,
            jwks_uri,
            authorization_endpoint: None,
            token_endpoint: None,
            userinfo_endpoint: None,
            end_session_endpoint: None,
            revocation_endpoint: None,
            backchannel_logout_supported: false,
            backchannel_logout_session_supported: false,
            id_token_signing_alg_values_supported: Vec::new(),
            id_token_encryption_alg_values_supported: Vec::new(),
            id_token_encryption_enc_values_supported: Vec::new(),
            scopes_supported: Vec::new(),
            response_types_supported: Vec::new(),
            response_modes_supported: Vec::new(),
            grant_types_supported: Vec::new(),
            subject_types_supported: Vec::new(),
            token_endpoint_auth_methods_supported: Vec::new(),
            code_challenge_methods_supported: Vec::new(),
            claims_supported: Vec::new(),
        }
    }

    /// Reads the document that was fetched for `expected`.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError`] as its variants say.
    pub fn parse(bytes: &[u8], expected: &Issuer) -> Result<Self, DiscoveryError> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(DiscoveryError::TooLarge(bytes.len()));
        }
        let document = parse_object(bytes)?;
        // Discovery §4.3: exactly the issuer that was asked, or another could answer for it.
        if document
            .get("issuer")
            .is_none_or(|issuer| issuer != expected.as_str())
        {
            return Err(DiscoveryError::WrongIssuer(expected.clone()));
        }
        serde_json::from_value(Value::Object(document)).map_err(|_| DiscoveryError::Member)
    }
}

/// Where the discovery document of an issuer is (Discovery §4: appended to the path).
pub fn document_url(issuer: &Issuer) -> Url {
    let mut url = issuer.url().clone();
    let path = format!(
        "{}/.well-known/openid-configuration",
        url.path().trim_end_matches('/')
    );
    url.set_path(&path);
    url
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn issuer() -> Issuer {
        "https://issuer.example/".parse().expect("valid")
    }

    fn parse(document: &Value) -> Result<ProviderMetadata, DiscoveryError> {
        ProviderMetadata::parse(document.to_string().as_bytes(), &issuer())
    }

    #[test]
    fn what_was_written_reads_back() {
        let mut metadata = ProviderMetadata::new(
            issuer(),
            "https://issuer.example/jwks".parse().expect("a URL"),
        );
        metadata.backchannel_logout_session_supported = true;
        metadata.scopes_supported = vec!["openid".into()];
        assert_eq!(
            parse(&serde_json::to_value(&metadata).expect("JSON")),
            Ok(metadata)
        );
    }

    #[test]
    fn unknown_members_are_ignored_and_absent_flags_are_false() {
        let metadata = parse(&json!({
            "issuer": "https://issuer.example/", "jwks_uri": "https://issuer.example/jwks",
            "x": {"y": [1]},
        }));
        assert!(metadata.is_ok_and(|metadata| !metadata.backchannel_logout_supported));
    }

    #[test]
    fn the_issuer_must_be_exactly_the_one_asked() {
        for other in [
            "https://issuer.example",
            "https://ISSUER.example/",
            "https://evil.example/",
        ] {
            let document = json!({"issuer": other, "jwks_uri": "https://issuer.example/jwks"});
            assert_eq!(
                parse(&document),
                Err(DiscoveryError::WrongIssuer(issuer())),
                "{other}"
            );
        }
        let document = json!({"jwks_uri": "https://issuer.example/jwks"});
        assert_eq!(parse(&document), Err(DiscoveryError::WrongIssuer(issuer())));
    }

    #[test]
    fn bad_documents_are_refused() {
        let document = json!({"issuer": "https://issuer.example/", "jwks_uri": 7});
        assert_eq!(parse(&document), Err(DiscoveryError::Member));
        let large = vec![b' '; MAX_DOCUMENT_BYTES + 1];
        let refused = ProviderMetadata::parse(&large, &issuer());
        assert_eq!(
            refused,
            Err(DiscoveryError::TooLarge(MAX_DOCUMENT_BYTES + 1))
        );
        let twice = br#"{"issuer":"https://issuer.example/","issuer":"https://evil.example/"}"#;
        let refused = ProviderMetadata::parse(twice, &issuer());
        assert_eq!(
            refused,
            Err(DiscoveryError::Json(StrictJsonError::DuplicateMember))
        );
    }

    #[test]
    fn the_document_lies_under_the_issuers_path() {
        for (issuer, wanted) in [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/t/1/",
                "https://a.example/t/1/.well-known/openid-configuration",
            ),
        ] {
            let issuer: Issuer = issuer.parse().expect("valid");
            assert_eq!(document_url(&issuer).as_str(), wanted);
        }
    }
}

//! A relying party's registration.
//!
//! Secrets are sealed under the master key by whoever makes them; what is stored here cannot be
//! read without the key ring. Members that Auth0 knows and this issuer does not act on are kept
//! in [`Client::other`] and given back as they came.

use logout_shared::{ClientId, SigningAlgorithm, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::logout_settings::LogoutSettings;
use super::token_encryption::{ClientKeys, TokenEncryption};

/// A registered client.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// The `client_id`.
    pub id: ClientId,
    /// Shown to people.
    pub name: String,
    /// The client's secret under the master key; public clients have none.
    pub sealed_secret: Option<String>,
    /// How the client proves itself at the token endpoint; `None`: not set, so a client with a
    /// secret may post it or use basic.
    pub token_endpoint_auth_method: Option<TokenEndpointAuthMethod>,
    /// Redirect URIs, compared letter by letter.
    pub callbacks: Vec<String>,
    /// Where a browser may be sent after sign-out, compared letter by letter.
    pub allowed_logout_urls: Vec<String>,
    /// What the client may ask the token endpoint for, such as `authorization_code`.
    pub grant_types: Vec<String>,
    /// Algorithm of its ID Tokens and logout tokens.
    pub signing_algorithm: SigningAlgorithm,
    /// How its ID Tokens and logout tokens are encrypted; `None`: signed only.
    pub encryption: Option<TokenEncryption>,
    /// The client's own public keys.
    pub keys: Option<ClientKeys>,
    /// Scopes of the Management API that the client may be given.
    pub management_scopes: Vec<String>,
    /// Back-channel logout; `None`: nothing was ever set.
    pub logout: Option<LogoutSettings>,
    /// Members stored and given back unread.
    pub other: Map<String, Value>,
    /// When the client was made.
    pub created_at: Timestamp,
    /// When anything of it changed last.
    pub updated_at: Timestamp,
}

impl Client {
    /// A client with nothing set: without a secret, at home nowhere, told of nothing.
    pub fn new(id: ClientId, name: impl Into<String>, now: Timestamp) -> Self {
        Self {
            id,
            name: name.into(),
            sealed_secret: None,
            token_endpoint_auth_method: None,
            callbacks: Vec::new(),
            allowed_logout_urls: Vec::new(),
            grant_types: Vec::new(),
            signing_algorithm: SigningAlgorithm::Rs256,
            encryption: None,
            keys: None,
            management_scopes: Vec::new(),
            logout: None,
            other: Map::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether the client may use a grant. A client without a list may use the two of a web app.
    pub fn may_use_grant(&self, grant: &str) -> bool {
        if self.grant_types.is_empty() {
            return matches!(grant, "authorization_code" | "refresh_token")
                || (grant == "client_credentials" && self.is_confidential());
        }
        self.grant_types.iter().any(|known| known == grant)
    }

    /// Whether the client can keep a secret: it must prove itself, and may do what a public
    /// client may not. One that is registered for a way of proving itself is confidential even
    /// while it lacks what it needs for that.
    pub fn is_confidential(&self) -> bool {
        match self.token_endpoint_auth_method {
            Some(method) => method != TokenEndpointAuthMethod::None,
            None => self.sealed_secret.is_some(),
        }
    }
}

/// How a client proves itself at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpointAuthMethod {
    /// Not at all: a public client, which must use PKCE.
    None,
    /// `client_id` and `client_secret` in the form.
    ClientSecretPost,
    /// HTTP basic authentication.
    ClientSecretBasic,
    /// A JWT signed with the client's key.
    PrivateKeyJwt,
}

impl TokenEndpointAuthMethod {
    /// Whether a client that is registered so has a secret; one that names no way has one too.
    pub fn uses_secret(method: Option<Self>) -> bool {
        !matches!(method, Some(Self::None | Self::PrivateKeyJwt))
    }
}

#[cfg(test)]
mod tests {
    use TokenEndpointAuthMethod as Method;

    use super::*;

    #[test]
    fn who_proves_itself_in_any_way_is_confidential_and_may_act_for_itself() {
        for (method, has_secret, confidential) in [
            (None, false, false),
            (None, true, true),
            (Some(Method::None), false, false),
            (Some(Method::None), true, false),
            (Some(Method::ClientSecretPost), true, true),
            (Some(Method::ClientSecretBasic), true, true),
            (Some(Method::ClientSecretBasic), false, true),
            (Some(Method::PrivateKeyJwt), false, true),
            (Some(Method::PrivateKeyJwt), true, true),
        ] {
            let id = "shop".parse().expect("a client id");
            let mut client = Client::new(id, "Shop", Timestamp::from_secs(0));
            client.token_endpoint_auth_method = method;
            client.sealed_secret = has_secret.then(|| "sealed".to_owned());
            let found = (
                client.is_confidential(),
                client.may_use_grant("client_credentials"),
            );
            assert_eq!(
                found,
                (confidential, confidential),
                "{method:?} {has_secret}"
            );
        }
    }
}

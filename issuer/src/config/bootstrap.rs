//! Section `[bootstrap]`: clients and users that are made at the first start.
//!
//! Each is made once and remembered: one that was changed or deleted since stays as it is. The
//! making is in `crate::bootstrap`.

use logout_shared::{ClientId, Subject};
use serde::{Deserialize, Serialize};

use super::SecretSource;
use crate::domain::logout_settings::Initiators;
use crate::domain::token_encryption::{ContentEncryption, KeyManagement};

/// What is made at the first start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bootstrap {
    /// Relying parties.
    pub clients: Vec<BootstrapClient>,
    /// People.
    pub users: Vec<BootstrapUser>,
}

/// A relying party that is made at the first start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapClient {
    /// The `client_id`.
    pub id: ClientId,
    /// Shown to people; the id by default.
    pub name: Option<String>,
    /// The client's secret; without one it is a public client, or one that signs.
    pub secret: Option<SecretSource>,
    /// Whether the client proves itself with its own key, which is at `jwks_uri`, instead of a
    /// secret.
    #[serde(default)]
    pub private_key_jwt: bool,
    /// Redirect URIs.
    #[serde(default)]
    pub callbacks: Vec<String>,
    /// Where a browser may be sent after sign-out.
    #[serde(default)]
    pub logout_urls: Vec<String>,
    /// Where logout tokens go.
    #[serde(default)]
    pub backchannel_logout_urls: Vec<String>,
    /// Which events are told: `"all"` or a list of names.
    #[serde(default = "all", with = "initiators")]
    pub initiators: Initiators,
    /// Whether the session's metadata travels in the token.
    #[serde(default)]
    pub include_session_metadata: bool,
    /// How the key of encrypted tokens reaches the client; without it tokens are signed only.
    pub encryption_alg: Option<KeyManagement>,
    /// How tokens are encrypted.
    pub encryption_enc: Option<ContentEncryption>,
    /// Where the client publishes its public keys.
    pub jwks_uri: Option<String>,
    /// Scopes of the Management API, or `["all"]`.
    #[serde(default)]
    pub management_scopes: Vec<String>,
}

/// A person who is made at the first start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapUser {
    /// Signs in with this address.
    pub email: String,
    /// The password.
    pub password: SecretSource,
    /// The user's id; made if not given.
    pub id: Option<Subject>,
    /// May use the dashboard.
    #[serde(default)]
    pub admin: bool,
}

impl BootstrapClient {
    /// What messages call the secret.
    pub fn secret_key(&self) -> String {
        format!("secret of bootstrap client \"{}\"", self.id)
    }
}

impl BootstrapUser {
    /// What messages call the password.
    pub fn password_key(&self) -> String {
        format!("password of bootstrap user \"{}\"", self.email)
    }
}

fn all() -> Initiators {
    Initiators::All
}

/// `"all"`, or a list of names.
mod initiators {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    use crate::domain::initiator::Initiator;
    use crate::domain::logout_settings::Initiators;

    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected \"all\" or a list of initiators")]
    enum Written {
        Word(String),
        List(Vec<String>),
    }

    pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<Initiators, D::Error>
    where
        D: Deserializer<'de>,
    {
        match Written::deserialize(deserializer)? {
            Written::Word(word) if word == "all" => Ok(Initiators::All),
            Written::Word(_) => Err(D::Error::custom("expected \"all\" or a list of initiators")),
            Written::List(names) => names
                .iter()
                .map(|name| name.parse::<Initiator>().map_err(D::Error::custom))
                .collect::<Result<_, _>>()
                .map(Initiators::Custom),
        }
    }

    pub(super) fn serialize<S>(initiators: &Initiators, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        match initiators {
            Initiators::All => serializer.serialize_str("all"),
            Initiators::Custom(names) => names.serialize(serializer),
        }
    }
}

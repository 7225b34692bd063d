//! Encrypted tokens of a client, in and out, by the names of OpenID Connect Dynamic Client
//! Registration §2.
//!
//! `alg` and `enc` go together: the registration's default for `enc` is not offered, and another
//! one must not be put in its place unasked. `jwks` and `jwks_uri` exclude each other; the one
//! that is given replaces the other.

use logout_shared::jwks::MAX_KEYS;
use serde_json::{Map, Value, json};

use super::change::Setting;
use super::logout_settings;
use crate::domain::client::Client;
use crate::domain::token_encryption::{
    ClientKeys, ContentEncryption, KeyManagement, TokenEncryption,
};
use crate::egress::Egress;
use crate::http::api_error::ApiError;
use crate::http::management::property::Property;
use crate::keyring::encrypter::{ClientKeyError, Encrypter};

/// The names of the settings.
pub(super) const NAMES: [&str; 4] = [ALG, ENC, JWKS, JWKS_URI];

const ALG: &str = "id_token_encrypted_response_alg";
const ENC: &str = "id_token_encrypted_response_enc";
const JWKS: &str = "jwks";
const JWKS_URI: &str = "jwks_uri";

/// Members of keys that are nobody's business but their owner's (RFC 7518 §6).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What a body asks to be changed.
#[derive(Debug, Default)]
pub(super) struct EncryptionChange {
    alg: Setting<KeyManagement>,
    enc: Setting<ContentEncryption>,
    jwks: Setting<Value>,
    jwks_uri: Setting<ClientKeys>,
}

impl EncryptionChange {
    /// Reads the settings from a body.
    pub(super) fn read(body: &Map<String, Value>, egress: &Egress) -> Result<Self, ApiError> {
        let get = |name| Some(Property::new(name, body.get(name)?, description(name)));
        let change = Self {
            alg: Setting::read(get(ALG), |it| {
                Ok(match it.one_of(&KeyManagement::NAMES)? {
                    "ECDH-ES" => KeyManagement::EcdhEs,
                    _ => KeyManagement::RsaOaep256,
                })
            })?,
            enc: Setting::read(get(ENC), |it| {
                Ok(match it.one_of(&ContentEncryption::NAMES)? {
                    "A128GCM" => ContentEncryption::A128Gcm,
                    _ => ContentEncryption::A256Gcm,
                })
            })?,
            jwks: Setting::read(get(JWKS), key_set)?,
            jwks_uri: Setting::read(get(JWKS_URI), |it| {
                logout_settings::url(it, egress).map(ClientKeys::At)
            })?,
        };
        match (&change.jwks, &change.jwks_uri) {
            (Setting::To(_), Setting::To(_)) => {
                Err(refuse(JWKS_URI, "It excludes jwks; send one of the two"))
            }
            _ => Ok(change),
        }
    }

    /// Makes the change, unless what comes out of it makes no sense.
    pub(super) fn apply(self, client: &mut Client) -> Result<(), ApiError> {
        let before = client.encryption;
        let (mut alg, mut enc) = (before.map(|it| it.alg), before.map(|it| it.enc));
        let changed = self.alg != Setting::Untouched || self.enc != Setting::Untouched;
        self.alg.apply(&mut alg);
        self.enc.apply(&mut enc);
        client.encryption = match (alg, enc) {
            (None, None) => None,
            (Some(alg), Some(enc)) => Some(TokenEncryption { alg, enc }),
            (Some(_), None) => return Err(refuse(ALG, NO_ENC)),
            (None, Some(_)) => return Err(refuse(ENC, format!("It needs {ALG}"))),
        };
        let keys = client.keys.take();
        client.keys = match (self.jwks, self.jwks_uri, keys) {
            (Setting::To(set), ..) => Some(ClientKeys::Given(set)),
            (_, Setting::To(at), _) => Some(at),
            (Setting::Removed, _, Some(ClientKeys::Given(_)))
            | (_, Setting::Removed, Some(ClientKeys::At(_))) => None,
            (_, _, keys) => keys,
        };
        let Some(wanted) = client.encryption else {
            return Ok(());
        };
        let checked = Encrypter::check(wanted, client.keys.as_ref());
        checked.map_err(|error| match error {
            ClientKeyError::NoKeys if changed => refuse(ALG, "It needs jwks or jwks_uri"),
            ClientKeyError::NoKeys => refuse(JWKS, format!("It is needed by {ALG}")),
            ClientKeyError::KeySet(why) => refuse(JWKS, format!("It cannot be used: {why}")),
            other => refuse(ALG, format!("It is not offered: {other}")),
        })
    }
}

const NO_ENC: &str = "It needs id_token_encrypted_response_enc, which is A128GCM or A256GCM: \
     the default of the registration, A128CBC-HS256, is not offered";

/// Whether a body says which keys the client has.
pub(super) fn names_keys(body: &Map<String, Value>) -> bool {
    body.contains_key(JWKS) || body.contains_key(JWKS_URI)
}

fn description(name: &str) -> &'static str {
    match name {
        ALG => "How the key of encrypted tokens reaches the client",
        ENC => "How encrypted tokens are encrypted",
        JWKS => "The client's public keys",
        _ => "Where the client's public keys are, must be https",
    }
}

fn refuse(name: &str, reason: impl Into<String>) -> ApiError {
    Property::new(name, &Value::Null, description(name)).refuse(reason)
}

fn key_set(property: &Property<'_>) -> Result<Value, ApiError> {
    let keys = property.object()?.get("keys", "The keys");
    let keys = keys.ok_or_else(|| property.refuse("Missing required property: keys"))?;
    for key in keys.items(MAX_KEYS)? {
        let members = key.object()?;
        let mut private = PRIVATE_MEMBERS.iter();
        // The owner has shown it to us, and who reads the store would have it as well.
        if private.any(|name| members.as_map().contains_key(*name)) {
            return Err(
                key.refuse("It has a private part; make a new key and send its public half")
            );
        }
    }
    Ok(property.value().clone())
}

/// Writes the settings that the client has.
pub(super) fn write(client: &Client, body: &mut Map<String, Value>) {
    if let Some(TokenEncryption { alg, enc }) = client.encryption {
        body.insert(ALG.into(), json!(alg));
        body.insert(ENC.into(), json!(enc));
    }
    match &client.keys {
        None => {}
        Some(ClientKeys::Given(set)) => drop(body.insert(JWKS.into(), set.clone())),
        Some(ClientKeys::At(url)) => drop(body.insert(JWKS_URI.into(), json!(url))),
    }
}

//! How a client proves itself at the token endpoint, as a body asks for it.
//!
//! A client that signs (`private_key_jwt`) needs keys that its signatures can be checked with: it
//! has no secret, so without them it could not prove itself at all. Neighbours: `encryption.rs`
//! reads the keys, which also serve for encrypted tokens; `login/client_assertion/` checks what a
//! client signed.

use serde_json::{Map, Value};

use super::change::Setting;
use crate::domain::client::{Client, TokenEndpointAuthMethod};
use crate::domain::token_encryption::ClientKeys;
use crate::http::api_error::ApiError;
use crate::http::management::property::Property;
use crate::keyring::client_keys::KeySet;
use crate::login::client_assertion;

/// The name of the setting.
pub(super) const METHOD: &str = "token_endpoint_auth_method";

/// Auth0's other form of it.
const METHODS: &str = "client_authentication_methods";

/// Reads the setting from a body.
pub(super) fn read(
    body: &Map<String, Value>,
) -> Result<Setting<TokenEndpointAuthMethod>, ApiError> {
    if let Some(value) = body.get(METHODS) {
        refuse_credentials(&Property::new(METHODS, value, "Authentication by keys"))?;
    }
    let value = body.get(METHOD);
    Setting::read(value.map(|value| property(METHOD, value)), method)
}

/// Whether a body registers the client for signing.
pub(super) fn asks_to_sign(body: &Map<String, Value>) -> bool {
    body.get(METHOD)
        .is_some_and(|method| method == "private_key_jwt")
}

fn property<'a>(name: &str, value: &'a Value) -> Property<'a> {
    let description = match name {
        METHOD => "How the client authenticates",
        _ => "The client's public keys",
    };
    Property::new(name, value, description)
}

fn method(property: &Property<'_>) -> Result<TokenEndpointAuthMethod, ApiError> {
    let known = [
        "none",
        "client_secret_post",
        "client_secret_basic",
        "private_key_jwt",
    ];
    Ok(match property.one_of(&known)? {
        "none" => TokenEndpointAuthMethod::None,
        "client_secret_post" => TokenEndpointAuthMethod::ClientSecretPost,
        "private_key_jwt" => TokenEndpointAuthMethod::PrivateKeyJwt,
        _ => TokenEndpointAuthMethod::ClientSecretBasic,
    })
}

/// The form is kept and given back, but whoever enrols a credential by it must not believe that
/// the client proves itself with it from now on.
fn refuse_credentials(property: &Property<'_>) -> Result<(), ApiError> {
    let methods = property.value().as_object().into_iter().flatten();
    for (name, method) in methods {
        let credentials = method.get("credentials").and_then(Value::as_array);
        if credentials.is_some_and(|credentials| !credentials.is_empty()) {
            return Err(property.refuse(format!(
                "Credentials of {name} are not acted on: set {METHOD} to private_key_jwt and \
                 send the public keys in jwks or jwks_uri"
            )));
        }
    }
    Ok(())
}

/// Refuses a client, as it will be, that must sign and whose signatures cannot be checked.
/// `asked`: whether this change registers it for that.
pub(super) fn check(client: &Client, asked: bool) -> Result<(), ApiError> {
    const JWKS: &str = "jwks";
    if client.token_endpoint_auth_method != Some(TokenEndpointAuthMethod::PrivateKeyJwt) {
        return Ok(());
    }
    let refuse = |name, reason: &str| Err(property(name, &Value::Null).refuse(reason));
    match &client.keys {
        Some(ClientKeys::At(_)) => Ok(()),
        Some(ClientKeys::Given(set)) => {
            let set = KeySet::parse(set.to_string().as_bytes());
            if set.is_ok_and(|set| client_assertion::has_key(&set)) {
                return Ok(());
            }
            let reason = "It has no key that checks RS256, PS256, ES256 or EdDSA, which \
                          private_key_jwt needs";
            refuse(JWKS, reason)
        }
        None if asked => refuse(METHOD, "It needs jwks or jwks_uri"),
        None => refuse(
            JWKS,
            "It is needed by token_endpoint_auth_method private_key_jwt",
        ),
    }
}

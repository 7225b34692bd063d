//! What a body asks to be changed of a client, checked before anything is written.
//!
//! `POST` and `PATCH` take the same properties; each that is given replaces the old value as a
//! whole. Reading needs the issuer's rules (which URLs may be called, which algorithms it signs
//! with), applying needs the client only, so that it fits into a transaction.
//! Neighbours: `logout_settings.rs` reads `oidc_logout`, `encryption.rs` how tokens are encrypted,
//! `client_authentication.rs` how the client proves itself, `echoed.rs` what is only kept, `wire.rs`
//! writes a client out.

use logout_shared::{Secret, SigningAlgorithm};
use serde_json::{Map, Value};

use super::encryption::{self, EncryptionChange};
use super::{client_authentication, echoed, logout_settings, urls};
use crate::domain::client::{Client, TokenEndpointAuthMethod};
use crate::domain::logout_settings::LogoutSettings;
use crate::domain::management_scope;
use crate::http::api_error::ApiError;
use crate::http::management::property::{Property, unknown};
use crate::issuer::Issuer;

/// The properties that this issuer acts on.
const ACTED_ON: [&str; 11] = [
    "allowed_logout_urls",
    "callbacks",
    "client_secret",
    "grant_types",
    "id_token_signed_response_alg",
    "jwt_configuration",
    "management_scopes",
    "name",
    "oidc_backchannel_logout",
    "oidc_logout",
    client_authentication::METHOD,
];

/// What the token endpoint may be asked for; the issuer serves some of them.
const GRANT_TYPES: &[&str] = &[
    "authorization_code",
    "client_credentials",
    "refresh_token",
    "implicit",
    "password",
    "http://auth0.com/oauth/grant-type/password-realm",
    "http://auth0.com/oauth/grant-type/mfa-oob",
    "http://auth0.com/oauth/grant-type/mfa-otp",
    "http://auth0.com/oauth/grant-type/mfa-recovery-code",
    "urn:openid:params:grant-type:ciba",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
];

/// The longest name and secret.
const MAX_TEXT: usize = 512;

/// Where a change's algorithm stands when it was given by its registered name.
pub(super) const REGISTERED_ALG: &str = "id_token_signed_response_alg";

/// A checked change of a client.
#[derive(Debug, Default)]
pub(super) struct ClientChange {
    pub(super) name: Option<String>,
    pub(super) secret: Option<Secret<String>>,
    pub(super) auth_method: Setting<TokenEndpointAuthMethod>,
    pub(super) callbacks: Option<Vec<String>>,
    pub(super) allowed_logout_urls: Option<Vec<String>>,
    pub(super) grant_types: Option<Vec<String>>,
    pub(super) algorithm: Option<SigningAlgorithm>,
    pub(super) management_scopes: Option<Vec<String>>,
    pub(super) logout: Setting<LogoutSettings>,
    pub(super) encryption: EncryptionChange,
    /// Kept and given back; `null` removes.
    pub(super) other: Map<String, Value>,
}

/// What becomes of a property that a client may lack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::http::management) enum Setting<T> {
    /// The body does not name it.
    #[default]
    Untouched,
    /// The body has `null`.
    Removed,
    /// The new value.
    To(T),
}

impl<T> Setting<T> {
    /// Reads the property, if it is there.
    pub(in crate::http::management) fn read<'a>(
        property: Option<Property<'a>>,
        read: impl FnOnce(&Property<'a>) -> Result<T, ApiError>,
    ) -> Result<Self, ApiError> {
        match property {
            None => Ok(Self::Untouched),
            Some(property) => match property.not_null() {
                None => Ok(Self::Removed),
                Some(property) => read(&property).map(Self::To),
            },
        }
    }

    /// Sets, removes, or leaves what is there.
    pub(in crate::http::management) fn apply(self, slot: &mut Option<T>) {
        match self {
            Self::Untouched => {}
            Self::Removed => *slot = None,
            Self::To(value) => *slot = Some(value),
        }
    }
}

impl ClientChange {
    /// Reads a body by the issuer's rules.
    pub(super) fn read(body: &Map<String, Value>, issuer: &Issuer) -> Result<Self, ApiError> {
        let known = |name: &str| {
            ACTED_ON.contains(&name) || encryption::NAMES.contains(&name) || echoed::has(name)
        };
        let strange: Vec<_> = body
            .keys()
            .map(String::as_str)
            .filter(|name| !known(name))
            .collect();
        if !strange.is_empty() {
            return Err(unknown(&strange));
        }
        let get = |name: &str, what| Some(Property::new(name, body.get(name)?, what));
        let mut other = echoed::read(body)?;
        let algorithm = algorithm(body, issuer, &mut other)?;
        Ok(Self {
            name: get("name", "Name of this client")
                .map(|it| name(&it))
                .transpose()?,
            secret: get("client_secret", "The client's secret")
                .map(|it| secret(&it))
                .transpose()?,
            auth_method: client_authentication::read(body)?,
            callbacks: get("callbacks", "URLs that a sign-in may return to")
                .map(|it| urls::read(&it))
                .transpose()?,
            allowed_logout_urls: get("allowed_logout_urls", "URLs that a sign-out may return to")
                .map(|it| urls::read(&it))
                .transpose()?,
            grant_types: get("grant_types", "Grants that the client may use")
                .map(|it| grant_types(&it))
                .transpose()?,
            algorithm,
            management_scopes: get("management_scopes", "Scopes of the Management API")
                .map(|it| management_scopes(&it))
                .transpose()?,
            logout: logout_settings::read(body, issuer.egress())?,
            encryption: EncryptionChange::read(body, issuer.egress())?,
            other,
        })
    }

    /// Makes the change; the secret is not part of it, it has to be sealed first. Refused is what
    /// makes no sense beside what the client had before.
    pub(super) fn apply(self, client: &mut Client) -> Result<(), ApiError> {
        fn replace<T>(slot: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *slot = value;
            }
        }
        self.encryption.apply(client)?;
        replace(&mut client.name, self.name);
        replace(&mut client.callbacks, self.callbacks);
        replace(&mut client.allowed_logout_urls, self.allowed_logout_urls);
        replace(&mut client.grant_types, self.grant_types);
        replace(&mut client.signing_algorithm, self.algorithm);
        replace(&mut client.management_scopes, self.management_scopes);
        let asked = self.auth_method != Setting::Untouched;
        self.auth_method
            .apply(&mut client.token_endpoint_auth_method);
        client_authentication::check(client, asked)?;
        self.logout.apply(&mut client.logout);
        for (name, value) in self.other {
            if value.is_null() {
                client.other.remove(&name);
            } else {
                client.other.insert(name, value);
            }
        }
        Ok(())
    }
}

fn name(property: &Property<'_>) -> Result<String, ApiError> {
    let name = property.text_of(1, MAX_TEXT)?;
    if name.contains(['<', '>']) || name.chars().any(char::is_control) {
        return Err(property.refuse("String does not match pattern: ^[^<>]+$"));
    }
    Ok(name.to_owned())
}

fn secret(property: &Property<'_>) -> Result<Secret<String>, ApiError> {
    let secret = property.text_of(1, MAX_TEXT)?;
    // RFC 6749 appendix A.2.
    if !secret.bytes().all(|byte| (0x20..=0x7E).contains(&byte)) {
        return Err(property.refuse("It has a character outside of space to ~"));
    }
    Ok(Secret::new(secret.to_owned()))
}

fn grant_types(property: &Property<'_>) -> Result<Vec<String>, ApiError> {
    let items = property.items(GRANT_TYPES.len() + 1)?;
    if items.is_empty() {
        // A client without a list has the grants of a web app, so an empty list would allow what
        // it seems to forbid.
        return Err(property.refuse("Array is too short (0), minimum 1"));
    }
    items
        .iter()
        .map(|item| item.one_of(GRANT_TYPES).map(str::to_owned))
        .collect()
}

fn management_scopes(property: &Property<'_>) -> Result<Vec<String>, ApiError> {
    let items = property.items(2 * management_scope::ALL.len())?;
    let names = items
        .iter()
        .map(Property::text)
        .collect::<Result<Vec<_>, _>>()?;
    management_scope::granted(names).map_err(|error| property.refuse(error.to_string()))
}

/// The algorithm under either of its names. The rest of `jwt_configuration` is kept with `other`,
/// and so is the mark that the registered name was used.
fn algorithm(
    body: &Map<String, Value>,
    issuer: &Issuer,
    other: &mut Map<String, Value>,
) -> Result<Option<SigningAlgorithm>, ApiError> {
    let mut chosen = None;
    if let Some(value) = body.get("jwt_configuration") {
        let property = Property::new("jwt_configuration", value, "Configuration of tokens");
        let known = ["alg", "lifetime_in_seconds", "scopes", "secret_encoded"];
        let members = property.object_of(&known)?;
        if let Some(alg) = members.get("alg", "Algorithm that tokens are signed with") {
            chosen = Some(one_algorithm(&alg, issuer)?);
        }
        if let Some(lifetime) = members.get("lifetime_in_seconds", "Lifetime of ID Tokens") {
            lifetime.whole_number()?;
        }
        let mut kept = members.as_map().clone();
        kept.remove("alg");
        other.insert("jwt_configuration".into(), Value::Object(kept));
    }
    if let Some(value) = body.get(REGISTERED_ALG) {
        let property = Property::new(
            REGISTERED_ALG,
            value,
            "Algorithm that tokens are signed with",
        );
        let registered = one_algorithm(&property, issuer)?;
        if chosen.is_some_and(|chosen| chosen != registered) {
            return Err(property.refuse("It differs from jwt_configuration.alg"));
        }
        chosen = Some(registered);
        other.insert(REGISTERED_ALG.into(), Value::Bool(true));
    }
    Ok(chosen)
}

fn one_algorithm(property: &Property<'_>, issuer: &Issuer) -> Result<SigningAlgorithm, ApiError> {
    let name = property.text()?;
    let known = name.parse::<SigningAlgorithm>();
    if known.is_ok_and(SigningAlgorithm::is_symmetric) {
        let reason = format!("{name} is not offered: tokens are signed with a private key only");
        return Err(property.refuse(reason));
    }
    known
        .ok()
        .filter(|algorithm| issuer.keys().current(*algorithm).is_ok())
        .ok_or_else(|| {
            let all = SigningAlgorithm::ALL.into_iter();
            let ours = all.filter(|algorithm| issuer.keys().current(*algorithm).is_ok());
            let ours: Vec<_> = ours.map(SigningAlgorithm::as_str).collect();
            let shown: String = name.chars().take(64).collect();
            property.refuse(format!(
                "No enum match for: {shown}; known are {}",
                ours.join(", ")
            ))
        })
}

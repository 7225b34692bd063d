//! The properties of a client that are kept and given back, and not acted on.
//!
//! The names are those that Auth0's SDK knows for a client and this issuer has no use for.
//! Configuration tools write a client, read it back and compare: what such a tool may send must
//! come back as it was. Only its type is checked; `refresh_token` is read where tokens are
//! exchanged, so its members are checked as well. A name that is neither here nor in `change.rs`
//! is refused.

use serde_json::{Map, Value};

use super::refresh_token;
use crate::http::api_error::ApiError;
use crate::http::management::property::Property;
use crate::http::refresh_settings;

/// What a property must be.
#[derive(Debug, Clone, Copy)]
pub(in crate::http::management) enum Kind {
    Text(usize),
    Flag,
    Number,
    Texts,
    Object,
    TextMap(usize),
    OneOf(&'static [&'static str]),
    /// Acted on, so its members have rules of their own.
    Checked(fn(&Property<'_>) -> Result<(), ApiError>),
}

use Kind::{Checked, Flag, Number, Object, OneOf, Text, TextMap, Texts};

/// Long enough for a page in a property.
const PAGE: usize = 60_000;

const APP_TYPES: &[&str] = &[
    "native",
    "spa",
    "regular_web",
    "non_interactive",
    "resource_server",
    "express_configuration",
    "rms",
    "box",
    "cloudbees",
    "concur",
    "dropbox",
    "mscrm",
    "echosign",
    "egnyte",
    "newrelic",
    "office365",
    "salesforce",
    "sentry",
    "sharepoint",
    "slack",
    "springcm",
    "zendesk",
    "zoom",
    "sso_integration",
    "oag",
];

/// Name, kind and description of a property that is only kept.
pub(in crate::http::management) type Echoed = (&'static str, Kind, &'static str);

/// Name, kind and description of each.
const ECHOED: &[Echoed] = &[
    ("addons", Object, "Addons of the client"),
    (
        "allowed_clients",
        Texts,
        "Clients that may delegate to this one",
    ),
    (
        "allowed_origins",
        Texts,
        "Origins that may call from a browser",
    ),
    ("anonymous_sessions", Object, "Anonymous sessions"),
    (
        "app_type",
        OneOf(APP_TYPES),
        "The type of application this client represents",
    ),
    (
        "async_approval_notification_channels",
        Texts,
        "Channels for asking a user's approval",
    ),
    (
        "b2b_integration_configuration",
        Object,
        "Integration between businesses",
    ),
    ("client_aliases", Texts, "Audiences for SAML"),
    (
        "client_authentication_methods",
        Object,
        "Authentication by keys or certificates",
    ),
    ("client_metadata", TextMap(10), "Metadata of the client"),
    ("compliance_level", Text(255), "Compliance level"),
    (
        "cross_origin_authentication",
        Flag,
        "Whether cross-origin authentication is allowed",
    ),
    (
        "cross_origin_loc",
        Text(2048),
        "Where a cross-origin authentication is verified",
    ),
    ("custom_login_page", Text(PAGE), "The login page's content"),
    (
        "custom_login_page_on",
        Flag,
        "Whether the client has a login page of its own",
    ),
    (
        "custom_login_page_preview",
        Text(PAGE),
        "The login page's content in previews",
    ),
    (
        "default_organization",
        Object,
        "The organization of sign-ins that name none",
    ),
    (
        "description",
        Text(140),
        "Free text description of this client",
    ),
    (
        "encryption_key",
        Object,
        "The key for encrypting to this client",
    ),
    ("express_configuration", Object, "Express configuration"),
    ("fedcm_login", Object, "Sign-in by FedCM"),
    ("form_template", Text(PAGE), "The form of WS-Federation"),
    (
        "identity_assertion_authorization_grant",
        Object,
        "Identity assertion grants",
    ),
    (
        "initiate_login_uri",
        Text(2048),
        "Initiate login uri, must be https",
    ),
    (
        "is_first_party",
        Flag,
        "Whether this client is a first party client",
    ),
    (
        "is_token_endpoint_ip_header_trusted",
        Flag,
        "Whether a forwarded address is believed",
    ),
    ("logo_uri", Text(2048), "The URL of the logo"),
    ("mobile", Object, "Mobile apps of the client"),
    (
        "my_organization_configuration",
        Object,
        "Organization self-service",
    ),
    (
        "native_social_login",
        Object,
        "Sign-in by social providers' apps",
    ),
    (
        "oidc_conformant",
        Flag,
        "Whether this client conforms to OpenID Connect",
    ),
    (
        "organization_discovery_methods",
        Texts,
        "How an organization is found",
    ),
    (
        "organization_require_behavior",
        Text(255),
        "When an organization is asked for",
    ),
    (
        "organization_usage",
        Text(255),
        "Whether organizations are used",
    ),
    (
        "par_request_expiry",
        Number,
        "How long a pushed request is valid",
    ),
    ("redirection_policy", Text(255), "Redirection policy"),
    (
        refresh_settings::PROPERTY,
        Checked(refresh_token::check),
        "Refresh token configuration",
    ),
    (
        "require_proof_of_possession",
        Flag,
        "Whether proof of possession is required",
    ),
    (
        "require_pushed_authorization_requests",
        Flag,
        "Whether requests must be pushed",
    ),
    (
        "resource_server_identifier",
        Text(2048),
        "The resource server of this client",
    ),
    (
        "session_transfer",
        Object,
        "Transfer of sessions between apps",
    ),
    ("signed_request_object", Object, "Signed request objects"),
    (
        "skip_non_verifiable_callback_uri_confirmation_prompt",
        Flag,
        "Whether a prompt is skipped",
    ),
    ("sso", Flag, "Whether single sign-on is done by the issuer"),
    ("sso_disabled", Flag, "Whether single sign-on is off"),
    (
        "third_party_security_mode",
        Text(255),
        "Security mode of third parties",
    ),
    ("token_exchange", Object, "Token exchange"),
    ("token_quota", Object, "Token quota"),
    (
        "token_vault_privileged_access",
        Object,
        "Privileged access to the token vault",
    ),
    ("web_origins", Texts, "Origins of web messages"),
];

/// The most items of a list.
const MAX_ITEMS: usize = 1_000;

/// Takes the properties out of a body, checked; `null` stands for one that is to be removed.
pub(super) fn read(body: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    read_all(ECHOED, body)
}

/// The same for the properties of another table.
pub(in crate::http::management) fn read_all(
    table: &[Echoed],
    body: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut read = Map::new();
    for (name, kind, description) in table {
        let Some(value) = body.get(*name) else {
            continue;
        };
        if let Some(property) = Property::new(name, value, description).not_null() {
            check(&property, *kind)?;
        }
        read.insert((*name).to_owned(), value.clone());
    }
    Ok(read)
}

/// Whether a property is one of these.
pub(super) fn has(name: &str) -> bool {
    ECHOED.iter().any(|(known, ..)| *known == name)
}

fn check(property: &Property<'_>, kind: Kind) -> Result<(), ApiError> {
    match kind {
        Text(max) => property.text_of(0, max).map(drop),
        Flag => property.boolean().map(drop),
        Number => property.number(),
        Texts => property
            .items(MAX_ITEMS)?
            .iter()
            .try_for_each(|item| item.text().map(drop)),
        Object => property.object().map(drop),
        OneOf(known) => property.one_of(known).map(drop),
        Checked(check) => check(property),
        TextMap(max) => check_text_map(property, max),
    }
}

fn check_text_map(property: &Property<'_>, max: usize) -> Result<(), ApiError> {
    let members = property.object()?;
    let count = members.as_map().len();
    if count > max {
        let reason = format!("Too many properties defined ({count}), maximum {max}");
        return Err(property.refuse(reason));
    }
    for name in members.as_map().keys() {
        let value = members.get(name, "Metadata of the client");
        if let Some(value) = value.and_then(Property::not_null) {
            value.text_of(0, 255)?;
        }
        if name.chars().count() > 255 {
            return Err(property.refuse("A key is longer than 255 characters"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(body: &Value) -> String {
        match read(body.as_object().unwrap()) {
            Ok(read) => Value::Object(read).to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(ECHOED.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn what_is_known_is_kept_as_it_came() {
        let body = json!({
            "refresh_token": {"leeway": 0, "rotation_type": "non-rotating"},
            "web_origins": ["https://a.example"],
            "par_request_expiry": 30,
            "sso": null,
        });
        assert_eq!(
            Value::Object(read(body.as_object().unwrap()).unwrap()),
            body
        );
    }

    #[test]
    fn a_wrong_type_is_refused() {
        for (name, kind, _) in ECHOED {
            let wrong = if matches!(kind, Number) {
                json!("1")
            } else {
                json!(1)
            };
            let text = told(&json!({*name: wrong}));
            assert!(text.contains(&format!(" on property {name} (")), "{text}");
        }
    }

    #[test]
    fn client_metadata_has_ten_entries_of_255_characters() {
        let entries = |count: usize, length: usize| {
            let entries = (0..count).map(|n| (format!("k{n}"), json!("é".repeat(length))));
            json!({"client_metadata": entries.collect::<Map<_, _>>()})
        };
        assert!(told(&entries(10, 255)).starts_with('{'));
        assert!(told(&entries(11, 1)).contains("Too many properties defined (11), maximum 10"));
        assert!(told(&entries(1, 256)).contains("on property client_metadata.k0 ("));
    }

    #[test]
    fn an_unknown_app_type_is_refused_with_the_known_ones() {
        let text = told(&json!({"app_type": "web"}));
        assert!(
            text.contains("No enum match for: web") && text.contains("regular_web"),
            "{text}"
        );
    }
}

//! `oidc_logout` of a client, in and out.
//!
//! Auth0 has two names for the same setting, `oidc_logout` and the older
//! `oidc_backchannel_logout`: a request may use either, an answer has both, the older one with the
//! URLs only. Beside Auth0's members stands our own `delivery`.

use serde_json::{Map, Value, json};

use super::change::Setting;
use crate::domain::initiator::Initiator;
use crate::domain::logout_settings::{
    DeliverySettings, Initiators, LogoutSettings, LogoutUrl, MAX_LOGOUT_URLS, SubjectInToken,
    TokenType,
};
use crate::egress::Egress;
use crate::http::api_error::ApiError;
use crate::http::management::property::Property;

/// The names of the setting.
pub(super) const NAMES: [&str; 2] = ["oidc_logout", "oidc_backchannel_logout"];

const SETTING: &str = "Configuration for OIDC backchannel logout";
const URLS: &str = "URLs that receive logout tokens, must be https";
const INITIATORS: &str = "Events that the client is told of";
const METADATA: &str = "Whether session metadata is included in the logout token";
const DELIVERY: &str = "How deliveries to this client look";

/// Reads the setting from a body.
pub(super) fn read(
    body: &Map<String, Value>,
    egress: &Egress,
) -> Result<Setting<LogoutSettings>, ApiError> {
    let [now, before] = NAMES.map(|name| Some(Property::new(name, body.get(name)?, SETTING)));
    let property = match (now, before) {
        (None, None) => return Ok(Setting::Untouched),
        (Some(property), None) | (None, Some(property)) => property,
        (Some(now), Some(before)) if says_the_same(now.value(), before.value()) => now,
        (Some(_), Some(before)) => {
            return Err(before.refuse("It differs from oidc_logout; send one of the two"));
        }
    };
    Setting::read(Some(property), |property| settings(property, egress))
}

/// Whether the older name says nothing that the newer does not say. What we answer does so too,
/// and callers send our answer back with one member changed.
fn says_the_same(now: &Value, before: &Value) -> bool {
    match (now, before) {
        (Value::Object(now), Value::Object(before)) => before
            .iter()
            .all(|(name, value)| now.get(name) == Some(value)),
        _ => now == before,
    }
}

fn settings(property: &Property<'_>, egress: &Egress) -> Result<LogoutSettings, ApiError> {
    let members = property.object_of(&[
        "backchannel_logout_urls",
        "backchannel_logout_initiators",
        "backchannel_logout_session_metadata",
        "delivery",
    ])?;
    let present = |name, description| members.get(name, description).and_then(Property::not_null);
    let mut settings = LogoutSettings::default();
    if let Some(urls) = members.get("backchannel_logout_urls", URLS) {
        let urls = urls.items(MAX_LOGOUT_URLS)?;
        settings.urls = urls
            .iter()
            .map(|item| url(item, egress))
            .collect::<Result<_, _>>()?;
    }
    if let Some(property) = present("backchannel_logout_initiators", INITIATORS) {
        settings.initiators = Some(initiators(&property)?);
    }
    if let Some(property) = present("backchannel_logout_session_metadata", METADATA) {
        let include = property.object_of(&["include"])?.get("include", METADATA);
        settings.include_session_metadata = include.map(|flag| flag.boolean()).transpose()?;
    }
    if let Some(property) = present("delivery", DELIVERY) {
        settings.delivery = delivery(&property)?;
    }
    Ok(settings)
}

pub(super) fn url(item: &Property<'_>, egress: &Egress) -> Result<LogoutUrl, ApiError> {
    let written = item.text()?;
    // The reason names the rule and not the URL, which may have a password in it.
    let refuse = |reason: String| item.refuse(format!("URL {reason}"));
    let url = LogoutUrl::parse(written, egress.url_policy())
        .map_err(|error| refuse(error.to_string()))?;
    egress
        .check_literal(&url)
        .map_err(|error| refuse(format!("is refused: {error}")))?;
    Ok(url)
}

fn initiators(property: &Property<'_>) -> Result<Initiators, ApiError> {
    let members = property.object_of(&["mode", "selected_initiators"])?;
    let mode = members.get("mode", "Which initiators are chosen");
    let mode = mode.ok_or_else(|| property.refuse("Missing required property: mode"))?;
    if mode.one_of(&["custom", "all"])? == "all" {
        return Ok(Initiators::All);
    }
    let selected = members.get("selected_initiators", INITIATORS);
    let selected = selected
        .ok_or_else(|| property.refuse("Missing required property: selected_initiators"))?;
    let parse = |item: &Property<'_>| -> Result<Initiator, ApiError> {
        let name = item.text()?;
        name.parse()
            .map_err(|error| item.refuse(format!("{error}")))
    };
    let items = selected.items(2 * Initiator::ALL.len())?;
    items
        .iter()
        .map(parse)
        .collect::<Result<_, _>>()
        .map(Initiators::Custom)
}

fn delivery(property: &Property<'_>) -> Result<DeliverySettings, ApiError> {
    let members = property.object_of(&[
        "token_type",
        "lifetime_seconds",
        "subject",
        "session_required",
        "subject_logout",
        "wait_ms",
        "timeout_ms",
    ])?;
    let get = |name| members.get(name, DELIVERY);
    let mut settings = DeliverySettings::default();
    if let Some(member) = get("token_type") {
        let jwt = member.one_of(&["logout+jwt", "JWT"])? == "JWT";
        settings.token_type = if jwt {
            TokenType::Jwt
        } else {
            TokenType::LogoutJwt
        };
    }
    if let Some(member) = get("subject") {
        settings.subject = match member.one_of(&["auto", "always", "never"])? {
            "always" => SubjectInToken::Always,
            "never" => SubjectInToken::Never,
            _ => SubjectInToken::Auto,
        };
    }
    for (name, flag) in [
        ("session_required", &mut settings.session_required),
        ("subject_logout", &mut settings.subject_logout),
    ] {
        if let Some(member) = get(name) {
            *flag = member.boolean()?;
        }
    }
    for (name, number) in [
        ("lifetime_seconds", &mut settings.lifetime_seconds),
        ("wait_ms", &mut settings.wait_ms),
        ("timeout_ms", &mut settings.timeout_ms),
    ] {
        if let Some(member) = get(name) {
            *number = member.whole_number()?;
        }
    }
    settings.check().map_err(|error| match get(error.setting) {
        Some(member) => member.refuse(format!("Value {error}")),
        None => property.refuse(format!("Value {error}")),
    })?;
    Ok(settings)
}

/// Writes the setting under both names.
///
/// `delivery` is told where it differs from the defaults, so that a client with Auth0's members
/// only looks as it would there.
pub(super) fn write(settings: &LogoutSettings, body: &mut Map<String, Value>) {
    let urls = json!(settings.urls);
    let mut setting = Map::new();
    setting.insert("backchannel_logout_urls".into(), urls.clone());
    if let Some(initiators) = &settings.initiators {
        let initiators = match initiators {
            Initiators::All => json!({"mode": "all"}),
            Initiators::Custom(named) => json!({"mode": "custom", "selected_initiators": named}),
        };
        setting.insert("backchannel_logout_initiators".into(), initiators);
    }
    if let Some(include) = settings.include_session_metadata {
        let metadata = json!({"include": include});
        setting.insert("backchannel_logout_session_metadata".into(), metadata);
    }
    if settings.delivery != DeliverySettings::default() {
        setting.insert("delivery".into(), json!(settings.delivery));
    }
    body.insert("oidc_logout".into(), Value::Object(setting));
    body.insert(
        "oidc_backchannel_logout".into(),
        json!({"backchannel_logout_urls": urls}),
    );
}

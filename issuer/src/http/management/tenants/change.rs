//! What a body asks of the settings, checked before anything is written.
//!
//! Names are those of Auth0's SDK. Those that this issuer has no use for are checked for their type,
//! kept and given back; unknown ones are refused.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::session::CookieMode;
use crate::domain::tenant_settings::{LIFETIMES, TenantSettings};
use crate::http::api_error::ApiError;
use crate::http::management::clients::echoed::{Echoed, Kind, read_all};
use crate::http::management::clients::urls;
use crate::http::management::property::{Property, unknown};

use Kind::{Flag, Number, Object, Text, Texts};

/// What this issuer acts on.
const ACTED_ON: [&str; 6] = [
    "allowed_logout_urls",
    "idle_session_lifetime",
    "oidc_logout",
    "session_cookie",
    "session_lifetime",
    "sessions",
];

/// Name, kind and description of what is only kept.
const ECHOED: &[Echoed] = &[
    ("acr_values_supported", Texts, "Supported ACR values"),
    (
        "allow_organization_name_in_authentication_api",
        Flag,
        "Whether a name stands for an organization's id",
    ),
    (
        "authorization_response_iss_parameter_supported",
        Flag,
        "Whether answers name the issuer",
    ),
    ("change_password", Object, "The page for another password"),
    (
        "customize_mfa_in_postlogin_action",
        Flag,
        "Whether Actions choose factors",
    ),
    ("default_audience", Text(2048), "Default audience"),
    ("default_directory", Text(255), "Default connection"),
    (
        "default_redirection_uri",
        Text(2048),
        "Where people go who came from nowhere",
    ),
    ("default_token_quota", Object, "Quota of tokens"),
    ("device_flow", Object, "The device flow"),
    ("enabled_locales", Texts, "Languages of the pages"),
    (
        "ephemeral_session_lifetime",
        Number,
        "Hours of a session without a lasting cookie",
    ),
    ("error_page", Object, "The page for errors"),
    ("flags", Object, "Flags"),
    ("friendly_name", Text(255), "Name of the tenant"),
    ("guardian_mfa_page", Object, "The page for factors"),
    (
        "idle_ephemeral_session_lifetime",
        Number,
        "Idle hours of a session without a lasting cookie",
    ),
    ("legacy_sandbox_version", Text(32), "Older sandbox version"),
    ("mtls", Object, "Mutual TLS"),
    ("picture_url", Text(2048), "The logo"),
    (
        "pushed_authorization_requests_supported",
        Flag,
        "Whether requests can be pushed",
    ),
    ("sandbox_version", Text(32), "Sandbox version"),
    ("support_email", Text(255), "Where people find help by mail"),
    ("support_url", Text(2048), "Where people find help"),
];

/// A checked change of the settings; the outer `None` leaves one as it is.
#[derive(Debug, Default)]
pub(super) struct SettingsChange {
    lifetime_secs: Option<Option<u64>>,
    idle_lifetime_secs: Option<Option<u64>>,
    cookie_mode: Option<Option<CookieMode>>,
    allowed_logout_urls: Option<Vec<String>>,
    sign_out_in_discovery: Option<Option<bool>>,
    ask_before_sign_out: Option<Option<bool>>,
    other: Map<String, Value>,
}

impl SettingsChange {
    /// Reads a body.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let known = |name: &str| {
            ACTED_ON.contains(&name) || ECHOED.iter().any(|(known, ..)| *known == name)
        };
        let names = body.keys().map(String::as_str);
        let strange: Vec<_> = names.filter(|name| !known(name)).collect();
        if !strange.is_empty() {
            return Err(unknown(&strange));
        }
        let get = |name: &str, what| Some(Property::new(name, body.get(name)?, what));
        Ok(Self {
            lifetime_secs: read(get("session_lifetime", "Hours of a session"), hours)?,
            idle_lifetime_secs: read(
                get("idle_session_lifetime", "Hours of a session without use"),
                hours,
            )?,
            cookie_mode: read(
                get("session_cookie", "The cookie of a session"),
                cookie_mode,
            )?
            .map(Option::flatten),
            allowed_logout_urls: read(
                get("allowed_logout_urls", "URLs that a sign-out may return to"),
                |it| urls::read(it),
            )?
            .map(Option::unwrap_or_default),
            sign_out_in_discovery: read(get("oidc_logout", "Sign-out by apps"), |it| {
                flag(it, "rp_logout_end_session_endpoint_discovery")
            })?
            .map(Option::flatten),
            ask_before_sign_out: read(get("sessions", "Sessions"), |it| {
                flag(it, "oidc_logout_prompt_enabled")
            })?
            .map(Option::flatten),
            other: read_all(ECHOED, body)?,
        })
    }

    /// Makes the change.
    pub(super) fn apply(self, settings: &mut TenantSettings) {
        fn replace<T>(slot: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *slot = value;
            }
        }
        replace(&mut settings.lifetime_secs, self.lifetime_secs);
        replace(&mut settings.idle_lifetime_secs, self.idle_lifetime_secs);
        replace(&mut settings.cookie_mode, self.cookie_mode);
        replace(&mut settings.allowed_logout_urls, self.allowed_logout_urls);
        replace(
            &mut settings.sign_out_in_discovery,
            self.sign_out_in_discovery,
        );
        replace(&mut settings.ask_before_sign_out, self.ask_before_sign_out);
        for (name, value) in self.other {
            if value.is_null() {
                settings.other.shift_remove(&name);
            } else {
                settings.other.insert(name, value);
            }
        }
    }
}

/// Nothing where the body does not name it; `null` takes the setting back.
fn read<T>(
    property: Option<Property<'_>>,
    read: impl FnOnce(&Property<'_>) -> Result<T, ApiError>,
) -> Result<Option<Option<T>>, ApiError> {
    let Some(property) = property else {
        return Ok(None);
    };
    let set = property.not_null().map(|property| read(&property));
    Ok(Some(set.transpose()?))
}

/// Hours as seconds.
fn hours(property: &Property<'_>) -> Result<u64, ApiError> {
    property.number()?;
    let hours = property.value().as_f64().unwrap_or_default();
    let span = Duration::try_from_secs_f64((hours * 3_600.0).round());
    let (shortest, longest) = LIFETIMES;
    let span = span.ok().filter(|span| (shortest..=longest).contains(span));
    span.map(|span| span.as_secs())
        .ok_or_else(|| property.refuse("It must be from a minute (0.0167) to 8760 hours"))
}

fn cookie_mode(property: &Property<'_>) -> Result<Option<CookieMode>, ApiError> {
    let members = property.object_of(&["mode"])?;
    let mode = members.get("mode", "Whether the cookie outlives the browser");
    let Some(mode) = mode.and_then(Property::not_null) else {
        return Ok(None);
    };
    Ok(Some(
        match mode.one_of(&["persistent", "non-persistent"])? {
            "persistent" => CookieMode::Persistent,
            _ => CookieMode::NonPersistent,
        },
    ))
}

fn flag(property: &Property<'_>, name: &'static str) -> Result<Option<bool>, ApiError> {
    let members = property.object_of(&[name])?;
    let flag = members.get(name, "").and_then(Property::not_null);
    flag.map(|flag| flag.boolean()).transpose()
}

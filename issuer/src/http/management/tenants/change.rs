//! What a body asks of the settings, checked before anything is written.
//!
//! Names are those of Auth0's SDK. Those that this issuer has no use for are checked for their type,
//! kept and given back; unknown ones are refused.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::session::CookieMode;
use crate::domain::tenant_settings::{LIFETIMES, TenantSettings};
use crate::http::api_error::ApiError;
use crate::http::management::clients::change::Setting;
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

/// A checked change of the settings.
#[derive(Debug, Default)]
pub(super) struct SettingsChange {
    lifetime_secs: Setting<u64>,
    idle_lifetime_secs: Setting<u64>,
    cookie_mode: Setting<CookieMode>,
    allowed_logout_urls: Setting<Vec<String>>,
    sign_out_in_discovery: Setting<bool>,
    ask_before_sign_out: Setting<bool>,
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
        let lifetime = get("session_lifetime", "Hours of a session");
        let idle = get("idle_session_lifetime", "Hours of a session without use");
        let cookie = get("session_cookie", "The cookie of a session");
        let after = get("allowed_logout_urls", "URLs that a sign-out may return to");
        let discovery = get("oidc_logout", "Sign-out by apps");
        let sessions = get("sessions", "Sessions");
        Ok(Self {
            lifetime_secs: Setting::read(lifetime, hours)?,
            idle_lifetime_secs: Setting::read(idle, hours)?,
            cookie_mode: flat(Setting::read(cookie, cookie_mode)?),
            allowed_logout_urls: Setting::read(after, urls::read)?,
            sign_out_in_discovery: flat(Setting::read(discovery, |it| {
                flag(it, "rp_logout_end_session_endpoint_discovery")
            })?),
            ask_before_sign_out: flat(Setting::read(sessions, |it| {
                flag(it, "oidc_logout_prompt_enabled")
            })?),
            other: read_all(ECHOED, body)?,
        })
    }

    /// Makes the change.
    pub(super) fn apply(self, settings: &mut TenantSettings) {
        self.lifetime_secs.apply(&mut settings.lifetime_secs);
        self.idle_lifetime_secs
            .apply(&mut settings.idle_lifetime_secs);
        self.cookie_mode.apply(&mut settings.cookie_mode);
        let mut urls = Some(std::mem::take(&mut settings.allowed_logout_urls));
        self.allowed_logout_urls.apply(&mut urls);
        settings.allowed_logout_urls = urls.unwrap_or_default();
        self.sign_out_in_discovery
            .apply(&mut settings.sign_out_in_discovery);
        self.ask_before_sign_out
            .apply(&mut settings.ask_before_sign_out);
        for (name, value) in self.other {
            if value.is_null() {
                settings.other.shift_remove(&name);
            } else {
                settings.other.insert(name, value);
            }
        }
    }
}

/// An object without its one member is as `null`.
fn flat<T>(setting: Setting<Option<T>>) -> Setting<T> {
    match setting {
        Setting::Untouched => Setting::Untouched,
        Setting::Removed | Setting::To(None) => Setting::Removed,
        Setting::To(Some(value)) => Setting::To(value),
    }
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

//! The `event` that an Action sees, with the names that Auth0's Actions know.
//!
//! It holds no password, code, token or handle.

use logout_shared::Timestamp;
use serde_json::{Value, json};

use super::PostLogin;
use crate::domain::refresh_token::RefreshGrant;
use crate::domain::session::{Participant, Session};
use crate::domain::user::User;
use crate::issuer::Issuer;
use crate::login::authorize::{AuthorizationRequest, Prompt, ResponseMode};

/// Where people sign in with their password, by the name that Actions know.
pub const CONNECTION: &str = "Username-Password-Authentication";

impl PostLogin {
    /// `event.transaction` of an app's request.
    pub fn transaction(request: &AuthorizationRequest) -> Value {
        let prompt: &[&str] = match request.prompt {
            Prompt::WhenNeeded => &[],
            Prompt::Never => &["none"],
            Prompt::Always => &["login"],
        };
        let mode = match request.back.mode {
            ResponseMode::Query => "query",
            ResponseMode::FormPost => "form_post",
        };
        json!({
            "acr_values": [],
            "locale": "",
            "login_hint": request.login_hint,
            "metadata": {},
            "prompt": prompt,
            "protocol": "oidc-basic-profile",
            "redirect_uri": request.back.redirect_uri,
            "requested_scopes": request.scope.split(' ').collect::<Vec<_>>(),
            "response_mode": mode,
            "response_type": ["code"],
            "state": request.back.state,
            "ui_locales": [],
        })
    }

    /// `event.transaction` of an exchange of a refresh token for these scopes.
    pub fn exchange_transaction(scope: &str) -> Value {
        json!({
            "acr_values": [],
            "locale": "",
            "metadata": {},
            "protocol": "oauth2-refresh-token",
            "requested_scopes": scope.split(' ').collect::<Vec<_>>(),
            "ui_locales": [],
        })
    }
}

/// The event of a login.
pub(super) fn of(issuer: &Issuer, login: &PostLogin, clients: &[Participant]) -> Value {
    let host = issuer.id().url().host_str().unwrap_or_default();
    let mut event = json!({
        "authentication": { "methods": login.session.as_ref().map_or(&[][..], |s| &s.methods) },
        "authorization": { "roles": [] },
        "client": {
            "client_id": login.client.id,
            "name": login.client.name,
            "metadata": login.client.other.get("client_metadata").unwrap_or(&json!({})),
        },
        "connection": { "name": CONNECTION, "strategy": "auth0", "metadata": {} },
        "request": {
            "body": {},
            "geoip": {},
            "hostname": host,
            "ip": login.device.last_ip,
            "query": {},
            "user_agent": login.device.last_user_agent,
        },
        "stats": { "logins_count": login.user.logins_count },
        "tenant": { "id": host },
        "transaction": login.transaction,
        "user": user(&login.user),
    });
    if let Some(live) = &login.session {
        event["session"] = session(live, clients);
    }
    if let Some(grant) = &login.refresh_token {
        event["refresh_token"] = refresh_token(grant);
    }
    event
}

fn refresh_token(grant: &RefreshGrant) -> Value {
    let time = |at: Option<Timestamp>| json!(at.map(Timestamp::to_rfc3339));
    json!({
        "id": grant.id,
        "user_id": grant.user,
        "client_id": grant.client,
        "session_id": grant.session,
        "created_at": grant.created_at.to_rfc3339(),
        "last_exchanged_at": time(grant.last_exchanged_at),
        "expires_at": time(grant.expires_at),
        "idle_expires_at": time(grant.idle_expires_at),
        "device": grant.device,
    })
}

fn session(session: &Session, clients: &[Participant]) -> Value {
    let clients: Vec<Value> = clients
        .iter()
        .map(|one| json!({ "client_id": one.client }))
        .collect();
    json!({
        "id": session.id,
        "user_id": session.user,
        "authenticated_at": session.authenticated_at.to_rfc3339(),
        "clients": clients,
        "cookie": { "mode": session.cookie_mode },
        "created_at": session.created_at.to_rfc3339(),
        "device": session.device,
        "expires_at": session.expires_at.to_rfc3339(),
        "idle_expires_at": session.idle_expires_at.to_rfc3339(),
        "last_interacted_at": session.last_interacted_at.to_rfc3339(),
        "metadata": session.metadata,
        "updated_at": session.updated_at.to_rfc3339(),
    })
}

fn user(user: &User) -> Value {
    let mut members = user.profile.clone();
    let known = [
        ("user_id", json!(user.id)),
        ("email", json!(user.email)),
        ("email_verified", json!(user.email_verified)),
        ("created_at", json!(user.created_at.to_rfc3339())),
        ("updated_at", json!(user.updated_at.to_rfc3339())),
        (
            "last_login",
            json!(user.last_login.map(Timestamp::to_rfc3339)),
        ),
        ("app_metadata", json!(user.app_metadata)),
        ("user_metadata", json!(user.user_metadata)),
    ];
    members.extend(known.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(members)
}

//! The record that each change through the Management API leaves in the event log.
//!
//! It is written in the change's own transaction: a change without its record cannot be. It says
//! who called, what, and with which result; of a body it has the names of the properties, never
//! their values, which may be secrets or personal.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use logout_shared::Timestamp;
use serde_json::{Map, Value, json};

use crate::domain::event_log::{LogCode, LogEvent};
use crate::http::bearer::Bearer;
use crate::http::{AppState, ClientAddress};
use crate::logout::LogContext;

/// The most characters of a `User-Agent` or path that are kept.
const MAX_KEPT_CHARS: usize = 512;

/// The most parameters of a query that are kept.
const MAX_KEPT_PARAMETERS: usize = 16;

/// The most characters of a parameter's name or value that are kept.
const MAX_KEPT_QUERY_CHARS: usize = 128;

/// The call in progress, as far as the event log wants to know it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    method: String,
    path: String,
    query: Map<String, Value>,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl FromRequestParts<AppState> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let ClientAddress(ip) = ClientAddress::from_request_parts(parts, state).await?;
        let user_agent = parts
            .headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok());
        // Nested routers see the path without what they are nested under.
        let path = parts.extensions.get::<axum::extract::OriginalUri>();
        let path = path.map_or_else(|| parts.uri.path(), |original| original.path());
        Ok(Self {
            method: parts.method.as_str().to_lowercase(),
            path: path.chars().take(MAX_KEPT_CHARS).collect(),
            query: query(parts.uri.query().unwrap_or_default()),
            ip: ip.map(|ip| ip.to_string()),
            user_agent: user_agent.map(|text| text.chars().take(MAX_KEPT_CHARS).collect()),
        })
    }
}

/// The query's parameters, a few of them and not all of each.
fn query(text: &str) -> Map<String, Value> {
    let kept = |text: &str| text.chars().take(MAX_KEPT_QUERY_CHARS).collect::<String>();
    let parameters = url::form_urlencoded::parse(text.as_bytes()).take(MAX_KEPT_PARAMETERS);
    parameters
        .map(|(name, value)| (kept(&name), kept(&value).into()))
        .collect()
}

impl Call {
    /// The record of a change (`sapi`); `properties` are the names in the body.
    pub(super) fn changed(
        &self,
        bearer: &Bearer,
        what: &str,
        (status, properties): (StatusCode, Vec<String>),
        now: Timestamp,
    ) -> LogEvent {
        let details = json!({
            "request": self.request(bearer, &properties),
            "response": { "statusCode": status.as_u16() },
        });
        self.record(
            bearer,
            LogEvent {
                details,
                ..LogEvent::new(LogCode::ApiOperation, what, now)
            },
        )
    }

    /// The record of a secret that was given out (`mgmt_api_read`).
    pub(super) fn gave_secret(&self, bearer: &Bearer, what: &str, now: Timestamp) -> LogEvent {
        let details = json!({
            "request": self.request(bearer, &[]),
            // The body holds the secret; it stays out.
            "response": { "statusCode": StatusCode::OK.as_u16(), "body": {} },
            "accessedSecrets": ["client_secret"],
        });
        self.record(
            bearer,
            LogEvent {
                details,
                ..LogEvent::new(LogCode::ApiRead, what, now)
            },
        )
    }

    /// Who asked for the end of a session.
    pub(super) fn context(&self, bearer: &Bearer) -> LogContext {
        LogContext {
            client: Some(bearer.client().clone()),
            client_name: Some(bearer.client_name().to_owned()),
            ip: self.ip.clone(),
            user_agent: self.user_agent.clone(),
            ..LogContext::default()
        }
    }

    /// A record with caller and address filled in.
    fn record(&self, bearer: &Bearer, event: LogEvent) -> LogEvent {
        LogEvent {
            client: Some(bearer.client().clone()),
            client_name: Some(bearer.client_name().to_owned()),
            ip: self.ip.clone(),
            user_agent: self.user_agent.clone(),
            ..event
        }
    }

    fn request(&self, bearer: &Bearer, properties: &[String]) -> Value {
        let mut request = json!({
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "channel": "api",
            "ip": self.ip,
            "userAgent": self.user_agent,
            "auth": {
                "strategy": "jwt",
                "user": { "user_id": bearer.subject(), "name": bearer.client_name() },
                "credentials": { "scopes": bearer.scopes() },
            },
        });
        if !properties.is_empty() {
            request["properties"] = json!(properties);
        }
        request
    }
}

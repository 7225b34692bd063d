//! A record of the event log as the Management API shows it.
//!
//! Members and their names are Auth0's; what a record does not have is left out. `delivery_id` is
//! our own: the delivery whose attempt the record is about.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::management::query::Fields;
use crate::storage::LogRecord;

/// The JSON form of a record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogRecord)]
#[serde(default)]
#[expect(missing_docs, reason = "each is the member of that name on the wire")]
pub struct LogBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_id: Option<String>,
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    pub log_id_again: Option<String>,
    #[serde(rename = "isMobile", skip_serializing_if = "Option::is_none")]
    pub is_mobile: Option<bool>,
}

impl LogBody {
    /// A record.
    pub fn new(record: LogRecord) -> Self {
        let LogRecord {
            log_id,
            code,
            mut event,
        } = record;
        let mut text = |name: &str| match event.get_mut(name).map(Value::take) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let user_agent = text("user_agent");
        let mut body = Self {
            date: text("date"),
            code: Some(code),
            description: text("description"),
            client_id: text("client"),
            client_name: text("client_name"),
            ip: text("ip"),
            is_mobile: user_agent.as_deref().map(is_mobile),
            user_agent,
            user_id: text("user"),
            user_name: text("user_name"),
            delivery_id: text("delivery"),
            log_id: Some(log_id.to_string()),
            log_id_again: Some(log_id.to_string()),
            ..Self::default()
        };
        body.details = event.get_mut("details").map(Value::take);
        let detail = |name: &str| Some(body.details.as_ref()?.get(name)?.as_str()?.to_owned());
        (body.audience, body.scope) = (detail("audience"), detail("scope"));
        body
    }

    /// What of it the caller wants.
    pub(super) fn select(self, fields: &Fields) -> Self {
        let Ok(Value::Object(mut members)) = serde_json::to_value(&self) else {
            return self;
        };
        fields.select(&mut members);
        serde_json::from_value(Value::Object(members)).unwrap_or(self)
    }
}

/// Browsers on phones and tablets say so in these words.
fn is_mobile(user_agent: &str) -> bool {
    ["Mobi", "Android", "iPhone", "iPad"]
        .iter()
        .any(|word| user_agent.contains(word))
}

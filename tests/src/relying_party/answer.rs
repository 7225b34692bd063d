//! What a programmable relying party can answer.

use std::time::Duration;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// A status and an empty body.
    Status(u16),
    /// A status, header lines and a body.
    Full {
        /// The status.
        status: u16,
        /// Header names and values.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Another answer after a while.
    After(Duration, Box<Self>),
    /// Nothing, for ever; the connection stays open.
    Hang,
    /// Nothing; the connection is closed.
    Close,
    /// Nothing; the connection is reset.
    Reset,
    /// Bytes that are not HTTP.
    Garbage,
    /// 200 and a body that never ends.
    EndlessBody,
}

impl Answer {
    /// A redirect.
    pub fn redirect(location: &str) -> Self {
        let headers = vec![("location".into(), location.into())];
        Self::Full {
            status: 302,
            headers,
            body: String::new(),
        }
    }

    /// A status that says when to come back.
    pub fn retry_after(status: u16, seconds: u32) -> Self {
        let headers = vec![("retry-after".into(), seconds.to_string())];
        Self::Full {
            status,
            headers,
            body: String::new(),
        }
    }

    /// An error as Back-Channel Logout §2.8 has it.
    pub fn oauth_error(status: u16, error: &str, description: &str) -> Self {
        let body = serde_json::json!({ "error": error, "error_description": description });
        let headers = vec![("content-type".into(), "application/json".into())];
        Self::Full {
            status,
            headers,
            body: body.to_string(),
        }
    }
}

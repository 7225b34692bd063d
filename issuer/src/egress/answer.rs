//! What somebody else's server answered, as far as it concerns us.
//!
//! A body is read up to a limit and looked at only for the two error fields of RFC 6749 §5.2;
//! nothing else of it is kept. A broken body does not undo a status: whoever said 200 has heard.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use logout_shared::Timestamp;
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::EgressError;
use super::client::classified;
use crate::domain::delivery::{AttemptError, sanitise_oauth_error};

/// How much of an answer's body is read.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// When the sender may come back.
    pub retry_after: Option<RetryAfter>,
    /// Whether the body came whole and within the limit.
    pub body_complete: bool,
    /// The body's `error`, sanitised and cut.
    pub oauth_error: Option<String>,
    /// The body's `error_description`, sanitised and cut.
    pub oauth_error_description: Option<String>,
}

/// The `Retry-After` header (RFC 9110 §10.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this long.
    In(Duration),
    /// At this time.
    At(Timestamp),
}

impl RetryAfter {
    /// How long that is from `now`.
    pub fn from_now(self, now: Timestamp) -> Duration {
        match self {
            Self::In(wait) => wait,
            Self::At(time) => time.saturating_since(now),
        }
    }

    fn parse(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(secs) = text.parse::<u64>() {
            return Some(Self::In(Duration::from_secs(secs)));
        }
        let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
        Some(Self::At(Timestamp::from_millis(date.timestamp_millis())))
    }
}

impl Answer {
    /// Reads an answer to its end or to the limit.
    pub(super) async fn read(mut response: Response) -> Self {
        let mut answer = Self {
            status: response.status().as_u16(),
            retry_after: RetryAfter::parse(response.headers()),
            ..Self::default()
        };
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => {
                    body.extend_from_slice(&chunk);
                }
                Ok(None) => {
                    answer.body_complete = true;
                    break;
                }
                Ok(Some(_)) | Err(_) => break,
            }
        }
        if answer.body_complete && answer.status >= 300 {
            answer.read_oauth_error(&body);
        }
        answer
    }

    fn read_oauth_error(&mut self, body: &[u8]) {
        #[derive(Deserialize)]
        struct Fields {
            error: Option<serde_json::Value>,
            error_description: Option<serde_json::Value>,
        }
        let Ok(fields) = serde_json::from_slice::<Fields>(body) else {
            return;
        };
        let kept = |field: Option<serde_json::Value>| {
            field
                .as_ref()
                .and_then(|value| value.as_str())
                .map(sanitise_oauth_error)
        };
        self.oauth_error = kept(fields.error);
        self.oauth_error_description = kept(fields.error_description);
    }
}

/// Reads a document: the body of a 200, whole and at most so long.
pub(super) async fn read_document(
    mut response: Response,
    max_bytes: usize,
) -> Result<Bytes, EgressError> {
    let failed = |class, reason: String| EgressError {
        class,
        source: reason.into(),
    };
    let status = response.status().as_u16();
    match status {
        200 => {}
        300..=399 => return Err(failed(AttemptError::Redirect, format!("status {status}"))),
        _ => return Err(failed(AttemptError::Status, format!("status {status}"))),
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(classified)? {
        if body.len() + chunk.len() > max_bytes {
            let reason = format!("more than {max_bytes} bytes");
            return Err(failed(AttemptError::Body, reason));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry_after(value: &str) -> Option<RetryAfter> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        RetryAfter::parse(&headers)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(
            retry_after("120"),
            Some(RetryAfter::In(Duration::from_mins(2)))
        );
        let date = retry_after("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(date, RetryAfter::At(Timestamp::from_secs(784_111_777)));
        assert_eq!(
            date.from_now(Timestamp::from_secs(784_111_770)),
            Duration::from_secs(7)
        );
        assert_eq!(
            date.from_now(Timestamp::from_secs(784_111_900)),
            Duration::ZERO
        );
        for broken in ["-1", "soon", "1.5", ""] {
            assert_eq!(retry_after(broken), None, "{broken}");
        }
    }

    #[test]
    fn g20_only_the_two_error_fields_are_kept_and_they_are_sanitised() {
        let mut answer = Answer::default();
        let long = "x".repeat(500);
        let body = format!(r#"{{"error":"invalid\u0007_request\n","error_description":"{long}"}}"#);
        answer.read_oauth_error(body.as_bytes());
        assert_eq!(answer.oauth_error.as_deref(), Some("invalid _request "));
        assert_eq!(answer.oauth_error_description.unwrap().len(), 200);
    }

    #[test]
    fn g20_a_body_that_is_not_an_error_object_gives_nothing() {
        for body in [
            "<html>",
            "[]",
            "null",
            r#"{"error":7,"error_description":{}}"#,
            "",
        ] {
            let mut answer = Answer::default();
            answer.read_oauth_error(body.as_bytes());
            assert_eq!(answer, Answer::default(), "{body}");
        }
    }
}

//! The body of a call, read after the caller's scope was checked.
//!
//! A handler takes [`UnreadBody`], requires its scope, and only then reads: whoever may not do
//! something learns nothing about how it would be done. What comes out is always a JSON object;
//! form bodies become one of texts, with `a[b]=c` for an object in an object.

use std::convert::Infallible;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::http::api_error::{ApiError, Invalid, Place};
use crate::http::dialect::Dialect;

/// A request's body, not read yet.
#[derive(Debug)]
pub(super) struct UnreadBody {
    media_type: Option<String>,
    body: Body,
    /// The most bytes that are read.
    limit: usize,
}

impl<S: Sync> FromRequest<S> for UnreadBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Infallible> {
        Ok(Self {
            media_type: media_type(request.headers()),
            limit: Dialect::Management.max_body_bytes(request.uri().path()),
            body: request.into_body(),
        })
    }
}

/// The media type without its parameters, in lower case.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?;
    // What is not text is some type that we do not know.
    let text = value.to_str().unwrap_or("?");
    Some(
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
    )
}

impl UnreadBody {
    /// Reads a JSON object. A body without `Content-Type` is taken for JSON.
    pub(super) async fn object(self) -> Result<Map<String, Value>, ApiError> {
        match self.media_type.as_deref() {
            None | Some("application/json") => json_object(&self.read().await?),
            Some(_) => Err(ApiError::UnsupportedMediaType),
        }
    }

    /// Reads a JSON object, or nothing at all, which is an empty one.
    pub(super) async fn optional_object(self) -> Result<Map<String, Value>, ApiError> {
        let (media_type, limit) = (self.media_type.clone(), self.limit);
        let bytes = self.read().await?;
        if bytes.is_empty() {
            return Ok(Map::new());
        }
        let read = Self {
            media_type,
            body: Body::from(bytes),
            limit,
        };
        read.object().await
    }

    /// Reads a JSON object or a form.
    pub(super) async fn object_or_form(self) -> Result<Map<String, Value>, ApiError> {
        match self.media_type.as_deref() {
            Some("application/x-www-form-urlencoded") => form_object(&self.read().await?),
            _ => self.object().await,
        }
    }

    async fn read(self) -> Result<Bytes, ApiError> {
        to_bytes(self.body, self.limit)
            .await
            .map_err(|_| ApiError::PayloadTooLarge(self.limit))
    }
}

fn json_object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_slice(bytes).map_err(ApiError::MalformedJson)? {
        Value::Object(object) => Ok(object),
        other => {
            let reason = format!("Expected type object but found type {}", type_name(&other));
            Err(Invalid::whole(Place::Payload, reason).into())
        }
    }
}

/// The name of a value's type in messages.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn form_object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let malformed = || ApiError::MalformedBody("not a form in UTF-8");
    let fields: Vec<(String, String)> =
        serde_urlencoded::from_bytes(bytes).map_err(|_| malformed())?;
    let mut object = Map::new();
    for (name, value) in fields {
        match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            None => {
                object.insert(name, Value::String(value));
            }
            Some((outer, inner)) => {
                let slot = object
                    .entry(outer)
                    .or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(members) = slot else {
                    return Err(ApiError::MalformedBody(
                        "a field is both a text and an object",
                    ));
                };
                members.insert(inner.to_owned(), Value::String(value));
            }
        }
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::MAX_BODY_BYTES;

    async fn read(media_type: Option<&str>, body: &str, form: bool) -> Result<Value, ApiError> {
        let body = UnreadBody {
            media_type: media_type.map(str::to_owned),
            body: Body::from(body.to_owned()),
            limit: MAX_BODY_BYTES,
        };
        let object = if form {
            body.object_or_form().await
        } else {
            body.object().await
        };
        object.map(Value::Object)
    }

    #[tokio::test]
    async fn malformed_json_is_told_with_its_place() {
        let error = read(Some("application/json"), "{\n \"a\": 1,,}", false)
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("Invalid request payload JSON format: "),
            "{text}"
        );
        assert!(text.ends_with("at line 2 column 9"), "{text}");
    }

    #[tokio::test]
    async fn a_body_without_a_type_is_json_and_of_another_type_is_refused() {
        assert_eq!(
            read(None, "{\"a\":1}", false).await.unwrap(),
            json!({"a": 1})
        );
        for odd in ["text/plain", "application/x-www-form-urlencoded", "?"] {
            let error = read(Some(odd), "{}", false).await.unwrap_err();
            assert!(matches!(error, ApiError::UnsupportedMediaType), "{odd}");
        }
    }

    #[tokio::test]
    async fn a_body_that_may_be_left_out_is_an_empty_object_then() {
        for (media_type, body, wanted) in [
            (None, "", Some(json!({}))),
            (Some("text/plain"), "", Some(json!({}))),
            (None, "{\"a\":1}", Some(json!({"a": 1}))),
            (Some("text/plain"), "{}", None),
            (None, " ", None),
        ] {
            let body = UnreadBody {
                media_type: media_type.map(str::to_owned),
                body: Body::from(body),
                limit: MAX_BODY_BYTES,
            };
            let read = body.optional_object().await.ok().map(Value::Object);
            assert_eq!(read, wanted);
        }
    }

    #[tokio::test]
    async fn only_an_object_is_taken() {
        let error = read(None, "[1]", false).await.unwrap_err();
        let text = "Payload validation error: 'Expected type object but found type array'.";
        assert_eq!(error.to_string(), text);
        assert!(matches!(
            read(None, "", false).await,
            Err(ApiError::MalformedJson(_))
        ));
    }

    #[tokio::test]
    async fn a_form_becomes_an_object() {
        let form = Some("application/x-www-form-urlencoded");
        let body = "session_metadata%5Ba%5D=1+2&session_metadata[b]=%C3%A9&x=y";
        let wanted = json!({"session_metadata": {"a": "1 2", "b": "é"}, "x": "y"});
        assert_eq!(read(form, body, true).await.unwrap(), wanted);
        assert!(read(form, "a=1&a[b]=2", true).await.is_err());
    }

    #[tokio::test]
    async fn the_limit_holds_at_its_last_byte() {
        let body = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        assert!(read(None, &body(MAX_BODY_BYTES), false).await.is_ok());
        let error = read(None, &body(MAX_BODY_BYTES + 1), false)
            .await
            .unwrap_err();
        assert!(matches!(error, ApiError::PayloadTooLarge(65_536)));
    }

    #[test]
    fn parameters_of_a_media_type_do_not_matter() {
        let mut headers = HeaderMap::new();
        assert_eq!(media_type(&headers), None);
        headers.insert(
            CONTENT_TYPE,
            "Application/JSON; charset=utf-8".parse().unwrap(),
        );
        assert_eq!(media_type(&headers).as_deref(), Some("application/json"));
    }
}

//! Reads parameters from queries and forms.
//!
//! A parameter without a value counts as left out, one that comes twice is reported (RFC 6749
//! §3.1), unknown ones are ignored.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use logout_shared::strict_json::{StrictJsonError, parse_object};
use serde::de::IgnoredAny;
use serde_json::Value;

/// Names and values, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Pairs(Vec<(String, String)>);

/// The body is not a form.
#[derive(Debug, thiserror::Error)]
#[error("the body must be a form (application/x-www-form-urlencoded)")]
pub(super) struct NotAForm;

/// The body is not an object of strings.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAnObject {
    /// No JSON; the driver's message names line and column.
    #[error("not valid JSON: {0}")]
    Malformed(#[source] serde_json::Error),
    /// JSON, but no object, or one with a member twice.
    #[error(transparent)]
    Json(#[from] StrictJsonError),
    /// A member of another kind.
    #[error("the member {0} must be a string")]
    Member(&'static str),
}

impl Pairs {
    /// Reads a query.
    pub(super) fn of_query(query: Option<&str>) -> Self {
        Self::of_bytes(query.unwrap_or_default().as_bytes())
    }

    /// Reads a body that says it is a form.
    pub(super) fn of_form(headers: &HeaderMap, body: &[u8]) -> Result<Self, NotAForm> {
        if !has_content_type(headers, "application/x-www-form-urlencoded") {
            return Err(NotAForm);
        }
        Ok(Self::of_bytes(body))
    }

    /// Reads a JSON object; members other than `names` may be of any kind.
    pub(super) fn of_json(body: &[u8], names: &[&'static str]) -> Result<Self, NotAnObject> {
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(body) {
            return Err(NotAnObject::Malformed(error));
        }
        let mut members = parse_object(body)?;
        let mut pairs = Vec::new();
        for name in names {
            match members.remove(*name) {
                None | Some(Value::Null) => {}
                Some(Value::String(value)) => pairs.push(((*name).to_owned(), value)),
                Some(_) => return Err(NotAnObject::Member(name)),
            }
        }
        Ok(Self(pairs))
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// Puts values into the slots of their names; gives a name that came twice.
    pub(super) fn fill<const N: usize>(
        self,
        mut slots: [(&'static str, &mut Option<String>); N],
    ) -> Option<&'static str> {
        let mut repeated = None;
        for (name, value) in self.0.into_iter().filter(|(_, value)| !value.is_empty()) {
            let Some((known, slot)) = slots.iter_mut().find(|(known, _)| *known == name) else {
                continue;
            };
            if slot.is_some() {
                repeated.get_or_insert(*known);
            }
            slot.get_or_insert(value);
        }
        repeated
    }
}

/// Whether the body says that it is of this type.
pub(super) fn has_content_type(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_values_are_left_out_and_repetitions_are_named() {
        let (mut a, mut b) = (None, None);
        let pairs = Pairs::of_query(Some("a=&b=1&c=3&a=x%20y&b=2"));
        assert_eq!(pairs.fill([("a", &mut a), ("b", &mut b)]), Some("b"));
        assert_eq!((a.as_deref(), b.as_deref()), (Some("x y"), Some("1")));
    }

    #[test]
    fn an_object_has_strings_where_they_are_wanted() {
        let read = |body: &str| Pairs::of_json(body.as_bytes(), &["a"]).map(|pairs| pairs.0.len());
        assert_eq!(read(r#"{"a": "1", "b": 2}"#).expect("an object"), 1);
        assert_eq!(read(r#"{"a": null}"#).expect("an object"), 0);
        for (body, told) in [
            (r#"{"a": 1}"#, "the member a must be a string"),
            (r#"{"a": "1", "a": "2"}"#, "two members of the same name"),
            ("[]", "not a JSON object"),
            ("{\n \"a\": }", "line 2 column 7"),
        ] {
            let error = read(body).expect_err("no object of strings").to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_form_must_say_that_it_is_one() {
        let mut headers = HeaderMap::new();
        assert!(Pairs::of_form(&headers, b"a=1").is_err());
        let value = "application/x-www-form-urlencoded; charset=UTF-8";
        headers.insert(CONTENT_TYPE, value.parse().expect("a header value"));
        assert!(Pairs::of_form(&headers, b"a=1").is_ok());
    }
}

//! The HTTP form that a logout token travels in (Back-Channel Logout §2.5 and §2.8).
//!
//! Names, limits and the parser of the form body, for both sides. The parser refuses what a lenient
//! one would guess at: broken percent-encoding, bytes that are not UTF-8, and a second
//! `logout_token`, where two readers might pick different ones. Fields that we do not know are
//! ignored, as the specification demands.
//! Neighbours: the receiver's endpoint and the issuer's sender use this.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The form field that holds the token.
pub const FIELD: &str = "logout_token";
/// The content type of the request.
pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";
/// `Cache-Control` of every answer, good or bad (§2.8).
pub const CACHE_CONTROL: &str = "no-store";
/// The longest token. 25 entries of 255 control characters make a JWS of 60 kB, a JWE of 80 kB.
pub const MAX_TOKEN_BYTES: usize = 96_000;
/// The longest request body.
pub const MAX_BODY_BYTES: usize = 128 * 1024;

/// Why a request body has no usable logout token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RequestViolation {
    /// More than [`MAX_BODY_BYTES`].
    #[error("the request body is too large")]
    BodyTooLarge,
    /// Broken percent-encoding, or not UTF-8.
    #[error("the request body is not form encoded")]
    Malformed,
    /// No field `logout_token`.
    #[error("the field logout_token is missing")]
    TokenMissing,
    /// The field is empty.
    #[error("the field logout_token is empty")]
    TokenEmpty,
    /// More than one field `logout_token`.
    #[error("the field logout_token is there more than once")]
    TokenRepeated,
}

impl RequestViolation {
    /// A stable name for logs, metrics and tests.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BodyTooLarge => "body_too_large",
            Self::Malformed => "bad_form",
            Self::TokenMissing => "missing_token",
            Self::TokenEmpty => "empty_token",
            Self::TokenRepeated => "repeated_token",
        }
    }
}

/// The JSON body of an answer that refuses (§2.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutErrorBody {
    /// `invalid_request` or `temporarily_unavailable`.
    pub error: String,
    /// A sentence for whoever reads the sender's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// Whether a `Content-Type` header names a form, whatever its case and parameters.
pub fn is_form(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(CONTENT_TYPE)
}

/// The request body for a token. Tokens in compact form need no escaping.
pub fn encode_form(token: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair(FIELD, token)
        .finish()
}

/// Takes the one logout token out of a form body; borrowed where nothing had to be decoded.
///
/// # Errors
///
/// [`RequestViolation`] as its variants say.
///
/// # Examples
///
/// ```
/// use logout_shared::logout_token::request::{RequestViolation, parse_form};
///
/// assert_eq!(parse_form(b"logout_token=a.b.c&other=1")?, "a.b.c");
/// let twice = parse_form(b"logout_token=a.b.c&logout_token=a.b.c");
/// assert_eq!(twice, Err(RequestViolation::TokenRepeated));
/// # Ok::<(), RequestViolation>(())
/// ```
pub fn parse_form(body: &[u8]) -> Result<Cow<'_, str>, RequestViolation> {
    if body.len() > MAX_BODY_BYTES {
        return Err(RequestViolation::BodyTooLarge);
    }
    // A form is ASCII; decoding must not make text of what was none before.
    let body = str::from_utf8(body).map_err(|_| RequestViolation::Malformed)?;
    let mut token = None;
    for field in body.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if name == FIELD && token.replace(value).is_some() {
            return Err(RequestViolation::TokenRepeated);
        }
    }
    match token {
        None => Err(RequestViolation::TokenMissing),
        Some(token) if token.is_empty() => Err(RequestViolation::TokenEmpty),
        Some(token) => Ok(token),
    }
}

/// Undoes form encoding; what needs none is borrowed.
fn decode(text: &str) -> Result<Cow<'_, str>, RequestViolation> {
    let malformed = RequestViolation::Malformed;
    let bytes = text.as_bytes();
    if !bytes.contains(&b'%') && !bytes.contains(&b'+') {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>().ok_or(malformed)?;
                decoded.push(16 * hex(digits[0])? + hex(digits[1])?);
                rest = after;
            }
            plain => decoded.push(plain),
        }
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| malformed)
}

fn hex(digit: u8) -> Result<u8, RequestViolation> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(RequestViolation::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        for token in ["a.b.c", "a-_.b.c", "with blank+plus%percent&amp=é"] {
            assert_eq!(parse_form(encode_form(token).as_bytes()), Ok(token.into()));
        }
    }

    #[test]
    fn unknown_fields_are_ignored() {
        for body in [
            "logout_token=t&x=1",
            "x=1&logout_token=t",
            "&&logout_token=t&&",
            "x&logout_token=t",
            "x=%C3%A9&logout%5Ftoken=t",
            "Logout_Token=u&logout_token=t",
        ] {
            assert_eq!(parse_form(body.as_bytes()), Ok("t".into()), "{body}");
        }
    }

    #[test]
    fn each_violation_has_its_error() {
        let large = [b"logout_token=".as_slice(), &vec![b'a'; MAX_BODY_BYTES]].concat();
        let cases: [(&[u8], RequestViolation); 13] = [
            (b"", RequestViolation::TokenMissing),
            (b"token=t", RequestViolation::TokenMissing),
            (b"logout_token", RequestViolation::TokenEmpty),
            (b"logout_token=", RequestViolation::TokenEmpty),
            (
                b"logout_token=t&logout_token=t",
                RequestViolation::TokenRepeated,
            ),
            (
                b"logout_token=t&logout%5ftoken=",
                RequestViolation::TokenRepeated,
            ),
            (b"logout_token=%", RequestViolation::Malformed),
            (b"logout_token=%4", RequestViolation::Malformed),
            (b"logout_token=%zz", RequestViolation::Malformed),
            (b"logout_token=t&x=%FF", RequestViolation::Malformed),
            (b"logout_token=\xFF", RequestViolation::Malformed),
            (b"logout_token=\xC3%A9", RequestViolation::Malformed),
            (&large, RequestViolation::BodyTooLarge),
        ];
        for (body, violation) in cases {
            assert_eq!(parse_form(body), Err(violation), "{}", violation.code());
        }
    }

    #[test]
    fn a_form_is_recognised_whatever_its_case_and_parameters() {
        for good in [
            CONTENT_TYPE,
            "Application/X-WWW-Form-URLencoded ; charset=UTF-8",
        ] {
            assert!(is_form(good), "{good}");
        }
        for bad in [
            "",
            "application/json",
            "text/plain",
            "multipart/form-data; boundary=x",
        ] {
            assert!(!is_form(bad), "{bad}");
        }
    }

    #[test]
    fn an_error_body_has_the_names_of_the_specification() {
        let body = LogoutErrorBody {
            error: "invalid_request".into(),
            error_description: None,
        };
        assert_eq!(
            serde_json::to_string(&body).expect("serializes"),
            r#"{"error":"invalid_request"}"#
        );
    }
}

//! Signed tokens in compact form.
//!
//! [`UnverifiedJws`] reads the three parts and the header, [`UnverifiedJws::verify`] checks the
//! signature and only then reads the payload. Nothing but this file can make a [`Verified`]; who
//! holds one knows that the issuer's key signed it, under the algorithm the caller named. The
//! algorithm never comes from the token. Before the signature is checked, no more memory is taken
//! than a small multiple of the header, whose size is capped.
//! Neighbours: `jwk_signing.rs` makes such tokens, `logout_token/rules.rs` checks the claims.

use std::fmt;
use std::sync::Arc;

use crate::jwa::SigningAlgorithm;
use crate::jwk::{MAX_RSA_BITS, VerificationKey};
use crate::strict_json::{NotAString, Object, StrictJsonError, text_of};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The most bytes of a header, decoded. Ours have about 100; certificate chains do not belong here.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Room for the longest signature we accept, that of the largest RSA key; the decoder may ask for
/// a few bytes more than it writes.
const SIGNATURE_BUFFER: usize = MAX_RSA_BITS / 8 + 4;

/// Header members that would change what is signed, or name a key of the sender's choice.
const REFUSED_MEMBERS: [&str; 8] = ["crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c"];

/// Why a token is not one that a known key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// Longer than the caller's limit.
    #[error("the token has {0} bytes, more than allowed")]
    TooLarge(usize),
    /// Not three non-empty parts separated by dots.
    #[error("the token is not in the compact form of a JWS")]
    NotCompact,
    /// Five parts: an encrypted token.
    #[error("the token is encrypted")]
    Encrypted,
    /// A part is not base64url: padding, foreign characters, or left-over bits.
    #[error("a part of the token is not base64url")]
    Base64,
    /// The header is not strict JSON or too large.
    #[error("the header is unreadable: {0}")]
    Header(StrictJsonError),
    /// The header has more than [`MAX_HEADER_BYTES`].
    #[error("the header is too large")]
    HeaderTooLarge,
    /// A header member is missing or not a string.
    #[error("the header member {0} is missing or not a string")]
    HeaderMember(&'static str),
    /// The header has a member that we do not accept.
    #[error("the header member {0} is not accepted")]
    RefusedMember(&'static str),
    /// The token is signed by another algorithm than the one expected.
    #[error("the token is not signed with {0}")]
    WrongAlgorithm(SigningAlgorithm),
    /// There is no key to verify with.
    #[error("no key fits the token")]
    NoKey,
    /// None of the keys made this signature.
    #[error("the signature is not valid")]
    Signature,
    /// The payload is not a strict JSON object.
    #[error("the payload is unreadable: {0}")]
    Payload(StrictJsonError),
}

impl JwsError {
    /// A stable name for logs, metrics and tests.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge(_) => "token_too_large",
            Self::NotCompact => "not_compact",
            Self::Encrypted => "encrypted",
            Self::Base64 => "bad_base64",
            Self::Header(_) | Self::HeaderTooLarge | Self::HeaderMember(_) => "bad_header",
            Self::RefusedMember(_) => "header_member_refused",
            Self::WrongAlgorithm(_) => "wrong_algorithm",
            Self::NoKey => "no_key",
            Self::Signature => "bad_signature",
            Self::Payload(_) => "bad_payload",
        }
    }
}

/// The header members that we read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwsHeader {
    /// The algorithm that the sender claims.
    pub alg: String,
    /// The key that the sender names.
    pub kid: Option<String>,
    /// What kind of token this is.
    pub typ: Option<String>,
}

impl JwsHeader {
    /// Whether `typ` is this media type. They compare without regard to case, and `application/`
    /// may stand before them (RFC 7515 §4.1.9).
    pub fn has_type(&self, name: &str) -> bool {
        const FRONT: &str = "application/";
        let Some(typ) = self.typ.as_deref() else {
            return false;
        };
        let bare = match typ.split_at_checked(FRONT.len()) {
            Some((front, rest)) if front.eq_ignore_ascii_case(FRONT) => rest,
            _ => typ,
        };
        bare.eq_ignore_ascii_case(name)
    }
}

/// A header that was read before, beside its text.
///
/// All tokens that a key signs have the same one, so whoever remembers it need not read it again.
/// A text that differs in one byte is another header.
#[derive(Debug, Clone)]
pub struct KnownHeader {
    text: String,
    header: Arc<JwsHeader>,
}

/// A token whose form and header are sound; its signature is not checked yet.
///
/// # Examples
///
/// ```
/// use logout_shared::jws::{JwsError, UnverifiedJws};
///
/// assert_eq!(UnverifiedJws::parse("not a token", 96_000).unwrap_err(), JwsError::NotCompact);
/// ```
#[derive(Clone)]
pub struct UnverifiedJws<'a> {
    header: Arc<JwsHeader>,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

/// The claims of a token: a JSON object without members of the same name.
pub type Payload = Object;

/// A value that was signed by a key of the issuer.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified<T> {
    header: Arc<JwsHeader>,
    value: T,
}

impl<T> Verified<T> {
    /// The header, which the signature covers too.
    pub fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// The signed value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The signed value, taken out.
    pub fn into_value(self) -> T {
        self.value
    }
}

/// Shows the header alone: the rest is a credential.
impl fmt::Debug for UnverifiedJws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedJws")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl<'a> UnverifiedJws<'a> {
    /// Splits a token of at most `max_bytes` and reads its header.
    ///
    /// # Errors
    ///
    /// [`JwsError`] for whatever is wrong with the form or the header.
    pub fn parse(token: &'a str, max_bytes: usize) -> Result<Self, JwsError> {
        Self::parse_knowing(token, max_bytes, None)
    }

    /// As [`parse`](Self::parse), without reading the header again if it is `known`.
    ///
    /// # Errors
    ///
    /// [`JwsError`] for whatever is wrong with the form or the header.
    pub fn parse_knowing(
        token: &'a str,
        max_bytes: usize,
        known: Option<&KnownHeader>,
    ) -> Result<Self, JwsError> {
        if token.len() > max_bytes {
            return Err(JwsError::TooLarge(token.len()));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::NotCompact)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::NotCompact)?;
        if payload.contains('.') {
            let parts = payload.matches('.').count() + 3;
            return Err(if parts == 5 {
                JwsError::Encrypted
            } else {
                JwsError::NotCompact
            });
        }
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(JwsError::NotCompact);
        }
        let header = match known {
            Some(known) if known.text == header => Arc::clone(&known.header),
            _ => Arc::new(read_header(header)?),
        };
        Ok(Self {
            header,
            signed,
            payload,
            signature,
        })
    }

    /// The header, as claimed by whoever sent the token.
    pub fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// Whether the header is the very one that was known.
    pub fn has(&self, known: &KnownHeader) -> bool {
        Arc::ptr_eq(&self.header, &known.header)
    }

    /// The header, to be known when the next token comes.
    pub fn to_known(&self) -> KnownHeader {
        let text = self.signed.strip_suffix(self.payload).unwrap_or_default();
        KnownHeader {
            text: text.trim_end_matches('.').to_owned(),
            header: Arc::clone(&self.header),
        }
    }

    /// What the unverified payload says in a member, if it is a string.
    ///
    /// # Security
    ///
    /// Anybody can write anything there. It serves to find out whose keys to verify with, and for
    /// nothing else.
    pub fn claimed(&self, name: &str) -> Option<String> {
        let payload = URL_SAFE_NO_PAD.decode(self.payload).ok()?;
        let claims = Object::parse(payload).ok()?;
        claims.text(name).ok()?.map(std::borrow::Cow::into_owned)
    }

    /// Checks the signature with each of `keys` that fits `alg`, then reads the payload.
    ///
    /// `alg` is what the caller expects of this issuer; a token with another one is refused. RFC
    /// 8725 §3.1, Back-Channel Logout §2.6 steps 2 and 3.
    ///
    /// # Errors
    ///
    /// [`JwsError::WrongAlgorithm`], [`JwsError::NoKey`] if no key fits, [`JwsError::Signature`],
    /// and for a token that was signed so, [`JwsError::Base64`] or [`JwsError::Payload`].
    pub fn verify(
        &self,
        alg: SigningAlgorithm,
        keys: &[&VerificationKey],
    ) -> Result<Verified<Payload>, JwsError> {
        if self.header.alg != alg.as_str() {
            return Err(JwsError::WrongAlgorithm(alg));
        }
        let mut fitting = keys.iter().filter(|key| key.fits(alg)).peekable();
        if fitting.peek().is_none() {
            return Err(JwsError::NoKey);
        }
        let mut buffer = [0; SIGNATURE_BUFFER];
        let signature = decode_signature(self.signature, &mut buffer)?;
        if !fitting.any(|key| key.verifies(alg, self.signed.as_bytes(), signature)) {
            return Err(JwsError::Signature);
        }
        let payload = URL_SAFE_NO_PAD
            .decode(self.payload)
            .map_err(|_| JwsError::Base64)?;
        let value = Object::parse(payload).map_err(JwsError::Payload)?;
        Ok(Verified {
            header: Arc::clone(&self.header),
            value,
        })
    }
}

fn decode_signature<'b>(
    text: &str,
    buffer: &'b mut [u8; SIGNATURE_BUFFER],
) -> Result<&'b [u8], JwsError> {
    match URL_SAFE_NO_PAD.decode_slice(text, buffer) {
        Ok(length) => Ok(&buffer[..length]),
        Err(base64::DecodeSliceError::OutputSliceTooSmall) => Err(JwsError::Signature),
        Err(base64::DecodeSliceError::DecodeError(_)) => Err(JwsError::Base64),
    }
}

fn read_header(text: &str) -> Result<JwsHeader, JwsError> {
    if text.len() > MAX_HEADER_BYTES.div_ceil(3) * 4 {
        return Err(JwsError::HeaderTooLarge);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| JwsError::Base64)?;
    let members = Object::parse(bytes).map_err(JwsError::Header)?;
    let (mut alg, mut kid, mut typ) = (None, None, None);
    for (name, json) in members.iter() {
        let text = |name| text_of(json).map_err(|NotAString| JwsError::HeaderMember(name));
        match &*name {
            "alg" => alg = Some(text("alg")?.into_owned()),
            "kid" => kid = Some(text("kid")?.into_owned()),
            "typ" => typ = Some(text("typ")?.into_owned()),
            // A payload that is itself a token (nested) is never a set of claims.
            "cty" if names_jwt(&text("cty")?) => return Err(JwsError::RefusedMember("cty")),
            other => {
                if let Some(refused) = REFUSED_MEMBERS.iter().find(|refused| **refused == other) {
                    return Err(JwsError::RefusedMember(refused));
                }
            }
        }
    }
    Ok(JwsHeader {
        alg: alg.ok_or(JwsError::HeaderMember("alg"))?,
        kid,
        typ,
    })
}

fn names_jwt(cty: &str) -> bool {
    ["JWT", "application/JWT"]
        .iter()
        .any(|name| cty.eq_ignore_ascii_case(name))
}

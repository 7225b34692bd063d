//! What a client shows of itself in a request, by the names on the wire (RFC 6749 §2.3,
//! RFC 7521 §4.2).
//!
//! A client shows itself in exactly one way: in the `Authorization` header, with a secret in the
//! body, or with a signed assertion. The one who does not prove itself at all names its id. What the
//! proof is worth is decided in `login/client_authentication.rs`.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use logout_shared::Secret;

use super::{TOKEN, endpoint};
use crate::http::oauth_error::OAuthError;
use crate::issuer::Issuer;
use crate::login::client_assertion::{ShownAssertion, claimed_client};
use crate::login::client_authentication::{Credentials, Proof};

/// The one kind of assertion that there is (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A request's parameters about the client.
#[derive(Default)]
pub(super) struct ShownInBody {
    pub(super) id: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) assertion_type: Option<String>,
    pub(super) assertion: Option<String>,
}

impl ShownInBody {
    fn proof(&self, issuer: &Issuer) -> Result<Option<Proof>, OAuthError> {
        let assertion = match (&self.assertion_type, &self.assertion) {
            (None, None) => None,
            (kind, assertion) => {
                let is_known = kind.as_deref() == Some(JWT_BEARER);
                if !is_known {
                    tracing::debug!(
                        "a client's assertion has no client_assertion_type that is known"
                    );
                }
                // Without a known type it is none, and is refused as any other that is not good.
                let assertion = assertion.clone().filter(|_| is_known);
                Some(Proof::Assertion(ShownAssertion {
                    assertion: Secret::new(assertion.unwrap_or_default()),
                    token_endpoint: endpoint(issuer.id(), TOKEN),
                }))
            }
        };
        match (assertion, &self.secret) {
            (Some(_), Some(_)) => Err(OAuthError::invalid_request(
                "the client shows a secret and an assertion; one of the two is enough",
            )),
            (None, Some(secret)) => Ok(Some(Proof::Post(Secret::new(secret.clone())))),
            (assertion, None) => Ok(assertion),
        }
    }
}

/// What the client shows of itself.
pub(super) fn read(
    issuer: &Issuer,
    headers: &HeaderMap,
    body: &ShownInBody,
) -> Result<Credentials, OAuthError> {
    let in_body = body.proof(issuer)?;
    let Some(header) = headers.get(AUTHORIZATION) else {
        let proof = in_body.unwrap_or(Proof::Nothing);
        let client_id = body.id.clone().or_else(|| match &proof {
            // Nobody is called "", so what cannot be read is refused as any other.
            Proof::Assertion(shown) => Some(claimed_client(&shown.assertion).unwrap_or_default()),
            _ => None,
        });
        let client_id = client_id.ok_or_else(|| OAuthError::invalid_client(false))?;
        return Ok(Credentials { client_id, proof });
    };
    let (client_id, secret) = header
        .to_str()
        .ok()
        .and_then(basic)
        .ok_or_else(|| OAuthError::invalid_client(true))?;
    if in_body.is_some() || body.id.as_ref().is_some_and(|id| *id != client_id) {
        let text = "the client shows itself in the header and in the body";
        return Err(OAuthError::invalid_request(text));
    }
    Ok(Credentials {
        client_id,
        proof: Proof::Basic(Secret::new(secret)),
    })
}

/// Id and secret of a basic header; both are form-encoded inside (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id), form_decode(secret)))
}

fn form_decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded_inside() {
        let header = format!("Basic {}", STANDARD.encode("app%3A1:s+e%25c"));
        assert_eq!(
            basic(&header),
            Some(("app:1".to_owned(), "s e%c".to_owned()))
        );
        for bad in ["Bearer x", "Basic", "Basic !", "Basic YQ=="] {
            assert_eq!(basic(bad), None, "{bad}");
        }
    }
}

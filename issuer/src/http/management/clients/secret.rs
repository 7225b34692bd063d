//! Client secrets: made, sealed for the store, opened for whoever may see them.
//!
//! A sealed secret is bound to its client: one that is moved to another client's row does not
//! open.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_shared::{ClientId, RandomSource, Secret};

use crate::domain::client::Client;
use crate::http::api_error::ApiError;
use crate::issuer::Issuer;
use crate::keyring::CLIENT_SECRET_PURPOSE;

/// A new secret: 384 random bits as 64 characters that need no escaping anywhere.
pub fn generate_secret(random: &dyn RandomSource) -> Secret<String> {
    let mut bytes = zeroize::Zeroizing::new([0; 48]);
    random.fill(&mut *bytes);
    // The first six bits are the first character; 62 is the hyphen, with which an argument on a
    // command line cannot begin.
    if bytes[0] >> 2 == 62 {
        bytes[0] ^= 0x80;
    }
    Secret::new(URL_SAFE_NO_PAD.encode(*bytes))
}

/// Seals a client's secret for the store.
///
/// # Errors
///
/// [`ApiError::Internal`] if the key ring cannot seal.
pub fn seal_secret(
    issuer: &Issuer,
    client: &ClientId,
    secret: &Secret<String>,
) -> Result<String, ApiError> {
    let sealed = issuer.keys().seal(
        CLIENT_SECRET_PURPOSE,
        client.as_str(),
        secret.expose().as_bytes(),
    );
    sealed.map_err(ApiError::internal)
}

/// Opens a client's secret; `None` for a client that has none.
///
/// # Errors
///
/// [`ApiError::Internal`] if it was sealed under a master key that is not configured.
pub fn open_secret(issuer: &Issuer, client: &Client) -> Result<Option<Secret<String>>, ApiError> {
    let Some(sealed) = &client.sealed_secret else {
        return Ok(None);
    };
    let opened = issuer
        .keys()
        .unseal(CLIENT_SECRET_PURPOSE, client.id.as_str(), sealed);
    let opened = opened.map_err(ApiError::internal)?;
    let text = std::str::from_utf8(opened.expose()).map_err(ApiError::internal)?;
    Ok(Some(Secret::new(text.to_owned())))
}

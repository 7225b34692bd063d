//! Secrets that mean nothing by themselves: browser handles and authorization codes.
//!
//! 256 random bits, held by a browser or an app in full and by the store as a digest only
//! (`domain/authorization.rs`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_shared::{RandomSource, Secret};

/// Makes one, in base64url.
pub(super) fn generate(random: &dyn RandomSource) -> Secret<String> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    Secret::new(URL_SAFE_NO_PAD.encode(bytes))
}

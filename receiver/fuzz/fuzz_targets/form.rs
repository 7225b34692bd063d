//! The body of a request to the logout endpoint.
//!
//! What is accepted is exactly one field, and encoding it again gives the same token.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logout_shared::logout_token::request::{MAX_TOKEN_BYTES, encode_form, parse_form};

fuzz_target!(|data: &[u8]| {
    if let Ok(token) = parse_form(data) {
        assert!(!token.is_empty() && token.len() <= MAX_TOKEN_BYTES);
        let form = encode_form(&token);
        assert_eq!(parse_form(form.as_bytes()), Ok(token));
    }
});

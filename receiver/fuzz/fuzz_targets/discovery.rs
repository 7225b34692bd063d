//! A discovery document as a provider serves it.
//!
//! What is accepted names the issuer that was asked for, letter by letter.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use logout_shared::Issuer;
use logout_shared::discovery::ProviderMetadata;

static ISSUER: LazyLock<Issuer> =
    LazyLock::new(|| "https://issuer.example/".parse().expect("a valid issuer"));

fuzz_target!(|data: &[u8]| {
    if let Ok(document) = ProviderMetadata::parse(data, &ISSUER) {
        assert_eq!(document.issuer.as_str(), ISSUER.as_str());
    }
});

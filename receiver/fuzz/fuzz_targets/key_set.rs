//! A key set as a provider serves it.
//!
//! Nothing in it makes the parser fail in another way than by an error, and no symmetric key is
//! ever taken from it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logout_shared::SigningAlgorithm;
use logout_shared::jwks::{JwkSet, MAX_KEYS};

fuzz_target!(|data: &[u8]| {
    let Ok(set) = JwkSet::parse(data) else { return };
    assert!(set.len() + set.skipped() <= MAX_KEYS);
    for algorithm in SigningAlgorithm::ALL {
        let candidates = set.candidates(algorithm, None);
        assert!(!algorithm.is_symmetric() || candidates.is_empty());
        for key in candidates {
            assert!(key.fits(algorithm));
            if let Some(kid) = key.kid() {
                assert!(set.has_kid(kid));
            }
        }
    }
});

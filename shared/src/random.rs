//! Randomness as a value that is passed in.
//!
//! Everything that must not be guessed (session ids, token ids, codes) asks a [`RandomSource`]
//! for bytes, so that a test can give the same bytes twice. [`SystemRandom`] is the only source
//! for production; [`SeededRandom`] is predictable and stands here for tests and demos.
//! Neighbours: `id.rs` makes ids from these bytes, `time.rs` does the same for the clock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where unpredictable bytes come from.
pub trait RandomSource: Send + Sync {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl RandomSource for SystemRandom {
    /// Fills all of `bytes` from the operating system.
    ///
    /// # Panics
    ///
    /// If the operating system cannot give random bytes. Going on without them would make
    /// guessable session ids, so there is nothing else to do.
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// A predictable generator for tests: the same seed gives the same bytes.
///
/// # Security
///
/// Anyone who has seen a few bytes can compute the rest. Never use it outside tests.
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// Starts the sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// One step of `SplitMix64`: a counter, then a mixing function.
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut word = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }
}

impl RandomSource for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take<const N: usize>(source: &dyn RandomSource) -> [u8; N] {
        let mut bytes = [0; N];
        source.fill(&mut bytes);
        bytes
    }

    #[test]
    fn the_system_does_not_repeat_itself() {
        assert_ne!(take::<32>(&SystemRandom), take::<32>(&SystemRandom));
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        let (a, b) = (SeededRandom::new(7), SeededRandom::new(7));
        assert_eq!(take::<19>(&a), take::<19>(&b));
        assert_ne!(take::<19>(&a), take::<19>(&SeededRandom::new(8)));
    }

    #[test]
    fn every_byte_is_filled() {
        let bytes = take::<4096>(&SeededRandom::new(1));
        assert!(
            bytes
                .chunks(64)
                .all(|chunk| chunk.iter().any(|byte| *byte != 0))
        );
    }
}

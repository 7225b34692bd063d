//! A value that neither prints nor lingers.
//!
//! [`Secret`] wipes its content when dropped, shows nothing in `Debug`, and has neither `Display`
//! nor `Serialize`: whoever needs the content writes `expose()`, which is easy to search for.
//! Comparisons take the same time wherever the first difference is.
//! Neighbours: `jwk/` keeps private keys in it, `seal.rs` opens sealed ones into it.

use std::fmt;

use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A secret value, wiped on drop and never shown by accident.
///
/// # Examples
///
/// ```
/// use logout_shared::secret::Secret;
///
/// let secret = Secret::new(String::from("correct horse"));
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// assert!(secret.ct_eq_bytes(b"correct horse"));
/// ```
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value; it is wiped when the wrapper is dropped.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The content. Do not log it, and do not copy it to where it would outlive its use.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Compares two secrets in constant time (for equal lengths).
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.ct_eq_bytes(other.0.as_ref())
    }

    /// Compares with bytes from outside in constant time (for equal lengths).
    pub fn ct_eq_bytes(&self, other: &[u8]) -> bool {
        self.0.as_ref().ct_eq(other).into()
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_content() {
        let shown = format!("{:?}", Secret::new(String::from("hunter2")));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn comparison_sees_content_and_length() {
        let secret = Secret::new(vec![1, 2, 3]);
        assert!(secret.ct_eq(&Secret::new(vec![1, 2, 3])));
        assert!(!secret.ct_eq(&Secret::new(vec![1, 2, 4])));
        assert!(!secret.ct_eq_bytes(&[1, 2]));
    }

    #[test]
    fn a_secret_reads_from_json() {
        let secret: Secret<String> = serde_json::from_str("\"s3cr3t\"").expect("a string");
        assert_eq!(secret.expose(), "s3cr3t");
    }

    #[test]
    fn the_content_is_wiped_on_drop() {
        #[derive(Clone)]
        struct Witness(std::sync::Arc<std::sync::atomic::AtomicBool>);
        impl Zeroize for Witness {
            fn zeroize(&mut self) {
                self.0.store(true, std::sync::atomic::Ordering::SeqCst);
            }
        }
        let wiped = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        drop(Secret::new(Witness(wiped.clone())));
        assert!(wiped.load(std::sync::atomic::Ordering::SeqCst));
    }
}

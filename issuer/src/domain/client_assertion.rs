//! What is remembered of a client's assertion (RFC 7523): that it was used.
//!
//! An assertion is good once. Its `jti` is kept as a digest together with the client that made it,
//! so that two clients may choose the same one, until no check of time lets the assertion pass.

use logout_shared::{ClientId, Timestamp, TokenId};

use super::authorization::{TokenDigest, digest};

/// A used assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedAssertion {
    /// Client and `jti`.
    pub digest: TokenDigest,
    /// From then on the assertion is refused for its age.
    pub dead_at: Timestamp,
}

impl UsedAssertion {
    /// The mark of a client's assertion.
    pub fn new(client: &ClientId, jti: &TokenId, dead_at: Timestamp) -> Self {
        // No client id has a line feed in it, so the two cannot run into each other.
        let digest = digest(&format!("{client}\n{jti}"));
        Self { digest, dead_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_tells_clients_and_tokens_apart() {
        let mark = |client: &str, jti: &str| {
            let (client, jti) = (client.parse().unwrap(), jti.parse().unwrap());
            UsedAssertion::new(&client, &jti, Timestamp::from_secs(7)).digest
        };
        assert_eq!(mark("a", "b"), mark("a", "b"));
        assert_ne!(mark("a", "b"), mark("a", "c"));
        assert_ne!(mark("a", "b"), mark("c", "b"));
        assert_ne!(mark("ab", "c"), mark("a", "bc"));
        assert_ne!(mark("a", "b\nc"), mark("ab", "\nc"));
    }
}

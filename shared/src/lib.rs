//! What both sides of OpenID Connect Back-Channel Logout speak.
//!
//! The issuer mints logout tokens with this crate, the relying party checks them with it: one
//! copy of the claims, the rules, the limits and the names on the wire. Nothing here does I/O,
//! asks what time it is, or knows a web framework.

pub mod id;
mod issuer;
pub mod metadata;
pub mod random;
pub mod secret;
pub mod time;

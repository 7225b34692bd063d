//! The issuer over HTTP: the router that the server listens with.
//!
//! What an endpoint does is in `oidc/` and `management/`; wire names and status codes appear on
//! this floor and nowhere below.

mod settings;

pub use settings::{MAX_BODY_BYTES, Settings};

//! HTTP: the endpoint that takes logout tokens and the layer that turns ended sessions away.
//!
//! Both are plain `tower` services over the `http` crate's types and know no framework; `axum.rs`
//! adds routes and an extractor. Status codes are decided here and nowhere else.

#[cfg(feature = "axum")]
mod axum;
mod endpoint;
pub(crate) mod require_session;

#[cfg(feature = "axum")]
pub use self::axum::SessionMissing;
pub use self::endpoint::LogoutEndpoint;
pub use self::require_session::{CurrentSession, Refusal, RequireSession, RequireSessionService};

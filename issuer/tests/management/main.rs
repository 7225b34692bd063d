//! The Management API as its callers meet it: requests in, status and JSON out.
//!
//! Every test goes through the whole router over a store in memory, with a clock that stands
//! still. `api.rs` makes both and the tokens; one file per noun.

// One body in `client_settings.rs` has every property that a client can have.
#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    reason = "what cannot be unwrapped fails the test"
)]

mod actions;
mod admin_address;
mod api;
mod bearer;
mod bodies;
mod client_authentication;
mod client_encryption;
mod client_lists;
mod client_settings;
mod clients;
mod deliveries;
mod endpoints;
mod grants;
mod history;
mod logs;
mod rate_limit;
mod retries;
mod session_metadata;
mod sessions;
mod signing_keys;
mod tenant;
mod user_access;
mod user_rules;
mod user_sessions;
mod users;
mod users_search;

//! What the issuer talks about: sessions, clients, users, deliveries, and the rules they keep.
//!
//! Plain values and pure functions: no I/O, no clock, no randomness. Wire names of other
//! products do not appear here; `http/` translates. `storage/` keeps these values, the floors
//! above act on them.

pub mod action;
pub mod action_run;
pub mod attempt;
pub mod authorization;
pub mod client;
pub mod client_assertion;
pub mod daily_stats;
pub mod delivery;
pub mod event_log;
pub mod initiator;
pub mod log_id;
pub mod logout_settings;
pub mod logout_stats;
pub mod management_scope;
pub mod refresh_token;
pub mod retention;
pub mod retry;
pub mod session;
pub mod signing_key;
mod successors;
pub mod tenant_settings;
pub mod token_encryption;
pub mod user;

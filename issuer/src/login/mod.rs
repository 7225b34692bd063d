//! How a person signs in and out, and what an app gets for it.
//!
//! `authorize` reads an app's request; `sign_in` turns a password, `single_sign_on` a browser's
//! session into an authorization code; `token` turns the code into tokens, `refresh` those into new
//! ones; `sign_out` ends the
//! session at an app's request; `actions` runs the operator's own code before any of it is
//! written; `users` and `account_changes` keep the accounts. All of it speaks of users, sessions and clients; parameters,
//! status codes, cookies and pages are `http/`'s.

pub mod access_token;
pub mod account_changes;
pub mod account_history;
pub mod actions;
pub mod authorize;
pub mod client_assertion;
pub mod client_authentication;
pub mod client_credentials;
mod code;
mod history;
mod id_token;
mod issued;
mod opaque_token;
pub mod own_token;
pub mod password;
pub mod profile;
pub mod refresh;
pub mod refused_client;
pub mod sign_in;
pub mod sign_out;
pub mod single_sign_on;
pub mod throttle;
pub mod token;
pub mod users;

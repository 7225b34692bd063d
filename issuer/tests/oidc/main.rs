//! The OpenID provider from the outside: apps, browsers, and those who mean no good.
//!
//! Each test has an issuer of its own with a store in memory and a clock that it moves, and walks
//! through the whole router. `house.rs` opens the house and holds the browser; the other files are
//! one subject each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod authorize;
mod client_assertion;
mod conformance;
mod encrypted;
mod house;
mod independent_client;
mod pages;
mod races;
mod records;
mod refresh;
mod refresh_deaths;
mod revoke;
mod sign_in;
mod sign_out;
mod tenant_settings;
mod token;
mod userinfo;

//! Deliveries over real sockets: an issuer as a library, relying parties that misbehave.
//!
//! Rows G of the case table carry their id in the test's name. Time is a manual clock; what waits
//! for something to happen waits for the thing itself. `world.rs` is the stage.

#![cfg(feature = "sqlite")]
#![expect(
    clippy::unwrap_used,
    reason = "clippy knows test functions, not what they call"
)]

mod addresses;
mod coalescing;
mod crash;
mod encrypted;
mod ending;
mod enlisted;
mod event_log;
mod faults;
mod initiators;
mod outcomes;
mod retries;
mod settings;
mod tls;
mod token;
mod world;

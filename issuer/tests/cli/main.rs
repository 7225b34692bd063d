//! The command line as its users meet it: the real program, in a process of its own.
//!
//! One file for each noun. `program.rs` runs the program in a folder of its own; nothing here
//! sleeps for a fixed time: a server is awaited by the line it prints, effects by polling with
//! a bound.

#![expect(clippy::unwrap_used, reason = "a test that fails there has failed")]

mod action;
mod admin_address;
mod bootstrap;
mod client;
mod config;
mod connections;
mod database;
mod keys;
mod metrics;
mod program;
mod serve;
mod session;
mod tls;
mod usage;
mod user;

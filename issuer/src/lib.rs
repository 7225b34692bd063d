//! The identity-provider side of OpenID Connect Back-Channel Logout.
//!
//! A session that ends leaves, in the same transaction, one delivery for each client that must
//! hear of it; a worker signs a fresh logout token for each attempt and posts it until the client
//! has heard. The crate is a library for identity providers that have their own login, and, with
//! feature `server`, a whole server.
//!
//! Floors, each using only those below it: `domain` · `storage`, `actions`, `keyring`, `egress` ·
//! `login`, `logout`, `delivery` · `http` · `config`, `cli`, `server`.

pub mod accounts;
pub mod actions;
#[cfg(all(feature = "server", feature = "sqlite"))]
pub mod bootstrap;
#[cfg(all(feature = "server", feature = "sqlite"))]
pub mod cli;
#[cfg(feature = "server")]
pub mod config;
pub mod delivery;
pub mod domain;
pub mod egress;
pub mod enlisted;
#[cfg(feature = "server")]
pub mod http;
pub mod issuer;
pub mod keyring;
#[cfg(feature = "server")]
pub mod login;
pub mod logout;
#[cfg(all(feature = "server", feature = "sqlite"))]
pub mod server;
pub mod sessions;
pub mod storage;
pub mod telemetry;

/// Runs the examples of the documentation.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../docs/embedding.md")]
struct EmbeddingExamples;

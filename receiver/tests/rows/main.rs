//! The receiver's rows of the case table (`receiver/docs/rows.md`), each as a test that bears its id.
//!
//! A: HTTP · C: keys · D25–D30: single use · E: other kinds of token · F: sessions. Rows that are
//! data (B and the rest of D) are played from `shared/tests/vectors` in `vectors.rs`. Every test
//! speaks only the public API, most of them through a real socket, with a manual clock.

mod configuration;
mod encrypted;
mod http;
mod keys;
mod other_tokens;
mod replay;
mod sessions;
mod support;
mod vectors;

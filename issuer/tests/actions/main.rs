//! Actions from the outside: what scripts can do in a login, and what hostile ones cannot.
//!
//! The engine runs as in a server: in child processes of the program `logout-issuer`. `stage.rs`
//! holds what the tests share; each other file is one subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod failing;
mod hostile;
#[path = "../oidc/house.rs"]
#[expect(
    dead_code,
    reason = "it is shared with the tests of the OpenID provider"
)]
mod house;
mod keeping;
mod login;
mod refresh;
mod stage;

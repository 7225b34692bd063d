//! How a person signs in, and what an app gets for it.
//!
//! `authorize` reads an app's request, `sign_in` turns a password or a browser's session into an
//! authorization code, `token` turns the code into tokens. All of it speaks of users, sessions and
//! clients; status codes, cookies and pages are `http/`'s.

pub mod password;

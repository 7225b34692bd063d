//! A test kit for back-channel logout.
//!
//! Real parts on loopback, no mocks: a [`browser::Browser`] that signs in as a person does, and a
//! [`relying_party::TestRelyingParty`] that answers as it is told.
//! The end-to-end tests of this workspace are built from it, and so can be those of an app.

pub mod browser;
pub mod http;
pub mod issuer_process;
pub mod relying_party;
pub mod sign_in;
pub mod throwaway;

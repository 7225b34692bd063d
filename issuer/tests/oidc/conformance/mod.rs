//! Mirrors, not certified: what the OpenID conformance suite's modules for RP-initiated logout and
//! for back-channel logout do to an OpenID provider, done to our server.
//!
//! One test for each module, with the module's name. Each starts the server on a socket, signs a
//! person in through its pages and signs them out as the module does; what the module has a person
//! judge by a screenshot is read from the page. The suite itself has not run here.

mod backchannel;
mod rp_initiated;
mod stage;

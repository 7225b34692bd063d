//! How sessions end.
//!
//! It relies on a transaction and promises that the end of a session, the deliveries it causes
//! and its log rows are one thing: all of it is durable or none. `end_session.rs` ends,
//! `fan_out.rs` picks who must hear of it, `expiry.rs` ends what has outlived itself. Deliveries
//! are only written here; `delivery/` reads them, and neither calls the other.

mod end_session;
mod event_rows;
pub mod expiry;
mod fan_out;

pub use end_session::{
    EndSession, EndSessionError, EndSessionsOfUser, Ended, Ending, end_session,
    end_sessions_of_user,
};
pub use event_rows::LogContext;

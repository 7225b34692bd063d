//! How sessions end, and who is told.
//!
//! It relies on a transaction and promises that the end of a session, the deliveries it causes,
//! the refresh tokens it costs and its log rows are one thing: all of it is durable or none. `end_session.rs` ends,
//! `end_queue.rs` makes one piece of work of many ends, `revoke_access.rs` takes refresh tokens away
//! with sessions, `leave.rs` tells clients of what ends no session, `fan_out.rs` picks who must hear, `expiry.rs` ends what
//! has outlived itself, `clients.rs` discards or moves what a changed client waits for, and
//! `joining.rs` keeps a client from joining while it is told that all is over. Deliveries are only
//! written here; `delivery/` reads them, and neither calls the other.

mod clients;
mod end_locked;
mod end_queue;
mod end_session;
mod event_rows;
pub mod expiry;
mod fan_out;
mod joining;
mod leave;
mod revoke_access;

pub use clients::{change_client, delete_client, settle_client};
pub use end_queue::EndQueue;
pub use end_session::{
    EndSession, EndSessionError, EndSessionsOfUser, Ended, Ending, account_changed, end_session,
    end_sessions_of_user,
};
pub use event_rows::LogContext;
pub use joining::{Patience, is_told_of_all_sessions};
pub use revoke_access::{RevokeAccess, revoke_access};

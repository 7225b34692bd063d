//! Telling clients that sessions ended.
//!
//! It relies on the outbox that `logout/` fills and promises that each delivery is tried until
//! the client has heard, refuses to hear, or its time is over; that a token is signed freshly for
//! each attempt; and that a client that hangs delays no other. `mint.rs` says what a token says,
//! `attempt.rs` makes one attempt, `record.rs` writes down what came of it, `desk.rs` takes new
//! deliveries over, `window.rs` and `windows.rs` give out slots, `worker.rs` drives them, `running.rs`
//! starts and stops it, `resend.rs` sends again by hand, `logout_test.rs` sends what ends nothing.
//! What an outcome means for a delivery is `domain/delivery.rs`'s.

mod attempt;
mod desk;
mod logout_test;
pub mod mint;
mod outbox_turns;
mod record;
mod resend;
mod running;
#[cfg(test)]
mod sample;
mod settings;
mod waiters;
mod window;
mod windows;
mod worker;

pub use attempt::{LogoutSender, Means, attempt};
pub use logout_test::{MARK, meaning, test_client};
pub use resend::{
    CAN_BE_SENT_AGAIN, NOT_HEARD, ResendError, Resent, count_resendable, resend, resend_all,
};
pub use running::{Parts, Running, start};
pub use settings::Settings;
pub use waiters::Waiters;
pub use window::WindowView;
pub use windows::Windows;

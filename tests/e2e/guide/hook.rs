//! The app's hook of the guide `issuer/docs/actions.md`, letter by letter.
//!
//! `mod.rs` holds it against the page, so that what runs here is what is read there.

use std::sync::Mutex;

use async_trait::async_trait;
use logout_receiver::{EndedSession, HookError, LogoutHook, LogoutToken};

/// The devices that were signed out.
#[derive(Default)]
pub struct SignedOutDevices(pub Mutex<Vec<String>>);

#[async_trait]
impl LogoutHook for SignedOutDevices {
    async fn on_logout(
        &self,
        token: &LogoutToken,
        _ended: &[EndedSession],
    ) -> Result<(), HookError> {
        let metadata = token.session_metadata();
        let device = metadata
            .and_then(|all| all.get("deviceName"))
            .unwrap_or("a device");
        self.0
            .lock()
            .expect("nobody panics here")
            .push(device.to_owned());
        Ok(())
    }
}

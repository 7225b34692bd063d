//! The settings that can be changed while an issuer runs, and what holds by them.
//!
//! What is known of them here is asked at each login and sign-out, so it is held and not read each
//! time. Whoever changes them in the store has them read again; `key_watch.rs` follows others.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::Issuer;
use crate::domain::session::SessionLifetimes;
use crate::domain::tenant_settings::TenantSettings;
use crate::storage::StorageError;

/// The settings as they are known here now.
pub(super) struct LiveSettings {
    known: ArcSwap<TenantSettings>,
    /// One reads them again at a time: what was read earlier must not come later.
    reading: Mutex<()>,
}

impl LiveSettings {
    pub(super) fn new(settings: TenantSettings) -> Self {
        Self {
            known: ArcSwap::from_pointee(settings),
            reading: Mutex::new(()),
        }
    }
}

impl Issuer {
    /// How long sessions live: as the settings say, and for the rest as was configured.
    pub fn session_lifetimes(&self) -> SessionLifetimes {
        let known = self.0.settings.known.load();
        known.lifetimes(self.configured_lifetimes())
    }

    /// How long sessions live where the settings say nothing.
    pub fn configured_lifetimes(&self) -> &SessionLifetimes {
        &self.0.config.sessions
    }

    /// The settings that can be changed while servers run, as they are known here now.
    pub fn tenant_settings(&self) -> Arc<TenantSettings> {
        self.0.settings.known.load_full()
    }

    /// Looks at the settings in the store again, after somebody may have changed them.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if they cannot be read; what is known here stays as it was.
    pub async fn reload_tenant_settings(&self) -> Result<(), StorageError> {
        let _turn = self.0.settings.reading.lock().await;
        let settings = self.0.store.read().await?.tenant_settings().await?;
        if *self.tenant_settings() != settings {
            self.0.settings.known.store(Arc::new(settings));
        }
        Ok(())
    }
}

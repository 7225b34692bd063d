//! Settings of the whole issuer.

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::StorageError;
use crate::domain::tenant_settings::TenantSettings;

/// Reads the settings.
#[async_trait]
pub trait TenantSettingsReads {
    /// The settings; where nothing was ever set, the defaults.
    async fn tenant_settings(&mut self) -> Result<TenantSettings, StorageError>;
}

/// Writes the settings.
#[async_trait]
pub trait TenantSettingsWrites {
    /// Replaces the settings.
    async fn save_tenant_settings(
        &mut self,
        settings: &TenantSettings,
        now: Timestamp,
    ) -> Result<(), StorageError>;
}

//! Settings of the whole issuer, in one row.

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::handle::{Link, SqliteHandle};
use super::row::{json, to_json};
use crate::domain::tenant_settings::TenantSettings;
use crate::storage::{StorageError, TenantSettingsReads, TenantSettingsWrites};

const SAVE: &str = "INSERT INTO logout_tenant_settings (id, settings, updated_at) \
     VALUES (1, ?1, ?2) ON CONFLICT (id) DO UPDATE SET settings = excluded.settings, \
     updated_at = excluded.updated_at";

#[async_trait]
impl<C: Link> TenantSettingsReads for SqliteHandle<C> {
    async fn tenant_settings(&mut self) -> Result<TenantSettings, StorageError> {
        let query = sqlx::query("SELECT settings FROM logout_tenant_settings WHERE id = 1");
        let settings = self.one("reading settings", query, |row| json(row, "settings"));
        Ok(settings.await?.unwrap_or_default())
    }
}

#[async_trait]
impl<C: Link> TenantSettingsWrites for SqliteHandle<C> {
    async fn save_tenant_settings(
        &mut self,
        settings: &TenantSettings,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(SAVE)
            .bind(to_json(settings))
            .bind(now.as_millis());
        self.run("storing settings", query).await?;
        Ok(())
    }
}

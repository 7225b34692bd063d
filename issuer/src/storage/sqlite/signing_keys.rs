//! Signing keys, sealed as they come.

use async_trait::async_trait;
use logout_shared::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::handle::{Link, Query, SqliteHandle, Unreadable};
use super::row::{flag, json, named, optional_text, optional_time, text, time, to_json};
use crate::domain::signing_key::{SigningKeyRecord, SigningKeyState};
use crate::storage::{SigningKeyReads, SigningKeyWrites, StorageError};

const LIST: &str = "SELECT kid, algorithm, state, sealed_private_key, public_jwk, created_at, \
     activated_at, retired_at, distrusted FROM logout_signing_keys ORDER BY created_at, kid";

const INSERT: &str = "INSERT INTO logout_signing_keys (kid, state, sealed_private_key, \
     activated_at, retired_at, distrusted, algorithm, public_jwk, created_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

const UPDATE: &str = "UPDATE logout_signing_keys SET state = ?2, sealed_private_key = ?3, \
     activated_at = ?4, retired_at = ?5, distrusted = ?6 WHERE kid = ?1";

const RESEAL: &str = "UPDATE logout_signing_keys SET sealed_private_key = ?3 \
     WHERE kid = ?1 AND sealed_private_key = ?2";

#[async_trait]
impl<C: Link> SigningKeyReads for SqliteHandle<C> {
    async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRecord>, StorageError> {
        let query = sqlx::query(LIST);
        self.all("reading signing keys", query, key).await
    }
}

#[async_trait]
impl<C: Link> SigningKeyWrites for SqliteHandle<C> {
    async fn insert_signing_key(&mut self, key: &SigningKeyRecord) -> Result<(), StorageError> {
        let query = bound(INSERT, key)
            .bind(key.algorithm.as_str())
            .bind(to_json(&key.public_jwk))
            .bind(key.created_at.as_millis());
        self.run("storing a signing key", query).await?;
        Ok(())
    }

    async fn update_signing_key(&mut self, key: &SigningKeyRecord) -> Result<(), StorageError> {
        self.run("changing a signing key", bound(UPDATE, key))
            .await?;
        Ok(())
    }

    async fn replace_sealed_key(
        &mut self,
        kid: &str,
        before: &str,
        now: &str,
    ) -> Result<bool, StorageError> {
        let query = sqlx::query(RESEAL).bind(kid).bind(before).bind(now);
        Ok(self.run("sealing a signing key anew", query).await? > 0)
    }

    async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StorageError> {
        let query = sqlx::query("DELETE FROM logout_signing_keys WHERE kid = ?1").bind(kid);
        self.run("forgetting a signing key", query).await?;
        Ok(())
    }
}

/// The arguments that storing and changing a key share: what changes in a key's life.
fn bound<'q>(sql: &'static str, key: &'q SigningKeyRecord) -> Query<'q> {
    sqlx::query(sql)
        .bind(key.kid.as_str())
        .bind(key.state.as_str())
        .bind(key.sealed_private_key.as_deref())
        .bind(key.activated_at.map(Timestamp::as_millis))
        .bind(key.retired_at.map(Timestamp::as_millis))
        .bind(key.distrusted)
}

fn key(row: &SqliteRow) -> Result<SigningKeyRecord, Unreadable> {
    let state = match text(row, "state")?.as_str() {
        "next" => SigningKeyState::Next,
        "current" => SigningKeyState::Current,
        "retired" => SigningKeyState::Retired,
        unknown => return Err(format!("unknown state \"{unknown}\" of a signing key").into()),
    };
    Ok(SigningKeyRecord {
        kid: text(row, "kid")?,
        algorithm: named(row, "algorithm")?,
        state,
        sealed_private_key: optional_text(row, "sealed_private_key")?,
        public_jwk: json(row, "public_jwk")?,
        created_at: time(row, "created_at")?,
        activated_at: optional_time(row, "activated_at")?,
        retired_at: optional_time(row, "retired_at")?,
        distrusted: flag(row, "distrusted")?,
    })
}

//! Clients, and the names of what the configuration had made.
//!
//! Lists and settings are JSON columns: they are read and written as a whole.

use std::sync::Arc;

use async_trait::async_trait;
use logout_shared::ClientId;
use sqlx::sqlite::SqliteRow;

use super::handle::{Link, Query, SqliteHandle, Unreadable};
use super::row::{
    answer, count, json, name_of, named, optional_json, optional_named, optional_text, parsed,
    text, time, to_json,
};
use crate::domain::client::Client;
use crate::storage::{ClientReads, ClientWrites, StorageError};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, sealed_secret, token_endpoint_auth_method, callbacks, \
             allowed_logout_urls, grant_types, signing_algorithm, management_scopes, logout, \
             other, created_at, updated_at, encryption, keys FROM logout_clients ",
            $rest
        )
    };
}

const FIND: &str = select!("WHERE id = ?1");
const FIND_ALL: &str = select!("WHERE id IN (SELECT value FROM json_each(?1))");
const LIST: &str = select!("ORDER BY created_at, id LIMIT ?2 OFFSET ?1");

const INSERT: &str = "INSERT INTO logout_clients (id, updated_at, name, sealed_secret, \
     token_endpoint_auth_method, callbacks, allowed_logout_urls, grant_types, signing_algorithm, \
     management_scopes, logout, other, encryption, keys, created_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
     ON CONFLICT (id) DO NOTHING";

const UPDATE: &str = "UPDATE logout_clients SET updated_at = ?2, name = ?3, sealed_secret = ?4, \
     token_endpoint_auth_method = ?5, callbacks = ?6, allowed_logout_urls = ?7, grant_types = ?8, \
     signing_algorithm = ?9, management_scopes = ?10, logout = ?11, other = ?12, \
     encryption = ?13, keys = ?14 WHERE id = ?1";

const SEALED: &str = "SELECT id, sealed_secret FROM logout_clients \
     WHERE id > ?1 AND sealed_secret IS NOT NULL ORDER BY id LIMIT ?2";

const RESEAL: &str =
    "UPDATE logout_clients SET sealed_secret = ?3 WHERE id = ?1 AND sealed_secret = ?2";

impl<C: Link> SqliteHandle<C> {
    /// Makes sure that the clients with these ids, as far as there are any, are in `self.clients`.
    pub(super) async fn read_clients(
        &mut self,
        ids: impl Iterator<Item = &ClientId> + Send,
    ) -> Result<(), StorageError> {
        let missing = self.clients.missing(ids.collect());
        if missing.is_empty() {
            return Ok(());
        }
        let query = sqlx::query(FIND_ALL).bind(to_json(&missing));
        let read = self.all("reading clients", query, client).await?;
        self.clients.add(read);
        Ok(())
    }
}

#[async_trait]
impl<C: Link> ClientReads for SqliteHandle<C> {
    async fn find_client(&mut self, id: &ClientId) -> Result<Option<Client>, StorageError> {
        let query = sqlx::query(FIND).bind(id.as_str());
        self.one("reading a client", query, client).await
    }

    async fn find_clients(&mut self, ids: &[ClientId]) -> Result<Vec<Arc<Client>>, StorageError> {
        self.read_clients(ids.iter()).await?;
        let found = ids.iter().filter_map(|id| self.clients.get(id));
        Ok(found.cloned().collect())
    }

    async fn list_clients(&mut self, offset: u32, limit: u32) -> Result<Vec<Client>, StorageError> {
        let query = sqlx::query(LIST).bind(offset).bind(limit);
        self.all("listing clients", query, client).await
    }

    async fn sealed_secrets(
        &mut self,
        after: Option<&ClientId>,
        limit: u32,
    ) -> Result<Vec<(ClientId, String)>, StorageError> {
        let after = after.map_or("", ClientId::as_str);
        let query = sqlx::query(SEALED).bind(after).bind(limit);
        self.all("reading sealed secrets", query, sealed_secret)
            .await
    }

    async fn count_clients(&mut self) -> Result<u64, StorageError> {
        let query = sqlx::query("SELECT count(*) FROM logout_clients");
        let counted = self.one("counting clients", query, count).await?;
        Ok(counted.unwrap_or_default())
    }

    async fn was_bootstrapped(&mut self, name: &str) -> Result<bool, StorageError> {
        let query =
            sqlx::query("SELECT EXISTS (SELECT 1 FROM logout_bootstrapped WHERE name = ?1)")
                .bind(name);
        let found = self.one("reading what was bootstrapped", query, answer);
        Ok(found.await?.unwrap_or_default())
    }
}

#[async_trait]
impl<C: Link> ClientWrites for SqliteHandle<C> {
    async fn insert_client(&mut self, client: &Client) -> Result<bool, StorageError> {
        self.clients.forget();
        let query = bound(INSERT, client).bind(client.created_at.as_millis());
        Ok(self.run("storing a client", query).await? > 0)
    }

    async fn update_client(&mut self, client: &Client) -> Result<bool, StorageError> {
        self.clients.forget();
        let query = bound(UPDATE, client);
        Ok(self.run("changing a client", query).await? > 0)
    }

    async fn replace_sealed_secret(
        &mut self,
        id: &ClientId,
        before: &str,
        now: &str,
    ) -> Result<bool, StorageError> {
        self.clients.forget();
        let query = sqlx::query(RESEAL).bind(id.as_str()).bind(before).bind(now);
        Ok(self.run("sealing a client's secret anew", query).await? > 0)
    }

    async fn delete_client(&mut self, id: &ClientId) -> Result<bool, StorageError> {
        self.clients.forget();
        for sql in [
            "DELETE FROM logout_participants WHERE client_id = ?1",
            "DELETE FROM logout_codes WHERE client_id = ?1",
        ] {
            let query = sqlx::query(sql).bind(id.as_str());
            self.run("deleting what hangs on a client", query).await?;
        }
        let query = sqlx::query("DELETE FROM logout_clients WHERE id = ?1").bind(id.as_str());
        Ok(self.run("deleting a client", query).await? > 0)
    }

    async fn mark_bootstrapped(&mut self, name: &str) -> Result<(), StorageError> {
        let query = sqlx::query(
            "INSERT INTO logout_bootstrapped (name) VALUES (?1) ON CONFLICT DO NOTHING",
        )
        .bind(name);
        self.run("noting what was bootstrapped", query).await?;
        Ok(())
    }
}

/// The arguments that storing and changing a client share.
fn bound<'q>(sql: &'static str, client: &'q Client) -> Query<'q> {
    sqlx::query(sql)
        .bind(client.id.as_str())
        .bind(client.updated_at.as_millis())
        .bind(client.name.as_str())
        .bind(client.sealed_secret.as_deref())
        .bind(client.token_endpoint_auth_method.as_ref().map(name_of))
        .bind(to_json(&client.callbacks))
        .bind(to_json(&client.allowed_logout_urls))
        .bind(to_json(&client.grant_types))
        .bind(client.signing_algorithm.as_str())
        .bind(to_json(&client.management_scopes))
        .bind(client.logout.as_ref().map(to_json))
        .bind(to_json(&client.other))
        .bind(client.encryption.as_ref().map(to_json))
        .bind(client.keys.as_ref().map(to_json))
}

fn sealed_secret(row: &SqliteRow) -> Result<(ClientId, String), Unreadable> {
    Ok((parsed(row, "id")?, text(row, "sealed_secret")?))
}

fn client(row: &SqliteRow) -> Result<Client, Unreadable> {
    Ok(Client {
        id: parsed(row, "id")?,
        name: text(row, "name")?,
        sealed_secret: optional_text(row, "sealed_secret")?,
        token_endpoint_auth_method: optional_named(row, "token_endpoint_auth_method")?,
        callbacks: json(row, "callbacks")?,
        allowed_logout_urls: json(row, "allowed_logout_urls")?,
        grant_types: json(row, "grant_types")?,
        signing_algorithm: named(row, "signing_algorithm")?,
        management_scopes: json(row, "management_scopes")?,
        logout: optional_json(row, "logout")?,
        other: json(row, "other")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        encryption: optional_json(row, "encryption")?,
        keys: optional_json(row, "keys")?,
    })
}

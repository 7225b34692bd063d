//! Clients.

use std::sync::Arc;

use async_trait::async_trait;
use logout_shared::ClientId;

use super::StorageError;
use crate::domain::client::Client;

/// Reads clients.
#[async_trait]
pub trait ClientReads: Send {
    /// The client with this id.
    async fn find_client(&mut self, id: &ClientId) -> Result<Option<Client>, StorageError>;

    /// The clients with these ids; those that are gone are left out, the order is free.
    async fn find_clients(&mut self, ids: &[ClientId]) -> Result<Vec<Arc<Client>>, StorageError> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.find_client(id).await?.map(Arc::new));
        }
        Ok(found)
    }

    /// Clients by the time they were made, skipping `offset`, `limit` at most.
    async fn list_clients(&mut self, offset: u32, limit: u32) -> Result<Vec<Client>, StorageError>;

    /// Sealed secrets by client, `limit` at most, after the client `after`.
    async fn sealed_secrets(
        &mut self,
        after: Option<&ClientId>,
        limit: u32,
    ) -> Result<Vec<(ClientId, String)>, StorageError>;

    /// How many clients there are.
    async fn count_clients(&mut self) -> Result<u64, StorageError>;

    /// Whether something with this name was made from the configuration before.
    async fn was_bootstrapped(&mut self, name: &str) -> Result<bool, StorageError>;
}

/// Writes clients.
#[async_trait]
pub trait ClientWrites {
    /// Stores a new client; `false` if the id is taken.
    async fn insert_client(&mut self, client: &Client) -> Result<bool, StorageError>;

    /// Stores a client's changes; `false` if it is gone.
    async fn update_client(&mut self, client: &Client) -> Result<bool, StorageError>;

    /// Seals a client's secret anew; `false` if it is not sealed as `before` any more.
    async fn replace_sealed_secret(
        &mut self,
        id: &ClientId,
        before: &str,
        now: &str,
    ) -> Result<bool, StorageError>;

    /// Deletes a client and what hangs on it; `false` if it was gone. Deliveries stay.
    async fn delete_client(&mut self, id: &ClientId) -> Result<bool, StorageError>;

    /// Remembers that something with this name was made from the configuration.
    async fn mark_bootstrapped(&mut self, name: &str) -> Result<(), StorageError>;
}

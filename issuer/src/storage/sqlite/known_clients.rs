//! Clients that a connection has read, so that each end of a session need not read them again.
//!
//! What is known holds as long as nobody writes a client: a write through the same handle forgets
//! all, an undone piece of work too, and a commit through any other connection shows in
//! `PRAGMA data_version`, which is looked at once in each transaction. Inside one it cannot change.

use std::collections::HashMap;
use std::sync::Arc;

use logout_shared::ClientId;

use crate::domain::client::Client;

/// How many clients are known at most; then all are forgotten.
const MAX_KNOWN: usize = 2_048;

/// The clients that are known, and what the file's version was then.
#[derive(Debug, Default)]
pub(super) struct KnownClients {
    clients: HashMap<ClientId, Arc<Client>>,
    version: Option<i64>,
    is_confirmed: bool,
}

impl KnownClients {
    /// Another transaction begins, before which others may have written.
    pub(super) fn begin_transaction(&mut self) {
        self.is_confirmed = false;
    }

    /// Whether the file's version was looked at in this transaction.
    pub(super) fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }

    /// Forgets all if the file's version is another one than before.
    pub(super) fn confirm(&mut self, version: i64) {
        if self.version != Some(version) {
            self.clients.clear();
        }
        self.version = Some(version);
        self.is_confirmed = true;
    }

    /// A client, if it is known; only after [`confirm`](Self::confirm) it is as it is now.
    pub(super) fn get(&self, id: &ClientId) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    /// Notes clients as they were read in this transaction.
    pub(super) fn add(&mut self, read: Vec<Client>) {
        if self.clients.len() + read.len() > MAX_KNOWN {
            self.clients.clear();
        }
        let read = read.into_iter().map(|one| (one.id.clone(), Arc::new(one)));
        self.clients.extend(read);
    }

    /// A client is written, or may not have been after all.
    pub(super) fn forget(&mut self) {
        self.clients.clear();
    }
}

#[cfg(test)]
mod tests {
    use logout_shared::Timestamp;

    use super::*;
    use crate::storage::sqlite::{SqliteOptions, SqliteStore};
    use crate::storage::{StorageError, Store};

    fn client(number: usize, name: &str) -> Client {
        let id = format!("client-{number}").parse().unwrap();
        Client::new(id, name.to_owned(), Timestamp::from_secs(0))
    }

    async fn insert(store: &dyn Store, client: Client) {
        let work = store
            .write(move |tx| Box::pin(async move { tx.insert_client(&client).await.map(drop) }));
        work.await.unwrap();
    }

    /// What a piece of work finds of the first client.
    async fn name(store: &dyn Store) -> String {
        let work = store
            .write(move |tx| Box::pin(async move { tx.find_clients(&[client(0, "").id]).await }));
        work.await.unwrap()[0].name.clone()
    }

    #[tokio::test]
    async fn what_others_commit_and_what_is_undone_is_not_mistaken() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::file(folder.path().join("issuer.db"));
        let ours: Arc<dyn Store> = SqliteStore::open(&options).await.unwrap();
        let theirs: Arc<dyn Store> = SqliteStore::open(&options).await.unwrap();
        insert(&*ours, client(0, "first")).await;
        assert_eq!(name(&*ours).await, "first");

        let work = theirs.write(move |tx| {
            Box::pin(async move { tx.update_client(&client(0, "theirs")).await.map(drop) })
        });
        work.await.unwrap();
        assert_eq!(name(&*ours).await, "theirs");

        let undone = ours.write(|tx| {
            Box::pin(async move {
                tx.update_client(&client(0, "undone")).await?;
                let found = tx.find_clients(&[client(0, "").id]).await?;
                assert_eq!(found[0].name, "undone");
                Err::<(), StorageError>(StorageError::new("testing", "enough"))
            })
        });
        undone.await.unwrap_err();
        assert_eq!(name(&*ours).await, "theirs");
    }

    #[test]
    fn no_more_are_known_than_the_limit() {
        let mut known = KnownClients::default();
        known.confirm(1);
        known.add((0..MAX_KNOWN).map(|number| client(number, "one")).collect());
        assert_eq!(known.clients.len(), MAX_KNOWN);
        known.add(vec![client(MAX_KNOWN, "one more")]);
        assert_eq!(known.clients.len(), 1);
    }
}

//! Clients that a connection has read, so that each end of a session need not read them again.
//!
//! What is known holds as long as nobody writes a client: a write through the same handle forgets
//! all, an undone piece of work too, and a commit through any other connection shows in
//! `PRAGMA data_version`, which the writer reads as it begins. Inside a transaction it cannot change.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use logout_shared::ClientId;

use crate::domain::client::Client;

/// How many clients are known at most before a read; then all are forgotten.
const MAX_KNOWN: usize = 2_048;

/// The clients that are known, and what the file's version was then. Without a transaction before,
/// nothing is known that could be out of date.
#[derive(Debug, Default)]
pub(super) struct KnownClients {
    clients: HashMap<ClientId, Arc<Client>>,
    version: Option<i64>,
}

impl KnownClients {
    /// A transaction begins, in which the file's version is this: forgets all if it was another one.
    pub(super) fn begin_transaction(&mut self, version: i64) {
        if self.version != Some(version) {
            self.clients.clear();
        }
        self.version = Some(version);
    }

    /// Which of the clients have still to be read. What is known of the others stays until the next
    /// call, so that all can be had together.
    pub(super) fn missing<'i>(&mut self, wanted: HashSet<&'i ClientId>) -> Vec<&'i ClientId> {
        if self.clients.len() + wanted.len() > MAX_KNOWN {
            self.clients.clear();
        }
        let is_missing = |id: &&ClientId| !self.clients.contains_key(*id);
        wanted.into_iter().filter(is_missing).collect()
    }

    /// A client that was read or known in this transaction; `None` if there is none.
    pub(super) fn get(&self, id: &ClientId) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    /// Notes clients as they were read in this transaction.
    pub(super) fn add(&mut self, read: Vec<Client>) {
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

    /// A delivery whose client is not found is taken for one whose client is deleted.
    #[tokio::test]
    async fn at_the_limit_all_that_are_wanted_are_found() {
        let store: Arc<dyn Store> = SqliteStore::in_memory().await.unwrap();
        let work = store.write(|tx| {
            Box::pin(async move {
                for number in 0..=MAX_KNOWN {
                    tx.insert_client(&client(number, "one")).await?;
                }
                Ok::<_, StorageError>(())
            })
        });
        work.await.unwrap();
        let found = |numbers: std::ops::RangeInclusive<usize>| {
            let ids: Vec<ClientId> = numbers.map(|number| client(number, "").id).collect();
            let work = store.write::<_, StorageError, _>(move |tx| {
                Box::pin(async move { Ok(tx.find_clients(&ids).await?.len()) })
            });
            async { work.await.unwrap() }
        };
        assert_eq!(found(1..=MAX_KNOWN).await, MAX_KNOWN);
        assert_eq!(found(0..=1).await, 2);
        assert_eq!(found(0..=MAX_KNOWN).await, MAX_KNOWN + 1);
    }

    #[test]
    fn no_more_are_kept_than_the_limit() {
        let mut known = KnownClients::default();
        known.begin_transaction(1);
        let clients: Vec<Client> = (0..MAX_KNOWN).map(|number| client(number, "one")).collect();
        let first = clients[0].id.clone();
        let wanted = clients.iter().map(|one| &one.id).collect();
        assert_eq!(known.missing(wanted).len(), MAX_KNOWN);
        known.add(clients[1..].to_vec());
        assert_eq!(known.missing(HashSet::from([&first])), [&first]);
        assert_eq!(known.clients.len(), MAX_KNOWN - 1);
        known.add(vec![clients[0].clone()]);
        let more = client(MAX_KNOWN, "one more").id;
        assert_eq!(known.missing(HashSet::from([&more])), [&more]);
        assert_eq!(known.clients.len(), 0);
    }
}

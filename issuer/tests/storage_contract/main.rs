//! What every store promises, checked through `dyn Store` alone.
//!
//! Each file holds the promises of one trait; `writing.rs` those of transactions; they run on
//! every store that [`each_store!`] knows. `sqlite.rs` holds what only a file can get wrong.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod actions;
mod authorizations;
mod client_assertions;
mod clients;
mod event_log;
mod outbox_claim;
mod outbox_list;
mod outbox_of_client;
mod outbox_record;
mod participants;
mod refresh_tokens;
mod samples;
mod sessions;
mod signing_keys;
mod sqlite;
mod tenant_settings;
mod users;
mod users_search;
mod writing;

/// Runs a check on each kind of store, as one test for each.
macro_rules! each_store {
    ($($(#[$attribute:meta])* async fn $name:ident($store:ident: &dyn Store) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn check($store: &dyn Store) $body

            $(#[$attribute])*
            #[tokio::test]
            async fn on_sqlite() {
                let store = logout_issuer::storage::sqlite::SqliteStore::in_memory().await.unwrap();
                check(&*store).await;
                store.close().await;
            }
        }
    )+};
}
use each_store;

/// `commit!(store, |tx| …)`: a piece of work that owns what it names.
macro_rules! commit {
    ($store:expr, |$tx:ident| $work:expr) => {
        $store
            .write::<_, logout_issuer::storage::StorageError, _>(move |$tx| {
                Box::pin(async move { $work })
            })
            .await
    };
}
use commit;

//! What only a file can get wrong: opening it, sharing it, losing its process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logout_issuer::storage::Store;
use logout_issuer::storage::sqlite::{
    LockError, OpenError, SqliteOptions, SqliteStore, SqliteTransaction,
};
use logout_issuer::storage::{ClientWrites as _, OutboxWrites as _};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::commit;
use crate::outbox_claim::claim;
use crate::outbox_record::record;
use crate::samples::{at, attempt, client, delivery, delivery_id, id, insert_deliveries, tried};

async fn open(path: &Path) -> Result<Arc<SqliteStore>, OpenError> {
    SqliteStore::open(&SqliteOptions::file(path)).await
}

async fn raw(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    options.connect().await.unwrap()
}

async fn insert_client(store: &dyn Store, name: &'static str) {
    commit!(store, |tx| tx.insert_client(&client(name)).await).unwrap();
}

/// The error and all its causes, as a log shows them.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn missing_folders_and_files_are_made_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/issuer.db");
    open(&path).await.unwrap().close().await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_reopened_file_has_what_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    let store = open(&path).await.unwrap();
    insert_client(&*store, "shop").await;
    store.close().await;
    let store = open(&path).await.unwrap();
    let found = store
        .read()
        .await
        .unwrap()
        .find_client(&id("shop"))
        .await
        .unwrap();
    assert_eq!(found, Some(client("shop")));
}

#[tokio::test]
async fn a_folder_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path()).await.unwrap_err();
    assert!(
        matches!(error, OpenError::IsFolder { .. }),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = open(&file.join("sub/issuer.db")).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Folder { .. }),
        "{}",
        told(&error)
    );
    assert!(told(&error).contains("file/sub"), "{}", told(&error));
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    // Nobody, not even the superuser, makes files there.
    let path = Path::new("/proc/issuer.db");
    if !Path::new("/proc/self").exists() {
        return;
    }
    let error = open(path).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Unwritable { .. }),
        "{}",
        told(&error)
    );
    assert!(told(&error).contains("/proc/issuer.db"), "{}", told(&error));
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    let garbage = "a shopping list ".repeat(100);
    std::fs::write(&path, &garbage).unwrap();
    let error = open(&path).await.unwrap_err();
    assert!(
        matches!(error, OpenError::NotADatabase { .. }),
        "{}",
        told(&error)
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), garbage);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    open(&path).await.unwrap().close().await;
    let mut other = raw(&path).await;
    sqlx::query(
        "INSERT INTO logout_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, x'00', 0)",
    )
    .execute(&mut other)
    .await
    .unwrap();
    other.close().await.unwrap();
    let error = open(&path).await.unwrap_err();
    assert!(
        matches!(error, OpenError::NewerSchema { found: 9999, .. }),
        "{}",
        told(&error)
    );
    assert!(told(&error).contains("newer version"), "{}", told(&error));
}

#[tokio::test]
async fn a_migration_with_another_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    open(&path).await.unwrap().close().await;
    let mut other = raw(&path).await;
    sqlx::query("UPDATE logout_migrations SET checksum = x'00' WHERE version = 1")
        .execute(&mut other)
        .await
        .unwrap();
    other.close().await.unwrap();
    let error = open(&path).await.unwrap_err();
    assert!(
        matches!(error, OpenError::ChangedSchema { version: 1, .. }),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn tables_of_the_host_in_the_same_file_are_no_hindrance() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut host = options.connect().await.unwrap();
    for sql in [
        "CREATE TABLE users (id)",
        "CREATE TABLE _sqlx_migrations (version)",
    ] {
        sqlx::query(sql).execute(&mut host).await.unwrap();
    }
    let store = open(&path).await.unwrap();
    insert_client(&*store, "shop").await;
}

#[tokio::test]
async fn many_processes_may_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    let opened = futures_util::future::join_all((0..8).map(|_| open(&path))).await;
    for store in opened {
        insert_client(&*store.unwrap(), "shop").await;
    }
}

#[tokio::test]
async fn a_store_dropped_without_closing_loses_nothing_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    let store = open(&path).await.unwrap();
    insert_deliveries(&*store, vec![delivery(1, "shop")]).await;
    // The files as they are on the disk now, as a killed process leaves them.
    let copy = folder.path().join("copy.db");
    for end in ["", "-wal"] {
        let name = |path: &Path| format!("{}{end}", path.display());
        std::fs::copy(name(&path), name(&copy)).unwrap();
    }
    drop(store);
    for path in [&path, &copy] {
        let store = open(path).await.unwrap();
        assert_eq!(
            claim(&*store, "w", at(0), 10).await.len(),
            1,
            "{}",
            path.display()
        );
        store.close().await;
    }
}

#[tokio::test]
async fn a_write_waits_for_another_process_that_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    let store = open(&path).await.unwrap();
    let mut other = raw(&path).await;
    let transaction = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let write = insert_client(&*store, "shop");
    tokio::pin!(write);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut write).await;
    assert!(early.is_err(), "the write did not wait");
    // Readers are not held up.
    assert_eq!(
        store.read().await.unwrap().count_clients().await.unwrap(),
        0
    );
    transaction.rollback().await.unwrap();
    write.await;
    assert_eq!(
        store.read().await.unwrap().count_clients().await.unwrap(),
        1
    );
}

#[tokio::test]
async fn another_process_rings_the_bell_and_shows_in_the_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    let server = open(&path).await.unwrap();
    let command_line = open(&path).await.unwrap();
    insert_client(&*server, "shop").await;
    let before = server.data_version();
    insert_deliveries(&*command_line, vec![delivery(1, "shop")]).await;
    let woken = server.wait_for_deliveries(Duration::from_hours(1));
    tokio::time::timeout(Duration::from_secs(10), woken)
        .await
        .expect("woken");
    assert_ne!(server.data_version(), before);
}

#[tokio::test]
async fn one_server_at_a_time_and_it_takes_over_all_leases() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    let first = open(&path).await.unwrap();
    let lock = first.lock_for_server(at(0)).await.unwrap();
    insert_deliveries(&*first, vec![delivery(1, "shop")]).await;
    assert_eq!(claim(&*first, "first", at(0), 10).await.len(), 1);

    let second = open(&path).await.unwrap();
    let error = second.lock_for_server(at(1)).await.unwrap_err();
    assert!(matches!(error, LockError::Taken { .. }), "{}", told(&error));
    assert!(
        told(&error).contains(&std::process::id().to_string()),
        "{}",
        told(&error)
    );
    assert!(claim(&*second, "second", at(1), 10).await.is_empty());

    drop(lock);
    let _lock = second.lock_for_server(at(1)).await.unwrap();
    assert_eq!(claim(&*second, "second", at(1), 10).await.len(), 1);
}

#[tokio::test]
async fn work_in_the_hosts_own_transaction_is_the_hosts_to_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.db");
    let store = open(&path).await.unwrap();
    let mut host = raw(&path).await;
    for commit in [false, true] {
        let mut transaction = host.begin().await.unwrap();
        let mut tx = SqliteTransaction::over(&mut *transaction);
        tx.insert_client(&client("shop")).await.unwrap();
        tx.insert_deliveries(&[delivery(1, "shop")]).await.unwrap();
        if commit {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        assert_eq!(
            claim(&*store, "w", at(0), 10).await.len(),
            usize::from(commit)
        );
    }
    let woken = store.wait_for_deliveries(Duration::from_hours(1));
    tokio::time::timeout(Duration::from_secs(10), woken)
        .await
        .expect("woken");
}

#[tokio::test]
async fn a_temporary_store_leaves_no_files() {
    let store = SqliteStore::in_memory().await.unwrap();
    insert_client(&*store, "shop").await;
    let folder = store.path().parent().unwrap().to_owned();
    assert!(folder.exists());
    store.close().await;
    drop(store);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_delivery_sent_again_keeps_the_first_attempt_that_had_no_row() {
    let store = SqliteStore::in_memory().await.unwrap();
    insert_deliveries(&*store, vec![delivery(1, "shop")]).await;
    for (number, status) in [(1, 200), (2, 400)] {
        let held = claim(&*store, "w", at(0), 10).await.remove(0);
        let result = tried(held.delivery, attempt(number, Some(status)));
        record(&*store, "w", vec![result]).await;
        let mut other = raw(store.path()).await;
        sqlx::query(
            "UPDATE logout_deliveries SET state = 'pending', due_at = 0, finished_at = NULL",
        )
        .execute(&mut other)
        .await
        .unwrap();
    }
    let kept = store
        .read()
        .await
        .unwrap()
        .attempts(delivery_id(1))
        .await
        .unwrap();
    assert_eq!(kept, [attempt(1, Some(200)), attempt(2, Some(400))]);
}

//! The one writer: a task that runs pieces of work and commits them in groups.
//!
//! It takes whatever is queued, never waits for more, runs each piece behind a savepoint that moves
//! past it if it is kept, and answers all of them after one durable commit; deliveries that were
//! born in it go over the desk then. A piece that gives up, fails or panics is undone alone. If
//! SQLite itself gives the transaction up (disk full, I/O error), the pieces run so far are told so
//! and the others get a transaction of their own. Neither network nor a script runs in here; between
//! groups the writer looks for commits of others, see `watch.rs`.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::handle::SqliteHandle;
use super::known_clients::KnownClients;
use super::watch::{LOOK_EVERY, Signals, Watch};
use crate::storage::{Births, Commit, DeliveryDesk, StorageError, WriteWork};

/// The most pieces in one commit, so that none of them waits long for its answer.
const MAX_GROUP: usize = 256;

/// How many pieces may be queued before callers wait.
const QUEUE: usize = 4_096;

type Answer = Result<(), StorageError>;

/// The way to the writer.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Piece>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// A piece of work and where its answer goes.
struct Piece {
    work: WriteWork,
    reply: oneshot::Sender<Answer>,
}

impl Writer {
    /// Starts the writer on its connection.
    pub(super) fn start(connection: SqliteConnection, watch: Watch, signals: Arc<Signals>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let task = tokio::spawn(serve(connection, receiver, watch, signals));
        Self {
            queue: Mutex::new(Some(sender)),
            task: Mutex::new(Some(task)),
        }
    }

    /// Queues a piece and waits for the commit it is in. A caller that no longer waits changes
    /// nothing: the piece runs.
    pub(super) async fn write(&self, work: WriteWork) -> Answer {
        let queue = locked(&self.queue).clone();
        let queue = queue.ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        let piece = Piece { work, reply };
        queue.send(piece).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Refuses new pieces, and returns when those queued are committed and the connection is
    /// closed.
    pub(super) async fn close(&self) {
        drop(locked(&self.queue).take());
        let task = locked(&self.task).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the writer of the store ended badly");
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> StorageError {
    StorageError::new("writing", "the store is closed")
}

async fn serve(
    mut connection: SqliteConnection,
    mut queue: mpsc::Receiver<Piece>,
    mut watch: Watch,
    signals: Arc<Signals>,
) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut group = Vec::new();
    let mut clients = KnownClients::default();
    loop {
        tokio::select! {
            taken = queue.recv_many(&mut group, MAX_GROUP) => {
                if taken == 0 {
                    break;
                }
                commit_group(&mut connection, &mut group, &mut clients, &signals).await;
            }
            _ = ticks.tick() => watch.look(&mut connection, &signals).await,
        }
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the store's connection did not close cleanly");
    }
}

/// Runs all pieces, in as few transactions as go.
async fn commit_group(
    connection: &mut SqliteConnection,
    group: &mut Vec<Piece>,
    clients: &mut KnownClients,
    signals: &Signals,
) {
    // One piece alone needs no savepoint: undoing it is undoing the transaction.
    let scope = if group.len() == 1 {
        Scope::Transaction
    } else {
        Scope::Savepoint
    };
    let mut pieces = group.drain(..);
    while pieces.len() > 0 {
        let version = match begin(connection, scope).await {
            Ok(version) => version,
            Err(error) => {
                // Were a transaction still open, no later one could begin.
                let _ = execute(connection, "ROLLBACK").await;
                for piece in pieces {
                    answer(piece.reply, failed("beginning a write", &error));
                }
                return;
            }
        };
        clients.begin_transaction(version);
        let mut around = Around {
            scope,
            has_kept: false,
            desk: signals.desk(),
            clients,
        };
        let transaction = run_pieces(connection, &mut pieces, &mut around).await;
        if !finish(connection, transaction, signals, around.desk).await {
            clients.forget();
        }
    }
}

/// How a piece is kept apart from the others of its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Transaction,
    Savepoint,
}

/// Begins a transaction; gives the file's version in it, which other connections' commits change.
async fn begin(connection: &mut SqliteConnection, scope: Scope) -> Result<i64, sqlx::Error> {
    // Together, since each statement costs a hand-over between two threads.
    let sql = match scope {
        Scope::Transaction => "BEGIN IMMEDIATE; PRAGMA data_version",
        Scope::Savepoint => "BEGIN IMMEDIATE; SAVEPOINT piece; PRAGMA data_version",
    };
    sqlx::query_scalar(sql).fetch_one(connection).await
}

/// What the pieces of one transaction have in common.
struct Around<'t> {
    scope: Scope,
    /// The piece before was kept, so that the savepoint has to move past it.
    has_kept: bool,
    desk: Option<Arc<dyn DeliveryDesk>>,
    clients: &'t mut KnownClients,
}

/// A transaction in which pieces have run.
#[derive(Default)]
struct Open {
    kept: Vec<oneshot::Sender<Answer>>,
    undone: Vec<(oneshot::Sender<Answer>, Answer)>,
    moved_deliveries: bool,
    births: Vec<Births>,
    /// SQLite gave the transaction up.
    broken: Option<sqlx::Error>,
}

async fn run_pieces(
    connection: &mut SqliteConnection,
    pieces: &mut std::vec::Drain<'_, Piece>,
    around: &mut Around<'_>,
) -> Open {
    let mut open = Open::default();
    for piece in pieces {
        match run_piece(connection, piece.work, around).await {
            Ok(Ran::Kept {
                moved_deliveries,
                births,
            }) => {
                open.moved_deliveries |= moved_deliveries;
                open.births.push(births);
                open.kept.push(piece.reply);
            }
            Ok(Ran::Undone(result)) => open.undone.push((piece.reply, result)),
            Err(error) => {
                open.kept.push(piece.reply);
                open.broken = Some(error);
                break;
            }
        }
    }
    open
}

/// Commits, and only then answers; says whether it is committed.
async fn finish(
    connection: &mut SqliteConnection,
    open: Open,
    signals: &Signals,
    desk: Option<Arc<dyn DeliveryDesk>>,
) -> bool {
    let committed = match open.broken {
        Some(error) => Err(error),
        None if open.kept.is_empty() => execute(connection, "ROLLBACK").await,
        None => execute(connection, "COMMIT").await,
    };
    if let Err(error) = &committed {
        tracing::error!(%error, "a write to the store was not committed");
        // Fails if SQLite has rolled back already: there is nothing left to undo then.
        let _ = execute(connection, "ROLLBACK").await;
    } else {
        if open.moved_deliveries {
            signals.ring();
        }
        // Before the answers: a worker that stops counts on the desk having all that was written
        // before an answer to it.
        if let Some(desk) = desk {
            let some = |births: &Births| !(births.leased.is_empty() && births.queued.is_empty());
            let births = open.births.into_iter().filter(some);
            births.for_each(|births| desk.hand_over(births));
        }
    }
    for reply in open.kept {
        let result = match &committed {
            Ok(()) => Ok(()),
            Err(error) => failed("committing a write", error),
        };
        answer(reply, result);
    }
    for (reply, result) in open.undone {
        answer(reply, result);
    }
    committed.is_ok()
}

/// What became of a piece.
enum Ran {
    Kept {
        moved_deliveries: bool,
        births: Births,
    },
    Undone(Answer),
}

/// Runs one piece; fails if the transaction around it cannot go on.
async fn run_piece(
    connection: &mut SqliteConnection,
    work: WriteWork,
    around: &mut Around<'_>,
) -> Result<Ran, sqlx::Error> {
    if around.scope == Scope::Savepoint && around.has_kept {
        execute(connection, "RELEASE piece; SAVEPOINT piece").await?;
    }
    let mut handle = SqliteHandle::over(&mut *connection)
        .at_desk(around.desk.clone())
        .knowing(std::mem::take(around.clients));
    // A piece that panics is undone, so it leaves nothing half done behind.
    let result = AssertUnwindSafe(async { work(&mut handle).await })
        .catch_unwind()
        .await;
    let (has_failed, moved_deliveries) = (handle.has_failed(), handle.has_moved_deliveries());
    let births = std::mem::take(handle.births());
    *around.clients = std::mem::take(&mut handle.clients);
    let ran = match result {
        Ok(Commit::Keep) if has_failed => Ran::Undone(Err(StorageError::new(
            "writing",
            "a statement failed, so the work was undone",
        ))),
        Ok(Commit::Keep) => Ran::Kept {
            moved_deliveries,
            births,
        },
        Ok(Commit::Discard) => Ran::Undone(Ok(())),
        Err(_) => Ran::Undone(Err(StorageError::new("writing", "the work panicked"))),
    };
    around.has_kept = matches!(ran, Ran::Kept { .. });
    if !around.has_kept {
        around.clients.forget();
        if around.scope == Scope::Savepoint {
            execute(connection, "ROLLBACK TO piece").await?;
        }
    }
    Ok(ran)
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(sql).execute(connection).await?;
    Ok(())
}

fn failed(doing: &'static str, error: &sqlx::Error) -> Answer {
    // Several callers hear of one error, which cannot be copied.
    Err(StorageError::new(doing, error.to_string()))
}

fn answer(reply: oneshot::Sender<Answer>, result: Answer) {
    // Nobody may be waiting any more.
    let _ = reply.send(result);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::storage::Store;
    use crate::storage::sqlite::{SqliteOptions, SqliteStore, open};

    /// A store whose file may grow by so many pages, and then the disk is full.
    async fn store_on_a_full_disk(pages: u32) -> SqliteStore {
        let mut opened = open::open(&SqliteOptions::in_memory()).await.unwrap();
        let used: u32 = sqlx::query_scalar("PRAGMA page_count")
            .fetch_one(&mut opened.writer)
            .await
            .unwrap();
        let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", used + pages));
        sqlx::query(limit)
            .execute(&mut opened.writer)
            .await
            .unwrap();
        SqliteStore::serve(opened).await.unwrap()
    }

    async fn mark(store: &dyn Store, name: String) -> Answer {
        store
            .write(move |tx| Box::pin(async move { tx.mark_bootstrapped(&name).await }))
            .await
    }

    #[tokio::test]
    async fn on_a_full_disk_every_answer_is_true_and_the_writer_goes_on() {
        let store = store_on_a_full_disk(20).await;
        let store: &dyn Store = &store;
        let large = "x".repeat(60_000);
        let names: Vec<String> = (0..12)
            .map(|number| match number % 3 {
                1 => format!("{number} {large}"),
                _ => format!("{number}"),
            })
            .collect();
        let writes = names.iter().map(|name| mark(store, name.clone()));
        let answers = futures_util::future::join_all(writes).await;
        assert!(answers.iter().any(Result::is_ok) && answers.iter().any(Result::is_err));
        mark(store, "after".into()).await.unwrap();
        let mut view = store.read().await.unwrap();
        for (name, answer) in names.iter().zip(&answers) {
            let kept = view.was_bootstrapped(name).await.unwrap();
            assert_eq!(kept, answer.is_ok(), "{}", &name[..2]);
        }
        assert!(view.was_bootstrapped("after").await.unwrap());
    }

    #[tokio::test]
    async fn an_answer_comes_after_the_commit_and_never_waits_for_more_work() {
        let store = SqliteStore::in_memory().await.unwrap();
        let written = mark(&*store, "alone".into());
        let written = tokio::time::timeout(Duration::from_secs(10), written).await;
        written.expect("nothing more comes").unwrap();
        let mut view = store.read().await.unwrap();
        assert!(view.was_bootstrapped("alone").await.unwrap());
    }
}

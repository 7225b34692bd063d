//! One contract for every replay cache and one for every session index, run on each of them.
//!
//! SQLite and memory always run; Redis and PostgreSQL run where they are installed, as throw-away
//! servers of the test kit. A store of your own should pass the same cases.

mod index_contract;
mod replay_contract;
mod tower_sessions;

use std::sync::Arc;

use logout_receiver::RedisConnection;
use logout_receiver::replay::{MemoryReplayCache, RedisReplayCache};
use logout_receiver::session_index::{
    MemorySessionIndex, PostgresSessionIndex, RedisSessionIndex, SqliteSessionIndex, TowerSessions,
};
use logout_shared::SystemRandom;
use logout_tests::throwaway::{StartError, ThrowawayPostgres, ThrowawayRedis};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

/// The server, or `None` with a note where it is not installed.
fn installed<T>(started: Result<T, StartError>) -> Option<T> {
    match started {
        Ok(server) => Some(server),
        Err(StartError::NotInstalled(name)) => {
            eprintln!("skipped: {name} is not installed");
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn memory_keeps_the_contract_of_an_index() {
    index_contract::check(Arc::new(MemorySessionIndex::new())).await;
}

#[tokio::test]
async fn tower_sessions_keeps_the_contract_of_an_index() {
    let store = ::tower_sessions::MemoryStore::default();
    index_contract::check(Arc::new(TowerSessions::new(store))).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_an_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("index.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .connect_with(options)
        .await
        .expect("a database");
    let index = SqliteSessionIndex::new(pool);
    index.migrate().await.expect("tables");
    index
        .migrate()
        .await
        .expect("a second time changes nothing");
    index_contract::check(Arc::new(index)).await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_an_index() {
    let Some(server) = installed(ThrowawayPostgres::start()) else {
        return;
    };
    let pool = sqlx::PgPool::connect(&server.url())
        .await
        .expect("a database");
    let index = PostgresSessionIndex::new(pool);
    index.migrate().await.expect("tables");
    index
        .migrate()
        .await
        .expect("a second time changes nothing");
    index_contract::check(Arc::new(index)).await;
}

#[tokio::test]
async fn redis_keeps_the_contract_of_an_index() {
    let Some(server) = installed(ThrowawayRedis::start()) else {
        return;
    };
    let connection = RedisConnection::open(&server.url(), "test:").expect("an address");
    index_contract::check(Arc::new(RedisSessionIndex::new(connection))).await;
}

#[tokio::test]
async fn memory_keeps_the_contract_of_a_replay_cache() {
    replay_contract::check(&MemoryReplayCache::new(&SystemRandom)).await;
}

#[tokio::test]
async fn redis_keeps_the_contract_of_a_replay_cache() {
    let Some(server) = installed(ThrowawayRedis::start()) else {
        return;
    };
    let connection = RedisConnection::open(&server.url(), "test:").expect("an address");
    let cache = RedisReplayCache::new(connection);
    replay_contract::check(&cache).await;
    // Without the server every answer is an error, never a guess.
    drop(server);
    replay_contract::check_down(&cache).await;
}

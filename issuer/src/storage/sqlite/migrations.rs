//! Bringing a file to the schema that this program knows.
//!
//! The rules for the files themselves stand in `migrations/README.md`. A file that is up to date
//! is only read; else one process migrates, in one transaction, and others wait for it.

use sqlx::migrate::{
    AppliedMigration, Migrate as _, MigrateError, Migration, MigrationType, Migrator,
};
use sqlx::{Connection as _, SqlSafeStr as _, SqliteConnection};

/// Its name is ours alone: a host's tables may have a migration table of their own.
const TABLE: &str = "logout_migrations";

/// All migrations, oldest first: version, name, text.
const MIGRATIONS: [(i64, &str, &str); 12] = [
    (
        1,
        "issuer",
        include_str!("../../../migrations/sqlite/0001_issuer.sql"),
    ),
    (
        2,
        "endpoint queues",
        include_str!("../../../migrations/sqlite/0002_endpoint_queues.sql"),
    ),
    (
        3,
        "remembered",
        include_str!("../../../migrations/sqlite/0003_remembered.sql"),
    ),
    (
        4,
        "encryption and rotation",
        include_str!("../../../migrations/sqlite/0004_encryption_and_rotation.sql"),
    ),
    (
        5,
        "history",
        include_str!("../../../migrations/sqlite/0005_history.sql"),
    ),
    (
        6,
        "actions",
        include_str!("../../../migrations/sqlite/0006_actions.sql"),
    ),
    (
        7,
        "refresh tokens",
        include_str!("../../../migrations/sqlite/0007_refresh_tokens.sql"),
    ),
    (
        8,
        "client assertions",
        include_str!("../../../migrations/sqlite/0008_client_assertions.sql"),
    ),
    (
        10,
        "management",
        include_str!("../../../migrations/sqlite/0010_management.sql"),
    ),
    (
        11,
        "searched events",
        include_str!("../../../migrations/sqlite/0011_searched_events.sql"),
    ),
    (
        12,
        "searched users",
        include_str!("../../../migrations/sqlite/0012_searched_users.sql"),
    ),
    (
        13,
        "held deliveries",
        include_str!("../../../migrations/sqlite/0013_held_deliveries.sql"),
    ),
];

/// Why a schema cannot be used.
#[derive(Debug)]
pub(super) enum SchemaError {
    /// It went through a migration that this program does not know.
    Newer { found: i64, known: i64 },
    /// It went through another text of this migration.
    Changed { version: i64 },
    /// A statement failed.
    Failed(sqlx::Error),
}

impl<E: Into<sqlx::Error>> From<E> for SchemaError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Makes sure that the schema is the one this program knows.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), SchemaError> {
    let migrator = migrator();
    if is_current(connection, &migrator).await? {
        return Ok(());
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    // Another process may have migrated while this one waited for the lock.
    if !is_current(&mut transaction, &migrator).await? {
        apply_all(&mut transaction, &migrator).await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        let sql = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    });
    let mut migrator = Migrator::with_migrations(migrations.into());
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

/// Applies what was not applied yet, in order; what was, has been checked.
async fn apply_all(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
) -> Result<(), MigrateError> {
    connection.ensure_migrations_table(TABLE).await?;
    let applied = connection.list_applied_migrations(TABLE).await?;
    for migration in migrator.iter().skip(applied.len()) {
        connection.apply(TABLE, migration).await?;
    }
    Ok(())
}

async fn is_current(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
) -> Result<bool, SchemaError> {
    let begun: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1")
            .bind(TABLE)
            .fetch_optional(&mut *connection)
            .await?;
    if begun.is_none() {
        return Ok(false);
    }
    let applied = connection.list_applied_migrations(TABLE).await?;
    check(&applied, migrator)?;
    Ok(applied.len() == migrator.iter().count())
}

fn check(applied: &[AppliedMigration], migrator: &Migrator) -> Result<(), SchemaError> {
    let known = migrator.iter().map(|migration| migration.version).max();
    let known = known.unwrap_or_default();
    for done in applied {
        match migrator.iter().find(|known| known.version == done.version) {
            None => {
                let found = done.version;
                return Err(SchemaError::Newer { found, known });
            }
            Some(known) if known.checksum != done.checksum => {
                let version = done.version;
                return Err(SchemaError::Changed { version });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

//! The session index in a SQL database: SQLite for one machine, PostgreSQL for many.
//!
//! Both run the same text (`statements.rs`); they differ in how an operation keeps a crossing login
//! and logout apart. SQLite lets one writer in at a time. PostgreSQL takes a lock on the `sid` and
//! on the `sub` for the length of the transaction: without it, each side could read before the
//! other's commit and both would miss. The contract is the trait's in `../mod.rs`.

use async_trait::async_trait;
use logout_shared::{SessionId, Subject, Timestamp};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::{
    LocalSession, LocalSessionId, Login, LoginIdentity, Logout, Marked, Recorded, Scope,
    SessionIndex,
};
use crate::error::StoreError;

mod rows;
mod statements;

use self::rows::{
    Row, lock_names, mark_name, marks_of, parts, read_ended, read_identity, scope_name,
};

/// A session index in SQLite.
#[derive(Clone, Debug)]
pub struct SqliteSessionIndex {
    pool: SqlitePool,
}

/// A session index in PostgreSQL, for any number of processes.
#[derive(Clone, Debug)]
pub struct PostgresSessionIndex {
    pool: PgPool,
}

/// Begins a transaction that no other operation on these names can cross.
async fn begin_sqlite(
    pool: &SqlitePool,
    _names: &[String],
) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    pool.begin_with("BEGIN IMMEDIATE").await
}

async fn begin_postgres(
    pool: &PgPool,
    names: &[String],
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    // Always in the same order, so that two of them cannot wait for each other.
    let mut names: Vec<&String> = names.iter().collect();
    names.sort_unstable();
    for name in names {
        let lock = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 7060))");
        lock.bind(name).execute(&mut *transaction).await?;
    }
    Ok(transaction)
}

/// One implementation for two drivers, whose types sqlx keeps apart.
macro_rules! session_index {
    ($index:ident, $pool:ty, $begin:ident) => {
        impl $index {
            /// An index in this database; call [`migrate`](Self::migrate) once before its use.
            pub fn new(pool: $pool) -> $index {
                $index { pool }
            }

            /// Makes the tables where they are missing; their names begin with `logout_receiver_`.
            ///
            /// # Errors
            ///
            /// [`StoreError`] if the database refuses.
            pub async fn migrate(&self) -> Result<(), StoreError> {
                for statement in statements::TABLES {
                    let made = sqlx::query(statement).execute(&self.pool).await;
                    made.map_err(|error| StoreError::new("making the tables", error))?;
                }
                Ok(())
            }

            async fn try_record(&self, login: &Login, now: Timestamp) -> sqlx::Result<Recorded> {
                let (scope, identity) = (scope_name(&login.scope), &login.identity);
                let names = lock_names(&scope, Some(&identity.sub), identity.sid.as_ref());
                let mut transaction = $begin(&self.pool, &names).await?;
                for statement in statements::SWEEP {
                    sqlx::query(statement)
                        .bind(now.as_millis())
                        .execute(&mut *transaction)
                        .await?;
                }
                let [by_sub, by_sid, by_both] = marks_of(identity);
                let marked = sqlx::query(statements::FIND_MARK)
                    .bind(&scope)
                    .bind(by_sub)
                    .bind(by_sid)
                    .bind(by_both)
                    .bind(identity.issued_at_secs)
                    .bind(now.as_millis());
                if marked.fetch_optional(&mut *transaction).await?.is_some() {
                    transaction.commit().await?;
                    return Ok(Recorded::Ended);
                }
                let insert = sqlx::query(statements::INSERT_SESSION)
                    .bind(&scope)
                    .bind(login.local.as_str())
                    .bind(identity.sub.as_str())
                    .bind(identity.sid.as_ref().map(SessionId::as_str))
                    .bind(identity.issued_at_secs)
                    .bind(login.expires_at.as_millis());
                insert.execute(&mut *transaction).await?;
                transaction.commit().await?;
                Ok(Recorded::Live)
            }

            async fn try_mark(&self, logout: &Logout, now: Timestamp) -> sqlx::Result<Marked> {
                let scope = scope_name(&logout.scope);
                let (sid, sub) = parts(&logout.target);
                let lock_sub = sub.filter(|_| sid.is_none());
                let names = lock_names(&scope, lock_sub, sid);
                let mut transaction = $begin(&self.pool, &names).await?;
                let mark = sqlx::query(statements::UPSERT_MARK)
                    .bind(&scope)
                    .bind(mark_name(&logout.target))
                    .bind(logout.not_after_secs)
                    .bind(logout.keep_until.as_millis());
                mark.execute(&mut *transaction).await?;
                let end = sqlx::query_as::<_, Row>(statements::END_SESSIONS)
                    .bind(&scope)
                    .bind(sid.map(SessionId::as_str))
                    .bind(sub.map(Subject::as_str))
                    .bind(logout.not_after_secs)
                    .bind(now.as_millis());
                let rows = end.fetch_all(&mut *transaction).await?;
                let others = sqlx::query(statements::FIND_OTHER_OWNER)
                    .bind(&scope)
                    .bind(sid.map(SessionId::as_str))
                    .bind(sub.map(Subject::as_str));
                let owner_differs = others.fetch_optional(&mut *transaction).await?.is_some();
                transaction.commit().await?;
                let ended = rows
                    .into_iter()
                    .map(read_ended)
                    .collect::<sqlx::Result<_>>()?;
                Ok(Marked {
                    ended,
                    owner_differs,
                })
            }

            async fn try_renew(
                &self,
                scope: &Scope,
                old: &LocalSessionId,
                new: &LocalSessionId,
                now: Timestamp,
            ) -> sqlx::Result<bool> {
                let scope = scope_name(scope);
                let mut transaction = $begin(&self.pool, &[]).await?;
                let renew = sqlx::query(statements::RENEW_SESSION)
                    .bind(&scope)
                    .bind(old.as_str())
                    .bind(new.as_str())
                    .bind(now.as_millis());
                let renewed = renew.execute(&mut *transaction).await?.rows_affected() > 0;
                transaction.commit().await?;
                Ok(renewed)
            }
        }

        #[async_trait]
        impl SessionIndex for $index {
            async fn record_login(
                &self,
                login: &Login,
                now: Timestamp,
            ) -> Result<Recorded, StoreError> {
                let recorded = self.try_record(login, now).await;
                recorded.map_err(|error| StoreError::new("recording a login", error))
            }

            async fn mark(&self, logout: &Logout, now: Timestamp) -> Result<Marked, StoreError> {
                let marked = self.try_mark(logout, now).await;
                marked.map_err(|error| StoreError::new("marking sessions as ended", error))
            }

            async fn remove(
                &self,
                scope: &Scope,
                ended: &[LocalSessionId],
            ) -> Result<(), StoreError> {
                let scope = scope_name(scope);
                for local in ended {
                    let delete = sqlx::query(statements::DELETE_SESSION)
                        .bind(&scope)
                        .bind(local.as_str());
                    let deleted = delete.execute(&self.pool).await;
                    deleted.map_err(|error| StoreError::new("removing ended sessions", error))?;
                }
                Ok(())
            }

            async fn find(
                &self,
                scope: &Scope,
                local: &LocalSessionId,
                now: Timestamp,
            ) -> Result<LocalSession, StoreError> {
                let failed = |error| StoreError::new("looking a session up", error);
                let find = sqlx::query_as::<_, (String, Option<String>, i64, i64)>(
                    statements::FIND_SESSION,
                )
                .bind(scope_name(scope))
                .bind(local.as_str())
                .bind(now.as_millis());
                Ok(
                    match find.fetch_optional(&self.pool).await.map_err(failed)? {
                        None => LocalSession::Unknown,
                        Some((_, _, _, ended)) if ended != 0 => LocalSession::Ended,
                        Some((sub, sid, issued_at_secs, _)) => LocalSession::Live(
                            read_identity(&sub, sid.as_deref(), issued_at_secs).map_err(failed)?,
                        ),
                    },
                )
            }

            async fn is_logged_out(
                &self,
                scope: &Scope,
                login: &LoginIdentity,
                now: Timestamp,
            ) -> Result<bool, StoreError> {
                let [by_sub, by_sid, by_both] = marks_of(login);
                let find = sqlx::query(statements::FIND_MARK)
                    .bind(scope_name(scope))
                    .bind(by_sub)
                    .bind(by_sid)
                    .bind(by_both)
                    .bind(login.issued_at_secs)
                    .bind(now.as_millis());
                let found = find.fetch_optional(&self.pool).await;
                let found =
                    found.map_err(|error| StoreError::new("looking for a logout", error))?;
                Ok(found.is_some())
            }

            async fn renew(
                &self,
                scope: &Scope,
                old: &LocalSessionId,
                new: &LocalSessionId,
                now: Timestamp,
            ) -> Result<bool, StoreError> {
                let renewed = self.try_renew(scope, old, new, now).await;
                renewed.map_err(|error| StoreError::new("renewing a session", error))
            }
        }
    };
}

session_index!(SqliteSessionIndex, SqlitePool, begin_sqlite);
session_index!(PostgresSessionIndex, PgPool, begin_postgres);

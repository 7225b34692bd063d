//! Users and their password hashes.
//!
//! `email_key` is the address in lower case, made here rather than by SQLite, whose `lower` knows
//! ASCII only; `names` are the claims that are searched for (`search.rs`), lowered likewise. The
//! password's version changes with the password and in no other way.

mod search;

use std::collections::HashMap;

use async_trait::async_trait;
use logout_shared::{Subject, Timestamp};
use sqlx::sqlite::SqliteRow;

use crate::domain::user::{PasswordHash, User};
use crate::storage::sqlite::handle::{Link, Query, SqliteHandle, Unreadable};
use crate::storage::sqlite::row::{
    flag, json, number, optional_text, optional_time, parsed, text, time, to_json,
};
use crate::storage::{FoundUsers, StorageError, UserReads, UserSearch, UserWrites};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, email, email_verified, blocked, admin, profile, user_metadata, \
             app_metadata, password_version, created_at, updated_at, last_login, logins_count \
             FROM logout_users ",
            $rest
        )
    };
}

const SELECT_WHERE: &str = select!("WHERE ");
const FIND: &str = select!("WHERE id = ?1");
const FIND_BY_EMAIL: &str = select!("WHERE email_key = ?1");
const FIND_EMAILS: &str = "SELECT id, email FROM logout_users \
     WHERE id IN (SELECT value FROM json_each(?1))";
const LIST: &str = select!("ORDER BY created_at, id LIMIT ?2 OFFSET ?1");

const INSERT: &str = "INSERT INTO logout_users (id, email, email_key, email_verified, blocked, \
     admin, profile, user_metadata, app_metadata, updated_at, last_login, logins_count, \
     names, created_at, password, password_version) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE OR IGNORE logout_users SET email = ?2, email_key = ?3, \
     email_verified = ?4, blocked = ?5, admin = ?6, profile = ?7, user_metadata = ?8, \
     app_metadata = ?9, updated_at = ?10, last_login = ?11, logins_count = ?12, names = ?13 \
     WHERE id = ?1";

#[async_trait]
impl<C: Link> UserReads for SqliteHandle<C> {
    async fn find_user(&mut self, id: &Subject) -> Result<Option<User>, StorageError> {
        let query = sqlx::query(FIND).bind(id.as_str());
        self.one("reading a user", query, user).await
    }

    async fn find_emails(
        &mut self,
        ids: &[&Subject],
    ) -> Result<HashMap<Subject, String>, StorageError> {
        let query = sqlx::query(FIND_EMAILS).bind(to_json(ids));
        let found = self.all("reading addresses of users", query, |row| {
            Ok((parsed(row, "id")?, text(row, "email")?))
        });
        Ok(found.await?.into_iter().collect())
    }

    async fn find_user_by_email(&mut self, email: &str) -> Result<Option<User>, StorageError> {
        let query = sqlx::query(FIND_BY_EMAIL).bind(email.to_lowercase());
        self.one("reading a user by address", query, user).await
    }

    async fn find_password(&mut self, id: &Subject) -> Result<Option<PasswordHash>, StorageError> {
        let query =
            sqlx::query("SELECT password, password_version FROM logout_users WHERE id = ?1")
                .bind(id.as_str());
        let found = self.one("reading a password hash", query, password).await?;
        Ok(found.flatten())
    }

    async fn list_users(&mut self, offset: u32, limit: u32) -> Result<Vec<User>, StorageError> {
        let query = sqlx::query(LIST).bind(offset).bind(limit);
        self.all("listing users", query, user).await
    }

    async fn search_users(&mut self, search: &UserSearch) -> Result<FoundUsers, StorageError> {
        self.found_users(search).await
    }
}

#[async_trait]
impl<C: Link> UserWrites for SqliteHandle<C> {
    async fn lock_user(&mut self, id: &Subject) -> Result<Option<User>, StorageError> {
        // The transaction holds the only write lock of the file: reading locks the row.
        self.find_user(id).await
    }

    async fn insert_user(
        &mut self,
        user: &User,
        password: Option<&PasswordHash>,
    ) -> Result<bool, StorageError> {
        let version = password.map_or(user.password_version, |password| password.version);
        let query = bound(INSERT, user)
            .bind(user.created_at.as_millis())
            .bind(password.map(|password| password.phc.as_str()))
            .bind(version);
        Ok(self.run("storing a user", query).await? > 0)
    }

    async fn update_user(&mut self, user: &User) -> Result<bool, StorageError> {
        Ok(self.run("changing a user", bound(UPDATE, user)).await? > 0)
    }

    async fn set_password(
        &mut self,
        id: &Subject,
        password: &PasswordHash,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(
            "UPDATE logout_users SET password = ?2, password_version = ?3 WHERE id = ?1",
        )
        .bind(id.as_str())
        .bind(password.phc.as_str())
        .bind(password.version);
        self.run("storing a password hash", query).await?;
        Ok(())
    }

    async fn delete_user(&mut self, id: &Subject) -> Result<bool, StorageError> {
        let query = sqlx::query("DELETE FROM logout_users WHERE id = ?1").bind(id.as_str());
        Ok(self.run("deleting a user", query).await? > 0)
    }
}

/// The arguments that storing and changing a user share.
fn bound<'q>(sql: &'static str, user: &'q User) -> Query<'q> {
    sqlx::query(sql)
        .bind(user.id.as_str())
        .bind(user.email.as_str())
        .bind(user.email.to_lowercase())
        .bind(user.email_verified)
        .bind(user.blocked)
        .bind(user.admin)
        .bind(to_json(&user.profile))
        .bind(to_json(&user.user_metadata))
        .bind(to_json(&user.app_metadata))
        .bind(user.updated_at.as_millis())
        .bind(user.last_login.map(Timestamp::as_millis))
        .bind(user.logins_count)
        .bind(to_json(&search::names(&user.profile)))
}

fn user(row: &SqliteRow) -> Result<User, Unreadable> {
    Ok(User {
        id: parsed(row, "id")?,
        email: text(row, "email")?,
        email_verified: flag(row, "email_verified")?,
        blocked: flag(row, "blocked")?,
        admin: flag(row, "admin")?,
        profile: json(row, "profile")?,
        user_metadata: json(row, "user_metadata")?,
        app_metadata: json(row, "app_metadata")?,
        password_version: number(row, "password_version")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        last_login: optional_time(row, "last_login")?,
        logins_count: number(row, "logins_count")?,
    })
}

fn password(row: &SqliteRow) -> Result<Option<PasswordHash>, Unreadable> {
    let version = number(row, "password_version")?;
    let phc = optional_text(row, "password")?;
    Ok(phc.map(|phc| PasswordHash { phc, version }))
}

//! Users and their password hashes.

use std::collections::HashMap;

use async_trait::async_trait;
use logout_shared::Subject;

use super::StorageError;
use crate::domain::user::{PasswordHash, User};

/// Reads users.
#[async_trait]
pub trait UserReads {
    /// The user with this id.
    async fn find_user(&mut self, id: &Subject) -> Result<Option<User>, StorageError>;

    /// The e-mail addresses of those users that are known here.
    async fn find_emails(
        &mut self,
        ids: &[&Subject],
    ) -> Result<HashMap<Subject, String>, StorageError>;

    /// The user with this address, compared without case.
    async fn find_user_by_email(&mut self, email: &str) -> Result<Option<User>, StorageError>;

    /// A user's password hash.
    async fn find_password(&mut self, id: &Subject) -> Result<Option<PasswordHash>, StorageError>;

    /// Users by the time they were made, skipping `offset`, `limit` at most.
    async fn list_users(&mut self, offset: u32, limit: u32) -> Result<Vec<User>, StorageError>;

    /// How many users there are.
    async fn count_users(&mut self) -> Result<u64, StorageError>;
}

/// Writes users.
#[async_trait]
pub trait UserWrites {
    /// Locks a user and gives it.
    async fn lock_user(&mut self, id: &Subject) -> Result<Option<User>, StorageError>;

    /// Stores a new user; `false` if the id or the address is taken.
    async fn insert_user(
        &mut self,
        user: &User,
        password: Option<&PasswordHash>,
    ) -> Result<bool, StorageError>;

    /// Stores a user's changes; `false` if it is gone or the address is taken.
    async fn update_user(&mut self, user: &User) -> Result<bool, StorageError>;

    /// Stores a user's new password; the version is the one inside.
    async fn set_password(
        &mut self,
        id: &Subject,
        password: &PasswordHash,
    ) -> Result<(), StorageError>;

    /// Deletes a user; `false` if it was gone. Sessions must have been ended before.
    async fn delete_user(&mut self, id: &Subject) -> Result<bool, StorageError>;
}

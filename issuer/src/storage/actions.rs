//! Actions: drafts, deployed versions, bindings, and what their runs left.

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::StorageError;
use crate::domain::action::{Action, ActionBinding, ActionExecution, ActionVersion, BoundAction};

/// Reads Actions.
#[async_trait]
pub trait ActionReads {
    /// All Actions, by name.
    async fn list_actions(&mut self) -> Result<Vec<Action>, StorageError>;

    /// The Action with this id or name.
    async fn find_action(&mut self, id_or_name: &str) -> Result<Option<Action>, StorageError>;

    /// Versions of an Action, newest first.
    async fn list_action_versions(
        &mut self,
        action: &str,
    ) -> Result<Vec<ActionVersion>, StorageError>;

    /// One version of an Action, if it is still kept.
    async fn find_action_version(
        &mut self,
        action: &str,
        number: u32,
    ) -> Result<Option<ActionVersion>, StorageError>;

    /// What runs at a login, in this order: bound Actions that were deployed.
    async fn bound_actions(&mut self) -> Result<Vec<BoundAction>, StorageError>;

    /// The ids of the bound Actions, in their order, deployed or not.
    async fn action_bindings(&mut self) -> Result<Vec<String>, StorageError>;

    /// The bindings in their order, of Actions that are deployed or not.
    async fn list_action_bindings(&mut self) -> Result<Vec<ActionBinding>, StorageError>;

    /// One run, if it is still remembered.
    async fn find_action_execution(
        &mut self,
        id: &str,
    ) -> Result<Option<ActionExecution>, StorageError>;

    /// The latest runs, newest first; of one Action or of all.
    async fn list_action_executions(
        &mut self,
        action: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ActionExecution>, StorageError>;
}

/// Writes Actions.
#[async_trait]
pub trait ActionWrites {
    /// Stores an Action, new or known by its id; false if another has its name.
    async fn save_action(&mut self, action: &Action) -> Result<bool, StorageError>;

    /// Stores a deployed version and forgets the oldest beyond `keep`.
    async fn insert_action_version(
        &mut self,
        version: &ActionVersion,
        keep: usize,
    ) -> Result<(), StorageError>;

    /// Deletes an Action that is not bound, with its versions; gives whether there was one.
    async fn delete_action(&mut self, id: &str) -> Result<bool, StorageError>;

    /// Replaces the bindings.
    async fn bind_actions(&mut self, bindings: &[ActionBinding]) -> Result<(), StorageError>;

    /// Remembers runs.
    async fn insert_action_executions(
        &mut self,
        executions: &[ActionExecution],
    ) -> Result<(), StorageError>;

    /// Forgets runs that began before a time, the oldest first; gives how many.
    async fn delete_action_executions(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;
}

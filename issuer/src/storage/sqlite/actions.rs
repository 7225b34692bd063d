//! Actions, their versions and bindings, and what their runs left.
//!
//! A bound Action cannot be deleted; versions go with their Action, remembered runs do not.

use std::time::Duration;

use async_trait::async_trait;
use logout_shared::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::handle::{Link, SqliteHandle, Unreadable};
use super::row::{
    json, number, optional_json, optional_parsed, optional_text, parsed, text, time, to_json,
};
use crate::domain::action::{Action, ActionBinding, ActionExecution, ActionVersion, BoundAction};
use crate::storage::{ActionReads, ActionWrites, StorageError};

const LIST: &str = "SELECT id, name, code, runtime, secrets, deployed, created_at, updated_at \
     FROM logout_actions ORDER BY name, id";

const FIND: &str = "SELECT id, name, code, runtime, secrets, deployed, created_at, updated_at \
     FROM logout_actions WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1";

const VERSIONS: &str = "SELECT action_id, number, code, created_at FROM logout_action_versions \
     WHERE action_id = ?1 AND (?2 IS NULL OR number = ?2) ORDER BY number DESC";

const BINDINGS: &str = "SELECT action_id, display_name, bound_at \
     FROM logout_action_bindings ORDER BY position";

const BOUND: &str = "SELECT a.id, a.name, a.secrets, v.number, v.code \
     FROM logout_action_bindings AS b \
     JOIN logout_actions AS a ON a.id = b.action_id \
     JOIN logout_action_versions AS v ON v.action_id = a.id AND v.number = a.deployed \
     ORDER BY b.position";

const SAVE: &str = "INSERT INTO logout_actions \
     (id, name, code, runtime, secrets, deployed, created_at, updated_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, code = excluded.code, \
     runtime = excluded.runtime, secrets = excluded.secrets, deployed = excluded.deployed, updated_at = excluded.updated_at";

macro_rules! select_executions {
    ($rest:literal) => {
        concat!(
            "SELECT id, action_id, action_name, version, started_at, duration, error, console, \
             user_id, client_id, session_id FROM logout_action_executions ",
            $rest
        )
    };
}

const EXECUTION: &str = select_executions!("WHERE id = ?1");

const EXECUTIONS: &str = select_executions!(
    "WHERE ?1 IS NULL OR action_id = ?1 ORDER BY started_at DESC, id DESC LIMIT ?2"
);

const FORGET: &str = "DELETE FROM logout_action_executions WHERE id IN (SELECT id \
     FROM logout_action_executions WHERE started_at < ?1 ORDER BY started_at LIMIT ?2)";

#[async_trait]
impl<C: Link> ActionReads for SqliteHandle<C> {
    async fn list_actions(&mut self) -> Result<Vec<Action>, StorageError> {
        self.all("listing Actions", sqlx::query(LIST), action).await
    }

    async fn find_action(&mut self, id_or_name: &str) -> Result<Option<Action>, StorageError> {
        let query = sqlx::query(FIND).bind(id_or_name);
        self.one("reading an Action", query, action).await
    }

    async fn list_action_versions(
        &mut self,
        action: &str,
    ) -> Result<Vec<ActionVersion>, StorageError> {
        let query = sqlx::query(VERSIONS).bind(action).bind(None::<u32>);
        self.all("listing versions of an Action", query, version)
            .await
    }

    async fn find_action_version(
        &mut self,
        action: &str,
        number: u32,
    ) -> Result<Option<ActionVersion>, StorageError> {
        let query = sqlx::query(VERSIONS).bind(action).bind(number);
        self.one("reading a version of an Action", query, version)
            .await
    }

    async fn bound_actions(&mut self) -> Result<Vec<BoundAction>, StorageError> {
        self.all("reading bound Actions", sqlx::query(BOUND), bound)
            .await
    }

    async fn action_bindings(&mut self) -> Result<Vec<String>, StorageError> {
        let query = sqlx::query("SELECT action_id FROM logout_action_bindings ORDER BY position");
        self.all("reading bindings", query, |row| text(row, "action_id"))
            .await
    }

    async fn list_action_bindings(&mut self) -> Result<Vec<ActionBinding>, StorageError> {
        let query = sqlx::query(BINDINGS);
        self.all("listing bindings", query, binding).await
    }

    async fn find_action_execution(
        &mut self,
        id: &str,
    ) -> Result<Option<ActionExecution>, StorageError> {
        let query = sqlx::query(EXECUTION).bind(id);
        self.one("reading a run of an Action", query, execution)
            .await
    }

    async fn list_action_executions(
        &mut self,
        action: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ActionExecution>, StorageError> {
        let query = sqlx::query(EXECUTIONS).bind(action).bind(limit);
        self.all("listing runs of Actions", query, execution).await
    }
}

#[async_trait]
impl<C: Link> ActionWrites for SqliteHandle<C> {
    async fn save_action(&mut self, action: &Action) -> Result<bool, StorageError> {
        let taken = sqlx::query("SELECT id FROM logout_actions WHERE name = ?1 AND id <> ?2")
            .bind(action.name.as_str())
            .bind(action.id.as_str());
        let taken = self.one("looking for an Action's name", taken, |row| text(row, "id"));
        if taken.await?.is_some() {
            return Ok(false);
        }
        let query = sqlx::query(SAVE)
            .bind(action.id.as_str())
            .bind(action.name.as_str())
            .bind(action.code.as_str())
            .bind(action.runtime.as_deref())
            .bind(to_json(&action.secrets))
            .bind(action.deployed)
            .bind(action.created_at.as_millis())
            .bind(action.updated_at.as_millis());
        self.run("storing an Action", query).await?;
        Ok(true)
    }

    async fn insert_action_version(
        &mut self,
        version: &ActionVersion,
        keep: usize,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(
            "INSERT INTO logout_action_versions (action_id, number, code, created_at) \
             VALUES (?, ?, ?, ?)",
        );
        let query = query
            .bind(version.action.as_str())
            .bind(version.number)
            .bind(version.code.as_str())
            .bind(version.created_at.as_millis());
        self.run("storing a version of an Action", query).await?;
        let keep = u32::try_from(keep).unwrap_or(u32::MAX);
        let oldest = version.number.saturating_sub(keep);
        let query =
            sqlx::query("DELETE FROM logout_action_versions WHERE action_id = ?1 AND number <= ?2");
        let query = query.bind(version.action.as_str()).bind(oldest);
        self.run("forgetting versions of an Action", query).await?;
        Ok(())
    }

    async fn delete_action(&mut self, id: &str) -> Result<bool, StorageError> {
        let query = sqlx::query("DELETE FROM logout_actions WHERE id = ?1").bind(id);
        Ok(self.run("deleting an Action", query).await? > 0)
    }

    async fn bind_actions(&mut self, bindings: &[ActionBinding]) -> Result<(), StorageError> {
        let query = sqlx::query("DELETE FROM logout_action_bindings");
        self.run("unbinding Actions", query).await?;
        for (position, binding) in (0_i64..).zip(bindings) {
            let query = sqlx::query(
                "INSERT INTO logout_action_bindings (position, action_id, display_name, bound_at) \
                 VALUES (?, ?, ?, ?)",
            );
            let query = query
                .bind(position)
                .bind(binding.action.as_str())
                .bind(binding.display_name.as_str())
                .bind(binding.bound_at.as_millis());
            self.run("binding Actions", query).await?;
        }
        Ok(())
    }

    async fn insert_action_executions(
        &mut self,
        executions: &[ActionExecution],
    ) -> Result<(), StorageError> {
        for execution in executions {
            let micros = i64::try_from(execution.duration.as_micros()).unwrap_or(i64::MAX);
            let query = sqlx::query(
                "INSERT INTO logout_action_executions (id, action_id, action_name, version, \
                 started_at, duration, error, console, user_id, client_id, session_id) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            );
            let query = query
                .bind(execution.id.as_str())
                .bind(execution.action.as_str())
                .bind(execution.name.as_str())
                .bind(execution.version)
                .bind(execution.started_at.as_millis())
                .bind(micros)
                .bind(execution.error.as_ref().map(to_json))
                .bind(execution.console.as_str())
                .bind(execution.user.as_str())
                .bind(execution.client.as_str())
                .bind(
                    execution
                        .session
                        .as_ref()
                        .map(logout_shared::SessionId::as_str),
                );
            self.run("remembering a run of an Action", query).await?;
        }
        Ok(())
    }

    async fn delete_action_executions(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let query = sqlx::query(FORGET).bind(before.as_millis()).bind(limit);
        self.run("forgetting runs of Actions", query).await
    }
}

fn action(row: &SqliteRow) -> Result<Action, Unreadable> {
    use sqlx::Row as _;
    Ok(Action {
        id: text(row, "id")?,
        name: text(row, "name")?,
        code: text(row, "code")?,
        runtime: optional_text(row, "runtime")?,
        secrets: json(row, "secrets")?,
        deployed: row.try_get("deployed")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn version(row: &SqliteRow) -> Result<ActionVersion, Unreadable> {
    Ok(ActionVersion {
        action: text(row, "action_id")?,
        number: number(row, "number")?,
        code: text(row, "code")?,
        created_at: time(row, "created_at")?,
    })
}

fn binding(row: &SqliteRow) -> Result<ActionBinding, Unreadable> {
    Ok(ActionBinding {
        action: text(row, "action_id")?,
        display_name: text(row, "display_name")?,
        bound_at: time(row, "bound_at")?,
    })
}

fn bound(row: &SqliteRow) -> Result<BoundAction, Unreadable> {
    Ok(BoundAction {
        id: text(row, "id")?,
        name: text(row, "name")?,
        version: number(row, "number")?,
        code: text(row, "code")?,
        secrets: json(row, "secrets")?,
    })
}

fn execution(row: &SqliteRow) -> Result<ActionExecution, Unreadable> {
    Ok(ActionExecution {
        id: text(row, "id")?,
        action: text(row, "action_id")?,
        name: text(row, "action_name")?,
        version: number(row, "version")?,
        started_at: time(row, "started_at")?,
        duration: Duration::from_micros(number(row, "duration")?),
        error: optional_json(row, "error")?,
        console: text(row, "console")?,
        user: parsed(row, "user_id")?,
        client: parsed(row, "client_id")?,
        session: optional_parsed(row, "session_id")?,
    })
}

//! Authorization codes.
//!
//! A used code stays until it is swept, so that a second use is told from an unknown code.

use async_trait::async_trait;
use logout_shared::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::handle::{Link, SqliteHandle, Unreadable};
use super::row::{optional_json, optional_text, parsed, text, time, to_json};
use crate::domain::authorization::{AuthorizationCode, CustomClaims, TokenDigest};
use crate::storage::{AuthorizationReads, AuthorizationWrites, CodeUse, StorageError};

macro_rules! columns {
    () => {
        "digest, client_id, session_id, user_id, redirect_uri, scope, nonce, code_challenge, \
         custom_claims, authenticated_at, issued_at"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO logout_codes (",
    columns!(),
    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);

const USE: &str = concat!(
    "UPDATE logout_codes SET used_at = ?2 WHERE digest = ?1 AND used_at IS NULL RETURNING ",
    columns!()
);

const FIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM logout_codes WHERE digest = ?1"
);

impl<C: Link> AuthorizationReads for SqliteHandle<C> {}

const DELETE: &str = "DELETE FROM logout_codes WHERE digest IN \
     (SELECT digest FROM logout_codes WHERE issued_at < ?1 ORDER BY issued_at LIMIT ?2)";

#[async_trait]
impl<C: Link> AuthorizationWrites for SqliteHandle<C> {
    async fn insert_code(&mut self, code: &AuthorizationCode) -> Result<(), StorageError> {
        let claims = (code.claims != CustomClaims::default()).then(|| to_json(&code.claims));
        let query = sqlx::query(INSERT)
            .bind(code.digest.as_slice())
            .bind(code.client.as_str())
            .bind(code.session.as_str())
            .bind(code.user.as_str())
            .bind(code.redirect_uri.as_str())
            .bind(code.scope.as_str())
            .bind(code.nonce.as_deref())
            .bind(code.code_challenge.as_deref())
            .bind(claims)
            .bind(code.authenticated_at.as_millis())
            .bind(code.issued_at.as_millis());
        self.run("storing a code", query).await?;
        Ok(())
    }

    async fn use_code(
        &mut self,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<CodeUse, StorageError> {
        let query = sqlx::query(USE)
            .bind(digest.as_slice())
            .bind(now.as_millis());
        if let Some(first) = self.one("using a code", query, code).await? {
            return Ok(CodeUse::First(first));
        }
        let query = sqlx::query(FIND).bind(digest.as_slice());
        let again = self.one("reading a used code", query, code).await?;
        Ok(again.map_or(CodeUse::Unknown, CodeUse::Again))
    }

    async fn delete_codes_before(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let query = sqlx::query(DELETE).bind(before.as_millis()).bind(limit);
        self.run("forgetting codes", query).await
    }
}

fn code(row: &SqliteRow) -> Result<AuthorizationCode, Unreadable> {
    let digest: &[u8] = row.try_get("digest")?;
    Ok(AuthorizationCode {
        digest: digest.try_into()?,
        client: parsed(row, "client_id")?,
        session: parsed(row, "session_id")?,
        user: parsed(row, "user_id")?,
        redirect_uri: text(row, "redirect_uri")?,
        scope: text(row, "scope")?,
        nonce: optional_text(row, "nonce")?,
        code_challenge: optional_text(row, "code_challenge")?,
        claims: optional_json(row, "custom_claims")?.unwrap_or_default(),
        authenticated_at: time(row, "authenticated_at")?,
        issued_at: time(row, "issued_at")?,
    })
}

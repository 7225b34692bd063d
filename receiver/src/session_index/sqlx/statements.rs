//! The SQL of the session index, one text for SQLite and PostgreSQL.
//!
//! `scope` names issuer and client. Times are whole numbers: `issued_at` and `not_after` in
//! seconds, as tokens have them, `expires_at` and `keep_until` in milliseconds. `ended` is a number
//! since the two databases have no truth value in common.

/// Made in this order, each only where it is missing.
pub(super) const TABLES: [&str; 6] = [
    "CREATE TABLE IF NOT EXISTS logout_receiver_sessions (
        scope TEXT NOT NULL,
        local_id TEXT NOT NULL,
        sub TEXT NOT NULL,
        sid TEXT,
        issued_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        ended BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (scope, local_id)
    )",
    "CREATE INDEX IF NOT EXISTS logout_receiver_sessions_sid
        ON logout_receiver_sessions (scope, sid)",
    "CREATE INDEX IF NOT EXISTS logout_receiver_sessions_sub
        ON logout_receiver_sessions (scope, sub)",
    "CREATE INDEX IF NOT EXISTS logout_receiver_sessions_expiry
        ON logout_receiver_sessions (expires_at)",
    "CREATE TABLE IF NOT EXISTS logout_receiver_marks (
        scope TEXT NOT NULL,
        target TEXT NOT NULL,
        not_after BIGINT NOT NULL,
        keep_until BIGINT NOT NULL,
        PRIMARY KEY (scope, target)
    )",
    "CREATE INDEX IF NOT EXISTS logout_receiver_marks_expiry
        ON logout_receiver_marks (keep_until)",
];

/// Throws away what is dead at `$1`.
pub(super) const SWEEP: [&str; 2] = [
    "DELETE FROM logout_receiver_sessions WHERE expires_at <= $1",
    "DELETE FROM logout_receiver_marks WHERE keep_until <= $1",
];

/// Is there a mark among three that meets a login of second `$5`?
pub(super) const FIND_MARK: &str = "
    SELECT 1 FROM logout_receiver_marks
    WHERE scope = $1 AND target IN ($2, $3, $4) AND not_after >= $5 AND keep_until > $6
    LIMIT 1";

/// A session that is filed already is dated and owned anew.
pub(super) const INSERT_SESSION: &str = "
    INSERT INTO logout_receiver_sessions (scope, local_id, sub, sid, issued_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (scope, local_id) DO UPDATE SET
        sub = excluded.sub,
        sid = excluded.sid,
        issued_at = excluded.issued_at,
        expires_at = excluded.expires_at,
        ended = 0";

/// Two logouts of one target: the later moment counts, and the longer memory.
pub(super) const UPSERT_MARK: &str = "
    INSERT INTO logout_receiver_marks (scope, target, not_after, keep_until)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (scope, target) DO UPDATE SET
        not_after = CASE WHEN excluded.not_after > logout_receiver_marks.not_after
            THEN excluded.not_after ELSE logout_receiver_marks.not_after END,
        keep_until = CASE WHEN excluded.keep_until > logout_receiver_marks.keep_until
            THEN excluded.keep_until ELSE logout_receiver_marks.keep_until END";

/// Ends what `sid` (`$2`) and `sub` (`$3`), where given, both select, and lists it.
pub(super) const END_SESSIONS: &str = "
    UPDATE logout_receiver_sessions SET ended = 1
    WHERE scope = $1
        AND (CAST($2 AS TEXT) IS NULL OR sid = $2)
        AND (CAST($3 AS TEXT) IS NULL OR sub = $3)
        AND issued_at <= $4 AND expires_at > $5
    RETURNING local_id, sub, sid, issued_at";

/// Does the `sid` belong to somebody else?
pub(super) const FIND_OTHER_OWNER: &str = "
    SELECT 1 FROM logout_receiver_sessions
    WHERE scope = $1 AND sid = $2 AND sub <> $3
    LIMIT 1";

pub(super) const DELETE_SESSION: &str =
    "DELETE FROM logout_receiver_sessions WHERE scope = $1 AND local_id = $2";

pub(super) const FIND_SESSION: &str = "
    SELECT sub, sid, issued_at, ended FROM logout_receiver_sessions
    WHERE scope = $1 AND local_id = $2 AND expires_at > $3";

pub(super) const RENEW_SESSION: &str = "
    UPDATE logout_receiver_sessions SET local_id = $3
    WHERE scope = $1 AND local_id = $2 AND ended = 0 AND expires_at > $4";

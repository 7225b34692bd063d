-- Assertions of clients (private_key_jwt) that were used, until they are dead anyway.

CREATE TABLE logout_used_assertions (
    digest  BLOB PRIMARY KEY,  -- SHA-256 of client and jti
    dead_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX logout_used_assertions_by_end ON logout_used_assertions (dead_at);

-- Refresh tokens. A grant is what one code was exchanged for; its tokens follow one another, and each
-- names the grant by a handle that all of them share. A token that came before is known by that
-- handle alone, so no used token needs to be kept.

CREATE TABLE logout_refresh_grants (
    id                TEXT PRIMARY KEY,
    handle            BLOB NOT NULL UNIQUE,  -- SHA-256
    code              BLOB NOT NULL,         -- SHA-256 of the code that it began with
    client_id         TEXT NOT NULL,
    user_id           TEXT NOT NULL,
    session_id        TEXT NOT NULL,         -- the session may be gone
    offline           INTEGER NOT NULL,      -- 1: it may outlive the session
    scope             TEXT NOT NULL,
    authenticated_at  INTEGER NOT NULL,
    password_version  INTEGER NOT NULL,
    device            TEXT NOT NULL,         -- JSON
    generation        INTEGER NOT NULL,
    generation_since  INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    last_exchanged_at INTEGER,
    expires_at        INTEGER,               -- NULL: never
    idle_expires_at   INTEGER,               -- NULL: never
    revoked_at        INTEGER,
    dies_at           INTEGER GENERATED ALWAYS AS (coalesce(revoked_at,
        min(coalesce(expires_at, 253402300799000), coalesce(idle_expires_at, 253402300799000))))
        VIRTUAL
) STRICT;

-- The end of sessions looks here, so dead grants do not stand in it.
CREATE INDEX logout_refresh_grants_by_session ON logout_refresh_grants (session_id)
    WHERE revoked_at IS NULL;
CREATE INDEX logout_refresh_grants_by_user ON logout_refresh_grants (user_id)
    WHERE revoked_at IS NULL;
CREATE INDEX logout_refresh_grants_by_client ON logout_refresh_grants (client_id)
    WHERE revoked_at IS NULL;
CREATE INDEX logout_refresh_grants_by_death ON logout_refresh_grants (dies_at);

-- The tokens of the latest generation of each grant and of the one before.
CREATE TABLE logout_refresh_tokens (
    grant_id   TEXT NOT NULL REFERENCES logout_refresh_grants (id) ON DELETE CASCADE,
    digest     BLOB NOT NULL,  -- SHA-256
    generation INTEGER NOT NULL,
    PRIMARY KEY (grant_id, digest)
) STRICT, WITHOUT ROWID;

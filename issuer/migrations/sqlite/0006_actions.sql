-- Actions: the operator's own code that runs at each login.

CREATE TABLE logout_actions (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    code       TEXT NOT NULL,  -- the draft
    secrets    TEXT NOT NULL,  -- JSON; each value is sealed
    deployed   INTEGER,        -- the number of the version that runs
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE logout_action_versions (
    action_id  TEXT NOT NULL REFERENCES logout_actions (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    code       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (action_id, number)
) STRICT;

-- Which Actions run at a login, in which order.
CREATE TABLE logout_action_bindings (
    position  INTEGER PRIMARY KEY,
    action_id TEXT NOT NULL UNIQUE REFERENCES logout_actions (id)
) STRICT;

-- Runs are remembered for a while, also of Actions that were deleted since.
CREATE TABLE logout_action_executions (
    id          TEXT PRIMARY KEY,
    action_id   TEXT NOT NULL,
    action_name TEXT NOT NULL,
    version     INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    duration    INTEGER NOT NULL,  -- microseconds
    error       TEXT,              -- JSON
    console     TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    session_id  TEXT
) STRICT;

CREATE INDEX logout_action_executions_by_age ON logout_action_executions (started_at, id);

-- What Actions add to the tokens of a login.
ALTER TABLE logout_codes ADD COLUMN custom_claims TEXT;  -- JSON

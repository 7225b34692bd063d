-- Sessions, the clients that take part in them, and what is owed to those clients.

CREATE TABLE logout_clients (
    id                         TEXT PRIMARY KEY,
    name                       TEXT NOT NULL,
    sealed_secret              TEXT,
    token_endpoint_auth_method TEXT,
    callbacks                  TEXT NOT NULL,  -- JSON
    allowed_logout_urls        TEXT NOT NULL,  -- JSON
    grant_types                TEXT NOT NULL,  -- JSON
    signing_algorithm          TEXT NOT NULL,
    management_scopes          TEXT NOT NULL,  -- JSON
    logout                     TEXT,           -- JSON
    other                      TEXT NOT NULL,  -- JSON
    created_at                 INTEGER NOT NULL,
    updated_at                 INTEGER NOT NULL
) STRICT;

CREATE INDEX logout_clients_by_age ON logout_clients (created_at, id);

CREATE TABLE logout_users (
    id               TEXT PRIMARY KEY,
    email            TEXT NOT NULL,
    email_key        TEXT NOT NULL UNIQUE,  -- the address in lower case
    email_verified   INTEGER NOT NULL,
    blocked          INTEGER NOT NULL,
    admin            INTEGER NOT NULL,
    profile          TEXT NOT NULL,  -- JSON
    user_metadata    TEXT NOT NULL,  -- JSON
    app_metadata     TEXT NOT NULL,  -- JSON
    password         TEXT,           -- PHC string
    password_version INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    last_login       INTEGER,
    logins_count     INTEGER NOT NULL
) STRICT;

CREATE INDEX logout_users_by_age ON logout_users (created_at, id);

-- `user_id` and `client_id` refer to no table: an identity provider with its own login has its
-- users elsewhere, and history outlives a client.
CREATE TABLE logout_sessions (
    id                 TEXT PRIMARY KEY,
    user_id            TEXT NOT NULL,
    handle             BLOB,  -- SHA-256 of what the browser holds; gone when the session ends
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    authenticated_at   INTEGER NOT NULL,
    last_interacted_at INTEGER NOT NULL,
    idle_expires_at    INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL,
    ends_at            INTEGER GENERATED ALWAYS AS (min(idle_expires_at, expires_at)) VIRTUAL,
    device             TEXT NOT NULL,  -- JSON
    methods            TEXT NOT NULL,  -- JSON
    cookie_mode        TEXT NOT NULL,
    metadata           TEXT NOT NULL,  -- JSON
    ended_at           INTEGER,
    initiator          TEXT
) STRICT;

CREATE UNIQUE INDEX logout_sessions_by_handle ON logout_sessions (handle)
    WHERE handle IS NOT NULL;
CREATE INDEX logout_sessions_by_user ON logout_sessions (user_id, ended_at, id);
CREATE INDEX logout_sessions_by_end ON logout_sessions (ends_at, id) WHERE ended_at IS NULL;

CREATE TABLE logout_participants (
    session_id     TEXT NOT NULL REFERENCES logout_sessions (id) ON DELETE CASCADE,
    client_id      TEXT NOT NULL,
    joined_at      INTEGER NOT NULL,
    last_joined_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, client_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX logout_participants_by_client ON logout_participants (client_id);

CREATE TABLE logout_codes (
    digest           BLOB PRIMARY KEY,
    client_id        TEXT NOT NULL,
    session_id       TEXT NOT NULL,
    user_id          TEXT NOT NULL,
    redirect_uri     TEXT NOT NULL,
    scope            TEXT NOT NULL,
    nonce            TEXT,
    code_challenge   TEXT,
    authenticated_at INTEGER NOT NULL,
    issued_at        INTEGER NOT NULL,
    used_at          INTEGER
) STRICT;

CREATE INDEX logout_codes_by_age ON logout_codes (issued_at);

-- A delivery waits with `due_at` and no lease, or is held with `lease_owner` until `due_at`, or is
-- finished and has neither. While it is held, `state` is what it returns to if nothing comes of
-- it. The claim reads `logout_deliveries_due` alone, in which finished rows do not stand.
CREATE TABLE logout_deliveries (
    number           INTEGER PRIMARY KEY,
    id               BLOB NOT NULL UNIQUE,
    client_id        TEXT NOT NULL,
    user_id          TEXT NOT NULL,
    session_id       TEXT,           -- the one session it is about, or
    session_ids      TEXT,           -- JSON: all the sessions it is about
    initiator        TEXT NOT NULL,
    url              TEXT NOT NULL,
    trace_id         TEXT NOT NULL,
    metadata         TEXT NOT NULL,  -- JSON, as it was when the session ended
    event_at         INTEGER NOT NULL,
    state            TEXT NOT NULL,
    attempts         INTEGER NOT NULL,
    due_at           INTEGER,
    lease_owner      TEXT,
    give_up_at       INTEGER NOT NULL,
    finished_at      INTEGER,
    last_at          INTEGER,
    last_status      INTEGER,
    last_error       TEXT,
    last_duration_ms INTEGER,
    last_jti         TEXT,           -- only while the latest attempt has no row of its own
    follow_up        INTEGER NOT NULL
) STRICT;

CREATE INDEX logout_deliveries_due ON logout_deliveries (due_at, lease_owner)
    WHERE due_at IS NOT NULL;
CREATE INDEX logout_deliveries_unfinished ON logout_deliveries (client_id, url)
    WHERE finished_at IS NULL;
CREATE INDEX logout_deliveries_by_client ON logout_deliveries (client_id, id);
CREATE INDEX logout_deliveries_by_session ON logout_deliveries (session_id, id)
    WHERE session_id IS NOT NULL;
CREATE INDEX logout_deliveries_by_state ON logout_deliveries (state, id);

-- A first attempt that succeeded has no row here: the delivery tells it.
CREATE TABLE logout_attempts (
    delivery_id             BLOB NOT NULL REFERENCES logout_deliveries (id) ON DELETE CASCADE,
    number                  INTEGER NOT NULL,
    at                      INTEGER NOT NULL,
    jti                     TEXT NOT NULL,
    url                     TEXT NOT NULL,
    status                  INTEGER,
    error                   TEXT,
    duration_ms             INTEGER NOT NULL,
    oauth_error             TEXT,
    oauth_error_description TEXT,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE logout_events (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    date      INTEGER NOT NULL,
    code      TEXT NOT NULL,
    client_id TEXT,
    user_id   TEXT,
    event     TEXT NOT NULL  -- JSON: the members that have no column
) STRICT;

CREATE INDEX logout_events_by_date ON logout_events (date);
CREATE INDEX logout_events_by_code ON logout_events (code, id);
CREATE INDEX logout_events_by_client ON logout_events (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX logout_events_by_user ON logout_events (user_id, id) WHERE user_id IS NOT NULL;

CREATE TABLE logout_signing_keys (
    kid                TEXT PRIMARY KEY,
    algorithm          TEXT NOT NULL,
    state              TEXT NOT NULL,
    sealed_private_key TEXT,
    public_jwk         TEXT NOT NULL,  -- JSON
    created_at         INTEGER NOT NULL,
    activated_at       INTEGER,
    retired_at         INTEGER
) STRICT;

-- What the configuration had made once is not made again after somebody deleted it.
CREATE TABLE logout_bootstrapped (
    name TEXT PRIMARY KEY
) STRICT;

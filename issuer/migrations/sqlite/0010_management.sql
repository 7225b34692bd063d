-- What the Management API keeps and counts.

-- What the author wrote an Action for, such as node22; only shown.
ALTER TABLE logout_actions ADD COLUMN runtime TEXT;

-- How a binding is called, and since when it has been there.
ALTER TABLE logout_action_bindings ADD COLUMN display_name TEXT NOT NULL DEFAULT '';
ALTER TABLE logout_action_bindings ADD COLUMN bound_at INTEGER NOT NULL DEFAULT 0;

-- Settings that can be changed while servers run; they win over the configuration file.
CREATE TABLE logout_tenant_settings (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    settings   TEXT NOT NULL,  -- JSON
    updated_at INTEGER NOT NULL
) STRICT;

-- What is counted day by day: sign-ins, sign-ups, passwords found in leaks.
CREATE INDEX logout_events_counted ON logout_events (code, date, user_id)
    WHERE code IN ('s', 'ss', 'pwd_leak');

-- How a client wants its tokens encrypted, and where its public keys are.
ALTER TABLE logout_clients ADD COLUMN encryption TEXT;  -- JSON
ALTER TABLE logout_clients ADD COLUMN keys TEXT;        -- JSON

-- Whether the retired key leaked, so that nothing it signed is believed any more.
ALTER TABLE logout_signing_keys ADD COLUMN distrusted INTEGER NOT NULL DEFAULT 0;

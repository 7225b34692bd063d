-- A delivery that a worker holds stands in the index of those held, by which it is told from the
-- others, and in none that says what it waits for: most are held from their birth to their end, and
-- would be written there twice to be found there never. As many are held as there are slots, so
-- whoever looks for them reads them all.

CREATE INDEX logout_deliveries_held ON logout_deliveries (due_at) WHERE lease_owner IS NOT NULL;

DROP INDEX logout_deliveries_due;
CREATE INDEX logout_deliveries_due ON logout_deliveries (due_at, lease_owner)
    WHERE due_at IS NOT NULL AND lease_owner IS NULL;

DROP INDEX logout_deliveries_unfinished;
CREATE INDEX logout_deliveries_unfinished
    ON logout_deliveries (client_id, url, due_at, queued_at, finished_at, lease_owner)
    WHERE finished_at IS NULL AND lease_owner IS NULL;

DROP INDEX logout_deliveries_by_client;
CREATE INDEX logout_deliveries_by_client ON logout_deliveries (client_id, id)
    WHERE lease_owner IS NULL;

DROP INDEX logout_deliveries_by_state;
CREATE INDEX logout_deliveries_by_state ON logout_deliveries (state, id)
    WHERE lease_owner IS NULL;

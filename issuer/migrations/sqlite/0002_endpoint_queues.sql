-- A delivery that is due while its endpoint has no slot, or is down, waits in the endpoint's queue:
-- it has `queued_at`, and its `due_at` is the time at which it is given up. A claim reads the queue
-- of an endpoint that has room and never the queues of the others, however long they are.

ALTER TABLE logout_deliveries ADD COLUMN queued_at INTEGER;

CREATE INDEX logout_deliveries_queue ON logout_deliveries (client_id, url, queued_at)
    WHERE queued_at IS NOT NULL;

DROP INDEX logout_deliveries_unfinished;
CREATE INDEX logout_deliveries_unfinished ON logout_deliveries (client_id, url, due_at)
    WHERE finished_at IS NULL;

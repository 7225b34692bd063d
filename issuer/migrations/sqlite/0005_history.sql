-- What keeping, finding and counting finished work needs.

-- The few deliveries that are about all sessions of a user; the others are found by session.
CREATE INDEX logout_deliveries_of_all_sessions ON logout_deliveries (user_id, id)
    WHERE session_id IS NULL;

-- Finished work by its end: what is old enough to go, and what statistics count.
CREATE INDEX logout_deliveries_finished ON logout_deliveries (finished_at, state, event_at)
    WHERE finished_at IS NOT NULL;

-- With all that counting the unfinished of each endpoint needs, so that no row is read for it.
DROP INDEX logout_deliveries_unfinished;
CREATE INDEX logout_deliveries_unfinished
    ON logout_deliveries (client_id, url, due_at, queued_at, finished_at)
    WHERE finished_at IS NULL;

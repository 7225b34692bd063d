-- Clients that were not told when their session ended, and deliveries about all of a user's sessions.

-- 1: the session ended and this client was not told of it.
ALTER TABLE logout_participants ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;

-- Ended sessions are forgotten by age.
CREATE INDEX logout_sessions_ended ON logout_sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Is one token for all sessions of a user under way to a client, and where did its like go?
CREATE INDEX logout_deliveries_of_subjects ON logout_deliveries (user_id, client_id, trace_id)
    WHERE session_ids IS NOT NULL;

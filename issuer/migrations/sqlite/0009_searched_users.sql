-- What the Management API finds users by: the name without case, and who is blocked.
-- `lower` knows ASCII only: the names that are there are written again, by whoever writes the user
-- next, as `email_key` is.

ALTER TABLE logout_users ADD COLUMN name_key TEXT;

UPDATE logout_users SET name_key = lower(json_extract(profile, '$.name'))
    WHERE json_type(profile, '$.name') = 'text';

CREATE INDEX logout_users_by_name ON logout_users (name_key, created_at, id)
    WHERE name_key IS NOT NULL;
CREATE INDEX logout_users_blocked ON logout_users (created_at, id) WHERE blocked;

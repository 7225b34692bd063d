-- The claims of users that are searched for, in lower case: a JSON object by their names. SQLite's
-- `lower` knows ASCII only; other letters stay as they are until the user changes.

ALTER TABLE logout_users ADD COLUMN names TEXT NOT NULL DEFAULT '{}';

UPDATE logout_users SET names = (
    SELECT json_group_object(key, lower(value)) FROM json_each(profile)
    WHERE key IN ('name', 'nickname', 'given_name', 'family_name', 'phone_number')
      AND type = 'text'
);

-- The flood of a hold of the version before began at most two days before the hold, where that one's guard stopped
-- looking. Null where a process of that version makes one more meanwhile: it is taken to mean the same. The policy's new
-- version has every listing computed again.
ALTER TABLE registry.exclusions ADD COLUMN covers_since timestamptz;
COMMENT ON COLUMN registry.exclusions.covers_since IS
  'Of a flood''s hold: when the flood began. What happened from then until a hold ended by itself does not count.';
UPDATE registry.exclusions SET covers_since = created_at - interval '2 days' WHERE reason = 'flood';
-- An import moves the end of an exclusion to a later one.
GRANT UPDATE (covers_since, expires_at) ON registry.exclusions TO registry_app;

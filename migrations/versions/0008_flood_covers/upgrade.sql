-- Null in a hold of the version before: then the flood began at most two days before the hold, where that one's guard
-- stopped looking. The policy's new version has every listing computed again.
ALTER TABLE registry.exclusions ADD COLUMN covers_since timestamptz;
COMMENT ON COLUMN registry.exclusions.covers_since IS
  'Of a flood''s hold: when the flood began. What happened from then until a hold ended by itself does not count.';
GRANT UPDATE (covers_since) ON registry.exclusions TO registry_app;

ALTER TABLE registry.exclusions
  DROP CONSTRAINT exclusions_reason,
  ADD CONSTRAINT exclusions_reason CHECK (reason IN (
    'outreach', 'police', 'survivor', 'own_staff', 'advertised_number', 'suppression', 'other', 'flood'));
COMMENT ON COLUMN registry.exclusions.reason IS 'flood: held back by the registry itself, on the operator''s side.';

-- An investigator lists its own among everybody's.
CREATE INDEX exclusions_by_organisation ON registry.exclusions (organisation_id, id);

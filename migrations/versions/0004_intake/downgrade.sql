DROP FUNCTION registry.spend_numbers;
DROP TABLE registry.withheld_sources, registry.withheld_contacts, registry.provider_credentials;
ALTER TABLE registry.decoys DROP COLUMN intake_token;
DROP TABLE registry.decoy_days;
DROP INDEX registry.exclusions_by_organisation;
COMMENT ON COLUMN registry.exclusions.reason IS NULL;
UPDATE registry.exclusions SET reason = 'other' WHERE reason = 'flood';
ALTER TABLE registry.exclusions
  DROP CONSTRAINT exclusions_reason,
  ADD CONSTRAINT exclusions_reason CHECK (
    reason IN ('outreach', 'police', 'survivor', 'own_staff', 'advertised_number', 'suppression', 'other'));
ALTER TABLE registry.decoys DROP CONSTRAINT decoys_quarantine, DROP COLUMN quarantined_at, DROP COLUMN quarantine_reason;
ALTER TABLE registry.hits DROP COLUMN provider, DROP COLUMN verification;

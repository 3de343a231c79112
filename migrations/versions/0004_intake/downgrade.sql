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

-- The version before knows neither verification nor quarantine, and would count these contacts again. It counts none that
-- was diverted. This cannot be told from a real diversion afterwards: an upgrade does not give them back.
UPDATE registry.hits AS h SET diverted = true
 WHERE NOT h.diverted AND (h.verification = 'failed'
    OR h.decoy_id IN (SELECT d.id FROM registry.decoys d WHERE d.quarantined_at IS NOT NULL));
ALTER TABLE registry.decoys DROP CONSTRAINT decoys_quarantine, DROP COLUMN quarantined_at, DROP COLUMN quarantine_reason;
ALTER TABLE registry.hits DROP COLUMN provider, DROP COLUMN verification;

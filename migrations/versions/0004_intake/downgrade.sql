ALTER TABLE registry.decoys DROP CONSTRAINT decoys_quarantine, DROP COLUMN quarantined_at, DROP COLUMN quarantine_reason;
ALTER TABLE registry.hits DROP COLUMN provider, DROP COLUMN verification;

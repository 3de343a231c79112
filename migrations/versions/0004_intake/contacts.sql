-- NOT VALID, and never validated: every row that is there has null in these new columns, which no check forbids, and to
-- look at all of them would keep everybody from hits for as long. New rows are checked like any other.
ALTER TABLE registry.hits
  ADD COLUMN provider text,
  ADD COLUMN verification text,
  ADD CONSTRAINT hits_provider CHECK (provider IN ('twilio', 'telnyx', 'generic')) NOT VALID,
  ADD CONSTRAINT hits_verification CHECK (verification IN ('passed', 'failed', 'absent')) NOT VALID;
COMMENT ON COLUMN registry.hits.provider IS 'Whose webhook it came by; null: submitted by its organisation.';
COMMENT ON COLUMN registry.hits.verification IS 'What the terminating provider made of the caller ID''s signature (STIR); null: not told.';

ALTER TABLE registry.decoys
  ADD COLUMN quarantined_at timestamptz,
  ADD COLUMN quarantine_reason text CONSTRAINT decoys_quarantine_reason CHECK (quarantine_reason IN ('manual', 'flood')),
  ADD CONSTRAINT decoys_quarantine CHECK ((quarantined_at IS NULL) = (quarantine_reason IS NULL));
COMMENT ON COLUMN registry.decoys.quarantined_at IS 'None of its contacts counts while this is set.';

CREATE TABLE registry.decoy_days (
  decoy_id uuid NOT NULL,
  day date NOT NULL,
  provider text NOT NULL CONSTRAINT decoy_days_provider CHECK (provider IN ('', 'twilio', 'telnyx', 'generic')),
  contacts integer NOT NULL CONSTRAINT decoy_days_contacts CHECK (contacts >= 0),
  forgiven integer NOT NULL DEFAULT 0 CONSTRAINT decoy_days_forgiven CHECK (forgiven >= 0),
  CONSTRAINT decoy_days_pkey PRIMARY KEY (decoy_id, day, provider)
);
COMMENT ON TABLE registry.decoy_days IS 'How many contacts each decoy had on each day; counted in the transaction that records or retracts them.';
COMMENT ON COLUMN registry.decoy_days.day IS 'The UTC date on which they occurred.';
COMMENT ON COLUMN registry.decoy_days.provider IS 'Whose webhook they came by; empty: submitted by the organisation.';
COMMENT ON COLUMN registry.decoy_days.contacts IS 'Without those that were retracted.';
COMMENT ON COLUMN registry.decoy_days.forgiven IS 'How many of them were there when the decoy was last released: they quarantine it no more.';

-- Reads all hits once, which takes the longest of this migration. So it comes first, while nobody is kept from anything:
-- what is recorded meanwhile is counted as little as what processes of the version before record afterwards. None has a
-- provider yet.
INSERT INTO registry.decoy_days (decoy_id, day, provider, contacts)
SELECT decoy_id, CAST(occurred_at AT TIME ZONE 'UTC' AS date), '', count(*)
  FROM registry.hits WHERE retracted_at IS NULL GROUP BY 1, 2;

ALTER TABLE registry.decoy_days ADD CONSTRAINT decoy_days_decoy FOREIGN KEY (decoy_id) REFERENCES registry.decoys;

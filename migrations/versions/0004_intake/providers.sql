CREATE TABLE registry.provider_credentials (
  id uuid PRIMARY KEY,
  organisation_id uuid NOT NULL CONSTRAINT provider_credentials_organisation REFERENCES registry.organisations,
  provider text NOT NULL CONSTRAINT provider_credentials_provider CHECK (provider IN ('twilio', 'telnyx', 'generic')),
  sealed bytea NOT NULL CONSTRAINT provider_credentials_sealed CHECK (octet_length(sealed) BETWEEN 30 AND 4096),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  retired_at timestamptz,
  verifies_until timestamptz,
  CONSTRAINT provider_credentials_retirement CHECK ((retired_at IS NULL) = (verifies_until IS NULL))
);
CREATE INDEX provider_credentials_by_organisation ON registry.provider_credentials (organisation_id, provider);
COMMENT ON TABLE registry.provider_credentials IS 'What providers sign their requests with. Several may be in use at once.';
COMMENT ON COLUMN registry.provider_credentials.sealed IS 'AES-256-GCM under a key derived from the key file''s; bound to id and provider.';
COMMENT ON COLUMN registry.provider_credentials.verifies_until IS 'After it was retired: requests signed with it are taken until then.';

ALTER TABLE registry.decoys
  ADD COLUMN intake_token bytea CONSTRAINT decoys_intake_token CHECK (octet_length(intake_token) = 32),
  ADD CONSTRAINT decoys_intake_token_key UNIQUE (intake_token);
COMMENT ON COLUMN registry.decoys.intake_token IS 'SHA-256 of the token in the address that a provider calls; null: it takes no requests.';

CREATE TABLE registry.withheld_contacts (
  decoy_id uuid NOT NULL CONSTRAINT withheld_contacts_decoy REFERENCES registry.decoys,
  day date NOT NULL,
  contacts bigint NOT NULL CONSTRAINT withheld_contacts_contacts CHECK (contacts > 0),
  CONSTRAINT withheld_contacts_pkey PRIMARY KEY (decoy_id, day)
);
COMMENT ON TABLE registry.withheld_contacts IS 'Contacts from callers that withheld their number: counted, and nothing else.';
COMMENT ON COLUMN registry.withheld_contacts.day IS 'UTC.';

CREATE TABLE registry.withheld_sources (
  organisation_id uuid NOT NULL,
  source_key bytea NOT NULL CONSTRAINT withheld_sources_source_key CHECK (octet_length(source_key) = 32),
  CONSTRAINT withheld_sources_pkey PRIMARY KEY (organisation_id, source_key)
);
COMMENT ON TABLE registry.withheld_sources IS 'Which of them were counted, so that one that is told again is not counted again.';
COMMENT ON COLUMN registry.withheld_sources.source_key IS 'Keyed fingerprint of the provider''s id of the event.';

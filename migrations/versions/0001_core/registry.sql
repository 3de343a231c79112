CREATE TABLE registry.organisations (
  id uuid PRIMARY KEY,
  kind text NOT NULL CONSTRAINT organisations_kind CHECK (kind IN ('investigator', 'employer', 'partner', 'operator')),
  name text NOT NULL CONSTRAINT organisations_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
  requests_per_minute integer NOT NULL
    CONSTRAINT organisations_requests_per_minute CHECK (requests_per_minute BETWEEN 1 AND 1000000),
  numbers_per_day bigint NOT NULL
    CONSTRAINT organisations_numbers_per_day CHECK (numbers_per_day BETWEEN 0 AND 1000000000),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  suspended_at timestamptz,
  CONSTRAINT organisations_name_key UNIQUE (name)
);
COMMENT ON TABLE registry.organisations IS 'Who asks and who submits.';
COMMENT ON COLUMN registry.organisations.kind IS 'Immutable.';
COMMENT ON COLUMN registry.organisations.requests_per_minute IS 'GCRA quota of each of its keys.';
COMMENT ON COLUMN registry.organisations.numbers_per_day IS 'Numbers it may ask or submit per UTC day, whatever the endpoint.';
COMMENT ON COLUMN registry.organisations.suspended_at IS 'From then on all its keys are refused; null while active.';

CREATE TABLE registry.api_keys (
  id text PRIMARY KEY CONSTRAINT api_keys_id_form CHECK (id ~ '^[0-9A-Za-z]{8}$'),
  organisation_id uuid NOT NULL CONSTRAINT api_keys_organisation REFERENCES registry.organisations,
  secret_hash text NOT NULL CONSTRAINT api_keys_secret_hash CHECK (secret_hash LIKE '$argon2id$%'),
  scopes text[] NOT NULL CONSTRAINT api_keys_scopes CHECK (
    cardinality(scopes) > 0
    AND scopes <@ ARRAY['decoys', 'hits', 'lookups', 'operator', 'private', 'audit']),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
CREATE INDEX api_keys_by_organisation ON registry.api_keys (organisation_id);
COMMENT ON COLUMN registry.api_keys.id IS 'The public eight characters of the key. Immutable.';
COMMENT ON COLUMN registry.api_keys.secret_hash IS 'Argon2id of the secret part, with its parameters and salt. Immutable.';
COMMENT ON COLUMN registry.api_keys.last_used_at IS 'Exact to a minute.';

CREATE TABLE registry.generations (
  number smallint PRIMARY KEY CONSTRAINT generations_number CHECK (number > 0),
  public_key bytea NOT NULL CONSTRAINT generations_public_key CHECK (octet_length(public_key) = 32),
  parent smallint CONSTRAINT generations_parent REFERENCES registry.generations,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  retired_at timestamptz,
  CONSTRAINT generations_public_key_key UNIQUE (public_key)
);
COMMENT ON TABLE registry.generations IS 'One OPRF key each. The secret is in the key file, never here.';
COMMENT ON COLUMN registry.generations.parent IS 'Set where tags were chained from an older generation.';
COMMENT ON COLUMN registry.generations.retired_at IS 'Null while questions are evaluated under it.';

CREATE TABLE registry.decoys (
  id uuid PRIMARY KEY,
  organisation_id uuid NOT NULL CONSTRAINT decoys_organisation REFERENCES registry.organisations,
  label text NOT NULL CONSTRAINT decoys_label_length CHECK (char_length(label) BETWEEN 1 AND 200),
  tag bytea NOT NULL CONSTRAINT decoys_tag CHECK (octet_length(tag) = 32),
  generation smallint NOT NULL CONSTRAINT decoys_generation REFERENCES registry.generations,
  role text NOT NULL CONSTRAINT decoys_role CHECK (role IN ('advertisement', 'control', 'deterrence', 'test')),
  region text,
  live_from timestamptz,
  live_until timestamptz,
  acquired_on date,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT decoys_number_key UNIQUE (organisation_id, tag),
  CONSTRAINT decoys_live_window CHECK (live_until > live_from)
);
COMMENT ON COLUMN registry.decoys.tag IS 'The tag of the decoy''s own number, by which provider logs find it.';
COMMENT ON COLUMN registry.decoys.live_from IS 'Contacts before it do not count; null: open.';
COMMENT ON COLUMN registry.decoys.live_until IS 'Contacts at or after it do not count; null: open.';
COMMENT ON COLUMN registry.decoys.acquired_on IS 'When the line was acquired; opens the burn-in.';

CREATE TABLE registry.hits (
  tag bytea NOT NULL CONSTRAINT hits_tag CHECK (octet_length(tag) = 32),
  id uuid NOT NULL,
  generation smallint NOT NULL CONSTRAINT hits_generation REFERENCES registry.generations,
  organisation_id uuid NOT NULL,
  decoy_id uuid NOT NULL CONSTRAINT hits_decoy REFERENCES registry.decoys,
  channel text NOT NULL CONSTRAINT hits_channel CHECK (channel IN ('sms', 'mms', 'chat', 'voice')),
  attestation text CONSTRAINT hits_attestation CHECK (attestation IN ('A', 'B', 'C')),
  diverted boolean NOT NULL,
  line_type text NOT NULL,
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  normaliser_version text NOT NULL,
  retracted_at timestamptz,
  retraction_reason text CONSTRAINT hits_retraction_reason CHECK (
    retraction_reason IN ('misdial', 'own_call', 'test_call', 'outreach', 'wrong_decoy', 'spoofed', 'other')),
  CONSTRAINT hits_pkey PRIMARY KEY (tag, id),
  CONSTRAINT hits_retraction CHECK ((retracted_at IS NULL) = (retraction_reason IS NULL))
);
COMMENT ON TABLE registry.hits IS 'Contacts: the truth that listings are computed from. Only the retraction columns ever change.';
COMMENT ON COLUMN registry.hits.tag IS 'Keyed pseudonym of the caller''s number under the generation.';
COMMENT ON COLUMN registry.hits.line_type IS 'libphonenumber''s number type, kept because the number is not.';

CREATE TABLE registry.submissions (
  organisation_id uuid NOT NULL,
  source_key bytea NOT NULL CONSTRAINT submissions_source_key CHECK (octet_length(source_key) = 32),
  hit_id uuid NOT NULL,
  tag bytea NOT NULL,
  decoy_id uuid NOT NULL,
  CONSTRAINT submissions_pkey PRIMARY KEY (organisation_id, source_key)
);
CREATE UNIQUE INDEX submissions_by_hit ON registry.submissions (organisation_id, hit_id);
CREATE INDEX submissions_by_decoy ON registry.submissions (decoy_id);
COMMENT ON TABLE registry.submissions IS 'What an organisation has sent, so that one event counts once and its sender can find it again.';
COMMENT ON COLUMN registry.submissions.source_key IS 'Keyed fingerprint of the source id, or of the hit''s content where it had none.';

CREATE TABLE registry.listings (
  tag bytea NOT NULL CONSTRAINT listings_tag CHECK (octet_length(tag) = 32),
  generation smallint NOT NULL,
  grade text CONSTRAINT listings_grade CHECK (grade IN ('single', 'repeated', 'corroborated')),
  contacts integer NOT NULL,
  decoys integer NOT NULL,
  organisations integer NOT NULL,
  first_contact date,
  last_contact date,
  channels text[] NOT NULL,
  excluded boolean NOT NULL,
  disputed boolean NOT NULL,
  policy text NOT NULL,
  changes_at timestamptz,
  CONSTRAINT listings_pkey PRIMARY KEY (tag),
  CONSTRAINT listings_facts CHECK (
    (grade IS NULL AND contacts = 0 AND decoys = 0 AND organisations = 0 AND first_contact IS NULL
      AND last_contact IS NULL AND cardinality(channels) = 0)
    OR (grade IS NOT NULL AND decoys BETWEEN 1 AND contacts AND organisations BETWEEN 1 AND decoys
      AND first_contact <= last_contact AND cardinality(channels) BETWEEN 1 AND 4))
);
COMMENT ON TABLE registry.listings IS 'A projection of hits, exclusions and disputes; recomputed in the transaction that changes one of them.';
COMMENT ON COLUMN registry.listings.grade IS 'Null: the policy lists nothing (one weak contact, say).';
COMMENT ON COLUMN registry.listings.policy IS 'The policy it was computed under; another one makes it stale.';
COMMENT ON COLUMN registry.listings.changes_at IS 'When time alone next changes it; later questions are answered from the hits.';

CREATE TABLE registry.exclusions (
  tag bytea NOT NULL CONSTRAINT exclusions_tag CHECK (octet_length(tag) = 32),
  id uuid NOT NULL,
  generation smallint NOT NULL CONSTRAINT exclusions_generation REFERENCES registry.generations,
  organisation_id uuid CONSTRAINT exclusions_organisation REFERENCES registry.organisations,
  reason text NOT NULL CONSTRAINT exclusions_reason CHECK (
    reason IN ('outreach', 'police', 'survivor', 'own_staff', 'advertised_number', 'suppression', 'other')),
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  removed_at timestamptz,
  CONSTRAINT exclusions_pkey PRIMARY KEY (tag, id)
);
CREATE UNIQUE INDEX exclusions_active_key ON registry.exclusions (tag, organisation_id) NULLS NOT DISTINCT
  WHERE removed_at IS NULL;
CREATE INDEX exclusions_by_id ON registry.exclusions (id);
COMMENT ON TABLE registry.exclusions IS 'Numbers that are never listed: one row for each active generation''s tag, under one id.';
COMMENT ON COLUMN registry.exclusions.organisation_id IS 'Who added it; null: the operator.';

CREATE TABLE registry.disputes (
  tag bytea NOT NULL CONSTRAINT disputes_tag CHECK (octet_length(tag) = 32),
  id uuid NOT NULL,
  generation smallint NOT NULL CONSTRAINT disputes_generation REFERENCES registry.generations,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_on date NOT NULL,
  closed_at timestamptz,
  resolution text CONSTRAINT disputes_resolution CHECK (resolution IN ('confirmed', 'corrected', 'withdrawn')),
  CONSTRAINT disputes_pkey PRIMARY KEY (tag, id),
  CONSTRAINT disputes_closure CHECK ((closed_at IS NULL) = (resolution IS NULL))
);
CREATE UNIQUE INDEX disputes_open_key ON registry.disputes (tag) WHERE closed_at IS NULL;
CREATE INDEX disputes_by_id ON registry.disputes (id);
COMMENT ON TABLE registry.disputes IS 'A subject''s challenge; while it is open the answer is indeterminate.';
COMMENT ON COLUMN registry.disputes.due_on IS 'The day by which the operator must have decided.';

CREATE TABLE registry.idempotency_keys (
  organisation_id uuid NOT NULL,
  fingerprint bytea NOT NULL CONSTRAINT idempotency_keys_fingerprint CHECK (octet_length(fingerprint) = 32),
  request bytea NOT NULL CONSTRAINT idempotency_keys_request CHECK (octet_length(request) = 32),
  status smallint NOT NULL,
  body bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (organisation_id, fingerprint)
);
CREATE INDEX idempotency_keys_by_age ON registry.idempotency_keys (created_at);
COMMENT ON TABLE registry.idempotency_keys IS 'Answers given to writes, so that a repeated request gets the same one. Kept for a day.';
COMMENT ON COLUMN registry.idempotency_keys.request IS 'Keyed fingerprint of the method, path and body.';
COMMENT ON COLUMN registry.idempotency_keys.body IS 'The answer as sent: ids and codes, never a number or a secret.';

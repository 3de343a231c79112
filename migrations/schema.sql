-- What the migrations make of an empty database. Generated: python -m registry.db.schema_dump --write

CREATE SCHEMA audit;

CREATE SCHEMA registry;

CREATE FUNCTION audit.field(body bytea, VARIADIC path text[]) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT convert_from(body, 'UTF8')::jsonb #>> path $$;

CREATE FUNCTION audit.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'audit.% is append only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$;

CREATE FUNCTION registry.admit(p_key text, p_scope text, p_requests integer, p_numbers bigint) RETURNS TABLE(organisation_id uuid, organisation_kind text, organisation_name text, scopes text[], usable boolean, key_allowed boolean, day_allowed boolean, requests_per_minute integer, numbers_per_day bigint, at_us bigint, tat_us bigint, used bigint, generations smallint[])
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
DECLARE
  v_key record;
  v_interval bigint;
  v_tat bigint;
  v_new bigint;
  v_day date;
  v_used bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT k.organisation_id, k.scopes, k.expires_at, k.revoked_at, k.last_used_at,
         o.kind, o.name, o.requests_per_minute AS rpm, o.numbers_per_day AS npd, o.suspended_at
    INTO v_key
    FROM registry.api_keys k JOIN registry.organisations o ON o.id = k.organisation_id
   WHERE k.id = p_key;
  IF NOT FOUND THEN
    RETURN;
  END IF;

  -- Rounded up: over any time no more than the quota leaks back.
  v_interval := (60000000 + v_key.rpm - 1) / v_key.rpm;
  SELECT r.tat INTO v_tat FROM registry.key_rates r WHERE r.key_id = p_key FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO registry.key_rates AS r (key_id, tat) VALUES (p_key, 0) ON CONFLICT DO NOTHING;
    SELECT r.tat INTO v_tat FROM registry.key_rates r WHERE r.key_id = p_key FOR UPDATE;
  END IF;
  at_us := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;  -- after the lock: waiting earns nothing
  v_new := greatest(v_tat, at_us) + v_interval * p_requests;
  key_allowed := v_new - at_us <= v_interval * v_key.rpm;

  usable := v_key.revoked_at IS NULL AND v_key.suspended_at IS NULL
    AND (v_key.expires_at IS NULL OR v_key.expires_at > to_timestamp(at_us / 1000000.0))
    AND (p_scope IS NULL OR p_scope = ANY (v_key.scopes));

  v_day := (to_timestamp(at_us / 1000000.0) AT TIME ZONE 'UTC')::date;
  IF p_numbers > 0 AND usable AND key_allowed THEN
    SELECT d.used INTO v_used FROM registry.organisation_days d
     WHERE d.organisation_id = v_key.organisation_id AND d.day = v_day FOR UPDATE;
    IF NOT FOUND THEN
      INSERT INTO registry.organisation_days (organisation_id, day, used)
        VALUES (v_key.organisation_id, v_day, 0) ON CONFLICT DO NOTHING;
      SELECT d.used INTO v_used FROM registry.organisation_days d
       WHERE d.organisation_id = v_key.organisation_id AND d.day = v_day FOR UPDATE;
    END IF;
    day_allowed := v_used + p_numbers <= v_key.npd;
    IF day_allowed THEN
      v_used := v_used + p_numbers;
      UPDATE registry.organisation_days d SET used = v_used
       WHERE d.organisation_id = v_key.organisation_id AND d.day = v_day;
    END IF;
  ELSE
    SELECT d.used INTO v_used FROM registry.organisation_days d
     WHERE d.organisation_id = v_key.organisation_id AND d.day = v_day;
    v_used := coalesce(v_used, 0);
    day_allowed := p_numbers = 0 OR v_used + p_numbers <= v_key.npd;
  END IF;

  IF key_allowed AND (day_allowed OR NOT usable) THEN
    UPDATE registry.key_rates r SET tat = v_new WHERE r.key_id = p_key;
    v_tat := v_new;
  END IF;
  IF usable AND (v_key.last_used_at IS NULL OR v_key.last_used_at < clock_timestamp() - interval '1 minute') THEN
    UPDATE registry.api_keys k SET last_used_at = clock_timestamp() WHERE k.id = p_key;
  END IF;

  organisation_id := v_key.organisation_id;
  organisation_kind := v_key.kind;
  organisation_name := v_key.name;
  scopes := v_key.scopes;
  requests_per_minute := v_key.rpm;
  numbers_per_day := v_key.npd;
  tat_us := v_tat;
  used := v_used;
  SELECT array_agg(g.number ORDER BY g.number DESC) INTO generations
    FROM registry.generations g WHERE g.retired_at IS NULL;
  RETURN NEXT;
END
$$;

CREATE FUNCTION registry.carry_contacts(p_older bytea[], p_newer bytea[], p_generation smallint) RETURNS TABLE(older bytea)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  WITH pairs AS (
    SELECT p.older, p.newer FROM unnest(p_older, p_newer) AS p (older, newer)
  ), moved AS (
    UPDATE registry.hits h SET tag = p.newer, generation = p_generation
      FROM pairs p WHERE h.tag = p.older AND h.generation < p_generation
      RETURNING h.organisation_id, h.id, p.older, p.newer
  ), followed AS (
    UPDATE registry.submissions s SET tag = m.newer
      FROM moved m WHERE s.organisation_id = m.organisation_id AND s.hit_id = m.id
  )
  SELECT DISTINCT m.older FROM moved m
$$;

CREATE FUNCTION registry.charge_once(p_key text, p_scope text, p_organisation uuid, p_fingerprint bytea, p_request bytea, p_numbers bigint) RETURNS TABLE(organisation_id uuid, organisation_kind text, organisation_name text, scopes text[], usable boolean, key_allowed boolean, day_allowed boolean, requests_per_minute integer, numbers_per_day bigint, at_us bigint, tat_us bigint, used bigint, generations smallint[], paid boolean, reused boolean)
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
DECLARE
  v_known bytea;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM registry.charges c
   WHERE c.organisation_id = p_organisation AND c.fingerprint = p_fingerprint
     AND c.charged_at < clock_timestamp() - interval '1 day';
  -- A question that is repeated while its first charge is still open waits here for its end.
  INSERT INTO registry.charges (organisation_id, fingerprint, request)
    VALUES (p_organisation, p_fingerprint, p_request) ON CONFLICT DO NOTHING;
  paid := NOT FOUND;
  reused := false;
  IF paid THEN
    SELECT c.request INTO v_known FROM registry.charges c
     WHERE c.organisation_id = p_organisation AND c.fingerprint = p_fingerprint;
    reused := FOUND AND v_known <> p_request;  -- a row of just now a day ago may have gone meanwhile
  END IF;
  SELECT a.organisation_id, a.organisation_kind, a.organisation_name, a.scopes, a.usable, a.key_allowed,
         a.day_allowed, a.requests_per_minute, a.numbers_per_day, a.at_us, a.tat_us, a.used, a.generations
    INTO organisation_id, organisation_kind, organisation_name, scopes, usable, key_allowed,
         day_allowed, requests_per_minute, numbers_per_day, at_us, tat_us, used, generations
    FROM registry.admit(p_key, p_scope, 0, CASE WHEN paid THEN 0 ELSE p_numbers END) a;
  IF NOT FOUND THEN
    DELETE FROM registry.charges c WHERE c.organisation_id = p_organisation AND c.fingerprint = p_fingerprint;
    RETURN;
  END IF;
  IF NOT paid AND NOT (usable AND key_allowed AND day_allowed) THEN
    DELETE FROM registry.charges c WHERE c.organisation_id = p_organisation AND c.fingerprint = p_fingerprint;
  END IF;
  DELETE FROM registry.charges c WHERE (c.organisation_id, c.fingerprint) IN (
    SELECT o.organisation_id, o.fingerprint FROM registry.charges o
     WHERE o.charged_at < clock_timestamp() - interval '1 day' ORDER BY o.charged_at LIMIT 4 FOR UPDATE SKIP LOCKED);
  RETURN NEXT;
END
$$;

CREATE FUNCTION registry.spend_address(p_address bytea, p_per_minute integer) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
  v_interval bigint := (60000000 + p_per_minute - 1) / p_per_minute;
  v_at bigint;
  v_tat bigint;
  v_new bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  INSERT INTO registry.address_rates (address, tat) VALUES (p_address, 0) ON CONFLICT DO NOTHING;
  SELECT r.tat INTO v_tat FROM registry.address_rates r WHERE r.address = p_address FOR UPDATE;
  v_at := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
  v_new := greatest(v_tat, v_at) + v_interval;
  IF v_new - v_at > v_interval * p_per_minute THEN
    RETURN v_new - v_at - v_interval * p_per_minute;
  END IF;
  UPDATE registry.address_rates r SET tat = v_new WHERE r.address = p_address;
  -- Addresses that have earned everything back need no row.
  DELETE FROM registry.address_rates r WHERE r.address IN (
    SELECT o.address FROM registry.address_rates o WHERE o.tat < v_at ORDER BY o.tat LIMIT 4 FOR UPDATE SKIP LOCKED);
  RETURN 0;
END
$$;

CREATE FUNCTION registry.spend_addresses(p_addresses bytea[], p_per_minute integer) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
  v_interval bigint := (60000000 + p_per_minute - 1) / p_per_minute;
  v_waits bigint[] := array_fill(0::bigint, ARRAY[coalesce(array_length(p_addresses, 1), 0)]);
  v_address bytea;
  v_places bigint[];
  v_place bigint;
  v_at bigint;
  v_tat bigint;
  v_new bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  FOR v_address, v_places IN
    SELECT n.address, array_agg(n.place ORDER BY n.place)
      FROM unnest(p_addresses) WITH ORDINALITY AS n (address, place) GROUP BY n.address ORDER BY n.address
  LOOP
    INSERT INTO registry.address_rates (address, tat) VALUES (v_address, 0) ON CONFLICT DO NOTHING;
    SELECT r.tat INTO v_tat FROM registry.address_rates r WHERE r.address = v_address FOR UPDATE;
    v_at := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    FOREACH v_place IN ARRAY v_places LOOP
      v_new := greatest(v_tat, v_at) + v_interval;
      IF v_new - v_at > v_interval * p_per_minute THEN
        v_waits[v_place] := v_new - v_at - v_interval * p_per_minute;
      ELSE
        v_tat := v_new;
      END IF;
    END LOOP;
    UPDATE registry.address_rates r SET tat = v_tat WHERE r.address = v_address;
  END LOOP;
  DELETE FROM registry.address_rates r WHERE r.address IN (
    SELECT o.address FROM registry.address_rates o WHERE o.tat < v_at ORDER BY o.tat LIMIT 4 FOR UPDATE SKIP LOCKED);
  RETURN v_waits;
END
$$;

CREATE TABLE audit.checkpoint (
    size bigint NOT NULL,
    root bytea NOT NULL,
    last_xid xid8 NOT NULL,
    last_id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    note text NOT NULL,
    CONSTRAINT checkpoint_root CHECK ((octet_length(root) = 32)),
    CONSTRAINT checkpoint_size CHECK ((size > 0))
);

COMMENT ON TABLE audit.checkpoint IS 'Signed heads of the log. Kept for ever, append only.';

COMMENT ON COLUMN audit.checkpoint.last_xid IS 'The last event that is sealed; with last_id, where the next sealing begins.';

CREATE TABLE audit.event (
    id bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    body bytea NOT NULL,
    leaf bytea GENERATED ALWAYS AS (sha256(('\x00'::bytea || body))) STORED NOT NULL,
    event_id uuid GENERATED ALWAYS AS ((audit.field(body, VARIADIC ARRAY['id'::text]))::uuid) STORED NOT NULL,
    organisation uuid GENERATED ALWAYS AS ((audit.field(body, VARIADIC ARRAY['actor'::text, 'organisation'::text]))::uuid) STORED,
    operation text GENERATED ALWAYS AS (audit.field(body, VARIADIC ARRAY['operation'::text])) STORED NOT NULL,
    CONSTRAINT event_body_length CHECK (((octet_length(body) >= 2) AND (octet_length(body) <= 65535)))
);

COMMENT ON TABLE audit.event IS 'One row per operation, written in its transaction. Append only.';

COMMENT ON COLUMN audit.event.body IS 'RFC 8785 canonical JSON; its exact bytes are what the leaf hashes.';

COMMENT ON COLUMN audit.event.leaf IS 'RFC 6962 leaf hash.';

COMMENT ON COLUMN audit.event.event_id IS 'The receipt that the answer carries as audit_id.';

ALTER TABLE audit.event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME audit.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE audit.leaf (
    idx bigint NOT NULL,
    xid xid8 NOT NULL,
    id bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT leaf_hash CHECK ((octet_length(hash) = 32)),
    CONSTRAINT leaf_idx CHECK ((idx >= 0))
);

COMMENT ON TABLE audit.leaf IS 'The events in the order in which they were sealed. Kept for ever, append only.';

COMMENT ON COLUMN audit.leaf.hash IS 'RFC 6962 leaf hash of the event''s body; it stays when the body is dropped.';

CREATE TABLE audit.private (
    event uuid NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    nonce bytea NOT NULL,
    address text,
    user_agent text
);

COMMENT ON TABLE audit.private IS 'Address and user agent behind an event, kept for a shorter time. Bound by the event''s private digest.';

CREATE TABLE audit.subject (
    tag bytea NOT NULL,
    event uuid NOT NULL,
    generation smallint,
    CONSTRAINT subject_tag CHECK ((octet_length(tag) = 32))
);

COMMENT ON TABLE audit.subject IS 'Which disclosures name a tag. Bound to the event by its subjects digest. Append only.';

COMMENT ON COLUMN audit.subject.generation IS 'Under which the tag was made; null where its contacts moved to a newer one in that moment.';

CREATE TABLE audit.tile (
    level smallint NOT NULL,
    n bigint NOT NULL,
    hashes bytea NOT NULL,
    root bytea NOT NULL,
    CONSTRAINT tile_hashes CHECK ((octet_length(hashes) = 8192)),
    CONSTRAINT tile_level CHECK (((level >= 0) AND (level <= 7))),
    CONSTRAINT tile_n CHECK ((n >= 0)),
    CONSTRAINT tile_root CHECK ((octet_length(root) = 32))
);

COMMENT ON TABLE audit.tile IS 'Full tiles of 256 hashes (C2SP tlog-tiles). Kept for ever, append only.';

CREATE UNLOGGED TABLE registry.address_rates (
    address bytea NOT NULL,
    tat bigint NOT NULL
);

COMMENT ON TABLE registry.address_rates IS 'Failed authentications per client address, and providers'' requests per line.';

COMMENT ON COLUMN registry.address_rates.address IS 'Keyed fingerprint of the address.';

CREATE TABLE registry.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE registry.api_keys (
    id text NOT NULL,
    organisation_id uuid NOT NULL,
    secret_hash text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT api_keys_id_form CHECK ((id ~ '^[0-9A-Za-z]{8}$'::text)),
    CONSTRAINT api_keys_scopes CHECK (((cardinality(scopes) > 0) AND (scopes <@ ARRAY['decoys'::text, 'hits'::text, 'lookups'::text, 'operator'::text, 'private'::text, 'audit'::text]))),
    CONSTRAINT api_keys_secret_hash CHECK ((secret_hash ~~ '$argon2id$%'::text))
);

COMMENT ON COLUMN registry.api_keys.id IS 'The public eight characters of the key. Immutable.';

COMMENT ON COLUMN registry.api_keys.secret_hash IS 'Argon2id of the secret part, with its parameters and salt. Immutable.';

COMMENT ON COLUMN registry.api_keys.last_used_at IS 'Exact to a minute.';

CREATE TABLE registry.charges (
    organisation_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    request bytea NOT NULL,
    charged_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT charges_fingerprint CHECK ((octet_length(fingerprint) = 32)),
    CONSTRAINT charges_request CHECK ((octet_length(request) = 32))
);

COMMENT ON TABLE registry.charges IS 'Questions that were paid for under an Idempotency-Key: repeated within a day, they are answered anew and not charged again.';

COMMENT ON COLUMN registry.charges.fingerprint IS 'Keyed fingerprint of the Idempotency-Key.';

COMMENT ON COLUMN registry.charges.request IS 'Keyed fingerprint of the method, path and body.';

CREATE TABLE registry.decoy_days (
    decoy_id uuid NOT NULL,
    day date NOT NULL,
    provider text NOT NULL,
    contacts integer NOT NULL,
    forgiven integer DEFAULT 0 NOT NULL,
    CONSTRAINT decoy_days_contacts CHECK ((contacts >= 0)),
    CONSTRAINT decoy_days_forgiven CHECK ((forgiven >= 0)),
    CONSTRAINT decoy_days_provider CHECK ((provider = ANY (ARRAY[''::text, 'twilio'::text, 'telnyx'::text, 'generic'::text])))
);

COMMENT ON TABLE registry.decoy_days IS 'How many contacts each decoy had on each day; counted in the transaction that records or retracts them.';

COMMENT ON COLUMN registry.decoy_days.day IS 'The UTC date on which they occurred.';

COMMENT ON COLUMN registry.decoy_days.provider IS 'Whose webhook they came by; empty: submitted by the organisation.';

COMMENT ON COLUMN registry.decoy_days.contacts IS 'Without those that were retracted.';

COMMENT ON COLUMN registry.decoy_days.forgiven IS 'How many of them were there when the decoy was last released: they quarantine it no more.';

CREATE TABLE registry.decoys (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    label text NOT NULL,
    tag bytea NOT NULL,
    generation smallint NOT NULL,
    role text NOT NULL,
    region text,
    live_from timestamp with time zone,
    live_until timestamp with time zone,
    acquired_on date,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    quarantined_at timestamp with time zone,
    quarantine_reason text,
    intake_token bytea,
    CONSTRAINT decoys_intake_token CHECK ((octet_length(intake_token) = 32)),
    CONSTRAINT decoys_label_length CHECK (((char_length(label) >= 1) AND (char_length(label) <= 200))),
    CONSTRAINT decoys_live_window CHECK ((live_until > live_from)),
    CONSTRAINT decoys_quarantine CHECK (((quarantined_at IS NULL) = (quarantine_reason IS NULL))),
    CONSTRAINT decoys_quarantine_reason CHECK ((quarantine_reason = ANY (ARRAY['manual'::text, 'flood'::text, 'operator'::text]))),
    CONSTRAINT decoys_role CHECK ((role = ANY (ARRAY['advertisement'::text, 'control'::text, 'deterrence'::text, 'test'::text]))),
    CONSTRAINT decoys_tag CHECK ((octet_length(tag) = 32))
);

COMMENT ON COLUMN registry.decoys.tag IS 'The tag of the decoy''s own number, by which provider logs find it, and which is not listed until live_until.';

COMMENT ON COLUMN registry.decoys.live_from IS 'Contacts before it do not count; null: open.';

COMMENT ON COLUMN registry.decoys.live_until IS 'Contacts at or after it do not count; null: open.';

COMMENT ON COLUMN registry.decoys.acquired_on IS 'When the line was acquired; opens the burn-in.';

COMMENT ON COLUMN registry.decoys.quarantined_at IS 'None of its contacts counts while this is set.';

COMMENT ON COLUMN registry.decoys.intake_token IS 'SHA-256 of the token in the address that a provider calls; null: it takes no requests.';

CREATE TABLE registry.disputes (
    tag bytea NOT NULL,
    id uuid NOT NULL,
    generation smallint NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    due_on date NOT NULL,
    closed_at timestamp with time zone,
    resolution text,
    CONSTRAINT disputes_closure CHECK (((closed_at IS NULL) = (resolution IS NULL))),
    CONSTRAINT disputes_resolution CHECK ((resolution = ANY (ARRAY['confirmed'::text, 'corrected'::text, 'withdrawn'::text]))),
    CONSTRAINT disputes_tag CHECK ((octet_length(tag) = 32))
);

COMMENT ON TABLE registry.disputes IS 'A subject''s challenge; while it is open the answer is indeterminate.';

COMMENT ON COLUMN registry.disputes.due_on IS 'The day by which the operator must have decided.';

CREATE TABLE registry.exclusions (
    tag bytea NOT NULL,
    id uuid NOT NULL,
    generation smallint NOT NULL,
    organisation_id uuid,
    reason text NOT NULL,
    expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    removed_at timestamp with time zone,
    mistaken boolean DEFAULT false NOT NULL,
    covers_since timestamp with time zone,
    CONSTRAINT exclusions_reason CHECK ((reason = ANY (ARRAY['outreach'::text, 'police'::text, 'survivor'::text, 'own_staff'::text, 'advertised_number'::text, 'suppression'::text, 'other'::text, 'flood'::text]))),
    CONSTRAINT exclusions_tag CHECK ((octet_length(tag) = 32))
);

COMMENT ON TABLE registry.exclusions IS 'Numbers that are never listed: one row for each active generation''s tag, under one id.';

COMMENT ON COLUMN registry.exclusions.organisation_id IS 'Who added it; null: the operator.';

COMMENT ON COLUMN registry.exclusions.reason IS 'flood: held back by the registry itself, on the operator''s side.';

COMMENT ON COLUMN registry.exclusions.mistaken IS 'It should never have been: contacts from before its end count again.';

COMMENT ON COLUMN registry.exclusions.covers_since IS 'Of a flood''s hold: when the flood began. What happened from then until a hold ended by itself does not count.';

CREATE TABLE registry.generations (
    number smallint NOT NULL,
    public_key bytea NOT NULL,
    parent smallint,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    retired_at timestamp with time zone,
    CONSTRAINT generations_number CHECK ((number > 0)),
    CONSTRAINT generations_public_key CHECK ((octet_length(public_key) = 32))
);

COMMENT ON TABLE registry.generations IS 'One OPRF key each. The secret is in the key file, never here.';

COMMENT ON COLUMN registry.generations.parent IS 'Set where tags were chained from an older generation.';

COMMENT ON COLUMN registry.generations.retired_at IS 'Null while questions are evaluated under it.';

CREATE TABLE registry.hits (
    tag bytea NOT NULL,
    id uuid NOT NULL,
    generation smallint NOT NULL,
    organisation_id uuid NOT NULL,
    decoy_id uuid NOT NULL,
    channel text NOT NULL,
    attestation text,
    diverted boolean NOT NULL,
    line_type text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    normaliser_version text NOT NULL,
    retracted_at timestamp with time zone,
    retraction_reason text,
    provider text,
    verification text,
    CONSTRAINT hits_attestation CHECK ((attestation = ANY (ARRAY['A'::text, 'B'::text, 'C'::text]))),
    CONSTRAINT hits_channel CHECK ((channel = ANY (ARRAY['sms'::text, 'mms'::text, 'chat'::text, 'voice'::text]))),
    CONSTRAINT hits_retraction CHECK (((retracted_at IS NULL) = (retraction_reason IS NULL))),
    CONSTRAINT hits_retraction_reason CHECK ((retraction_reason = ANY (ARRAY['misdial'::text, 'own_call'::text, 'test_call'::text, 'outreach'::text, 'wrong_decoy'::text, 'spoofed'::text, 'other'::text]))),
    CONSTRAINT hits_tag CHECK ((octet_length(tag) = 32))
);

COMMENT ON TABLE registry.hits IS 'Contacts: the truth that listings are computed from. Only their retraction changes, and their tag where a newer generation takes it over.';

COMMENT ON COLUMN registry.hits.tag IS 'Keyed pseudonym of the caller''s number under the generation.';

COMMENT ON COLUMN registry.hits.line_type IS 'libphonenumber''s number type, kept because the number is not.';

COMMENT ON COLUMN registry.hits.provider IS 'Whose webhook it came by; null: submitted by its organisation.';

COMMENT ON COLUMN registry.hits.verification IS 'What the terminating provider made of the caller ID''s signature (STIR); null: not told.';

CREATE TABLE registry.idempotency_keys (
    organisation_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    request bytea NOT NULL,
    status smallint NOT NULL,
    body bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT idempotency_keys_fingerprint CHECK ((octet_length(fingerprint) = 32)),
    CONSTRAINT idempotency_keys_request CHECK ((octet_length(request) = 32))
);

COMMENT ON TABLE registry.idempotency_keys IS 'Answers given to writes, so that a repeated request gets the same one. Kept for a day.';

COMMENT ON COLUMN registry.idempotency_keys.request IS 'Keyed fingerprint of the method, path and body.';

COMMENT ON COLUMN registry.idempotency_keys.body IS 'The answer as sent: ids and codes, never a number or a secret.';

CREATE UNLOGGED TABLE registry.key_rates (
    key_id text NOT NULL,
    tat bigint NOT NULL
);

COMMENT ON COLUMN registry.key_rates.tat IS 'GCRA''s theoretical arrival time, in microseconds since 1970 UTC.';

CREATE TABLE registry.listings (
    tag bytea NOT NULL,
    generation smallint NOT NULL,
    grade text,
    contacts integer NOT NULL,
    decoys integer NOT NULL,
    organisations integer NOT NULL,
    first_contact date,
    last_contact date,
    channels text[] NOT NULL,
    excluded boolean NOT NULL,
    disputed boolean NOT NULL,
    policy text NOT NULL,
    changes_at timestamp with time zone,
    CONSTRAINT listings_facts CHECK ((((grade IS NULL) AND (contacts = 0) AND (decoys = 0) AND (organisations = 0) AND (first_contact IS NULL) AND (last_contact IS NULL) AND (cardinality(channels) = 0)) OR ((grade IS NOT NULL) AND ((decoys >= 1) AND (decoys <= contacts)) AND ((organisations >= 1) AND (organisations <= decoys)) AND (first_contact <= last_contact) AND ((cardinality(channels) >= 1) AND (cardinality(channels) <= 4))))),
    CONSTRAINT listings_grade CHECK ((grade = ANY (ARRAY['single'::text, 'repeated'::text, 'corroborated'::text]))),
    CONSTRAINT listings_tag CHECK ((octet_length(tag) = 32))
);

COMMENT ON TABLE registry.listings IS 'A projection of hits, exclusions, disputes and lines; recomputed in the transaction that changes one of them.';

COMMENT ON COLUMN registry.listings.grade IS 'Null: the policy lists nothing (one weak contact, say).';

COMMENT ON COLUMN registry.listings.policy IS 'The policy it was computed under; another one makes it stale.';

COMMENT ON COLUMN registry.listings.changes_at IS 'When time alone next changes it; later questions are answered from the hits.';

CREATE TABLE registry.organisation_days (
    organisation_id uuid NOT NULL,
    day date NOT NULL,
    used bigint NOT NULL,
    CONSTRAINT organisation_days_used CHECK ((used >= 0))
);

COMMENT ON COLUMN registry.organisation_days.day IS 'UTC.';

COMMENT ON COLUMN registry.organisation_days.used IS 'Numbers asked or submitted.';

CREATE TABLE registry.organisations (
    id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    requests_per_minute integer NOT NULL,
    numbers_per_day bigint NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    suspended_at timestamp with time zone,
    CONSTRAINT organisations_kind CHECK ((kind = ANY (ARRAY['investigator'::text, 'employer'::text, 'partner'::text, 'operator'::text]))),
    CONSTRAINT organisations_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    CONSTRAINT organisations_numbers_per_day CHECK (((numbers_per_day >= 0) AND (numbers_per_day <= 1000000000))),
    CONSTRAINT organisations_requests_per_minute CHECK (((requests_per_minute >= 1) AND (requests_per_minute <= 1000000)))
);

COMMENT ON TABLE registry.organisations IS 'Who asks and who submits.';

COMMENT ON COLUMN registry.organisations.kind IS 'Immutable.';

COMMENT ON COLUMN registry.organisations.requests_per_minute IS 'GCRA quota of each of its keys.';

COMMENT ON COLUMN registry.organisations.numbers_per_day IS 'Numbers it may ask or submit per UTC day, whatever the endpoint.';

COMMENT ON COLUMN registry.organisations.suspended_at IS 'From then on all its keys are refused; null while active.';

CREATE TABLE registry.private_set_slots (
    generation smallint NOT NULL,
    slot smallint NOT NULL,
    ids bytea NOT NULL,
    CONSTRAINT private_set_slots_ids CHECK (((octet_length(ids) > 0) AND ((octet_length(ids) % 8) = 0))),
    CONSTRAINT private_set_slots_slot CHECK (((slot >= 0) AND (slot <= 4095)))
);
ALTER TABLE ONLY registry.private_set_slots ALTER COLUMN ids SET STATISTICS 0;

COMMENT ON TABLE registry.private_set_slots IS 'The set in 4,096 parts, so that a rebuild writes only what has changed.';

COMMENT ON COLUMN registry.private_set_slots.slot IS 'The first 12 bits of the ids in it.';

COMMENT ON COLUMN registry.private_set_slots.ids IS 'Set ids of 8 bytes each, ascending.';

CREATE TABLE registry.private_sets (
    generation smallint NOT NULL,
    epoch timestamp with time zone NOT NULL,
    built_for text NOT NULL,
    entries bigint NOT NULL,
    prefix_bits smallint NOT NULL,
    bucket_entries bigint NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT private_sets_buckets CHECK (((prefix_bits = 0) = (bucket_entries = 0))),
    CONSTRAINT private_sets_digest CHECK ((octet_length(digest) = 32)),
    CONSTRAINT private_sets_entries CHECK ((entries >= 0)),
    CONSTRAINT private_sets_prefix_bits CHECK (((prefix_bits >= 0) AND (prefix_bits <= 12)))
);

COMMENT ON TABLE registry.private_sets IS 'What private checks compare with, as it was when its epoch was first asked for. Rebuilt, never answered from.';

COMMENT ON COLUMN registry.private_sets.epoch IS 'Start of the epoch that the set is of.';

COMMENT ON COLUMN registry.private_sets.built_for IS 'The policy and the settings it was built under; others make it stale.';

COMMENT ON COLUMN registry.private_sets.prefix_bits IS 'Bits that the ids of one bucket share; 0: there are no buckets.';

COMMENT ON COLUMN registry.private_sets.bucket_entries IS 'The size that every bucket is filled up to.';

CREATE TABLE registry.provider_credentials (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    provider text NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    retired_at timestamp with time zone,
    verifies_until timestamp with time zone,
    label text,
    CONSTRAINT provider_credentials_label CHECK (((char_length(label) >= 1) AND (char_length(label) <= 200))),
    CONSTRAINT provider_credentials_provider CHECK ((provider = ANY (ARRAY['twilio'::text, 'telnyx'::text, 'generic'::text]))),
    CONSTRAINT provider_credentials_retirement CHECK (((retired_at IS NULL) = (verifies_until IS NULL))),
    CONSTRAINT provider_credentials_sealed CHECK (((octet_length(sealed) >= 30) AND (octet_length(sealed) <= 4096)))
);

COMMENT ON TABLE registry.provider_credentials IS 'What providers sign their requests with. Several may be in use at once.';

COMMENT ON COLUMN registry.provider_credentials.sealed IS 'AES-256-GCM under a key derived from the key file''s; bound to id and provider.';

COMMENT ON COLUMN registry.provider_credentials.verifies_until IS 'After it was retired: requests signed with it are taken until then.';

COMMENT ON COLUMN registry.provider_credentials.label IS 'Its organisation''s own, to tell several apart; never what it signs with.';

CREATE TABLE registry.rekeyed_tags (
    generation smallint NOT NULL,
    tag bytea NOT NULL,
    successor bytea NOT NULL,
    CONSTRAINT rekeyed_tags_successor CHECK ((octet_length(successor) = 32)),
    CONSTRAINT rekeyed_tags_tag CHECK ((octet_length(tag) = 32))
);
ALTER TABLE ONLY registry.rekeyed_tags ALTER COLUMN tag SET STATISTICS 0;
ALTER TABLE ONLY registry.rekeyed_tags ALTER COLUMN successor SET STATISTICS 0;

COMMENT ON TABLE registry.rekeyed_tags IS 'Old tag -> chained tag, computed ahead of the switch and destroyed in it.';

CREATE TABLE registry.rekeyings (
    generation smallint NOT NULL,
    successor smallint NOT NULL,
    public_key bytea NOT NULL,
    begun_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    switched_in bigint,
    CONSTRAINT rekeyings_public_key CHECK ((octet_length(public_key) = 32)),
    CONSTRAINT rekeyings_successor CHECK ((successor > generation))
);

COMMENT ON TABLE registry.rekeyings IS 'The generation whose tags are being carried into a chained one; the row goes when the old tags are out of the files.';

COMMENT ON COLUMN registry.rekeyings.public_key IS 'Of the successor: work under another key must not be resumed.';

COMMENT ON COLUMN registry.rekeyings.switched_in IS 'Id of the transaction that switched; null while tags are being prepared.';

CREATE TABLE registry.submissions (
    organisation_id uuid NOT NULL,
    source_key bytea NOT NULL,
    hit_id uuid NOT NULL,
    tag bytea NOT NULL,
    decoy_id uuid NOT NULL,
    CONSTRAINT submissions_source_key CHECK ((octet_length(source_key) = 32))
);

COMMENT ON TABLE registry.submissions IS 'What an organisation has sent, so that one event counts once and its sender can find it again.';

COMMENT ON COLUMN registry.submissions.source_key IS 'Keyed fingerprint of the source id, or of the hit''s content where it had none.';

CREATE TABLE registry.withheld_contacts (
    decoy_id uuid NOT NULL,
    day date NOT NULL,
    contacts bigint NOT NULL,
    CONSTRAINT withheld_contacts_contacts CHECK ((contacts > 0))
);

COMMENT ON TABLE registry.withheld_contacts IS 'Contacts from callers that withheld their number: counted, and nothing else.';

COMMENT ON COLUMN registry.withheld_contacts.day IS 'UTC.';

CREATE TABLE registry.withheld_sources (
    organisation_id uuid NOT NULL,
    source_key bytea NOT NULL,
    CONSTRAINT withheld_sources_source_key CHECK ((octet_length(source_key) = 32))
);

COMMENT ON TABLE registry.withheld_sources IS 'Which of them were counted, so that one that is told again is not counted again.';

COMMENT ON COLUMN registry.withheld_sources.source_key IS 'Keyed fingerprint of the provider''s id of the event.';

ALTER TABLE ONLY audit.checkpoint
    ADD CONSTRAINT checkpoint_pkey PRIMARY KEY (size);

ALTER TABLE ONLY audit.event
    ADD CONSTRAINT event_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY audit.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (xid, id);

ALTER TABLE ONLY audit.leaf
    ADD CONSTRAINT leaf_event_key UNIQUE (xid, id);

ALTER TABLE ONLY audit.leaf
    ADD CONSTRAINT leaf_pkey PRIMARY KEY (idx);

ALTER TABLE ONLY audit.private
    ADD CONSTRAINT private_pkey PRIMARY KEY (event);

ALTER TABLE ONLY audit.subject
    ADD CONSTRAINT subject_pkey PRIMARY KEY (tag, event);

ALTER TABLE ONLY audit.tile
    ADD CONSTRAINT tile_pkey PRIMARY KEY (level, n);

ALTER TABLE ONLY registry.address_rates
    ADD CONSTRAINT address_rates_pkey PRIMARY KEY (address);

ALTER TABLE ONLY registry.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY registry.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY registry.charges
    ADD CONSTRAINT charges_pkey PRIMARY KEY (organisation_id, fingerprint);

ALTER TABLE ONLY registry.decoy_days
    ADD CONSTRAINT decoy_days_pkey PRIMARY KEY (decoy_id, day, provider);

ALTER TABLE ONLY registry.decoys
    ADD CONSTRAINT decoys_intake_token_key UNIQUE (intake_token);

ALTER TABLE ONLY registry.decoys
    ADD CONSTRAINT decoys_number_key UNIQUE (organisation_id, tag);

ALTER TABLE ONLY registry.decoys
    ADD CONSTRAINT decoys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY registry.disputes
    ADD CONSTRAINT disputes_pkey PRIMARY KEY (tag, id);

ALTER TABLE ONLY registry.exclusions
    ADD CONSTRAINT exclusions_pkey PRIMARY KEY (tag, id);

ALTER TABLE ONLY registry.generations
    ADD CONSTRAINT generations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY registry.generations
    ADD CONSTRAINT generations_public_key_key UNIQUE (public_key);

ALTER TABLE ONLY registry.hits
    ADD CONSTRAINT hits_pkey PRIMARY KEY (tag, id);

ALTER TABLE registry.hits
    ADD CONSTRAINT hits_provider CHECK ((provider = ANY (ARRAY['twilio'::text, 'telnyx'::text, 'generic'::text]))) NOT VALID;

ALTER TABLE registry.hits
    ADD CONSTRAINT hits_verification CHECK ((verification = ANY (ARRAY['passed'::text, 'failed'::text, 'absent'::text]))) NOT VALID;

ALTER TABLE ONLY registry.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (organisation_id, fingerprint);

ALTER TABLE ONLY registry.key_rates
    ADD CONSTRAINT key_rates_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY registry.listings
    ADD CONSTRAINT listings_pkey PRIMARY KEY (tag);

ALTER TABLE ONLY registry.organisation_days
    ADD CONSTRAINT organisation_days_pkey PRIMARY KEY (organisation_id, day);

ALTER TABLE ONLY registry.organisations
    ADD CONSTRAINT organisations_name_key UNIQUE (name);

ALTER TABLE ONLY registry.organisations
    ADD CONSTRAINT organisations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY registry.private_set_slots
    ADD CONSTRAINT private_set_slots_pkey PRIMARY KEY (generation, slot);

ALTER TABLE ONLY registry.private_sets
    ADD CONSTRAINT private_sets_pkey PRIMARY KEY (generation);

ALTER TABLE ONLY registry.provider_credentials
    ADD CONSTRAINT provider_credentials_pkey PRIMARY KEY (id);

ALTER TABLE ONLY registry.rekeyed_tags
    ADD CONSTRAINT rekeyed_tags_pkey PRIMARY KEY (generation, tag);

ALTER TABLE ONLY registry.rekeyings
    ADD CONSTRAINT rekeyings_pkey PRIMARY KEY (generation);

ALTER TABLE ONLY registry.submissions
    ADD CONSTRAINT submissions_pkey PRIMARY KEY (organisation_id, source_key);

ALTER TABLE ONLY registry.withheld_contacts
    ADD CONSTRAINT withheld_contacts_pkey PRIMARY KEY (decoy_id, day);

ALTER TABLE ONLY registry.withheld_sources
    ADD CONSTRAINT withheld_sources_pkey PRIMARY KEY (organisation_id, source_key);

CREATE INDEX event_by_receipt ON audit.event USING btree (organisation, event_id);

CREATE INDEX private_by_age ON audit.private USING btree (at);

CREATE INDEX subject_by_event ON audit.subject USING btree (event);

CREATE INDEX address_rates_by_tat ON registry.address_rates USING btree (tat);

CREATE INDEX api_keys_by_organisation ON registry.api_keys USING btree (organisation_id);

CREATE INDEX charges_by_age ON registry.charges USING btree (charged_at);

CREATE INDEX decoys_by_tag ON registry.decoys USING btree (tag);

CREATE INDEX disputes_by_id ON registry.disputes USING btree (id);

CREATE UNIQUE INDEX disputes_open_key ON registry.disputes USING btree (tag) WHERE (closed_at IS NULL);

CREATE UNIQUE INDEX exclusions_active_key ON registry.exclusions USING btree (tag, organisation_id) NULLS NOT DISTINCT WHERE (removed_at IS NULL);

CREATE INDEX exclusions_by_id ON registry.exclusions USING btree (id);

CREATE INDEX exclusions_by_organisation ON registry.exclusions USING btree (organisation_id, id);

CREATE INDEX idempotency_keys_by_age ON registry.idempotency_keys USING btree (created_at);

CREATE INDEX provider_credentials_by_organisation ON registry.provider_credentials USING btree (organisation_id, provider);

CREATE INDEX submissions_by_decoy ON registry.submissions USING btree (decoy_id);

CREATE UNIQUE INDEX submissions_by_hit ON registry.submissions USING btree (organisation_id, hit_id);

CREATE TRIGGER checkpoint_append_only BEFORE DELETE OR UPDATE ON audit.checkpoint FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.checkpoint ENABLE ALWAYS TRIGGER checkpoint_append_only;

CREATE TRIGGER checkpoint_no_truncate BEFORE TRUNCATE ON audit.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.checkpoint ENABLE ALWAYS TRIGGER checkpoint_no_truncate;

CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE ON audit.event FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.event ENABLE ALWAYS TRIGGER event_append_only;

CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON audit.event FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.event ENABLE ALWAYS TRIGGER event_no_truncate;

CREATE TRIGGER leaf_append_only BEFORE DELETE OR UPDATE ON audit.leaf FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.leaf ENABLE ALWAYS TRIGGER leaf_append_only;

CREATE TRIGGER leaf_no_truncate BEFORE TRUNCATE ON audit.leaf FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.leaf ENABLE ALWAYS TRIGGER leaf_no_truncate;

CREATE TRIGGER subject_append_only BEFORE DELETE OR UPDATE ON audit.subject FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.subject ENABLE ALWAYS TRIGGER subject_append_only;

CREATE TRIGGER subject_no_truncate BEFORE TRUNCATE ON audit.subject FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.subject ENABLE ALWAYS TRIGGER subject_no_truncate;

CREATE TRIGGER tile_append_only BEFORE DELETE OR UPDATE ON audit.tile FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.tile ENABLE ALWAYS TRIGGER tile_append_only;

CREATE TRIGGER tile_no_truncate BEFORE TRUNCATE ON audit.tile FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.tile ENABLE ALWAYS TRIGGER tile_no_truncate;

ALTER TABLE ONLY registry.api_keys
    ADD CONSTRAINT api_keys_organisation FOREIGN KEY (organisation_id) REFERENCES registry.organisations(id);

ALTER TABLE ONLY registry.decoy_days
    ADD CONSTRAINT decoy_days_decoy FOREIGN KEY (decoy_id) REFERENCES registry.decoys(id);

ALTER TABLE ONLY registry.decoys
    ADD CONSTRAINT decoys_generation FOREIGN KEY (generation) REFERENCES registry.generations(number);

ALTER TABLE ONLY registry.decoys
    ADD CONSTRAINT decoys_organisation FOREIGN KEY (organisation_id) REFERENCES registry.organisations(id);

ALTER TABLE ONLY registry.disputes
    ADD CONSTRAINT disputes_generation FOREIGN KEY (generation) REFERENCES registry.generations(number);

ALTER TABLE ONLY registry.exclusions
    ADD CONSTRAINT exclusions_generation FOREIGN KEY (generation) REFERENCES registry.generations(number);

ALTER TABLE ONLY registry.exclusions
    ADD CONSTRAINT exclusions_organisation FOREIGN KEY (organisation_id) REFERENCES registry.organisations(id);

ALTER TABLE ONLY registry.generations
    ADD CONSTRAINT generations_parent FOREIGN KEY (parent) REFERENCES registry.generations(number);

ALTER TABLE ONLY registry.hits
    ADD CONSTRAINT hits_decoy FOREIGN KEY (decoy_id) REFERENCES registry.decoys(id);

ALTER TABLE ONLY registry.hits
    ADD CONSTRAINT hits_generation FOREIGN KEY (generation) REFERENCES registry.generations(number);

ALTER TABLE ONLY registry.private_sets
    ADD CONSTRAINT private_sets_generation FOREIGN KEY (generation) REFERENCES registry.generations(number);

ALTER TABLE ONLY registry.provider_credentials
    ADD CONSTRAINT provider_credentials_organisation FOREIGN KEY (organisation_id) REFERENCES registry.organisations(id);

ALTER TABLE ONLY registry.rekeyings
    ADD CONSTRAINT rekeyings_generation FOREIGN KEY (generation) REFERENCES registry.generations(number);

ALTER TABLE ONLY registry.withheld_contacts
    ADD CONSTRAINT withheld_contacts_decoy FOREIGN KEY (decoy_id) REFERENCES registry.decoys(id);

GRANT USAGE ON SCHEMA audit TO registry_app;
GRANT USAGE ON SCHEMA audit TO registry_log_reader;
GRANT USAGE ON SCHEMA audit TO registry_sealer;

GRANT USAGE ON SCHEMA registry TO registry_app;
GRANT USAGE ON SCHEMA registry TO registry_log_reader;
GRANT USAGE ON SCHEMA registry TO registry_sealer;

REVOKE ALL ON FUNCTION audit.field(body bytea, VARIADIC path text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION audit.field(body bytea, VARIADIC path text[]) TO registry_app;
GRANT ALL ON FUNCTION audit.field(body bytea, VARIADIC path text[]) TO registry_log_reader;
GRANT ALL ON FUNCTION audit.field(body bytea, VARIADIC path text[]) TO registry_sealer;

REVOKE ALL ON FUNCTION audit.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION registry.admit(p_key text, p_scope text, p_requests integer, p_numbers bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.admit(p_key text, p_scope text, p_requests integer, p_numbers bigint) TO registry_app;

REVOKE ALL ON FUNCTION registry.carry_contacts(p_older bytea[], p_newer bytea[], p_generation smallint) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.carry_contacts(p_older bytea[], p_newer bytea[], p_generation smallint) TO registry_app;

REVOKE ALL ON FUNCTION registry.charge_once(p_key text, p_scope text, p_organisation uuid, p_fingerprint bytea, p_request bytea, p_numbers bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.charge_once(p_key text, p_scope text, p_organisation uuid, p_fingerprint bytea, p_request bytea, p_numbers bigint) TO registry_app;

REVOKE ALL ON FUNCTION registry.spend_address(p_address bytea, p_per_minute integer) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.spend_address(p_address bytea, p_per_minute integer) TO registry_app;

REVOKE ALL ON FUNCTION registry.spend_addresses(p_addresses bytea[], p_per_minute integer) FROM PUBLIC;
GRANT ALL ON FUNCTION registry.spend_addresses(p_addresses bytea[], p_per_minute integer) TO registry_app;

GRANT SELECT ON TABLE audit.checkpoint TO registry_log_reader;
GRANT SELECT,INSERT ON TABLE audit.checkpoint TO registry_sealer;
GRANT SELECT ON TABLE audit.checkpoint TO registry_app;

GRANT SELECT ON TABLE audit.event TO registry_log_reader;
GRANT SELECT ON TABLE audit.event TO registry_sealer;

GRANT INSERT(body) ON TABLE audit.event TO registry_app;

GRANT SELECT ON TABLE audit.leaf TO registry_log_reader;
GRANT SELECT,INSERT ON TABLE audit.leaf TO registry_sealer;
GRANT SELECT ON TABLE audit.leaf TO registry_app;

GRANT INSERT(event) ON TABLE audit.private TO registry_app;

GRANT INSERT(nonce) ON TABLE audit.private TO registry_app;

GRANT INSERT(address) ON TABLE audit.private TO registry_app;

GRANT INSERT(user_agent) ON TABLE audit.private TO registry_app;

GRANT SELECT ON TABLE audit.subject TO registry_log_reader;

GRANT INSERT(tag) ON TABLE audit.subject TO registry_app;

GRANT INSERT(event) ON TABLE audit.subject TO registry_app;

GRANT INSERT(generation) ON TABLE audit.subject TO registry_app;

GRANT SELECT ON TABLE audit.tile TO registry_log_reader;
GRANT SELECT,INSERT ON TABLE audit.tile TO registry_sealer;
GRANT SELECT ON TABLE audit.tile TO registry_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.address_rates TO registry_app;

GRANT SELECT ON TABLE registry.alembic_version TO registry_app;
GRANT SELECT ON TABLE registry.alembic_version TO registry_log_reader;
GRANT SELECT ON TABLE registry.alembic_version TO registry_sealer;

GRANT SELECT,INSERT ON TABLE registry.api_keys TO registry_app;

GRANT UPDATE(expires_at) ON TABLE registry.api_keys TO registry_app;

GRANT UPDATE(revoked_at) ON TABLE registry.api_keys TO registry_app;

GRANT UPDATE(last_used_at) ON TABLE registry.api_keys TO registry_app;

GRANT SELECT,INSERT,DELETE ON TABLE registry.charges TO registry_app;

GRANT UPDATE(charged_at) ON TABLE registry.charges TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.decoy_days TO registry_app;

GRANT UPDATE(contacts) ON TABLE registry.decoy_days TO registry_app;

GRANT UPDATE(forgiven) ON TABLE registry.decoy_days TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(label) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(tag) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(generation) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(role) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(region) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(live_from) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(live_until) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(acquired_on) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(updated_at) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(quarantined_at) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(quarantine_reason) ON TABLE registry.decoys TO registry_app;

GRANT UPDATE(intake_token) ON TABLE registry.decoys TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.disputes TO registry_app;

GRANT UPDATE(closed_at) ON TABLE registry.disputes TO registry_app;

GRANT UPDATE(resolution) ON TABLE registry.disputes TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.exclusions TO registry_app;

GRANT UPDATE(expires_at) ON TABLE registry.exclusions TO registry_app;

GRANT UPDATE(removed_at) ON TABLE registry.exclusions TO registry_app;

GRANT UPDATE(mistaken) ON TABLE registry.exclusions TO registry_app;

GRANT UPDATE(covers_since) ON TABLE registry.exclusions TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.generations TO registry_app;
GRANT SELECT ON TABLE registry.generations TO registry_log_reader;

GRANT UPDATE(retired_at) ON TABLE registry.generations TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.hits TO registry_app;

GRANT UPDATE(retracted_at) ON TABLE registry.hits TO registry_app;

GRANT UPDATE(retraction_reason) ON TABLE registry.hits TO registry_app;

GRANT SELECT,INSERT,DELETE ON TABLE registry.idempotency_keys TO registry_app;

GRANT SELECT,INSERT,UPDATE ON TABLE registry.key_rates TO registry_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.listings TO registry_app;

GRANT SELECT,INSERT,UPDATE ON TABLE registry.organisation_days TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.organisations TO registry_app;
GRANT SELECT ON TABLE registry.organisations TO registry_log_reader;

GRANT UPDATE(requests_per_minute) ON TABLE registry.organisations TO registry_app;

GRANT UPDATE(numbers_per_day) ON TABLE registry.organisations TO registry_app;

GRANT UPDATE(suspended_at) ON TABLE registry.organisations TO registry_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE registry.private_set_slots TO registry_app;

GRANT SELECT,INSERT,UPDATE ON TABLE registry.private_sets TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.provider_credentials TO registry_app;

GRANT UPDATE(retired_at) ON TABLE registry.provider_credentials TO registry_app;

GRANT UPDATE(verifies_until) ON TABLE registry.provider_credentials TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.submissions TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.withheld_contacts TO registry_app;

GRANT UPDATE(contacts) ON TABLE registry.withheld_contacts TO registry_app;

GRANT SELECT,INSERT ON TABLE registry.withheld_sources TO registry_app;

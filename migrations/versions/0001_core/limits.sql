-- UNLOGGED: after a crash every key starts with a full burst, which is harmless, and no request waits for an fsync.
CREATE UNLOGGED TABLE registry.key_rates (
  key_id text PRIMARY KEY,
  tat bigint NOT NULL
);
COMMENT ON COLUMN registry.key_rates.tat IS 'GCRA''s theoretical arrival time, in microseconds since 1970 UTC.';

CREATE UNLOGGED TABLE registry.address_rates (
  address bytea PRIMARY KEY,
  tat bigint NOT NULL
);
CREATE INDEX address_rates_by_tat ON registry.address_rates (tat);
COMMENT ON TABLE registry.address_rates IS 'Failed authentications per client address.';
COMMENT ON COLUMN registry.address_rates.address IS 'Keyed fingerprint of the address.';

CREATE TABLE registry.organisation_days (
  organisation_id uuid NOT NULL,
  day date NOT NULL,
  used bigint NOT NULL CONSTRAINT organisation_days_used CHECK (used >= 0),
  CONSTRAINT organisation_days_pkey PRIMARY KEY (organisation_id, day)
);
COMMENT ON COLUMN registry.organisation_days.day IS 'UTC.';
COMMENT ON COLUMN registry.organisation_days.used IS 'Numbers asked or submitted.';

-- Finds a key and spends both of its limits, all or nothing. Called alone in its own transaction, so that the rollback
-- of what follows refunds nothing; its commit does not wait for the disk, so that a hot row is locked for microseconds.
-- A key that may not be used still spends its requests: guessing costs what asking costs.
CREATE FUNCTION registry.admit(p_key text, p_scope text, p_requests integer, p_numbers bigint)
RETURNS TABLE (
  organisation_id uuid, organisation_kind text, organisation_name text, scopes text[], usable boolean,
  key_allowed boolean, day_allowed boolean, requests_per_minute integer, numbers_per_day bigint,
  at_us bigint, tat_us bigint, used bigint, generations smallint[])
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

-- Spends one failed authentication of a client address. Returns the microseconds after which the next is allowed:
-- zero where this one still was.
CREATE FUNCTION registry.spend_address(p_address bytea, p_per_minute integer)
RETURNS bigint
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

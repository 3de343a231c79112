CREATE TABLE registry.charges (
  organisation_id uuid NOT NULL,
  fingerprint bytea NOT NULL CONSTRAINT charges_fingerprint CHECK (octet_length(fingerprint) = 32),
  request bytea NOT NULL CONSTRAINT charges_request CHECK (octet_length(request) = 32),
  charged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT charges_pkey PRIMARY KEY (organisation_id, fingerprint)
);
CREATE INDEX charges_by_age ON registry.charges (charged_at);
COMMENT ON TABLE registry.charges IS 'Questions that were paid for under an Idempotency-Key: repeated within a day, they are answered anew and not charged again.';
COMMENT ON COLUMN registry.charges.fingerprint IS 'Keyed fingerprint of the Idempotency-Key.';
COMMENT ON COLUMN registry.charges.request IS 'Keyed fingerprint of the method, path and body.';

-- Charges numbers for a question under an Idempotency-Key, once. Called alone in its own transaction, like
-- registry.admit, whose answer it gives; `paid` says that the same question was charged before, `reused` that the key
-- came with another one. A charge that the day's limit refuses leaves nothing behind.
CREATE FUNCTION registry.charge_once(
  p_key text, p_scope text, p_organisation uuid, p_fingerprint bytea, p_request bytea, p_numbers bigint)
RETURNS TABLE (
  organisation_id uuid, organisation_kind text, organisation_name text, scopes text[], usable boolean,
  key_allowed boolean, day_allowed boolean, requests_per_minute integer, numbers_per_day bigint,
  at_us bigint, tat_us bigint, used bigint, generations smallint[], paid boolean, reused boolean)
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

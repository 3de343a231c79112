CREATE SCHEMA audit;

-- convert_from() is only STABLE because encodings can be redefined; a database of this registry is UTF-8 and stays so,
-- which makes this a function of its arguments alone.
CREATE FUNCTION audit.field(body bytea, VARIADIC path text[]) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT convert_from(body, 'UTF8')::jsonb #>> path $$;

CREATE TABLE audit.event (
  id bigint GENERATED ALWAYS AS IDENTITY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  body bytea NOT NULL CONSTRAINT event_body_length CHECK (octet_length(body) BETWEEN 2 AND 65535),
  leaf bytea NOT NULL GENERATED ALWAYS AS (sha256('\x00'::bytea || body)) STORED,
  event_id uuid NOT NULL GENERATED ALWAYS AS (audit.field(body, 'id')::uuid) STORED,
  organisation uuid GENERATED ALWAYS AS (audit.field(body, 'actor', 'organisation')::uuid) STORED,
  operation text NOT NULL GENERATED ALWAYS AS (audit.field(body, 'operation')) STORED,
  CONSTRAINT event_pkey PRIMARY KEY (xid, id),
  CONSTRAINT event_event_id_key UNIQUE (event_id)
);
CREATE INDEX event_by_organisation ON audit.event (organisation, id);
COMMENT ON TABLE audit.event IS 'One row per operation, written in its transaction. Append only.';
COMMENT ON COLUMN audit.event.body IS 'RFC 8785 canonical JSON; its exact bytes are what the leaf hashes.';
COMMENT ON COLUMN audit.event.leaf IS 'RFC 6962 leaf hash.';
COMMENT ON COLUMN audit.event.event_id IS 'The receipt that the answer carries as audit_id.';

CREATE TABLE audit.subject (
  tag bytea NOT NULL CONSTRAINT subject_tag CHECK (octet_length(tag) = 32),
  event uuid NOT NULL,
  CONSTRAINT subject_pkey PRIMARY KEY (tag, event)
);
CREATE INDEX subject_by_event ON audit.subject (event);
COMMENT ON TABLE audit.subject IS 'Which disclosures name a tag. Bound to the event by its subjects digest. Append only.';

CREATE TABLE audit.private (
  event uuid NOT NULL CONSTRAINT private_pkey PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  nonce bytea NOT NULL,
  address text,
  user_agent text
);
CREATE INDEX private_by_age ON audit.private (at);
COMMENT ON TABLE audit.private IS 'Address and user agent behind an event, kept for a shorter time. Bound by the event''s private digest.';

CREATE FUNCTION audit.refuse_change() RETURNS trigger
  LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'audit.% is append only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$;

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON audit.event
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON audit.event
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER subject_append_only BEFORE UPDATE OR DELETE ON audit.subject
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER subject_no_truncate BEFORE TRUNCATE ON audit.subject
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
ALTER TABLE audit.event ENABLE ALWAYS TRIGGER event_append_only;
ALTER TABLE audit.event ENABLE ALWAYS TRIGGER event_no_truncate;
ALTER TABLE audit.subject ENABLE ALWAYS TRIGGER subject_append_only;
ALTER TABLE audit.subject ENABLE ALWAYS TRIGGER subject_no_truncate;

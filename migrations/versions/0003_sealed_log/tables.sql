CREATE TABLE audit.leaf (
  idx bigint NOT NULL CONSTRAINT leaf_idx CHECK (idx >= 0),
  xid xid8 NOT NULL,
  id bigint NOT NULL,
  hash bytea NOT NULL CONSTRAINT leaf_hash CHECK (octet_length(hash) = 32),
  CONSTRAINT leaf_pkey PRIMARY KEY (idx),
  CONSTRAINT leaf_event_key UNIQUE (xid, id)
);
COMMENT ON TABLE audit.leaf IS 'The events in the order in which they were sealed. Kept for ever, append only.';
COMMENT ON COLUMN audit.leaf.hash IS 'RFC 6962 leaf hash of the event''s body; it stays when the body is dropped.';

CREATE TABLE audit.tile (
  level smallint NOT NULL CONSTRAINT tile_level CHECK (level BETWEEN 0 AND 7),
  n bigint NOT NULL CONSTRAINT tile_n CHECK (n >= 0),
  hashes bytea NOT NULL CONSTRAINT tile_hashes CHECK (octet_length(hashes) = 8192),
  root bytea NOT NULL CONSTRAINT tile_root CHECK (octet_length(root) = 32),
  CONSTRAINT tile_pkey PRIMARY KEY (level, n)
);
COMMENT ON TABLE audit.tile IS 'Full tiles of 256 hashes (C2SP tlog-tiles). Kept for ever, append only.';

CREATE TABLE audit.checkpoint (
  size bigint NOT NULL CONSTRAINT checkpoint_size CHECK (size > 0),
  root bytea NOT NULL CONSTRAINT checkpoint_root CHECK (octet_length(root) = 32),
  last_xid xid8 NOT NULL,
  last_id bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  note text NOT NULL,
  CONSTRAINT checkpoint_pkey PRIMARY KEY (size)
);
COMMENT ON TABLE audit.checkpoint IS 'Signed heads of the log. Kept for ever, append only.';
COMMENT ON COLUMN audit.checkpoint.last_xid IS 'The last event that is sealed; with last_id, where the next sealing begins.';

CREATE TRIGGER leaf_append_only BEFORE UPDATE OR DELETE ON audit.leaf
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER leaf_no_truncate BEFORE TRUNCATE ON audit.leaf
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER tile_append_only BEFORE UPDATE OR DELETE ON audit.tile
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER tile_no_truncate BEFORE TRUNCATE ON audit.tile
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER checkpoint_append_only BEFORE UPDATE OR DELETE ON audit.checkpoint
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER checkpoint_no_truncate BEFORE TRUNCATE ON audit.checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
ALTER TABLE audit.leaf ENABLE ALWAYS TRIGGER leaf_append_only;
ALTER TABLE audit.leaf ENABLE ALWAYS TRIGGER leaf_no_truncate;
ALTER TABLE audit.tile ENABLE ALWAYS TRIGGER tile_append_only;
ALTER TABLE audit.tile ENABLE ALWAYS TRIGGER tile_no_truncate;
ALTER TABLE audit.checkpoint ENABLE ALWAYS TRIGGER checkpoint_append_only;
ALTER TABLE audit.checkpoint ENABLE ALWAYS TRIGGER checkpoint_no_truncate;

-- Events are listed by their receipt, which begins with the moment it was made.
-- The new index is built while events can be read; only then, for a moment, nobody can.
CREATE INDEX event_by_receipt ON audit.event (organisation, event_id);
DROP INDEX audit.event_by_organisation;

-- While several generations are active, a contact gives away that an older tag and the newest one are the same
-- number's. From then on all of its hits are under the newest, so that one tag answers for the whole number.
-- The application may not change hits; this is the one change it can ask for. Returns the older tags that had hits.
CREATE FUNCTION registry.carry_contacts(p_older bytea[], p_newer bytea[], p_generation smallint)
RETURNS TABLE (older bytea)
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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

CREATE TABLE registry.rekeyings (
  generation smallint NOT NULL CONSTRAINT rekeyings_generation REFERENCES registry.generations,
  successor smallint NOT NULL,
  public_key bytea NOT NULL CONSTRAINT rekeyings_public_key CHECK (octet_length(public_key) = 32),
  begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  switched_in bigint,
  CONSTRAINT rekeyings_pkey PRIMARY KEY (generation),
  CONSTRAINT rekeyings_successor CHECK (successor > generation)
);
COMMENT ON TABLE registry.rekeyings IS 'The generation whose tags are being carried into a chained one; the row goes when the old tags are out of the files.';
COMMENT ON COLUMN registry.rekeyings.public_key IS 'Of the successor: work under another key must not be resumed.';
COMMENT ON COLUMN registry.rekeyings.switched_in IS 'Id of the transaction that switched; null while tags are being prepared.';

CREATE TABLE registry.rekeyed_tags (
  generation smallint NOT NULL,
  tag bytea NOT NULL CONSTRAINT rekeyed_tags_tag CHECK (octet_length(tag) = 32),
  successor bytea NOT NULL CONSTRAINT rekeyed_tags_successor CHECK (octet_length(successor) = 32),
  CONSTRAINT rekeyed_tags_pkey PRIMARY KEY (generation, tag)
);
COMMENT ON TABLE registry.rekeyed_tags IS 'Old tag -> chained tag, computed ahead of the switch and destroyed in it.';
-- The planner's statistics are samples of what is stored, and outlive it where a table becomes empty.
ALTER TABLE registry.rekeyed_tags ALTER COLUMN tag SET STATISTICS 0, ALTER COLUMN successor SET STATISTICS 0;
ALTER TABLE registry.private_set_slots ALTER COLUMN ids SET STATISTICS 0;

-- Every stored tag says under which generation it was made, so that a chain carries exactly those of its own. No tag
-- that was disclosed before this migration can have left its table since.
ALTER TABLE audit.subject ADD COLUMN generation smallint;
COMMENT ON COLUMN audit.subject.generation IS 'Under which the tag was made; null where its contacts moved to a newer one in that moment.';
ALTER TABLE audit.subject DISABLE TRIGGER subject_append_only;
UPDATE audit.subject s SET generation = coalesce(
  (SELECT h.generation FROM registry.hits h WHERE h.tag = s.tag LIMIT 1),
  (SELECT e.generation FROM registry.exclusions e WHERE e.tag = s.tag LIMIT 1),
  (SELECT d.generation FROM registry.disputes d WHERE d.tag = s.tag LIMIT 1));
ALTER TABLE audit.subject ENABLE ALWAYS TRIGGER subject_append_only;
COMMENT ON TABLE registry.hits IS 'Contacts: the truth that listings are computed from. Only their retraction changes, and their tag where a newer generation takes it over.';

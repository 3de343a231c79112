CREATE INDEX decoys_by_tag ON registry.decoys (tag);
COMMENT ON COLUMN registry.decoys.tag IS
  'The tag of the decoy''s own number, by which provider logs find it, and which is not listed until live_until.';
COMMENT ON TABLE registry.listings IS
  'A projection of hits, exclusions, disputes and lines; recomputed in the transaction that changes one of them.';
-- Lines of the version before have no listing of their own number, unless that has contacts: then its listing is of the
-- policy before, and computed again.
INSERT INTO registry.listings (tag, generation, contacts, decoys, organisations, channels, excluded, disputed, policy,
                               changes_at)
SELECT d.tag, min(d.generation), 0, 0, 0, '{}', true, false, '',
       CASE WHEN bool_and(d.live_until IS NOT NULL) THEN max(d.live_until) END
  FROM registry.decoys d
 WHERE d.live_until IS NULL OR d.live_until > now()
 GROUP BY d.tag
    ON CONFLICT (tag) DO NOTHING;

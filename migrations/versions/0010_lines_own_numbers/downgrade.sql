-- The version before lists the numbers of lines like any other. It counts no contact that was diverted. This cannot be told
-- from a real diversion afterwards: an upgrade does not give them back. What the listings of these numbers say, it computes
-- again with the next contact: until then they are excluded, which answers the same.
UPDATE registry.hits AS h SET diverted = true FROM registry.decoys d
 WHERE h.tag = d.tag AND NOT h.diverted AND (d.live_until IS NULL OR h.occurred_at < d.live_until);
COMMENT ON TABLE registry.listings IS
  'A projection of hits, exclusions and disputes; recomputed in the transaction that changes one of them.';
COMMENT ON COLUMN registry.decoys.tag IS 'The tag of the decoy''s own number, by which provider logs find it.';
DROP INDEX registry.decoys_by_tag;

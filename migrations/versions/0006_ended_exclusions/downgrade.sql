-- The version before counts every contact again once an exclusion has ended, and so would list whom this one protected. It
-- counts none that was diverted. This cannot be told from a real diversion afterwards: an upgrade does not give them back.
UPDATE registry.hits AS h SET diverted = true
  FROM (SELECT e.tag, max(least(e.expires_at, e.removed_at)) AS covered_until FROM registry.exclusions e
         WHERE (e.removed_at IS NOT NULL OR e.expires_at <= now()) AND NOT e.mistaken AND e.reason <> 'flood'
         GROUP BY e.tag) AS c
 WHERE h.tag = c.tag AND h.occurred_at < c.covered_until AND NOT h.diverted;
-- That an exclusion was a mistake is forgotten, and nothing may go on saying what followed from it.
UPDATE registry.listings AS l SET policy = '' FROM registry.exclusions e WHERE e.tag = l.tag AND e.mistaken;
ALTER TABLE registry.exclusions DROP COLUMN mistaken;

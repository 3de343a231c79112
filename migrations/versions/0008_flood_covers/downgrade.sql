-- The version before counts a flood's contacts once its hold has ended. It counts none that was diverted. This cannot be
-- told from a real diversion afterwards: an upgrade does not give them back.
UPDATE registry.hits AS h SET diverted = true
  FROM registry.exclusions e
 WHERE h.tag = e.tag AND NOT h.diverted AND e.reason = 'flood' AND NOT e.mistaken
   AND (e.removed_at IS NULL OR e.removed_at = e.expires_at)
   AND h.occurred_at >= coalesce(e.covers_since, e.created_at - interval '2 days') AND h.occurred_at < e.expires_at;
ALTER TABLE registry.exclusions DROP COLUMN covers_since;
REVOKE UPDATE (expires_at) ON registry.exclusions FROM registry_app;

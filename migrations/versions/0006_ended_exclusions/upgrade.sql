ALTER TABLE registry.exclusions ADD COLUMN mistaken boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN registry.exclusions.mistaken IS 'It should never have been: contacts from before its end count again.';
GRANT UPDATE (mistaken) ON registry.exclusions TO registry_app;

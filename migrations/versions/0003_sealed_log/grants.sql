REVOKE ALL ON audit.leaf, audit.tile, audit.checkpoint FROM PUBLIC;
GRANT USAGE ON SCHEMA registry, audit TO registry_log_reader, registry_sealer;
GRANT EXECUTE ON FUNCTION audit.field TO registry_log_reader, registry_sealer;
GRANT SELECT ON registry.alembic_version TO registry_log_reader, registry_sealer;
GRANT SELECT ON audit.event, audit.subject, audit.leaf, audit.tile, audit.checkpoint, registry.organisations,
  registry.generations TO registry_log_reader;
GRANT SELECT ON audit.event, audit.leaf, audit.tile, audit.checkpoint TO registry_sealer;
GRANT INSERT ON audit.leaf, audit.tile, audit.checkpoint TO registry_sealer;
-- Checkpoints and hashes are public, and so are their readers.
GRANT SELECT ON audit.leaf, audit.tile, audit.checkpoint TO registry_app;

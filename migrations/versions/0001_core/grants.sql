REVOKE ALL ON ALL TABLES IN SCHEMA registry, audit FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA registry, audit FROM PUBLIC;
GRANT USAGE ON SCHEMA registry, audit TO registry_app;

GRANT SELECT ON registry.alembic_version TO registry_app;
GRANT SELECT, INSERT ON registry.organisations, registry.api_keys, registry.generations, registry.decoys, registry.hits,
  registry.submissions, registry.exclusions, registry.disputes TO registry_app;
GRANT UPDATE (requests_per_minute, numbers_per_day, suspended_at) ON registry.organisations TO registry_app;
GRANT UPDATE (expires_at, revoked_at, last_used_at) ON registry.api_keys TO registry_app;
GRANT UPDATE (retired_at) ON registry.generations TO registry_app;
GRANT UPDATE (label, tag, generation, role, region, live_from, live_until, acquired_on, updated_at)
  ON registry.decoys TO registry_app;
GRANT UPDATE (retracted_at, retraction_reason) ON registry.hits TO registry_app;
GRANT UPDATE (removed_at) ON registry.exclusions TO registry_app;
GRANT UPDATE (closed_at, resolution) ON registry.disputes TO registry_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON registry.listings TO registry_app;
GRANT SELECT, INSERT, DELETE ON registry.idempotency_keys TO registry_app;
GRANT SELECT, INSERT, UPDATE ON registry.key_rates, registry.organisation_days TO registry_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON registry.address_rates TO registry_app;
GRANT EXECUTE ON FUNCTION registry.admit, registry.spend_address, audit.field TO registry_app;

-- Of an event the application supplies the body and nothing else: it can forge neither its time nor its leaf.
GRANT INSERT (body) ON audit.event TO registry_app;
GRANT INSERT (tag, event) ON audit.subject TO registry_app;
GRANT INSERT (event, nonce, address, user_agent) ON audit.private TO registry_app;

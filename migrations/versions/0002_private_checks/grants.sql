REVOKE ALL ON registry.private_sets, registry.private_set_slots, registry.charges, registry.rekeyings,
  registry.rekeyed_tags FROM PUBLIC;
REVOKE ALL ON FUNCTION registry.charge_once, registry.carry_contacts FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON registry.private_sets TO registry_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON registry.private_set_slots TO registry_app;
GRANT SELECT, INSERT, DELETE ON registry.charges TO registry_app;
-- FOR UPDATE SKIP LOCKED over old rows needs the right to update one column.
GRANT UPDATE (charged_at) ON registry.charges TO registry_app;
GRANT EXECUTE ON FUNCTION registry.charge_once, registry.carry_contacts TO registry_app;
GRANT INSERT (generation) ON audit.subject TO registry_app;

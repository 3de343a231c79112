GRANT UPDATE (quarantined_at, quarantine_reason) ON registry.decoys TO registry_app;
GRANT SELECT, INSERT, UPDATE (contacts, forgiven) ON registry.decoy_days TO registry_app;
REVOKE ALL ON registry.provider_credentials, registry.withheld_contacts, registry.withheld_sources FROM PUBLIC;
GRANT SELECT, INSERT ON registry.provider_credentials, registry.withheld_contacts, registry.withheld_sources TO registry_app;
GRANT UPDATE (retired_at, verifies_until) ON registry.provider_credentials TO registry_app;
GRANT UPDATE (contacts) ON registry.withheld_contacts TO registry_app;
GRANT UPDATE (intake_token) ON registry.decoys TO registry_app;

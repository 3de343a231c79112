GRANT UPDATE (quarantined_at, quarantine_reason) ON registry.decoys TO registry_app;

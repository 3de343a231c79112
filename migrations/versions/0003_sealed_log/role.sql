-- Rights on the log hang on group roles without login. The application's logins do not have them: they can take on a role
-- for a part of a transaction (SET LOCAL ROLE). Where sealing is done apart, registry_sealer is taken from registry_app.
DO $$
DECLARE
  log_role text;
BEGIN
  FOREACH log_role IN ARRAY ARRAY['registry_log_reader', 'registry_sealer'] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = log_role) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', log_role);
      END IF;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of this cluster was migrated at the same time
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role % does not exist and this login may not create it', log_role
          USING HINT = format('As a superuser: CREATE ROLE %1$s NOLOGIN; GRANT %1$s TO registry_app WITH INHERIT FALSE, SET TRUE;', log_role);
    END;
    BEGIN
      IF NOT pg_has_role('registry_app', log_role, 'SET') THEN
        EXECUTE format('GRANT %I TO registry_app WITH INHERIT FALSE, SET TRUE', log_role);
      END IF;
    EXCEPTION
      WHEN unique_violation THEN NULL;
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'registry_app is not a member of % and this login may not make it one', log_role
          USING HINT = format('As a superuser: GRANT %s TO registry_app WITH INHERIT FALSE, SET TRUE;', log_role);
    END;
  END LOOP;
END
$$;

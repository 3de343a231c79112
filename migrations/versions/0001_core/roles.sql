-- The application's rights hang on a group role without login. A login for the API is a member of it.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_app') THEN
    CREATE ROLE registry_app NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of this cluster was migrated at the same time
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the role registry_app does not exist and this login may not create it'
      USING HINT = 'As a superuser: CREATE ROLE registry_app NOLOGIN;';
END
$$;

-- The sealer's rights hang on a group role without login. The application's logins do not have these rights: they can
-- take on the role for a transaction (SET LOCAL ROLE), which is what the sealer and the readers of the log do.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_sealer') THEN
    CREATE ROLE registry_sealer NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of this cluster was migrated at the same time
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the role registry_sealer does not exist and this login may not create it'
      USING HINT = 'As a superuser: CREATE ROLE registry_sealer NOLOGIN; GRANT registry_sealer TO registry_app WITH INHERIT FALSE, SET TRUE;';
END
$$;

DO $$
BEGIN
  IF NOT pg_has_role('registry_app', 'registry_sealer', 'SET') THEN
    GRANT registry_sealer TO registry_app WITH INHERIT FALSE, SET TRUE;
  END IF;
EXCEPTION
  WHEN unique_violation THEN NULL;
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'registry_app is not a member of registry_sealer and this login may not make it one'
      USING HINT = 'As a superuser: GRANT registry_sealer TO registry_app WITH INHERIT FALSE, SET TRUE;';
END
$$;

-- What spend_address does, for several at once; one that is there several times spends so often. Returns the microseconds to
-- wait for each, in order. Rows are held in byte order, and what has earned everything back is removed when nothing more is
-- waited for: two transactions never wait for each other in a circle.
CREATE FUNCTION registry.spend_addresses(p_addresses bytea[], p_per_minute integer)
RETURNS bigint[]
LANGUAGE plpgsql
AS $$
DECLARE
  v_interval bigint := (60000000 + p_per_minute - 1) / p_per_minute;
  v_waits bigint[] := array_fill(0::bigint, ARRAY[coalesce(array_length(p_addresses, 1), 0)]);
  v_address bytea;
  v_places bigint[];
  v_place bigint;
  v_at bigint;
  v_tat bigint;
  v_new bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  FOR v_address, v_places IN
    SELECT n.address, array_agg(n.place ORDER BY n.place)
      FROM unnest(p_addresses) WITH ORDINALITY AS n (address, place) GROUP BY n.address ORDER BY n.address
  LOOP
    INSERT INTO registry.address_rates (address, tat) VALUES (v_address, 0) ON CONFLICT DO NOTHING;
    SELECT r.tat INTO v_tat FROM registry.address_rates r WHERE r.address = v_address FOR UPDATE;
    v_at := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    FOREACH v_place IN ARRAY v_places LOOP
      v_new := greatest(v_tat, v_at) + v_interval;
      IF v_new - v_at > v_interval * p_per_minute THEN
        v_waits[v_place] := v_new - v_at - v_interval * p_per_minute;
      ELSE
        v_tat := v_new;
      END IF;
    END LOOP;
    UPDATE registry.address_rates r SET tat = v_tat WHERE r.address = v_address;
  END LOOP;
  DELETE FROM registry.address_rates r WHERE r.address IN (
    SELECT o.address FROM registry.address_rates o WHERE o.tat < v_at ORDER BY o.tat LIMIT 4 FOR UPDATE SKIP LOCKED);
  RETURN v_waits;
END
$$;
REVOKE ALL ON FUNCTION registry.spend_addresses FROM PUBLIC;
GRANT EXECUTE ON FUNCTION registry.spend_addresses TO registry_app;
COMMENT ON TABLE registry.address_rates IS 'Failed authentications per client address, and providers'' requests per line.';

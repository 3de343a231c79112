CREATE TABLE registry.private_sets (
  generation smallint NOT NULL CONSTRAINT private_sets_generation REFERENCES registry.generations,
  epoch timestamptz NOT NULL,
  built_for text NOT NULL,
  entries bigint NOT NULL CONSTRAINT private_sets_entries CHECK (entries >= 0),
  prefix_bits smallint NOT NULL CONSTRAINT private_sets_prefix_bits CHECK (prefix_bits BETWEEN 0 AND 12),
  bucket_entries bigint NOT NULL,
  digest bytea NOT NULL CONSTRAINT private_sets_digest CHECK (octet_length(digest) = 32),
  CONSTRAINT private_sets_pkey PRIMARY KEY (generation),
  CONSTRAINT private_sets_buckets CHECK ((prefix_bits = 0) = (bucket_entries = 0))
);
COMMENT ON TABLE registry.private_sets IS 'What private checks compare with, as it was when its epoch was first asked for. Rebuilt, never answered from.';
COMMENT ON COLUMN registry.private_sets.epoch IS 'Start of the epoch that the set is of.';
COMMENT ON COLUMN registry.private_sets.built_for IS 'The policy and the settings it was built under; others make it stale.';
COMMENT ON COLUMN registry.private_sets.prefix_bits IS 'Bits that the ids of one bucket share; 0: there are no buckets.';
COMMENT ON COLUMN registry.private_sets.bucket_entries IS 'The size that every bucket is filled up to.';

CREATE TABLE registry.private_set_slots (
  generation smallint NOT NULL,
  slot smallint NOT NULL CONSTRAINT private_set_slots_slot CHECK (slot BETWEEN 0 AND 4095),
  ids bytea NOT NULL CONSTRAINT private_set_slots_ids CHECK (octet_length(ids) > 0 AND octet_length(ids) % 8 = 0),
  CONSTRAINT private_set_slots_pkey PRIMARY KEY (generation, slot)
);
COMMENT ON TABLE registry.private_set_slots IS 'The set in 4,096 parts, so that a rebuild writes only what has changed.';
COMMENT ON COLUMN registry.private_set_slots.slot IS 'The first 12 bits of the ids in it.';
COMMENT ON COLUMN registry.private_set_slots.ids IS 'Set ids of 8 bytes each, ascending.';

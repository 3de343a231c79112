"""Revision 0002 finds out under which generation each tag was made that was disclosed before it."""

import psycopg
import pytest
from databases import DatabaseUrls
from psycopg import errors
from revisions import upgrade

FILLED = """
INSERT INTO registry.generations (number, public_key) VALUES (1, sha256('1')), (2, sha256('2'));
INSERT INTO registry.organisations VALUES (gen_random_uuid(), 'investigator', 'One', 1, 1);
INSERT INTO registry.decoys (id, organisation_id, label, tag, generation, role)
  SELECT gen_random_uuid(), id, 'A line', sha256('line'), 1, 'test' FROM registry.organisations;
INSERT INTO registry.hits (tag, id, generation, organisation_id, decoy_id, channel, diverted, line_type, occurred_at,
    normaliser_version, retracted_at, retraction_reason)
  SELECT sha256(t.text), gen_random_uuid(), t.generation, organisation_id, id, 'sms', false, 'mobile', now(), 'x',
    t.gone, CASE WHEN t.gone IS NOT NULL THEN 'other' END
  FROM registry.decoys, (VALUES ('seen'::bytea, 1, NULL), ('seen later', 2, NULL), ('retracted', 2, now()))
    AS t (text, generation, gone);
INSERT INTO registry.exclusions (tag, id, generation, reason)
  VALUES (sha256('excluded later'), gen_random_uuid(), 1, 'police');
INSERT INTO registry.disputes (tag, id, generation, due_on) VALUES (sha256('disputed'), gen_random_uuid(), 2, now());
INSERT INTO audit.subject SELECT sha256(t::bytea), gen_random_uuid()
  FROM unnest(ARRAY['seen', 'seen later', 'retracted', 'excluded later', 'disputed', 'nowhere']) AS t;
"""
MADE_UNDER = {"seen": 1, "seen later": 2, "retracted": 2, "excluded later": 1, "disputed": 2, "nowhere": None}


def test_every_disclosed_tag_gets_its_generation_and_the_index_stays_append_only(empty: DatabaseUrls) -> None:
    upgrade(empty, "0001")
    with psycopg.connect(empty.superuser_dsn, autocommit=True) as superuser:
        superuser.execute(FILLED)
        upgrade(empty, "0002")
        for what, generation in MADE_UNDER.items():
            statement = "SELECT generation FROM audit.subject WHERE tag = sha256(%s)"
            assert superuser.execute(statement, (what.encode(),)).fetchall() == [(generation,)], what
        with pytest.raises(errors.InsufficientPrivilege, match="append only"):
            superuser.execute("UPDATE audit.subject SET generation = 1")

"""Filling the registry: contacts of the bench's own numbers through the API, and as many more as are wanted straight
into the tables, under tags that look like any others and belong to no number.

What is filled in is what the API would have left behind: a submission, a hit and a listing for every number.
"""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg

from registry.db.embedded import DATABASE
from registry.domain.policy import Policy

from . import numbers
from .installation import Installation
from .load import Connection, post

_HITS_OF_REQUEST: Final = 1_000
_BATCH: Final = 1_000_000
_DECOY: Final = "+18005550199"

# The n-th of N tags: its first 48 bits lie at n / N of all tags and the rest is a hash, so that rows come in the order
# of their tags, which fills an index without ever going back, and lie as evenly as true tags do.
_NEW: Final[LiteralString] = """
  WITH new AS (
    SELECT substring(int8send(n * (281474976710656 / %(of)s)) FROM 3) || substring(sha256(int8send(n)) FROM 1 FOR 26)
             AS tag,
           ('01980000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
           date_trunc('hour', clock_timestamp()) - interval '30 days' - interval '1 hour' * (n %% 5000) AS at,
           d.id AS decoy, d.organisation_id AS owner, d.generation
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n, registry.decoys AS d)"""
_HITS: Final[LiteralString] = (
    "INSERT INTO registry.hits (tag, id, generation, organisation_id, decoy_id, channel, diverted, line_type,"
    " occurred_at, normaliser_version)"
    " SELECT tag, id, generation, owner, decoy, 'sms', false, 'fixed_line_or_mobile', at, 'bench' FROM new"
)
_SUBMISSIONS: Final[LiteralString] = (
    "INSERT INTO registry.submissions (organisation_id, source_key, hit_id, tag, decoy_id)"
    " SELECT owner, tag, id, tag, decoy FROM new"
)
_LISTINGS: Final[LiteralString] = (
    "INSERT INTO registry.listings (tag, generation, grade, contacts, decoys, organisations, first_contact,"
    " last_contact, channels, excluded, disputed, policy, changes_at)"
    " SELECT tag, generation, 'single', 1, 1, 1, at::date, at::date, '{sms}', false, false, %(policy)s,"
    " at + interval '24 months' FROM new"
)
_TABLES: Final[LiteralString] = "registry.hits, registry.submissions, registry.listings"


def list_numbers(installation: Installation, port: int) -> str:
    """Registers a decoy and a text message from each of `numbers.listed`, through the API. Returns the decoy's id."""
    with Connection(port) as connection:

        def submit(path: str, body: dict[str, object]) -> Any:
            return json.loads(connection.exchange(post(path, body, installation.investigator)))

        line: dict[str, object] = {"label": "Bench", "number": _DECOY, "role": "advertisement"}
        decoy = str(submit("/v1/decoys", line)["id"])
        at = (datetime.now(UTC) - timedelta(days=30)).isoformat()
        listed = numbers.listed()
        for start in range(0, len(listed), _HITS_OF_REQUEST):
            hits = [
                {"decoy_id": decoy, "number": number, "channel": "sms", "occurred_at": at}
                for number in listed[start : start + _HITS_OF_REQUEST]
            ]
            answer = submit("/v1/hits", {"hits": hits})
            if answer["recorded"] != len(hits):
                raise RuntimeError(f"of {len(hits)} hits {answer['recorded']} were recorded")
    return decoy


def fill(installation: Installation, listings: int, database: str = DATABASE) -> float:
    """Adds listed tags until there are so many, and leaves the tables as a night's vacuum would. Returns seconds."""
    began = time.perf_counter()
    with installation.connect_as_superuser(database) as connection:
        present = _count(connection)
        missing = listings - present
        # Foreign keys are right by construction; asking for each of them takes longer than all the rest.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        for first in range(0, missing, _BATCH):
            last = min(first + _BATCH, missing)
            values = {"first": present + first, "last": present + last - 1, "of": listings, "policy": Policy().name}
            for insert in (_HITS, _SUBMISSIONS, _LISTINGS):
                connection.execute(f"{_NEW} {insert}", values)
            if missing > _BATCH:
                sys.stderr.write(f"  {present + last:,} of {listings:,} listed, {time.perf_counter() - began:.0f} s\n")
        connection.execute(f"VACUUM (ANALYZE) {_TABLES}")
        connection.execute("CHECKPOINT")
        if _count(connection) != max(listings, present):
            raise RuntimeError("the tables were not filled as they should be")
    return time.perf_counter() - began


def size(installation: Installation, database: str) -> int:
    """Bytes of a database on disk."""
    with installation.connect_as_superuser("postgres") as connection:
        row = connection.execute("SELECT pg_database_size(%s)", [database]).fetchone()
    return 0 if row is None else int(row[0])


def _count(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    row = connection.execute("SELECT count(*) FROM registry.listings").fetchone()
    return 0 if row is None else int(row[0])

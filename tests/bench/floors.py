"""The floors of bulk work, on one thread: reading each number, asking whether it is valid, evaluating its tag, and one
statement for every 2,000 of them. Nothing of the registry's own code takes part.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import phonenumbers
import psycopg
from voprf.ristretto import Evaluator

from registry.domain.tags import INPUT_PREFIX, TAG_BYTES
from registry.keys import KEY_INFO

from .installation import Installation
from .numbers import REGION

BATCH: Final = 2_000
_SELECT: Final = (
    "SELECT tag, generation, grade, contacts, decoys, organisations, first_contact, last_contact, channels, excluded,"
    " disputed, policy, changes_at FROM registry.listings WHERE tag = ANY(%s)"
)
_MAKE_TABLE: Final = (
    "DROP SCHEMA IF EXISTS bench CASCADE;CREATE SCHEMA bench;CREATE TABLE bench.hits (LIKE registry.hits INCLUDING ALL)"
)
_COPY: Final = (
    "COPY bench.hits (tag, id, generation, organisation_id, decoy_id, channel, attestation, diverted, line_type,"
    " occurred_at, normaliser_version) FROM STDIN (FORMAT binary)"
)
_TYPES: Final = ("bytea", "uuid", "int2", "uuid", "uuid", "text", "text", "bool", "text", "timestamptz", "text")


def bulk(installation: Installation, texts: Sequence[str]) -> float:
    """Seconds for all numbers, with one `= ANY(array)` select of their tags per batch."""
    evaluator = Evaluator.from_seed(installation.seed, KEY_INFO)
    with installation.connect() as connection:
        began = time.perf_counter()
        for batch in _batches(texts):
            connection.execute(_SELECT, [_tags(evaluator, batch)]).fetchall()
        return time.perf_counter() - began


def hits(installation: Installation, texts: Sequence[str]) -> float:
    """Seconds for all numbers, with a committed COPY of one row for each into a table that is built like hits."""
    evaluator = Evaluator.from_seed(installation.seed, KEY_INFO)
    with installation.connect_as_superuser() as connection:
        connection.execute(_MAKE_TABLE)
        connection.execute("CHECKPOINT")
        owner, decoy, at = uuid4(), uuid4(), datetime.now(UTC)
        began = time.perf_counter()
        for batch in _batches(texts):
            tags = _tags(evaluator, batch)
            _copy(connection, [(tag, uuid4(), 1, owner, decoy, "sms", None, False, "mobile", at, "") for tag in tags])
        taken = time.perf_counter() - began
        connection.execute("DROP SCHEMA bench CASCADE")
        return taken


def _copy(connection: psycopg.Connection[tuple[Any, ...]], rows: Sequence[Sequence[object]]) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for row in rows:
            copy.write_row(row)


def _tags(evaluator: Evaluator, texts: Sequence[str]) -> list[bytes]:
    tags: list[bytes] = []
    for text in texts:
        number = phonenumbers.parse(text, REGION)
        if not phonenumbers.is_valid_number(number):
            raise ValueError("the bench's own numbers are valid")
        e164 = f"+{number.country_code}{number.national_number}"
        tags.append(evaluator.evaluate_known_input(INPUT_PREFIX + e164.encode())[:TAG_BYTES])
    return tags


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))

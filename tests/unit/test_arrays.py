from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.db.arrays import bytes_array, plain_array


def test_what_postgresql_reads_is_what_was_written(superuser: psycopg.Connection[tuple[Any, ...]]) -> None:
    tags = [bytes(range(i, i + 32)) for i in range(3)]
    ids = [UUID(int=i) for i in range(3)]
    moments = [datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC), None]
    rows = superuser.execute(
        "SELECT %s::bytea[], %s::uuid[], %s::timestamptz[], %s::boolean[], %s::text[], %s::date[], %s::int[]",
        (
            bytes_array(tags),
            plain_array(ids),
            plain_array(moments),
            plain_array([True, False, None]),
            plain_array(["sms,voice", "", None, "fixed_line"]),
            plain_array([date(2026, 3, 1), None]),
            plain_array([1, 0, -7]),
        ),
    ).fetchone()
    assert rows is not None
    assert list(rows) == [
        tags,
        ids,
        moments,
        [True, False, None],
        ["sms,voice", "", None, "fixed_line"],
        [date(2026, 3, 1), None],
        [1, 0, -7],
    ]


def test_an_empty_list_is_an_empty_array(superuser: psycopg.Connection[tuple[Any, ...]]) -> None:
    row = superuser.execute("SELECT %s::bytea[], %s::uuid[]", (bytes_array([]), plain_array([]))).fetchone()
    assert row == ([], [])


@given(st.text(alphabet="\"\\{} \n%'", min_size=1))
def test_a_text_that_needs_escaping_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="words of this code's own"):
        plain_array([text])

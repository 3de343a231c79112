"""Reading tables from bytes, for tests."""

import io
from collections.abc import Callable

import pytest

from registry.domain.errors import Refused
from registry.domain.tables import Record, Survey, records, survey

PHONE = "+1 206 555 0177"


def surveyed(content: bytes, *, max_rows: int = 1000, has_header: bool | None = None) -> Survey:
    return survey(io.BytesIO(content), max_rows=max_rows, has_header=has_header)


def rows_of(content: bytes) -> list[Record]:
    file = io.BytesIO(content)
    return list(records(file, survey(file, max_rows=1000)))


def refusal(work: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        work()
    return caught.value

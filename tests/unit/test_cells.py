from datetime import UTC, date, datetime

import pytest

from registry.domain.cells import day, flag, moment
from registry.domain.errors import Code, Refused


def refusal(read: object, cell: str) -> Refused:
    assert callable(read)
    with pytest.raises(Refused) as caught:
        read(cell)
    return caught.value


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("", None),
        ("  ", None),
        ("2026-03-01", date(2026, 3, 1)),
        (" 2026-03-01 ", date(2026, 3, 1)),
        ("2026-03-01T10:00:00Z", date(2026, 3, 1)),
        ("2026-03-01 23:59:59+02:00", date(2026, 3, 1)),
    ],
)
def test_a_day_is_an_iso_date_with_or_without_a_time(cell: str, found: date | None) -> None:
    assert day(cell) == found


@pytest.mark.parametrize("cell", ["03/04/2026", "2026-02-30", "1999-12-31", "2201-01-01", "20260301", "soon"])
def test_any_other_day_is_refused_and_not_repeated(cell: str) -> None:
    refused = refusal(day, cell)
    assert refused.code is Code.INVALID_VALUE
    assert cell not in str(refused)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-01T10:00:00Z",
        "2026-03-01 10:00:00 UTC",
        "2026-03-01 10:00:00 gmt",
        "2026-03-01T12:00:00+02:00",
        "Sun, 01 Mar 2026 10:00:00 +0000",
        "Sun, 01 Mar 2026 10:00:00 GMT",
    ],
)
def test_a_moment_carries_its_offset(cell: str) -> None:
    found = moment(cell)
    assert found == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert found.tzinfo is UTC


def test_a_missing_moment_is_a_missing_field() -> None:
    assert refusal(moment, " ").code is Code.MISSING_FIELD


@pytest.mark.parametrize("cell", ["2026-03-01T10:00:00", "1999-01-01T00:00:00Z", "yesterday", "01.03.2026 10:00"])
def test_a_moment_without_an_offset_or_of_another_century_is_refused(cell: str) -> None:
    assert refusal(moment, cell).code is Code.INVALID_VALUE


@pytest.mark.parametrize(
    ("cell", "found"),
    [("true", True), (" YES ", True), ("1", True), ("", False), ("No", False), ("f", False)],
)
def test_a_flag_is_read_as_people_write_it(cell: str, found: bool) -> None:  # noqa: FBT001 - a flag is what it is
    assert flag(cell) is found


def test_another_flag_is_refused() -> None:
    assert refusal(flag, "perhaps").code is Code.INVALID_VALUE

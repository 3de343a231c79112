from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from registry.client._reading import ReadNumber, Unreadable
from registry.client.file_checks.packed_rows import PackedRows, written
from registry.domain.errors import Code

Row = tuple[ReadNumber | Unreadable, date | None, date | None]
e164s = st.integers(min_value=1_000_000, max_value=999_999_999_999_999).map(lambda number: f"+{number}")
notes = st.sampled_from([(), ("extension_ignored",), ("one", "two")])
days = st.none() | st.dates(min_value=date(2000, 1, 1), max_value=date(2200, 12, 31))
read = st.builds(ReadNumber, e164=e164s, notes=notes, served=st.booleans())
unreadable = st.builds(Unreadable, code=st.sampled_from(Code), field=st.just("number"), detail=st.just(""))


@given(rows=st.lists(st.tuples(read | unreadable, days, days)))
def test_rows_come_out_as_they_were_put_in(
    rows: list[tuple[ReadNumber | Unreadable, date | None, date | None]],
) -> None:
    packed = PackedRows()
    for row in rows:
        packed.append(*row)
    assert len(packed) == len(rows)
    for at, (one, since, until) in enumerate(rows):
        assert packed.window(at) == (since, until)
        if isinstance(one, Unreadable):
            assert (packed.problem(at), packed.numbers[at], packed.notes(at)) == (one.code, 0, ())
            continue
        assert packed.problem(at) is None
        assert packed.notes(at) == one.notes
        if one.served:
            assert written(packed.numbers[at]) == one.e164
        else:
            assert packed.numbers[at] == 0

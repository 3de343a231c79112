"""Which columns of a table of exclusions are read as what."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from registry.domain.checked_table import NUMBER_COLUMNS
from registry.domain.errors import Code, Refused
from registry.domain.read_columns import column_names, count_numbers, shell_word
from registry.domain.tables import Survey, find_column, known_column

FIELDS: Final = ("number", "region", "reason", "expires_at")
_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "region": ("region",),
    "reason": ("reason",),
    "expires_at": ("expires_at", "expires", "expiry", "valid_until", "until", "ends", "end"),
}
"""Names under which a column is found where none is mapped, in the order of preference."""


def find_columns(
    survey: Survey, fields: Sequence[str], mapping: Mapping[str, str], rows: Iterable[Sequence[str]], *, reason: bool
) -> dict[str, int]:
    """Our field -> the index of its column, for those of `fields` that there are, in their order. mapping: our field ->
    the file's column. rows: of data, to say which column seems to hold the numbers where none is known. reason: whether
    there must be a column of reasons.

    Raises Refused(column_not_found), and invalid_value for a mapping of no field.
    """
    if set(mapping) - set(FIELDS):
        raise Refused(Code.INVALID_VALUE, f"A mapping names a field that there is not. Fields: {', '.join(FIELDS)}.")
    header = survey.header
    found = {name: find_column(header, column, candidates=()) for name, column in mapping.items()}
    if "number" not in found:
        found["number"] = _number_column(survey, rows)
    for name in [field for field in fields if field not in found]:
        rest = ["" if index in found.values() else column for index, column in enumerate(header)]
        index = known_column(rest, _NAMES[name])
        if index is not None:
            found[name] = index
    if reason and "reason" not in found:
        detail = "The file has no column `reason`. Map one (map=reason=YourColumn), or name one for all (reason=...)."
        raise Refused(Code.COLUMN_NOT_FOUND, detail)
    return {name: found[name] for name in fields if name in found}


def named_width(survey: Survey, read: Collection[int]) -> int:
    """How many columns there are: up to the last that has a name, or is read without one."""
    named = (index for index, name in enumerate(survey.header) if name.strip())
    return max([*named, *read]) + 1


def _number_column(survey: Survey, rows: Iterable[Sequence[str]]) -> int:
    try:
        return find_column(survey.header, None, candidates=NUMBER_COLUMNS)
    except Refused as refused:
        detail = f"{refused.detail} {_hint(survey, rows)}"
    raise Refused(Code.COLUMN_NOT_FOUND, detail)


def _hint(survey: Survey, rows: Iterable[Sequence[str]]) -> str:
    names = column_names(survey.header)
    numbers = count_numbers(range(len(names)), rows)
    best = max(numbers, key=lambda index: numbers[index])
    column = names[best] if numbers[best] or not survey.has_header else "YourColumn"
    return f"Map the one with the numbers: --map number={shell_word(column)} (over HTTP: map=number={column})."

"""Long lists as parameters, in PostgreSQL's own text form (documentation, section 8.15.2).

The driver dumps a list element by element, with a search for characters to escape in each. For thousands of tags that
costs more than the query. These elements have forms in which nothing needs escaping, so one join is enough; each
statement casts the text to its array type.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BindParameter, bindparam
from sqlalchemy.types import UserDefinedType


class _ByteaArray(UserDefinedType[str]):
    """A bytea[] that is sent as text and typed by where it stands.

    It carries no cast: PostgreSQL plans an array that it knows, not an expression of which it only knows the type.
    """

    cache_ok = True

    def get_col_spec(self, **_kw: object) -> str:
        return "BYTEA[]"


BYTEA_ARRAY: Final = _ByteaArray()


def tags_parameter(name: str) -> BindParameter[str]:
    """The parameter of a `column = ANY(...)` over tags or fingerprints; its value is made by `bytes_array`."""
    return bindparam(name, type_=BYTEA_ARRAY)


def bytes_array(values: Iterable[bytes]) -> str:
    """For CAST(... AS bytea[])."""
    joined = '","\\\\x'.join(value.hex() for value in values)
    return f'{{"\\\\x{joined}"}}' if joined else "{}"


def plain_array(values: Iterable[UUID | int | bool | date | datetime | str | None]) -> str:
    """For uuid[], integer[], boolean[], date[], timestamptz[], and text[] of this code's own words; None is NULL.

    Texts must be words of letters, digits, `_` and `-`, or such words joined by commas: never anything a caller chose.
    """
    return "{" + ",".join(_element(value) for value in values) + "}"


def _element(value: UUID | float | date | str | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        if not value.replace("_", "").replace("-", "").replace(",", "").isalnum() and value:
            raise ValueError("only words of this code's own may stand in a plain array")
        return f'"{value}"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    return str(value)

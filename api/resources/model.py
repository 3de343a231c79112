"""What all request and answer models share: no unknown fields, no silent conversions, text that is really text."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from registry.domain.errors import Code, Refused
from registry.domain.references import CASE_REF_PATTERN, case_ref

_YEARS: Final = range(2000, 2201)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class _Body(BaseModel):
    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Nothing: a body can hold a number or a key, and neither belongs into a log or a traceback."""
        yield from ()


class RequestModel(_Body):
    """A body that is sent to us. Values never appear in what pydantic says of it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class AnswerModel(_Body):
    """A body that we send. Every member is always there; null says that it has no value."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def problem(code: Code, detail: str) -> PydanticCustomError:
    """An error that `api.validation` gives out under this code."""
    return PydanticCustomError(f"registry:{code.value}", "{detail}", {"detail": detail})


def _clean(text: str) -> str:
    if "\0" in text:
        raise problem(Code.NUL_BYTE, "The text holds a NUL character.")
    if _SURROGATE.search(text):
        raise problem(Code.INVALID_UTF8, "The text holds half of a surrogate pair, which is no character.")
    return text


def _only_text(value: object) -> object:
    if not isinstance(value, str):
        raise problem(Code.WRONG_TYPE, "This field is a text.")
    return value


def _day_text(value: object) -> object:
    if value is not None and _DATE.fullmatch(str(_only_text(value))) is None:
        raise problem(Code.INVALID_VALUE, "A date is written 2026-03-01.")
    return value


def _moment_text(value: object) -> object:
    if value is not None and _MOMENT.fullmatch(str(_only_text(value))) is None:
        raise problem(Code.INVALID_VALUE, "A time is written 2026-03-01T10:00:00Z (RFC 3339, with its offset).")
    return value


def _plausible_day(value: date) -> date:
    if value.year not in _YEARS:
        raise problem(Code.INVALID_VALUE, "A date lies between the years 2000 and 2200.")
    return value


def _plausible_moment(value: datetime) -> datetime:
    if value.year not in _YEARS:
        raise problem(Code.INVALID_VALUE, "A time lies between the years 2000 and 2200.")
    return value.astimezone(UTC)


def _case(value: str) -> str:
    try:
        return case_ref(value)
    except Refused as refused:
        raise problem(refused.code, refused.detail) from None


Text = Annotated[str, AfterValidator(_clean)]
Day = Annotated[date, BeforeValidator(_day_text), AfterValidator(_plausible_day)]
Moment = Annotated[datetime, BeforeValidator(_moment_text), AfterValidator(_plausible_moment)]
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Identifier = Annotated[UUID, BeforeValidator(_only_text)]
Region = Annotated[
    Text,
    Field(
        description="ISO 3166-1 code of the country whose national format `number` is written in.",
        examples=["US"],
        max_length=16,
    ),
]
NumberText = Annotated[
    Text,
    Field(description="A phone number in any common format. It is never stored.", examples=["(206) 555-0177"]),
]
CaseRef = Annotated[
    Text,
    AfterValidator(_case),
    Field(
        description="Your own reference for the audit log: no names, no numbers. `HR-2026-118` is fine.",
        examples=["HR-2026-118"],
        json_schema_extra={"pattern": CASE_REF_PATTERN},
    ),
]
AuditId = Annotated[UUID, Field(description="The receipt: this answer's event in the audit log.")]


def encode_cursor(id_: UUID | None) -> str | None:
    """An opaque text for the id after which the next page begins."""
    return None if id_ is None else base64.urlsafe_b64encode(id_.bytes).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> UUID | None:
    """Refused(invalid_cursor) for anything that `encode_cursor` did not make."""
    if cursor is None:
        return None
    try:
        found = UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))
    except ValueError:
        raise Refused(Code.INVALID_CURSOR, "The cursor is not one that this list gave.") from None
    if encode_cursor(found) != cursor:
        raise Refused(Code.INVALID_CURSOR, "The cursor is not one that this list gave.")
    return found

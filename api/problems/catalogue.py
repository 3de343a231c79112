"""The catalogue of problem types: everything that belongs to a code, with the HTTP status of every refusal.

This is the one place that knows error statuses. Whoever needs a status asks `CATALOGUE`; nobody writes one down again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from api.problems.log_wording import LOG_WORDING
from api.problems.number_wording import NUMBER_WORDING
from api.problems.private_wording import PRIVATE_WORDING
from api.problems.request_wording import REQUEST_WORDING
from api.problems.state_wording import STATE_WORDING
from registry.domain.errors import Code


class Place(StrEnum):
    """Where in an answer a problem can stand."""

    ANSWER = "the whole answer"
    ERRORS = "an entry of `errors`"
    ITEM = "the problem of one item or row"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """All that is fixed about one code. The texts are Markdown and say nothing about a single occurrence."""

    code: Code
    status: int
    """HTTP status of the answer when the problem is the whole answer."""
    title: str
    happened: str
    advice: str
    example: str
    """A `detail` as a caller would get it."""
    retryable: bool
    """The same request, unchanged, may succeed later without anybody correcting anything."""
    places: frozenset[Place]
    pointer: str | None
    """Where the example is, as a JSON pointer into a request body; None for codes that never stand in `errors`."""
    header: str | None
    """A response header that a whole answer with this code carries besides the usual ones."""


_WHOLE: Final = frozenset({Place.ANSWER})
_WHOLE_OR_ITEM: Final = frozenset({Place.ANSWER, Place.ITEM})
_WHOLE_OR_FIELD: Final = frozenset({Place.ANSWER, Place.ERRORS})
_ANYWHERE: Final = frozenset(Place)

_STATUSES_AND_PLACES: Final[Mapping[Code, tuple[int, frozenset[Place]]]] = {
    Code.EMPTY: (422, _ANYWHERE),
    Code.TOO_LONG: (422, _ANYWHERE),
    Code.NOT_A_NUMBER: (422, _ANYWHERE),
    Code.UNKNOWN_REGION: (422, _ANYWHERE),
    Code.TOO_SHORT: (422, _ANYWHERE),
    Code.TOO_MANY_DIGITS: (422, _ANYWHERE),
    Code.NOT_VALID: (422, _ANYWHERE),
    Code.SHORT_CODE: (422, _ANYWHERE),
    Code.SENDER_NAME: (422, _ANYWHERE),
    Code.WITHHELD: (422, _ANYWHERE),
    Code.FICTIONAL: (422, _ANYWHERE),
    Code.REGION_NOT_SERVED: (422, _ANYWHERE),
    Code.INVALID_REQUEST: (422, _WHOLE),
    Code.INVALID_JSON: (400, _WHOLE_OR_ITEM),
    Code.INVALID_UTF8: (400, _ANYWHERE),
    Code.NUL_BYTE: (400, _ANYWHERE),
    Code.WRONG_TYPE: (422, _ANYWHERE),
    Code.UNKNOWN_FIELD: (422, _ANYWHERE),
    Code.MISSING_FIELD: (422, _ANYWHERE),
    Code.INVALID_VALUE: (422, _ANYWHERE),
    Code.EMPTY_LIST: (422, _WHOLE_OR_FIELD),
    Code.TOO_MANY_ITEMS: (422, _WHOLE_OR_FIELD),
    Code.DATE_IN_FUTURE: (422, _ANYWHERE),
    Code.WINDOW_REVERSED: (422, _ANYWHERE),
    Code.NUMBER_IN_TEXT: (422, _ANYWHERE),
    Code.INVALID_CURSOR: (422, _WHOLE),
    Code.BODY_TOO_LARGE: (413, _WHOLE),
    Code.UNSUPPORTED_MEDIA_TYPE: (415, _WHOLE),
    Code.FILE_EMPTY: (422, _WHOLE),
    Code.FILE_NOT_TEXT: (422, _WHOLE),
    Code.COLUMN_NOT_FOUND: (422, _WHOLE),
    Code.TOO_MANY_ROWS: (413, _WHOLE),
    Code.ROW_TOO_LONG: (422, _WHOLE_OR_ITEM),
    Code.UPLOAD_INCOMPLETE: (400, _WHOLE),
    Code.INVALID_ENCODING: (400, _ANYWHERE),
    Code.INVALID_ELEMENT: (400, _WHOLE_OR_FIELD),
    Code.UNKNOWN_GENERATION: (400, _WHOLE),
    Code.RETIRED_GENERATION: (410, _WHOLE),
    Code.UNAUTHORIZED: (401, _WHOLE),
    Code.QUOTA_EXCEEDED: (429, _WHOLE),
    Code.SIGNATURE_REFUSED: (403, _WHOLE),
    Code.NOT_FOUND: (404, _WHOLE),
    Code.UNKNOWN_DECOY: (404, _WHOLE_OR_ITEM),
    Code.DECOY_NUMBER_TAKEN: (409, _WHOLE),
    Code.ROLE_IN_USE: (409, _WHOLE),
    Code.NAME_TAKEN: (409, _WHOLE),
    Code.QUARANTINED_BY_OPERATOR: (409, _WHOLE),
    Code.ALREADY_RETRACTED: (409, _WHOLE),
    Code.ALREADY_EXCLUDED: (409, _WHOLE),
    Code.ALREADY_DISPUTED: (409, _WHOLE),
    Code.ALREADY_CLOSED: (409, _WHOLE),
    Code.CREDENTIAL_IN_USE: (409, _WHOLE),
    Code.CREDENTIAL_RETIRED: (409, _WHOLE),
    Code.NOT_SEALED: (409, _WHOLE),
    Code.UNKNOWN_CHECKPOINT: (404, _WHOLE),
    Code.IDEMPOTENCY_KEY_REUSED: (422, _WHOLE),
    Code.IDEMPOTENCY_KEY_IN_USE: (409, _WHOLE),
    Code.METHOD_NOT_ALLOWED: (405, _WHOLE),
    Code.DATABASE_UNAVAILABLE: (503, _WHOLE),
    Code.OVERLOADED: (503, _WHOLE),
    Code.KEYS_OUT_OF_DATE: (503, _WHOLE),
    Code.SIGNER_UNAVAILABLE: (503, _WHOLE),
    Code.INTERNAL: (500, _WHOLE),
}

# RFC 9110 asks for WWW-Authenticate with 401 and Allow with 405.
_HEADERS: Final[Mapping[Code, str]] = {
    Code.UNAUTHORIZED: "WWW-Authenticate",
    Code.METHOD_NOT_ALLOWED: "Allow",
    Code.QUOTA_EXCEEDED: "Retry-After",
    Code.NOT_SEALED: "Retry-After",
    Code.DATABASE_UNAVAILABLE: "Retry-After",
    Code.OVERLOADED: "Retry-After",
    Code.KEYS_OUT_OF_DATE: "Retry-After",
    Code.SIGNER_UNAVAILABLE: "Retry-After",
}

_RETRYABLE: Final = frozenset(
    {
        Code.UPLOAD_INCOMPLETE,
        Code.QUOTA_EXCEEDED,
        Code.IDEMPOTENCY_KEY_IN_USE,
        Code.NOT_SEALED,
        Code.DATABASE_UNAVAILABLE,
        Code.OVERLOADED,
        Code.KEYS_OUT_OF_DATE,
        Code.SIGNER_UNAVAILABLE,
    }
)

FIXED_DETAIL: Final = frozenset(
    {Code.UNAUTHORIZED, Code.SIGNATURE_REFUSED, Code.NOT_FOUND, Code.DATABASE_UNAVAILABLE, Code.INTERNAL}
)
"""Codes whose `detail` is always the catalogue's example and whose `errors` are always empty, whatever the refusal
says: the cause would tell a guesser what exists, or could hold a secret."""

_WORDING: Final = {**NUMBER_WORDING, **REQUEST_WORDING, **PRIVATE_WORDING, **LOG_WORDING, **STATE_WORDING}


def _problem_type(code: Code) -> ProblemType:
    status, places = _STATUSES_AND_PLACES[code]
    wording = _WORDING[code]
    return ProblemType(
        code=code,
        status=status,
        title=wording.title,
        happened=wording.happened,
        advice=wording.advice,
        example=wording.example,
        retryable=code in _RETRYABLE,
        places=places,
        pointer=wording.pointer,
        header=_HEADERS.get(code),
    )


# A code without a status or a text stops the import: a refusal that nobody explained cannot be deployed.
CATALOGUE: Final[Mapping[Code, ProblemType]] = MappingProxyType({code: _problem_type(code) for code in Code})

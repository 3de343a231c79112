"""What can be refused, and how a refusal is said.

One closed list of codes. The HTTP status, the title and the advice that belong to a code live in `api/problems.py`
alone; a refusal raised here never carries the value that was refused, so that no message, log line or exception repr
can hold a number or a secret.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Code(StrEnum):
    """Problem codes: the last part of a problem's `type`, and the `result` of an audit event."""

    # A text is not a number that can be asked about (registry/domain/numbers.py).
    EMPTY = "empty"
    TOO_LONG = "too_long"
    NOT_A_NUMBER = "not_a_number"
    UNKNOWN_REGION = "unknown_region"
    TOO_SHORT = "too_short"
    TOO_MANY_DIGITS = "too_many_digits"
    NOT_VALID = "not_valid"
    SHORT_CODE = "short_code"
    SENDER_NAME = "sender_name"
    WITHHELD = "withheld"
    FICTIONAL = "fictional"
    REGION_NOT_SERVED = "region_not_served"

    # A request is not what the operation takes.
    INVALID_REQUEST = "invalid_request"
    INVALID_JSON = "invalid_json"
    INVALID_UTF8 = "invalid_utf8"
    NUL_BYTE = "nul_byte"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    INVALID_VALUE = "invalid_value"
    EMPTY_LIST = "empty_list"
    TOO_MANY_ITEMS = "too_many_items"
    DATE_IN_FUTURE = "date_in_future"
    WINDOW_REVERSED = "window_reversed"
    NUMBER_IN_TEXT = "number_in_text"
    INVALID_CURSOR = "invalid_cursor"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"

    # A file is not what the operation takes.
    FILE_EMPTY = "file_empty"
    FILE_NOT_TEXT = "file_not_text"
    COLUMN_NOT_FOUND = "column_not_found"
    TOO_MANY_ROWS = "too_many_rows"
    ROW_TOO_LONG = "row_too_long"
    UPLOAD_INCOMPLETE = "upload_incomplete"

    # A blinded batch, or the generation it names, is not what a private check takes (docs/private-checks.md).
    INVALID_ENCODING = "invalid_encoding"
    INVALID_ELEMENT = "invalid_element"
    UNKNOWN_GENERATION = "unknown_generation"
    RETIRED_GENERATION = "retired_generation"

    # Who asks, and how much.
    UNAUTHORIZED = "unauthorized"
    QUOTA_EXCEEDED = "quota_exceeded"
    SIGNATURE_REFUSED = "signature_refused"

    # The state of things.
    NOT_FOUND = "not_found"
    UNKNOWN_DECOY = "unknown_decoy"
    DECOY_NUMBER_TAKEN = "decoy_number_taken"
    ROLE_IN_USE = "role_in_use"
    NAME_TAKEN = "name_taken"
    QUARANTINED_BY_OPERATOR = "quarantined_by_operator"
    ALREADY_RETRACTED = "already_retracted"
    ALREADY_EXCLUDED = "already_excluded"
    ALREADY_DISPUTED = "already_disputed"
    ALREADY_CLOSED = "already_closed"
    CREDENTIAL_IN_USE = "credential_in_use"
    CREDENTIAL_RETIRED = "credential_retired"
    NOT_SEALED = "not_sealed"
    UNKNOWN_CHECKPOINT = "unknown_checkpoint"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    IDEMPOTENCY_KEY_IN_USE = "idempotency_key_in_use"
    METHOD_NOT_ALLOWED = "method_not_allowed"

    # The registry itself.
    DATABASE_UNAVAILABLE = "database_unavailable"
    OVERLOADED = "overloaded"
    KEYS_OUT_OF_DATE = "keys_out_of_date"
    SIGNER_UNAVAILABLE = "signer_unavailable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong at one place of a request body.

    pointer: RFC 6901 JSON pointer into the body, for example `/items/3/number`.
    index: which element, where the value at the pointer is a row of elements in one text.
    """

    pointer: str
    code: Code
    detail: str
    index: int | None = None


@dataclass(eq=False)
class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error of ours
    """An operation said no, for a reason that the caller may read. Nothing was changed."""

    code: Code
    detail: str
    errors: tuple[FieldProblem, ...] = ()
    retry_after: float | None = None
    """Seconds after which the same request may succeed, where that is known."""
    violated: tuple[str, ...] = field(default=())
    """Names of the limits that were exceeded, for `quota_exceeded`."""
    audit_id: UUID | None = None
    """The event that records the refusal, once there is one."""

    @property
    def headline(self) -> Code:
        """The code that the whole answer, and its event, carry: that of its entries, where these share one."""
        codes = {entry.code for entry in self.errors}
        return codes.pop() if len(codes) == 1 else self.code

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"

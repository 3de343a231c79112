"""Which problems belong to what kind of operation, so that every operation lists its own in the OpenAPI document."""

from typing import Final

from registry.domain.errors import Code

ANY: Final = (
    Code.UNKNOWN_FIELD,
    Code.UNAUTHORIZED,
    Code.QUOTA_EXCEEDED,
    Code.DATABASE_UNAVAILABLE,
    Code.OVERLOADED,
    Code.KEYS_OUT_OF_DATE,
    Code.SIGNER_UNAVAILABLE,
    Code.INTERNAL,
)
BODY: Final = (
    Code.INVALID_REQUEST,
    Code.INVALID_JSON,
    Code.INVALID_UTF8,
    Code.NUL_BYTE,
    Code.WRONG_TYPE,
    Code.MISSING_FIELD,
    Code.INVALID_VALUE,
    Code.BODY_TOO_LARGE,
    Code.UNSUPPORTED_MEDIA_TYPE,
)
NUMBER: Final = (
    Code.EMPTY,
    Code.TOO_LONG,
    Code.NOT_A_NUMBER,
    Code.UNKNOWN_REGION,
    Code.TOO_SHORT,
    Code.TOO_MANY_DIGITS,
    Code.NOT_VALID,
    Code.SHORT_CODE,
    Code.SENDER_NAME,
    Code.WITHHELD,
    Code.FICTIONAL,
)
ASKING: Final = (*ANY, *BODY, Code.NUMBER_IN_TEXT)
CHARGED_ONCE: Final = (Code.IDEMPOTENCY_KEY_REUSED,)
"""Of questions: repeated under its Idempotency-Key, one is answered anew and not charged again."""
WRITING: Final = (*ANY, *BODY, Code.IDEMPOTENCY_KEY_REUSED, Code.IDEMPOTENCY_KEY_IN_USE)
PAGED: Final = (*ANY, Code.INVALID_REQUEST, Code.INVALID_VALUE, Code.NUL_BYTE, Code.INVALID_CURSOR)
UPLOAD: Final = (
    *ANY,
    Code.INVALID_REQUEST,
    Code.INVALID_VALUE,
    Code.MISSING_FIELD,
    Code.INVALID_UTF8,
    Code.NUL_BYTE,
    Code.UNSUPPORTED_MEDIA_TYPE,
    Code.BODY_TOO_LARGE,
    Code.UPLOAD_INCOMPLETE,
    Code.FILE_EMPTY,
    Code.FILE_NOT_TEXT,
    Code.COLUMN_NOT_FOUND,
    Code.TOO_MANY_ROWS,
    Code.ROW_TOO_LONG,
    Code.UNKNOWN_REGION,
)

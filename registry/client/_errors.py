"""What a client raises. The text of an error is the registry's problem or a sentence of our own; it never holds a
number, a tag or a key, and neither do its attributes.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong at one place of a request. pointer: RFC 6901, into the body. index: of an element at it."""

    pointer: str
    code: str
    detail: str
    index: int | None = None


class RegistryError(Exception):
    """The registry, or the way to it, said no.

    code: the problem code; `connection` and `protocol` are the client's own. status: None without an answer.
    retry_after: seconds after which the same request may succeed, where that is known. request_id: for the operator.
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str,
        title: str = "",
        status: int | None = None,
        errors: tuple[FieldError, ...] = (),
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail: Final = detail
        self.code: Final = code
        self.title: Final = title
        self.status: Final = status
        self.errors: Final = errors
        self.retry_after: Final = retry_after
        self.request_id: Final = request_id

    def __str__(self) -> str:
        said = f"{self.title}: {self.detail}" if self.title else self.detail
        if self.status is not None:
            said += f" ({self.code})"
        return " ".join([said, *(f"{error.pointer}: {error.detail}" for error in self.errors)])


class Unauthorized(RegistryError):  # noqa: N818 - named after what was answered, like all of these
    """The key is unknown, expired, revoked, or lacks the scope; the registry does not say which."""


class QuotaExceeded(RegistryError):  # noqa: N818
    """No more requests this minute, or no more numbers today; `retry_after` says how long."""


class InvalidRequest(RegistryError):  # noqa: N818
    """The request itself is refused; `errors` says where. Repeating it cannot help."""


class Unavailable(RegistryError):  # noqa: N818
    """Nobody answers, or the registry cannot just now. The same request may succeed later."""


class KeyChanged(RegistryError):  # noqa: N818
    """A generation's public key is not the pinned one, or an answer was not made with it. Nothing of it was used."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="key_changed")


class ProtocolError(RegistryError):
    """The answer is not one that a registry gives, or not one that this client understands. Nothing of it was used."""

    def __init__(self, detail: str, *, status: int | None = None) -> None:
        super().__init__(detail, code="protocol", status=status)

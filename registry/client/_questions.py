"""What is asked. No repr shows a number or a tag."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """One number. Dates are the asker's possession of it, inclusive; None leaves a side open.

    region: two letters, of the country in whose national format the number is written. ref: comes back with the answer.
    """

    number: str = field(repr=False)
    region: str | None = field(default=None, repr=False)
    possessed_since: date | None = None
    possessed_until: date | None = None
    ref: str | None = field(default=None, repr=False)

    def document(self) -> dict[str, Any]:
        return _present(
            {
                "ref": self.ref,
                "number": self.number,
                "region": self.region,
                "possessed_since": _iso(self.possessed_since),
                "possessed_until": _iso(self.possessed_until),
            }
        )


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A listed number's tag, to be told about. tag: 32 bytes. Dates as in a Question."""

    tag: bytes = field(repr=False)
    possessed_since: date | None = None
    possessed_until: date | None = None
    ref: str | None = field(default=None, repr=False)

    def document(self, tag: str) -> dict[str, Any]:
        """tag: in base64."""
        return _present(
            {
                "tag": tag,
                "possessed_since": _iso(self.possessed_since),
                "possessed_until": _iso(self.possessed_until),
                "ref": self.ref,
            }
        )


@dataclass(frozen=True, slots=True)
class Asking:
    """Why is asked: both go to the registry's audit log. case_ref: the asker's own reference, without a number."""

    purpose: str
    case_ref: str | None = None

    def document(self) -> dict[str, Any]:
        return _present({"purpose": str(self.purpose), "case_ref": self.case_ref})


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}

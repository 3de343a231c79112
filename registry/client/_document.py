"""Reading answers: a JSON object whose members are what they should be, or a ProtocolError that names the member.

Members that a client does not know are left alone, so that a newer registry may say more.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NoReturn, TypeVar, cast

from registry.client._errors import ProtocolError

T = TypeVar("T")


class Document:
    """One JSON object of an answer. place: where in the answer it stands, for messages."""

    __slots__ = ("_members", "_place")

    def __init__(self, members: Mapping[str, Any], place: str = "") -> None:
        self._members = members
        self._place = place

    @classmethod
    def parse(cls, body: bytes) -> "Document":
        members = parsed_object(body)
        if members is None:
            raise ProtocolError("The answer is not a registry's. Is the address right?")
        return cls(members)

    def wrong(self, name: str) -> NoReturn:
        """Raises ProtocolError about the member."""
        raise ProtocolError(f"The answer's member {self._place}/{name} is not what is documented.")

    def _of(self, name: str, kind: type[T]) -> T:
        value = self._members.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.wrong(name)
        return value

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self._members.get(name) is not None

    def text(self, name: str) -> str:
        return self._of(name, str)

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self.has(name) else None

    def whole(self, name: str) -> int:
        value = self._of(name, int)
        if value < 0:
            self.wrong(name)
        return value

    def flag(self, name: str) -> bool:
        return self._of(name, bool)

    def day(self, name: str) -> date:
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            self.wrong(name)

    def moment(self, name: str) -> datetime:
        """Aware."""
        try:
            found = datetime.fromisoformat(self.text(name))
        except ValueError:
            self.wrong(name)
        if found.tzinfo is None:
            self.wrong(name)
        return found

    def octets(self, name: str, length: int | None = None) -> bytes:
        """base64, strictly. length: how many bytes it must be."""
        try:
            found = base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError):
            self.wrong(name)
        if length is not None and len(found) != length:
            self.wrong(name)
        return found

    def hexadecimal(self, name: str, length: int) -> bytes:
        try:
            found = bytes.fromhex(self.text(name))
        except ValueError:
            self.wrong(name)
        if len(found) != length:
            self.wrong(name)
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        values = cast("list[object]", self._of(name, list))
        found = tuple(value for value in values if isinstance(value, str))
        if len(found) != len(values):
            self.wrong(name)
        return found

    def child(self, name: str) -> "Document":
        return Document(cast("dict[str, Any]", self._of(name, dict)), f"{self._place}/{name}")

    def optional_child(self, name: str) -> "Document | None":
        return self.child(name) if self.has(name) else None

    def children(self, name: str) -> "list[Document]":
        found: list[Document] = []
        for index, value in enumerate(cast("list[object]", self._of(name, list))):
            if not isinstance(value, dict):
                self.wrong(name)
            found.append(Document(cast("dict[str, Any]", value), f"{self._place}/{name}/{index}"))
        return found

    def counts(self, name: str) -> dict[str, int]:
        child = self.child(name)
        return {member: child.whole(member) for member in child._members}  # noqa: SLF001 - its own class


def parsed_object(body: bytes) -> dict[str, Any] | None:
    """None for what is no JSON object."""
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None

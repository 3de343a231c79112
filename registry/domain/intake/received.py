"""A provider's request, and the contact that it tells of. Neither shows anything of itself in a repr."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from registry.domain.errors import Code
from registry.domain.intake.bodies import form_pairs, refused
from registry.domain.policy import Attestation, Channel, Provider, Verification

SID_LENGTH: Final = 200
"""Of the provider's id of a message or call: what a hit's `source_id` may have."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it arrived. url: the public one, with the raw path and query. at: when it arrived, aware.

    form: whether the body is a form; otherwise it is JSON. headers: lower-case names; one that came twice is left out,
    since nobody can say which of the two was meant.
    """

    provider: Provider
    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    at: datetime
    form: bool = False
    _pairs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]], init=False, repr=False, compare=False)

    def pairs(self) -> list[tuple[str, str]]:
        """A form's parameters: see `form_pairs`. Read once, since both its signature and its contact need them."""
        if not self._pairs:
            self._pairs.extend(form_pairs(self.body))
        return self._pairs


@dataclass(frozen=True, slots=True)
class Received:
    """An inbound contact as its provider tells of it.

    occurred_at: aware; None where the provider does not tell it, which is now. region: where national formats are to be
    read; None: where the decoy is. to: the numbers that were called or written to, none where that is not told.
    unknown_verification: the provider said something of the caller ID's signature that
    its module does not know; it is taken for one that failed.
    """

    sid: str = field(repr=False)
    number: str = field(repr=False)
    channel: Channel
    occurred_at: datetime | None = None
    region: str | None = field(default=None, repr=False)
    to: tuple[str, ...] = field(default=(), repr=False)
    attestation: Attestation | None = None
    verification: Verification | None = None
    diverted: bool = False
    unknown_verification: bool = False


def checked_sid(sid: str, name: str) -> str:
    """Raises Refused for what could not be told from another event's id, or recognised again."""
    if not sid.strip():
        raise refused(Code.MISSING_FIELD, name, "The id of the message or call is missing.")
    if len(sid) > SID_LENGTH:
        raise refused(Code.INVALID_VALUE, name, f"An id has at most {SID_LENGTH} characters.")
    return sid

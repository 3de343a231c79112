"""Reading numbers on the asker's side, by the registry's own rules, so that what is refused is never sent.

A private check answers for these rows what a plain check would.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from registry.client._parameters import Parameters
from registry.domain.errors import Code, Refused
from registry.domain.numbers import Normaliser, RegionNotServed
from registry.domain.possession import WindowRefused, possession_window


@dataclass(frozen=True, slots=True)
class ReadNumber:
    """served: whether the registry answers for numbers of its region at all."""

    e164: str = field(repr=False)
    notes: tuple[str, ...]
    served: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why there is nothing to ask. field: which part of the question is at fault."""

    code: Code
    field: str
    detail: str


class NumberReader:
    """Reads as the registry with these parameters does. Its day is the registry's, not this machine's."""

    __slots__ = ("_normaliser", "_today")

    def __init__(self, parameters: Parameters) -> None:
        self._normaliser: Final = Normaliser(parameters.served_regions, accept_fictional=parameters.accept_fictional)
        self._today = parameters.today

    @property
    def version(self) -> str:
        """Which numbering plans numbers are read by."""
        return self._normaliser.version

    def read(self, number: str, region: str | None, since: date | None, until: date | None) -> ReadNumber | Unreadable:
        """In the order in which the registry looks: the dates first."""
        try:
            possession_window(since, until, self._today)
            found = self._normaliser.normalise(number, region)
        except WindowRefused as refused:
            return Unreadable(refused.code, refused.field, refused.detail)
        except RegionNotServed as refused:
            return ReadNumber(refused.number.e164, refused.number.notes, served=False)
        except Refused as refused:
            at = "region" if refused.code is Code.UNKNOWN_REGION and region else "number"
            return Unreadable(refused.code, at, refused.detail)
        return ReadNumber(found.e164, found.notes, served=True)

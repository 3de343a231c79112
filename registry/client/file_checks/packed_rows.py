"""What every row of a file asks, in some 22 bytes each, so that a million rows fit into memory without their text.

Holds numbers, as integers; never written anywhere.
"""

from array import array
from datetime import date
from typing import Final

from registry.client._reading import ReadNumber, Unreadable
from registry.domain.errors import Code

_ASKED: Final = 0
_NOT_SERVED: Final = 1
_FIRST_CODE: Final = 2
_CODES: Final = tuple(Code)
_STATE_OF: Final = {code: index for index, code in enumerate(_CODES, _FIRST_CODE)}


class PackedRows:
    """In the order of the file, blank ones left out."""

    __slots__ = ("_notes", "_notes_at", "_number", "_since", "_state", "_until")

    def __init__(self) -> None:
        self._number = array("Q")
        self._since = array("I")
        self._until = array("I")
        self._state = array("B")
        self._notes_at = array("B")
        self._notes: list[tuple[str, ...]] = [()]

    def __len__(self) -> int:
        return len(self._number)

    def append(self, read: ReadNumber | Unreadable, since: date | None, until: date | None) -> None:
        asked = isinstance(read, ReadNumber) and read.served
        if isinstance(read, Unreadable):
            self._state.append(_STATE_OF[read.code])
            self._notes_at.append(0)
        else:
            self._state.append(_ASKED if read.served else _NOT_SERVED)
            self._notes_at.append(self._place_of(read.notes))
        self._number.append(int(read.e164[1:]) if asked and isinstance(read, ReadNumber) else 0)
        self._since.append(0 if since is None else since.toordinal())
        self._until.append(0 if until is None else until.toordinal())

    def _place_of(self, notes: tuple[str, ...]) -> int:
        if notes not in self._notes:
            self._notes.append(notes)
        return self._notes.index(notes)

    @property
    def numbers(self) -> "array[int]":
        """Of every row, see `written`; 0 for one that asks nothing, which has a problem or is not served."""
        return self._number

    def window(self, at: int) -> tuple[date | None, date | None]:
        """possessed_since and possessed_until."""
        return _day(self._since[at]), _day(self._until[at])

    def notes(self, at: int) -> tuple[str, ...]:
        return self._notes[self._notes_at[at]]

    def problem(self, at: int) -> Code | None:
        state = self._state[at]
        return _CODES[state - _FIRST_CODE] if state >= _FIRST_CODE else None


def written(number: int) -> str:
    """The E.164 form of a packed number."""
    return f"+{number}"


def _day(ordinal: int) -> date | None:
    return date.fromordinal(ordinal) if ordinal else None

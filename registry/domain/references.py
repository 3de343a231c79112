"""The rule for text that callers choose and the registry keeps: references, labels, names, reasons.

Nothing readable is stored, so no such text may hold a phone number. Digits that nothing but punctuation and spaces
separates are read as one chain, in any script, and a chain of 7 or more is refused: the shortest full numbers have
that many. Calendar dates and a year before a number are taken out first, because references are made of them. What
remains possible is what no rule on text can see: a national number of 6 digits or fewer, one of 8 or so that begins
like a year with a hyphen after it, and whatever someone spells out in words on purpose. A refusal never repeats the
text.
"""

import re
import unicodedata
from typing import Final

from registry.domain.errors import Code, Refused

CASE_REF_LENGTH: Final = 64
CASE_REF_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$"
"""For the OpenAPI document; `case_ref` is the whole rule."""

_FEWEST_DIGITS: Final = 7
_FEWEST_DIGITS_AFTER_PLUS: Final = 6  # with its country code; +98 9601 is a whole number
_CASE_REF: Final = re.compile(CASE_REF_PATTERN)
_JOINERS: Final = frozenset("\u200c\u200d")  # Persian, Indic scripts and emoji are written with these

# In the skeleton of a text every digit is ASCII, a letter or one of `,;:` is `x`, and other characters are `~` unless
# they can be part of a date or are a plus sign. No one writes a phone number with a comma or a colon inside; lists
# ("ads 101, 102, 103") and times have them.
_KEPT: Final = frozenset("+-./")
_BREAKS: Final = frozenset(",;:")
_YEAR: Final = r"20[0-4][0-9]"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_DAY: Final = r"(?:0?[1-9]|[12][0-9]|3[01])"
_DATE: Final = re.compile(
    rf"(?<![0-9])(?:{_YEAR}(?P<s>[-./]){_MONTH}(?P=s){_DAY}|{_DAY}(?P<t>[-./]){_DAY}(?P=t){_YEAR})(?![0-9])"
)
_CHAIN: Final = re.compile(r"(?P<plus>\+[^0-9x+]*)?(?P<digits>[0-9](?:[^0-9x]*[0-9])*)")
# 2026-118 and 118/2026 are how files are numbered. A hyphen before the year would make it a US local number, and a
# zero at the start a number with its trunk prefix.
_LEADING_YEAR: Final = re.compile(rf"\A{_YEAR}[-./](?=[0-9])")
_NUMBER_AND_YEAR: Final = re.compile(rf"[1-9][0-9]{{0,5}}/{_YEAR}")


def case_ref(text: str) -> str:
    """A caller's own reference, as given: 1 to 64 ASCII letters, digits and `._/-`, a letter or digit first."""
    _refuse_nul(text)
    if len(text) <= CASE_REF_LENGTH:
        _refuse_number(text)
    if _CASE_REF.fullmatch(text) is None:
        raise Refused(
            Code.INVALID_VALUE,
            "A reference has 1 to 64 characters: ASCII letters, digits and . _ / -, with a letter or digit first.",
        )
    return text


def label(text: str, max_length: int) -> str:
    """One line of free text, of 1 to max_length characters, stripped and in NFC."""
    _refuse_nul(text)
    cleaned = unicodedata.normalize("NFC", text).strip()
    if not cleaned:
        raise Refused(Code.INVALID_VALUE, "The text is blank.")
    if len(cleaned) > max_length:
        raise Refused(Code.INVALID_VALUE, f"The text is longer than {max_length} characters.")
    if any(_is_control(character) for character in cleaned):
        raise Refused(Code.INVALID_VALUE, "The text holds a control character or an invisible one.")
    _refuse_number(cleaned)
    return cleaned


def could_hold_number(text: str) -> bool:
    """Whether digits of this text could be a phone number."""
    skeleton = "".join(map(_skeleton, unicodedata.normalize("NFKC", text)))
    return any(
        _is_number(chain["digits"], after_plus=chain["plus"] is not None)
        for chain in _CHAIN.finditer(_DATE.sub("~", skeleton))
    )


def _is_control(character: str) -> bool:
    """Controls, invisible formatting (some of it turns a line around), half characters, line separators."""
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in _JOINERS


def _refuse_nul(text: str) -> None:
    if "\x00" in text:
        raise Refused(Code.NUL_BYTE, "The text holds a NUL character.")


def _refuse_number(text: str) -> None:
    if could_hold_number(text):
        raise Refused(
            Code.NUMBER_IN_TEXT,
            "The text holds digits that could be a phone number. Write at most 6 digits with only spaces and "
            "punctuation between them; a date, or a year before a number, is not counted.",
        )


def _skeleton(character: str) -> str:
    value = unicodedata.numeric(character, -1.0)
    if value in range(10):
        return str(int(value))
    if character in _KEPT:
        return character
    return "x" if character.isalpha() or character in _BREAKS else "~"


def _is_number(chain: str, *, after_plus: bool) -> bool:
    if after_plus:
        return _count_digits(chain) >= _FEWEST_DIGITS_AFTER_PLUS
    if _NUMBER_AND_YEAR.fullmatch(chain):
        return False
    return _count_digits(_LEADING_YEAR.sub("", chain)) >= _FEWEST_DIGITS


def _count_digits(chain: str) -> int:
    return sum(character.isdigit() for character in chain)

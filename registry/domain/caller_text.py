"""Reads what a person, a spreadsheet or a telephony provider wrote where a number should be.

It brings every script and punctuation to one plain form, and tells a number from what is none: a withheld caller, an
SMS sender name, a mask, prose. It knows no numbering plan (that is `numbers.py`), and it never guesses digits: a text
of which some digits are hidden is refused, because what is left may be somebody else's number.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from registry.domain.errors import Code, Refused

MAX_CHARACTERS: Final = 64

# What some providers put in place of a withheld number: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE typed
# on a telephone's keypad.
_WITHHELD_NUMBERS: Final = ("266696687", "7378742833", "2562533", "8656696", "86282452253")
WITHHELD_DIGITS: Final = frozenset(_WITHHELD_NUMBERS) | {f"+{digits}" for digits in _WITHHELD_NUMBERS}

# Compared without case, spaces and punctuation.
_WITHHELD_WORDS: Final = frozenset(
    {
        *(
            "anonymous",
            "blocked",
            "hidden",
            "private",
            "restricted",
            "suppressed",
            "unavailable",
            "unknown",
            "withheld",
        ),
        *("anonymouscaller", "blockedcaller", "privatecaller", "restrictedcaller", "unknowncaller", "withheldcaller"),
        *("anonymousnumber", "blockednumber", "hiddennumber", "privatenumber", "restrictednumber", "unknownnumber"),
        *("withheldnumber", "numberblocked", "numberunavailable", "numberwithheld", "callerwithheld"),
        *("calleridblocked", "calleridunavailable", "calleridwithheld", "idblocked", "idunavailable", "idwithheld"),
        *("nocallerid", "nonumber", "notavailable", "outofarea", "anonymousinvalid"),
    }
)
# RFC 3323: how SIP says that the caller asked for privacy.
_SIP_ANONYMOUS: Final = "anonymous@"

# The common case, which needs none of the work below: digits, and punctuation that can only separate them.
_PLAIN: Final = re.compile(r"\+?\(?[0-9][0-9()/ -]*")
# Written forms of the same hyphen and tilde, as libphonenumber knows them. NFKC has already dealt with full width.
_ONE_PUNCTUATION: Final = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc", "-") | dict.fromkeys("\u2053\u223c", "~")
)
_SPACE: Final = " \t\r\n"
# What surrounds a number in a cell or a sentence: quotes, Excel's ="...", a list's last comma.
_SURROUNDINGS: Final = " \t\r\n\"'=<>,;:"

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")

_LABEL: Final = re.compile(r"(?:tel|telephone|phone|mobile|cell|sms|callto|whatsapp)\s*[:.]\s*", re.IGNORECASE)
# A number that went through a spreadsheet or data frame as a floating-point number: the zero is not a digit of it.
_FLOAT: Final = re.compile(r"(\+?[0-9]{7,15})\.0")
# 1.20656E+10: what a spreadsheet shows of a number in a narrow column, and what it then saves.
_ROUNDED: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
_EXTENSION: Final = re.compile(
    r"(?:[\s,;/]*(?<![^\W\d_])(?:extension|extensi[oó]n|extn?|xtn?|x|int|anexo|доб)[.:]?[\s,-]*[0-9]{1,20}#?)+\Z",
    re.IGNORECASE,
)
_LEAST_DIGITS_BEFORE_EXTENSION: Final = 3

_DIALLED: Final = re.compile(r"[0-9+()\[\]./~ ,;#-]+")
_DIGIT: Final = re.compile(r"[0-9]")
# Brazil: `0xx11` stands for "zero, any carrier's code, 11".
_CARRIER_PLACEHOLDER: Final = re.compile(r"\(?0 ?xx ?[0-9()\[\]./~ -]+", re.IGNORECASE)
# At least three digits first, as libphonenumber asks, then letters (at least three, below) and digits.
_VANITY: Final = re.compile(r"[+()\[\]./~ -]*(?:[0-9][()\[\]./~ -]*){3}[A-Za-z0-9()\[\]./~ -]*")
_VANITY_LETTERS: Final = 3
# 3GPP TS 23.040: an alphanumeric originating address has at most 11 characters.
_SENDER_NAME: Final = re.compile(r"[\w&.!'+/ -]{1,11}")
_SENDER_NAME_WITH_DIGITS_FIRST: Final = re.compile(r"[A-Za-z0-9 ]{1,11}")

_GLOBAL_CONTEXT: Final = re.compile(r"\+[0-9().-]*[0-9][0-9().-]*")
_DOMAIN_CONTEXT: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Written:
    """A text that may be a number. Its digits are those that were written: nothing is added or completed."""

    dialled: str = field(repr=False)
    """ASCII: digits, letters of a vanity number, a plus, punctuation that libphonenumber reads."""
    extension: bool = False
    """Whether an extension was cut off."""
    sender_name: bool = False
    """Whether it would be an SMS sender name if it turns out not to be a vanity number."""


def read(text: str) -> Written:
    """Raises Refused: `empty`, `too_long`, `not_a_number`, `sender_name` or `withheld`."""
    text = text.strip(_SPACE)
    _check_length(text)
    if text in WITHHELD_DIGITS:
        raise withheld()
    if _PLAIN.fullmatch(text):
        return Written(text)
    text = _in_one_script(text)
    if not text:
        raise Refused(Code.EMPTY, "There is no number.")
    if text in WITHHELD_DIGITS or _says_withheld(text):
        raise withheld()
    return _number_in(text.strip(_SURROUNDINGS))


def sender_name() -> Refused:
    return Refused(Code.SENDER_NAME, "This is the name of an SMS sender, not a phone number.")


def withheld() -> Refused:
    return Refused(Code.WITHHELD, "The caller's number was withheld, so there is no number to record or ask about.")


def not_a_number() -> Refused:
    return Refused(Code.NOT_A_NUMBER, "This is not a phone number.")


def _check_length(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise Refused(Code.TOO_LONG, f"A number is written in at most {MAX_CHARACTERS} characters.")


def _in_one_script(text: str) -> str:
    """NFKC, digits of every script as ASCII, one hyphen, without the invisible marks that copying leaves behind."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        if not text.isascii():
            text = "".join(
                str(unicodedata.decimal(character)) if character.isdecimal() else character
                for character in text
                if unicodedata.category(character) != "Cf"
            ).translate(_ONE_PUNCTUATION)
        text = text.strip(_SPACE)
        _check_length(text)
    if _CONTROL.search(text):
        raise not_a_number()
    return text


def _says_withheld(text: str) -> bool:
    if _DIGIT.search(text):
        return False
    folded = text.casefold()
    return _SIP_ANONYMOUS in folded or "".join(filter(str.isalpha, folded)) in _WITHHELD_WORDS


def _number_in(text: str) -> Written:
    label = _LABEL.match(text)
    if label is not None:
        text = text[label.end() :]
    extension = False
    if ";" in text and "=" in text:
        text, extension = _uri_number(text)
    if float_form := _FLOAT.fullmatch(text):
        text = float_form[1]
    if _ROUNDED.fullmatch(text):
        raise Refused(Code.NOT_A_NUMBER, "A spreadsheet has rounded this number: digits of it are lost.")
    found = _EXTENSION.search(text)
    if found is not None and len(_DIGIT.findall(text, 0, found.start())) >= _LEAST_DIGITS_BEFORE_EXTENSION:
        text, extension = text[: found.start()], True
    if any(map(str.isalpha, text)):
        return _with_letters(text, extension=extension)
    if not _DIALLED.fullmatch(text) or ".." in text or not _DIGIT.search(text):
        raise not_a_number()
    return Written(text, extension)


def _uri_number(text: str) -> tuple[str, bool]:
    """The number of an RFC 3966 URI without its scheme, and whether it has an extension.

    Of its parameters only `ext` and `phone-context` say anything about the number; a telephone network adds others.
    """
    number, *parameters = text.split(";")
    extension = False
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        match name.strip().lower():
            case "ext":
                extension = True
            case "phone-context" if _GLOBAL_CONTEXT.fullmatch(value):
                number = number if number.startswith("+") else value + number
            case "phone-context" if not _DOMAIN_CONTEXT.fullmatch(value):
                raise not_a_number()
            case _:
                pass
    return number, extension


def _with_letters(text: str, *, extension: bool) -> Written:
    letters = [character.lower() for character in text if character.isalpha()]
    if letters == ["x", "x"] and _CARRIER_PLACEHOLDER.fullmatch(text):
        return Written(text, extension)
    if _VANITY.fullmatch(text):
        if len(set(letters)) == 1:  # 206-555-XXXX: a mask, which a keypad would turn into somebody's digits
            raise not_a_number()
        if len(letters) >= _VANITY_LETTERS:
            return Written(text, extension, sender_name=_SENDER_NAME_WITH_DIGITS_FIRST.fullmatch(text) is not None)
    if _SENDER_NAME.fullmatch(text):
        raise sender_name()
    raise not_a_number()

"""From text to E.164, or to a typed refusal. The only importer of `phonenumbers`.

A wrong number answered is worse than a refusal, so wherever a text could mean two numbers it is refused. A number lives
in memory only: no repr, message or exception text of this module holds one.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberType, ValidationResult

from registry.domain import caller_text
from registry.domain.errors import Code, Refused
from registry.domain.fictional import is_fictional


class LineType(StrEnum):
    """What kind of line the numbering plan says it is. In North America fixed and mobile lines cannot be told apart."""

    FIXED_LINE = "fixed_line"
    MOBILE = "mobile"
    FIXED_LINE_OR_MOBILE = "fixed_line_or_mobile"
    TOLL_FREE = "toll_free"
    PREMIUM_RATE = "premium_rate"
    SHARED_COST = "shared_cost"
    VOIP = "voip"
    PERSONAL_NUMBER = "personal_number"
    PAGER = "pager"
    UAN = "uan"
    VOICEMAIL = "voicemail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Number:
    """A normalised number. Its repr does not show the number."""

    e164: str = field(repr=False)
    """`+` and 7 to 15 ASCII digits."""
    region: str | None
    """ISO 3166-1 alpha-2, or `001` for a country code that belongs to no country."""
    line_type: LineType
    notes: tuple[str, ...] = ()
    """What was done to the text that its sender should know."""


class RegionNotServed(Refused):
    """The text is a valid number of a region that this registry does not serve."""

    def __init__(self, number: Number) -> None:
        super().__init__(Code.REGION_NOT_SERVED, "The number is valid, but this registry does not serve its region.")
        self.number: Final = number


EXTENSION_IGNORED: Final = "extension_ignored"

_LINE_TYPES: Final = {
    PhoneNumberType.FIXED_LINE: LineType.FIXED_LINE,
    PhoneNumberType.MOBILE: LineType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: LineType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.TOLL_FREE: LineType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE: LineType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST: LineType.SHARED_COST,
    PhoneNumberType.VOIP: LineType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER: LineType.PERSONAL_NUMBER,
    PhoneNumberType.PAGER: LineType.PAGER,
    PhoneNumberType.UAN: LineType.UAN,
    PhoneNumberType.VOICEMAIL: LineType.VOICEMAIL,
    PhoneNumberType.UNKNOWN: LineType.UNKNOWN,
}
_GEOGRAPHIC: Final = frozenset({LineType.FIXED_LINE, LineType.MOBILE, LineType.FIXED_LINE_OR_MOBILE})

_NANP: Final = 1
_NANP_REGIONS: Final = frozenset(phonenumbers.region_codes_for_country_code(_NANP))
# Countries whose non-geographic codes (toll-free and the like) are the same ones.
_NANP_SHARED: Final = frozenset({"US", "CA"})
_NANP_LENGTH: Final = len("+12065550100")
# The usual ways to write ten digits of the North American plan. They can be read without libphonenumber's parser, which
# takes longer than all the rest; a test holds that it reads them the same way.
_NANP_WRITTEN: Final = re.compile(r"(\+?1)?[ .-]?\(?([2-9][0-9]{2})\)?[ .-]{0,2}([2-9][0-9]{2})[ .-]?([0-9]{4})")
_INTERNATIONAL_PREFIX: Final = re.compile(r"[( ]*(?:011|00)[()/ .~-]*(?=[1-9])")
_NO_PREFIX: Final = r"(?!)"
_NEITHER_DIGIT_NOR_LETTER: Final = re.compile(r"[^0-9A-Za-z]+")

# E.164 allows 15 digits; fewer than 7 are nobody's whole number.
_E164_DIGITS: Final = range(7, 16)
_SHORT_CODE_DIGITS: Final = range(3, 7)

_DETAILS: Final = {
    Code.NOT_VALID: "No line has this number: it fits no numbering plan.",
    Code.TOO_SHORT: "The number has too few digits. If it is a local number, add its area code.",
    Code.TOO_MANY_DIGITS: "The number has too many digits.",
    Code.SHORT_CODE: "This is a short code, which belongs to a service and not to a line.",
    Code.FICTIONAL: "The number is reserved for films, books and examples. Only a sandbox takes it.",
}
_PARSE_PROBLEMS: Final = {
    NumberParseException.INVALID_COUNTRY_CODE: Code.NOT_VALID,
    NumberParseException.TOO_SHORT_AFTER_IDD: Code.TOO_SHORT,
    NumberParseException.TOO_SHORT_NSN: Code.TOO_SHORT,
    NumberParseException.TOO_LONG: Code.TOO_MANY_DIGITS,
}
_IMPOSSIBLE: Final = {
    ValidationResult.TOO_SHORT: Code.TOO_SHORT,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: Code.TOO_SHORT,
    ValidationResult.TOO_LONG: Code.TOO_MANY_DIGITS,
}
# What a text may be refused with that turns out to be a short code or a sender name.
_NO_SUCH_NUMBER: Final = frozenset({Code.NOT_A_NUMBER, Code.NOT_VALID, Code.TOO_SHORT, Code.TOO_MANY_DIGITS})


class Normaliser:
    """Reads numbers for one registry. Immutable: one instance serves all threads."""

    __slots__ = ("_accept_fictional", "_served", "version")

    def __init__(self, served_regions: frozenset[str], accept_fictional: bool) -> None:  # noqa: FBT001 - always by name
        """served_regions: ISO 3166-1 alpha-2 codes (and `001` to serve country codes that belong to no country)."""
        self._served: Final = served_regions
        self._accept_fictional: Final = accept_fictional
        self.version: Final = f"phonenumbers-{phonenumbers.__version__}"
        """Stored with every hit: which numbering plans it was read by."""

    def normalise(self, text: str, region: str | None = None) -> Number:
        """region: where a number in national format belongs; None or empty where that is not known.

        Raises Refused with the codes that are for such texts, and nothing else; RegionNotServed carries the number.
        """
        if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
            region = region_code(region)
        usual = _NANP_WRITTEN.fullmatch(text)
        if (
            usual is not None
            and (usual[1] == "+1" or region in _NANP_REGIONS)
            and text not in caller_text.WITHHELD_DIGITS
        ):
            return self._number(
                PhoneNumber(country_code=_NANP, national_number=int(usual[2] + usual[3] + usual[4])), notes=()
            )
        return self._read(text, region)

    def _read(self, text: str, region: str | None) -> Number:
        written = caller_text.read(text)
        dialled = written.dialled
        if region is None and (prefix := _INTERNATIONAL_PREFIX.match(dialled)):
            dialled = f"+{dialled[prefix.end() :]}"
        national = "+" not in dialled
        symbols = len(_NEITHER_DIGIT_NOR_LETTER.sub("", dialled))
        if symbols < _SHORT_CODE_DIGITS.start:
            raise _refused(Code.TOO_SHORT)
        if national and region is None:
            raise _without_region(symbols)
        try:
            parsed = _parse(dialled, region)
            notes = (EXTENSION_IGNORED,) if written.extension or parsed.extension else ()
            return self._number(parsed, notes)
        except Refused as refusal:
            if refusal.code not in _NO_SUCH_NUMBER:
                raise
            if national and symbols in _SHORT_CODE_DIGITS:
                raise _refused(Code.SHORT_CODE) from None
            if written.sender_name:
                raise caller_text.sender_name() from None
            raise

    def _number(self, parsed: PhoneNumber, notes: tuple[str, ...]) -> Number:
        """The steps in their order: fictional, valid, served. Raises Refused."""
        country_code = parsed.country_code or 0
        e164 = _e164(parsed)
        if e164 in caller_text.WITHHELD_DIGITS:
            raise caller_text.withheld()
        fictional = is_fictional(e164)
        if fictional and not self._accept_fictional:
            raise _refused(Code.FICTIONAL)
        line_type = _LINE_TYPES[phonenumbers.number_type(parsed)]
        if not fictional:
            _check_valid(parsed, country_code, e164, line_type)
        # A fictional number may lie where no region has numbers; it then belongs to the plan's main country.
        region = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(country_code)
        number = Number(e164, region, line_type, notes)
        if region not in self._served and not (
            country_code == _NANP and region in _NANP_SHARED and line_type not in _GEOGRAPHIC and self._serves_nanp()
        ):
            raise RegionNotServed(number)
        return number

    def _serves_nanp(self) -> bool:
        return not self._served.isdisjoint(_NANP_SHARED)


def _refused(code: Code) -> Refused:
    return Refused(code, _DETAILS[code])


def region_code(text: str) -> str | None:
    """ISO 3166-1 alpha-2 of a region as people write it; None for a blank. Raises Refused(unknown_region)."""
    code = text.strip().upper() if text.isascii() else text
    if not code:
        return None
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise Refused(Code.UNKNOWN_REGION, "The region is not a two-letter code of ISO 3166-1 with numbers of its own.")
    return code


def _without_region(digits: int) -> Refused:
    if digits in _SHORT_CODE_DIGITS:
        return _refused(Code.SHORT_CODE)
    if digits > _E164_DIGITS[-1]:
        return _refused(Code.TOO_MANY_DIGITS)
    return Refused(
        Code.UNKNOWN_REGION,
        "The number is in national format. Give its region, or write it with + and its country code.",
    )


def _parse(dialled: str, region: str | None) -> PhoneNumber:
    try:
        return phonenumbers.parse(dialled, region)
    except NumberParseException as problem:
        code = _PARSE_PROBLEMS.get(problem.error_type)
        raise (caller_text.not_a_number() if code is None else _refused(code)) from None


def _e164(parsed: PhoneNumber) -> str:
    """What format_number gives, which takes longer."""
    zeros = "0" * (parsed.number_of_leading_zeros or 1) if parsed.italian_leading_zero else ""
    return f"+{parsed.country_code}{zeros}{parsed.national_number}"


def _check_valid(parsed: PhoneNumber, country_code: int, e164: str, line_type: LineType) -> None:
    if line_type is LineType.UNKNOWN:
        raise _refused(_IMPOSSIBLE.get(phonenumbers.is_possible_number_with_reason(parsed), Code.NOT_VALID))
    # Seven digits that only Canadians can dial (310-xxxx) count as valid. In a file they are a number whose area code
    # somebody left out.
    if len(e164) - 1 < _E164_DIGITS.start or (country_code == _NANP and len(e164) < _NANP_LENGTH):
        raise _refused(Code.TOO_SHORT)
    if len(e164) - 1 >= _E164_DIGITS.stop:
        raise _refused(Code.TOO_MANY_DIGITS)
    # In a few plans a number can begin with what is also the national prefix. libphonenumber then reads another number,
    # or none, from its E.164 form; two spellings of one line would get two tags.
    if _national_prefix(country_code).match(e164, 1 + len(str(country_code))) and _e164(_parse(e164, None)) != e164:
        raise _refused(Code.NOT_VALID)


@cache
def _national_prefix(country_code: int) -> re.Pattern[str]:
    """What libphonenumber takes off the beginning of a number in that plan."""
    region = phonenumbers.region_code_for_country_code(country_code)
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(country_code, region)
    prefix = metadata.national_prefix_for_parsing if metadata is not None else None
    return re.compile(prefix or _NO_PREFIX)

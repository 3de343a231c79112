import re
from typing import Final

import phonenumbers
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from registry.domain.errors import Code, Refused
from registry.domain.numbers import Normaliser, Number, RegionNotServed

REGIONS: Final = sorted(phonenumbers.SUPPORTED_REGIONS)
NANP: Final = sorted(phonenumbers.region_codes_for_country_code(1))
WORLD: Final = Normaliser(frozenset(REGIONS) | {"001"}, accept_fictional=True)
LIVE: Final = Normaliser(frozenset({"US", "CA"}), accept_fictional=False)
E164: Final = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)

_ZEROS: Final = (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0xFF10, 0x1D7CE)  # digits of seven scripts
_SEPARATORS: Final = ("", " ", "-", ".", "\u2013", "\u00a0", "\u2011", "\uff0d", "\u200b", " - ")


def _examples() -> list[tuple[str, str]]:
    """National significant numbers that libphonenumber gives as examples, each with its region."""
    found: list[tuple[str, str]] = []
    for region in REGIONS:
        for line_type in phonenumbers.PhoneNumberType.values():
            number = phonenumbers.example_number_for_type(region, line_type)
            if number is not None:
                found.append((region, phonenumbers.national_significant_number(number)))
    return sorted(set(found))


EXAMPLES: Final = _examples()


@st.composite
def numbers_like_examples(draw: st.DrawFn) -> tuple[str, str]:
    """(region, text): an example number with some digits changed, written in one of the ways people write it."""
    region, national = draw(st.sampled_from(EXAMPLES))
    digits = list(national)
    for place, digit in draw(
        st.lists(st.tuples(st.integers(0, len(digits) - 1), st.sampled_from("0123456789")), max_size=6)
    ):
        digits[place] = digit
    code = phonenumbers.country_code_for_region(region)
    trunk = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or ""
    before = draw(
        st.sampled_from(["", trunk, trunk + trunk, f"+{code}", f"+{code}{trunk}", f"00{code}", str(code), "0"])
    )
    return region, before + "".join(digits)


def _number(normaliser: Normaliser, text: str, region: str | None) -> Number | Code:
    try:
        return normaliser.normalise(text, region)
    except Refused as refusal:
        return refusal.code


def _refusal(text: str, region: str | None) -> Refused | None:
    try:
        LIVE.normalise(text, region)
    except Refused as refusal:
        return refusal
    return None


def _accepted(text: str, region: str | None) -> Number:
    number = _number(WORLD, text, region)
    assume(isinstance(number, Number))
    assert isinstance(number, Number)
    return number


any_region = st.none() | st.sampled_from(REGIONS) | st.text(max_size=4)
dial_text = st.text(alphabet="+0123456789()-./ ~,;#xX*=telTEL:\u0660\uff11\u2013\u00a0\x00", max_size=70)


@settings(deadline=None)
@given(text=st.text(max_size=80) | st.text(st.characters(), max_size=80) | dial_text, region=any_region)
def test_any_text_with_any_region_is_a_number_or_refused(text: str, region: str | None) -> None:
    for normaliser in (WORLD, LIVE):
        number = _number(normaliser, text, region)
        assert isinstance(number, Code) or E164.fullmatch(number.e164)


@settings(deadline=None)
@given(written=numbers_like_examples(), asked_in=any_region)
@example(written=("BY", "08100892229"), asked_in=None)
def test_a_number_is_its_own_normal_form(written: tuple[str, str], asked_in: str | None) -> None:
    region, text = written
    number = _accepted(text, region)
    assert E164.fullmatch(number.e164)
    assume(_number(WORLD, "+12065550177", asked_in) is not Code.UNKNOWN_REGION)
    again = WORLD.normalise(number.e164, asked_in)
    assert (again.e164, again.region, again.line_type) == (number.e164, number.region, number.line_type)


@settings(deadline=None)
@given(
    written=numbers_like_examples(),
    zero=st.sampled_from(_ZEROS),
    separators=st.lists(st.sampled_from(_SEPARATORS), min_size=40, max_size=40),
    around=st.sampled_from(["{}", " {} ", "\u202a{}\u202c", '"{}"', "tel:{}", "{}\n", "={}"]),
)
def test_script_and_punctuation_do_not_change_a_number(
    written: tuple[str, str], zero: int, separators: list[str], around: str
) -> None:
    region, text = written
    number = _accepted(text, region)
    spread = "".join(
        character + (separator if character.isdigit() and place < len(text) - 1 else "")
        for place, (character, separator) in enumerate(zip(text, separators, strict=False))
    )
    assume(not re.fullmatch(r"\+?[0-9]+\.0", spread))  # a floating-point number, whose zero is not a digit of it
    other = around.format(spread.translate({ord("0") + digit: zero + digit for digit in range(10)}))
    assume(len(other) <= 64)
    assert WORLD.normalise(other, region) == number


@settings(deadline=None)
@given(
    region=st.sampled_from(NANP),
    digits=st.from_regex(re.compile(r"[2-9][0-9]{2}[2-9][0-9]{6}", re.ASCII), fullmatch=True),
    style=st.sampled_from(
        ["{}{}{}", "1{}{}{}", "+1{}{}{}", "+1 {} {} {}", "({}) {}-{}", "+1 ({}) {}-{}", "1-{}-{}-{}", "{}.{}.{}"]
    ),
)
def test_the_short_way_to_read_north_american_numbers_agrees_with_libphonenumber(
    region: str, digits: str, style: str
) -> None:
    text = style.format(digits[:3], digits[3:6], digits[6:])
    parsed = phonenumbers.parse(text, region)
    number = _number(WORLD, text, region)
    if text == "7378742833":
        assert number is Code.WITHHELD
    elif digits[3:8] == "55501":
        assert isinstance(number, Number)
    else:
        assert phonenumbers.is_valid_number(parsed) == isinstance(number, Number)
    if isinstance(number, Number):
        assert number.e164 == phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        assert number.region == (phonenumbers.region_code_for_number(parsed) or "US")


@settings(deadline=None)
@given(written=numbers_like_examples())
def test_what_is_shown_of_a_number_or_a_refusal_holds_no_digits_of_it(written: tuple[str, str]) -> None:
    region, text = written
    number = _accepted(text, region)
    assert number.e164[-4:] not in repr(number)
    assert not any(character.isdigit() for character in repr(number).replace("001", ""))
    refused = RegionNotServed(number)
    for shown in (repr(refused), str(refused), repr(refused.args)):
        assert not any(character.isdigit() for character in shown.replace("001", ""))


@settings(deadline=None)
@given(text=dial_text, region=any_region)
def test_a_refusal_never_repeats_what_was_refused(text: str, region: str | None) -> None:
    digits = "".join(character for character in text if character.isdigit())
    assume(len(digits) > 2)
    refusal = _refusal(text, region)
    assert digits not in f"{refusal!r} {refusal}"

import pickle
import traceback
from typing import Final

import phonenumbers
import pytest

from registry.domain.errors import Code, Refused
from registry.domain.numbers import EXTENSION_IGNORED, LineType, Normaliser, Number, RegionNotServed

EVERYWHERE: Final = frozenset(phonenumbers.SUPPORTED_REGIONS) | {"001"}
LIVE: Final = Normaliser(frozenset({"US", "CA"}), accept_fictional=False)
SANDBOX: Final = Normaliser(frozenset({"US", "CA"}), accept_fictional=True)
WORLD: Final = Normaliser(EVERYWHERE, accept_fictional=True)


def _code(normaliser: Normaliser, text: str, region: str | None = None) -> Code:
    with pytest.raises(Refused) as refused:
        normaliser.normalise(text, region)
    return refused.value.code


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("+12065550177", None),
        ("+1 206 555 0177", None),
        ("+1 (206) 555-0177", "GB"),
        ("+1.206.555.0177", None),
        ("(206) 555-0177", "US"),
        ("206-555-0177", "CA"),
        ("2065550177", "JM"),
        ("1 206 555 0177", "US"),
        ("12065550177", "us"),
        ("206 555 0177", " US "),
        ("206 - 555 - 0177", "US"),
        ("(+1) 206 555 0177", None),
        ("+1 1 206 555 0177", None),
        ("011 1 206 555 0177", None),
        ("(011) 1-206-555-0177", ""),
        ("011 1 206 555 0177", "US"),
        ("00 1 206 555 0177", None),
        ("001 206 555 0177", "DE"),
        ("tel:+1-206-555-0177", None),
        ("tel:555-0177;phone-context=+1206", None),
        ("206-LKJ-0177", "US"),
        ("+1 206 lkj 0177", None),
        ("2065550177.0", "US"),
        ("\uff0b\uff11\uff12\uff10\uff16\uff15\uff15\uff15\uff10\uff11\uff17\uff17", None),
        ("\u0662\u0660\u0666\u0665\u0665\u0665\u0660\u0661\u0667\u0667", "US"),
        ("\u202a+1\u00a0206\u2011555\u20110177\u202c", None),
    ],
)
def test_every_way_to_write_a_number_gives_the_same_number(text: str, region: str | None) -> None:
    assert SANDBOX.normalise(text, region) == Number("+12065550177", "US", LineType.FIXED_LINE_OR_MOBILE)


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("(506) 234-5678", "CA", Number("+15062345678", "CA", LineType.FIXED_LINE_OR_MOBILE)),
        ("1-800-KLJ-0199", "US", Number("+18005550199", "US", LineType.TOLL_FREE)),
        ("+1 555 555 0100", None, Number("+15555550100", "US", LineType.UNKNOWN)),
        ("+1 876 210 1234", None, Number("+18762101234", "JM", LineType.MOBILE)),
        ("020 7946 0018", "GB", Number("+442079460018", "GB", LineType.FIXED_LINE)),
        ("+44 (0)7700 900123", None, Number("+447700900123", "GB", LineType.UNKNOWN)),
        ("0044 1632 960123", None, Number("+441632960123", "GB", LineType.UNKNOWN)),
        ("0011 44 20 7946 0018", "AU", Number("+442079460018", "GB", LineType.FIXED_LINE)),
        ("0491 570 006", "AU", Number("+61491570006", "AU", LineType.MOBILE)),
        ("02 1234 5678", "IT", Number("+390212345678", "IT", LineType.FIXED_LINE)),
        ("011 15-2345-6789", "AR", Number("+5491123456789", "AR", LineType.MOBILE)),
        ("0xx11 2345-6789", "BR", Number("+551123456789", "BR", LineType.FIXED_LINE)),
        ("712345", "AD", Number("+376712345", "AD", LineType.FIXED_LINE)),
        ("8 (800) 123-45-67", "RU", Number("+78001234567", "RU", LineType.TOLL_FREE)),
        ("+800 1234 5678", None, Number("+80012345678", "001", LineType.TOLL_FREE)),
    ],
)
def test_numbers_of_many_plans(text: str, region: str | None, number: Number) -> None:
    assert WORLD.normalise(text, region) == number


@pytest.mark.parametrize(
    "text", ["206-555-0177 x12", "206-555-0177 #12", "206-555-0177,,12", "206-555-0177;ext=12", "206 555 0177 - 12#"]
)
def test_an_extension_is_dropped_with_a_note(text: str) -> None:
    number = SANDBOX.normalise(text, "US")
    assert (number.e164, number.notes) == ("+12065550177", (EXTENSION_IGNORED,))


def test_every_example_number_of_every_region_is_read_in_every_format() -> None:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for line_type in phonenumbers.PhoneNumberType.values():
            example = phonenumbers.example_number_for_type(region, line_type)
            if example is None:
                continue
            e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            if not 8 <= len(e164) <= 16 or (e164.startswith("+1") and len(e164) < 12):
                continue
            for style in (
                phonenumbers.PhoneNumberFormat.INTERNATIONAL,
                phonenumbers.PhoneNumberFormat.NATIONAL,
                phonenumbers.PhoneNumberFormat.RFC3966,
            ):
                written = phonenumbers.format_number(example, style)
                assert WORLD.normalise(written, region).e164 == e164, (region, line_type, style)


def test_the_line_type_and_region_are_those_of_libphonenumber() -> None:
    names = {
        code: phonenumbers.PhoneNumberType.to_string(code).lower() for code in phonenumbers.PhoneNumberType.values()
    }
    seen: set[LineType] = set()
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for line_type in phonenumbers.PhoneNumberType.values():
            example = phonenumbers.example_number_for_type(region, line_type)
            if example is None:
                continue
            try:
                number = WORLD.normalise(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
            except Refused as refusal:
                assert refusal.code is Code.TOO_SHORT  # noqa: PT017 - a few special numbers have fewer than 7 digits
                continue
            assert number.line_type == names[phonenumbers.number_type(example)]
            assert number.region == phonenumbers.region_code_for_number(example)
            seen.add(number.line_type)
    assert seen == set(LineType) - {LineType.UNKNOWN}


@pytest.mark.parametrize(
    ("text", "region", "code"),
    [
        ("", "US", Code.EMPTY),
        ("1" * 65, "US", Code.TOO_LONG),
        ("\x00", "US", Code.NOT_A_NUMBER),
        ("206+5550177", "US", Code.NOT_A_NUMBER),
        ("++", None, Code.NOT_A_NUMBER),
        ("2065550177", None, Code.UNKNOWN_REGION),
        ("2065550177", "", Code.UNKNOWN_REGION),
        ("1-800-KLJ-0199", None, Code.UNKNOWN_REGION),
        ("2065550177", "UK", Code.UNKNOWN_REGION),
        ("2065550177", "001", Code.UNKNOWN_REGION),
        ("2065550177", "USA", Code.UNKNOWN_REGION),
        ("2065550177", "\u00df", Code.UNKNOWN_REGION),  # its upper case is SS, South Sudan
        ("+12065550177", "ZZ", Code.UNKNOWN_REGION),
        ("5", "US", Code.TOO_SHORT),
        ("+1", None, Code.TOO_SHORT),
        ("+11", "US", Code.TOO_SHORT),
        ("011 44", None, Code.TOO_SHORT),
        ("00 44 1", None, Code.TOO_SHORT),
        ("555-0177", "US", Code.TOO_SHORT),
        ("206-555-017", "US", Code.TOO_SHORT),
        ("+40404", None, Code.TOO_SHORT),
        ("310-5550", "US", Code.TOO_SHORT),
        ("+13101234", None, Code.TOO_SHORT),
        ("+431118", None, Code.TOO_SHORT),
        ("20655501771", "US", Code.TOO_MANY_DIGITS),
        ("0044 20 7946 0018", "US", Code.TOO_MANY_DIGITS),
        ("+49 30 123456789012345678", None, Code.TOO_MANY_DIGITS),
        ("+4933646146495761", None, Code.TOO_MANY_DIGITS),  # libphonenumber allows it; E.164 ends at 15 digits
        ("1234567890123456", None, Code.TOO_MANY_DIGITS),
        ("206-555-0177 cell", "US", Code.TOO_MANY_DIGITS),
        ("+1 211 555 1234", None, Code.NOT_VALID),
        ("211 555 1234", "US", Code.NOT_VALID),
        ("+999 1234567", None, Code.NOT_VALID),
        ("08100892229", "BY", Code.NOT_VALID),  # +375 810 089 2229 would be read as another number
        ("40404", None, Code.SHORT_CODE),
        ("40404", "US", Code.SHORT_CODE),
        ("404-040", "CA", Code.SHORT_CODE),
        ("911", "US", Code.SHORT_CODE),
        ("112", "DE", Code.SHORT_CODE),
        ("MYBANK", None, Code.SENDER_NAME),
        ("100PERCENT", "US", Code.SENDER_NAME),
        ("311 INFO", "US", Code.SENDER_NAME),
        ("1-800-KLJ-01", "US", Code.TOO_SHORT),
        ("anonymous", "US", Code.WITHHELD),
        ("+266 696 687", None, Code.WITHHELD),
        ("+266696687 x5", None, Code.WITHHELD),
        ("7378742833", "US", Code.WITHHELD),
        ("(206) 555-0100", "US", Code.FICTIONAL),
        ("+12065550199", None, Code.FICTIONAL),
        ("+18005550199", None, Code.FICTIONAL),
        ("+15555550100", None, Code.FICTIONAL),
        ("07700 900123", "GB", Code.FICTIONAL),
        ("+1 876 210 1234", None, Code.REGION_NOT_SERVED),
        ("+44 121 234 5678", None, Code.REGION_NOT_SERVED),
        ("+800 1234 5678", None, Code.REGION_NOT_SERVED),
    ],
)
def test_refusals(text: str, region: str | None, code: Code) -> None:
    assert _code(LIVE, text, region) is code


def test_the_number_that_shares_its_digits_with_a_withheld_caller_can_be_asked_in_full() -> None:
    assert LIVE.normalise("(737) 874-2833", "US").e164 == "+17378742833"


def test_a_valid_number_of_a_region_not_served_comes_with_its_refusal() -> None:
    with pytest.raises(RegionNotServed) as refused:
        SANDBOX.normalise("020 7946 0018 x9", "GB")
    assert refused.value.code is Code.REGION_NOT_SERVED
    assert refused.value.number == Number("+442079460018", "GB", LineType.FIXED_LINE, (EXTENSION_IGNORED,))


def test_a_number_that_is_not_valid_is_never_called_not_served() -> None:
    assert _code(LIVE, "+44 999 999 9999") is Code.NOT_VALID


@pytest.mark.parametrize("served", ["US", "CA"])
def test_north_american_numbers_of_no_place_are_served_where_the_united_states_or_canada_are(served: str) -> None:
    normaliser = Normaliser(frozenset({served}), accept_fictional=False)
    for text in ("+1 800 234 5678", "+1 900 234 5678", "+1 500 234 5678"):
        assert normaliser.normalise(text).e164 == "+" + text.replace(" ", "").removeprefix("+")


def test_north_american_numbers_of_no_place_are_not_served_elsewhere() -> None:
    assert _code(Normaliser(frozenset({"JM"}), accept_fictional=False), "+1 800 234 5678") is Code.REGION_NOT_SERVED


def test_serving_one_north_american_country_does_not_serve_another() -> None:
    assert _code(Normaliser(frozenset({"US"}), accept_fictional=False), "+1 506 234 5678") is Code.REGION_NOT_SERVED
    assert _code(Normaliser(frozenset({"US"}), accept_fictional=False), "+1 242 300 1234") is Code.REGION_NOT_SERVED


def test_a_sandbox_still_serves_only_its_regions() -> None:
    assert _code(SANDBOX, "07700 900123", "GB") is Code.REGION_NOT_SERVED


@pytest.mark.parametrize("normaliser", [LIVE, SANDBOX])
def test_only_fictional_numbers_divide_live_from_sandbox(normaliser: Normaliser) -> None:
    assert normaliser.normalise("+15062345678").e164 == "+15062345678"
    assert _code(normaliser, "+1 211 555 1234") is Code.NOT_VALID


def test_every_code_of_the_normaliser_is_a_refusal_that_says_no_digits() -> None:
    for text in ("+1 211 555 1234", "555-0177", "20655501771", "40404", "(206) 555-0100", "+44 121 234 5678"):
        with pytest.raises(Refused) as refused:
            LIVE.normalise(text, "US")
        shown = (
            f"{refused.value!r} {refused.value} {refused.value.detail} {traceback.format_exception(refused.value)[-1]}"
        )
        assert not any(part in shown for part in ("211", "0177", "2065550", "40404", "0100", "1212345678"))


def test_a_number_and_a_refusal_that_carries_one_do_not_show_it() -> None:
    number = WORLD.normalise("+44 20 7946 0018")
    assert "7946" not in f"{number!r} {number}"
    refusal = RegionNotServed(number)
    shown = f"{refusal!r} {refusal} {refusal.args!r} {''.join(traceback.format_exception(refusal))}"
    assert "7946" not in shown


def test_a_refusal_that_carries_a_number_crosses_processes() -> None:
    number = WORLD.normalise("+44 20 7946 0018")
    copy = pickle.loads(pickle.dumps(RegionNotServed(number)))  # noqa: S301 - our own bytes
    assert isinstance(copy, RegionNotServed)
    assert (copy.number, copy.code) == (number, Code.REGION_NOT_SERVED)


def test_the_version_names_the_library_that_read_the_number() -> None:
    assert LIVE.version == f"phonenumbers-{phonenumbers.__version__}"

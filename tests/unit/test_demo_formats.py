from random import Random

import phonenumbers
import pytest

from registry.demo.callers import (
    CALLER_LINES,
    SENDER_NAMES,
    SHORT_CODES,
    UNUSABLE,
    WITHHELD,
    Number,
    examples_of_other_regions,
    examples_of_served_regions,
    fictional_numbers,
    invalid_examples,
)
from registry.demo.formats import STYLES, write
from registry.domain.errors import Code, Refused
from registry.domain.numbers import EXTENSION_IGNORED, Normaliser, RegionNotServed

pytestmark = pytest.mark.long
SANDBOX = Normaliser(frozenset({"US", "CA"}), accept_fictional=True)
WORLD = Normaliser(frozenset({*phonenumbers.SUPPORTED_REGIONS, "001"}), accept_fictional=True)


def refusal(text: str, region: str | None, normaliser: Normaliser = SANDBOX) -> Code:
    with pytest.raises(Refused) as refused:
        normaliser.normalise(text, region)
    return refused.value.code


def fictional_sample(lines: range, count: int) -> list[Number]:
    numbers = fictional_numbers(Random(1), lines)  # noqa: S311 - sample data
    return [next(numbers) for _ in range(count)]


@pytest.mark.parametrize("style", STYLES)
def test_every_style_reads_back_as_the_number_it_was_written_for(style: str) -> None:
    numbers = [
        *fictional_sample(CALLER_LINES, 60),
        *examples_of_served_regions(),
        *examples_of_other_regions(),
    ]
    for number in numbers:
        written = write(number, style)
        read = WORLD.normalise(written.text, written.region)
        assert read.e164 == number.e164, (style, number.region)
        assert (read.notes == (EXTENSION_IGNORED,)) == ("extension" in style)


def test_the_styles_are_as_messy_as_what_people_and_machines_write() -> None:
    number = Number("+12065550177", "US")
    texts = {style: write(number, style).text for style in STYLES}
    assert len(set(texts.values())) == len(STYLES)
    assert texts["national"] == "(206) 555-0177"
    assert texts["dialled from abroad"] == "00 1 206-555-0177"
    assert write(Number("+447400123456", "GB"), "dialled from abroad").text == "011 44 7400 123456"
    assert texts["dots"] == "+1.206.555.0177"
    assert texts["tel URI with extension"] == "tel:+1-206-555-0177;ext=12"
    assert texts["vanity letters"] == "(206) JKL-0177"
    assert texts["full-width digits"].startswith("\uff0b\uff11")
    assert "\u0662\u0660\u0666" in texts["Arabic digits"]


@pytest.mark.parametrize(
    ("texts", "codes"),
    [
        (WITHHELD, {Code.WITHHELD}),
        (SHORT_CODES, {Code.SHORT_CODE}),
        (SENDER_NAMES, {Code.SENDER_NAME}),
        (UNUSABLE, {Code.NOT_A_NUMBER, Code.TOO_SHORT, Code.TOO_MANY_DIGITS, Code.SENDER_NAME}),
    ],
)
def test_what_stands_in_place_of_a_number_is_refused_for_what_it_is(texts: tuple[str, ...], codes: set[Code]) -> None:
    assert {refusal(text, "US") for text in texts} == codes


def test_invalid_examples_are_no_numbers_anywhere() -> None:
    assert len(invalid_examples()) > 200
    assert {refusal(text, None, WORLD) for text in invalid_examples()} <= {
        Code.NOT_VALID,
        Code.TOO_SHORT,
        Code.TOO_MANY_DIGITS,
    }


def test_examples_of_other_regions_come_from_all_over_the_world_and_are_not_served() -> None:
    assert len({number.region for number in examples_of_other_regions()}) > 230
    for number in examples_of_other_regions():
        with pytest.raises(RegionNotServed):
            SANDBOX.normalise(number.e164)

import re
import unicodedata
from collections.abc import Callable, Iterator

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from registry.domain.errors import Code, Refused
from registry.domain.references import CASE_REF_LENGTH, CASE_REF_PATTERN, case_ref, label

FORMATS = (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL)
DIGIT_ZEROS = "0\N{ARABIC-INDIC DIGIT ZERO}\N{DEVANAGARI DIGIT ZERO}\N{FULLWIDTH DIGIT ZERO}\N{THAI DIGIT ZERO}"


def free_text(text: str) -> str:
    return label(text, 120)


def refusal_of(rule: Callable[[str], str], text: str) -> Code | None:
    try:
        rule(text)
    except Refused as refused:
        return refused.code
    return None


def example_numbers() -> Iterator[PhoneNumber]:
    """Every example that libphonenumber has: each region's, of each type, and those that belong to no region."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for number_type in PhoneNumberType.values():
            number = phonenumbers.example_number_for_type(region, number_type)
            if number is not None:
                yield number
    for calling_code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        number = phonenumbers.example_number_for_non_geo_entity(calling_code)
        if number is not None:
            yield number


def written_examples() -> list[str]:
    """The examples as they are written. A national number of up to 6 digits looks like any other small number."""
    written = {
        phonenumbers.format_number(number, number_format) for number in example_numbers() for number_format in FORMATS
    }
    return sorted(text for text in written if text.startswith("+") or sum(map(str.isdigit, text)) >= 7)


EXAMPLES = written_examples()


def test_there_are_examples_of_every_kind_of_plan() -> None:
    assert len(EXAMPLES) > 2_500
    assert {"+12015550123", "+1 201-555-0123", "(201) 555-0123"} <= set(EXAMPLES)


def test_no_example_number_in_any_format_is_a_label() -> None:
    assert [text for text in EXAMPLES if refusal_of(free_text, text) is not Code.NUMBER_IN_TEXT] == []


def test_no_example_number_in_any_format_is_a_reference() -> None:
    assert [text for text in EXAMPLES if refusal_of(case_ref, text) is not Code.NUMBER_IN_TEXT] == []


@pytest.mark.parametrize("separator", ["", "-", ".", "/", "_"])
def test_no_example_number_is_a_reference_in_the_characters_of_one(separator: str) -> None:
    rewritten = [re.sub(r"\D+", separator, text).strip(separator) for text in EXAMPLES]
    numbers = [text for text in rewritten if sum(map(str.isdigit, text)) >= 7]
    assert len(numbers) > 2_500
    assert [text for text in numbers if refusal_of(case_ref, text) is not Code.NUMBER_IN_TEXT] == []
    assert [text for text in numbers if refusal_of(case_ref, f"HR-{text}") is not Code.NUMBER_IN_TEXT] == []


@given(
    st.sampled_from(EXAMPLES),
    st.sampled_from(DIGIT_ZEROS),
    st.sampled_from(["", "Line ", "caller (", "2026-11-21 - ", "no. 12: "]),
    st.sampled_from(["", " ext. 5", ")", " - 2026-11-21", ", x"]),
)
def test_an_example_number_is_found_in_any_script_and_amid_other_text(
    number: str, zero: str, before: str, after: str
) -> None:
    foreign = "".join(chr(ord(zero) + int(character)) if character.isdigit() else character for character in number)
    assert refusal_of(free_text, before + foreign + after) is Code.NUMBER_IN_TEXT


@pytest.mark.parametrize(
    "text",
    [
        "HR-2026-118",
        "HR-2026-000118",
        "2026-11-21-0001",
        "2026.11.21/7",
        "INV/2026/000118",
        "118/2026",
        "Az.12345/2026",
        "A",
        "7",
        "case_118.b",
        "Q4-12345",
        "a" * CASE_REF_LENGTH,
    ],
)
def test_references_as_people_number_their_files_are_fine(text: str) -> None:
    assert case_ref(text) == text
    assert re.search(CASE_REF_PATTERN, text)


@pytest.mark.parametrize(
    "text",
    [
        "2065550177",
        "1234567",
        "206-555-0177",
        "206.555.0177",
        "206/555/0177",
        "HR-206-555-0177",
        "HR-206-555-0177-b",
        "555-0177",
        "555-2026",
        "0199/2000",
        "206-555-2026",
        "206/555/2026",
        "030/12345/2026",
        "1234567/2026",
        "2026-555-0177",
        "2026-2065550177",
        "2026-11-21-555-0177",
        "555-2026-11-21-0177",
        "2026-13-41-0001",
        "+12065550177",
        "(206)555-0177",
        "206 555 0177",
    ],
)
def test_references_that_hold_a_number_are_refused(text: str) -> None:
    assert refusal_of(case_ref, text) is Code.NUMBER_IN_TEXT


@pytest.mark.parametrize(
    "text",
    ["", " ", "-a", ".a", "/a", "a b", "a\n", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "a#1", "a" * 65, "1" * 65],
)
def test_references_of_another_shape_are_refused(text: str) -> None:
    assert refusal_of(case_ref, text) is Code.INVALID_VALUE


@pytest.mark.parametrize("rule", [case_ref, free_text])
@pytest.mark.parametrize("text", ["+1 206-555-0177", "Jane Roe\x00", "Jane \tRoe" * 20])
def test_a_refusal_does_not_repeat_what_it_refuses(rule: Callable[[str], str], text: str) -> None:
    with pytest.raises(Refused) as refusal:
        rule(text)
    assert "0177" not in repr(refusal.value)
    assert "Roe" not in repr(refusal.value)


@pytest.mark.parametrize("rule", [case_ref, free_text])
def test_a_nul_has_its_own_refusal(rule: Callable[[str], str]) -> None:
    assert refusal_of(rule, "a\x00b") is Code.NUL_BYTE


@pytest.mark.parametrize(
    "text",
    [
        "Backpage Dallas, spring 2026",
        "Moved on 2026-11-21 at 14:30:00",
        "live 2026-11-21T14:30:00+00:00",
        "from 2026-11-21 to 2026-11-28",
        "21.11.2026 / 11/21/2026",
        "Ads 101, 102, 103; 104",
        "Line 123456",
        "+12345 views",
        "12 + 34",
        "\N{GREEK CAPITAL LETTER OMEGA} 100 %",
        "\N{CJK UNIFIED IDEOGRAPH-4E00}\N{CJK UNIFIED IDEOGRAPH-4E2A}",
        "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}",
    ],
)
def test_ordinary_labels_are_kept_as_they_are(text: str) -> None:
    assert free_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "call 206 555 0177",
        "[206] {555} <0177>",
        "2 0 6 5 5 5 0",
        "206 \N{EM DASH} 555 \N{EM DASH} 0177",
        "206 | 555 * 0177",
        "206\N{ZERO WIDTH JOINER}555\N{ZERO WIDTH JOINER}0177",
        "206\N{NO-BREAK SPACE}555\N{MIDDLE DOT}0177",
        "2026 11 21",
        "\N{FULLWIDTH PLUS SIGN}98 9601",
        "+(98) 9601",
        "\N{CIRCLED DIGIT ONE}" * 7,
        "\N{DINGBAT NEGATIVE CIRCLED DIGIT TWO}" * 7,
        "\N{PARENTHESIZED DIGIT THREE}" * 7,
        "\N{SUPERSCRIPT FOUR}" * 7,
        "\N{MATHEMATICAL BOLD DIGIT FIVE}" * 7,
        "\N{CJK UNIFIED IDEOGRAPH-4E09}" * 7,
        "6\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}" * 7,
    ],
)
def test_numbers_are_found_behind_any_punctuation_and_any_digits(text: str) -> None:
    assert refusal_of(free_text, text) is Code.NUMBER_IN_TEXT


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}"])
def test_a_blank_label_is_refused(text: str) -> None:
    assert refusal_of(free_text, text) is Code.INVALID_VALUE


@pytest.mark.parametrize(
    "character",
    ["\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u200b", "\ufeff", "\ud800"],
)
def test_a_control_or_invisible_character_is_refused(character: str) -> None:
    assert refusal_of(free_text, f"a{character}b") is Code.INVALID_VALUE


def test_a_label_is_measured_after_it_is_cleaned() -> None:
    decomposed = " e\N{COMBINING ACUTE ACCENT}tude \n"
    assert label(decomposed, 5) == "\N{LATIN SMALL LETTER E WITH ACUTE}tude"
    assert refusal_of(lambda text: label(text, 4), decomposed) is Code.INVALID_VALUE


@given(st.text(max_size=40))
def test_a_label_that_is_accepted_is_clean_and_accepted_again(text: str) -> None:
    if refusal_of(free_text, text) is None:
        cleaned = free_text(text)
        assert cleaned == cleaned.strip() == unicodedata.normalize("NFC", cleaned)
        assert free_text(cleaned) == cleaned
        assert cleaned.encode()


@given(st.text("0123456789abz._/-", max_size=70))
def test_every_reference_that_is_accepted_fits_its_pattern_and_has_no_run_of_seven_digits(text: str) -> None:
    if refusal_of(case_ref, text) is None:
        assert re.search(CASE_REF_PATTERN, text)
        assert not re.search(r"\d{7}", text)
        assert not re.search(r"(?<!\d)\d{3}[._/-]\d{3}[._/-]\d{4}(?!\d)", text)

import pytest

from registry.domain.caller_text import MAX_CHARACTERS, WITHHELD_DIGITS, Written, read
from registry.domain.errors import Code, Refused


def _code(text: str) -> Code:
    with pytest.raises(Refused) as refused:
        read(text)
    return refused.value.code


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", "\u00a0\u3000", "\u200b\u202c"])
def test_a_text_without_a_visible_character_is_empty(text: str) -> None:
    assert _code(text) is Code.EMPTY


def test_sixty_four_characters_are_read_and_sixty_five_are_too_long() -> None:
    assert read("1" * MAX_CHARACTERS) == Written("1" * MAX_CHARACTERS)
    assert _code("1" * (MAX_CHARACTERS + 1)) is Code.TOO_LONG


def test_spaces_around_a_number_do_not_count_towards_its_length() -> None:
    assert read(" " * 100 + "+12065550177" + "\t" * 100) == Written("+12065550177")


def test_a_text_that_grows_too_long_when_it_is_normalised_is_too_long() -> None:
    one_character_of_eighteen = "\ufdfa"
    assert _code(one_character_of_eighteen * 4) is Code.TOO_LONG


@pytest.mark.parametrize(
    ("text", "dialled"),
    [
        ("206-555-0177", "206-555-0177"),
        ("206.555.0177", "206.555.0177"),
        ("[206] 555~0177", "[206] 555~0177"),
        ("\uff0b\uff11\uff12\uff10\uff16", "+1206"),
        ("\u0662\u0660\u0666", "206"),
        ("\u0968\u0966\u096c \u2053 5", "206 ~ 5"),
        ("206\u2013555\u22120177", "206-555-0177"),
        ("\u202a+1 206\u202c", "+1 206"),
        ("20\u00ad6\u200b555", "206555"),
        ("\u00b2\u2070\u2076", "206"),
        ('"2065550177"', "2065550177"),
        ('="2065550177"', "2065550177"),
        ("'2065550177", "2065550177"),
        ("2065550177,", "2065550177"),
        ("<tel:+12065550177>", "+12065550177"),
        ("Tel. 206 555 0177", "206 555 0177"),
        ("PHONE : 2065550177", "2065550177"),
        ("sms:+12065550177", "+12065550177"),
        ("whatsapp:+12065550177", "+12065550177"),
        ("2065550177.0", "2065550177"),
        ("0xx11 5555-5555", "0xx11 5555-5555"),
        ("1-800-KLJ-0199", "1-800-KLJ-0199"),
        ("tel:+12065550177;npdi;cpc=ordinary", "+12065550177"),
        ("tel:5550177;phone-context=+1-206", "+1-2065550177"),
        ("tel:+12065550177;phone-context=+44", "+12065550177"),
        ("tel:2065550177;phone-context=pbx.example.com", "2065550177"),
    ],
)
def test_a_number_is_brought_to_plain_form(text: str, dialled: str) -> None:
    assert read(text) == Written(dialled)


@pytest.mark.parametrize(
    "text",
    [
        "206-555-0177 x12",
        "206-555-0177X12",
        "206-555-0177 ext 12",
        "206-555-0177 ext. 12",
        "206-555-0177, extn: 12",
        "206-555-0177 extension 12#",
        "206-555-0177 extensi\u00f3n 12",
        "206-555-0177 int 12",
        "206-555-0177 anexo 12",
        "206-555-0177 \u0434\u043e\u0431. 12",
        "206-555-0177 x12/x13",
        "206-555-0177;ext=12",
        "tel:206-555-0177;ext=12;isub=3",
    ],
)
def test_an_extension_is_cut_off_and_said(text: str) -> None:
    assert read(text) == Written("206-555-0177", extension=True)


@pytest.mark.parametrize("text", ["ext 12", "X12", "5x12"])
def test_what_follows_fewer_than_three_digits_is_no_extension(text: str) -> None:
    assert _code(text) is Code.SENDER_NAME


@pytest.mark.parametrize(
    "text",
    [
        *("anonymous", "Anonymous", "ANONYMOUS", "\uff41nonymous", "restricted", "unavailable", "private", "unknown"),
        *("withheld", "blocked", "No Caller ID", "Private number", "<Unknown>", '"Anonymous"', "Out-of-area"),
        *("sip:anonymous@anonymous.invalid", '"Anonymous" <sip:anonymous@anonymous.invalid>', "anonymous.invalid"),
    ],
)
def test_words_for_a_withheld_caller_are_withheld(text: str) -> None:
    assert _code(text) is Code.WITHHELD


@pytest.mark.parametrize("text", sorted(WITHHELD_DIGITS))
def test_the_digits_that_providers_send_for_a_withheld_caller_are_withheld(text: str) -> None:
    assert _code(text) is Code.WITHHELD
    assert _code(f" {text} ") is Code.WITHHELD
    assert _code(text.translate({ord("0") + digit: 0x0660 + digit for digit in range(10)})) is Code.WITHHELD


def test_each_withheld_number_is_listed_with_and_without_its_plus() -> None:
    assert {digits for digits in WITHHELD_DIGITS if not digits.startswith("+")} == {
        *("266696687", "7378742833", "2562533", "8656696", "86282452253"),
    }
    assert {digits.removeprefix("+") for digits in WITHHELD_DIGITS} <= WITHHELD_DIGITS
    assert len(WITHHELD_DIGITS) == 10


@pytest.mark.parametrize(
    "text",
    [
        "MYBANK",
        "Info4U",
        "A1",
        "O2",
        "AT&T",
        "My Shop",
        "3Hongkong",
        "hello",
        "Tel: Bob",
        "ACME-BANK",
        "\u0411\u0430\u043d\u043a",
    ],
)
def test_a_short_text_with_letters_is_a_sender_name(text: str) -> None:
    assert _code(text) is Code.SENDER_NAME


@pytest.mark.parametrize(("text", "expected"), [("800KLJ0199", True), ("1-800-KLJ-0199", False)])
def test_a_vanity_number_that_could_be_a_sender_name_is_marked(text: str, expected: bool) -> None:  # noqa: FBT001 - a parametrised value
    assert read(text).sender_name is expected


@pytest.mark.parametrize(
    "text",
    [
        *("---", "+", "()", '""', "???", "\u2022\u2022\u2022", "\ud800", "\x00", "206\x005550177", "206\n5550177"),
        *("206\x855550177", "\x1b2065550177", "not a number", "someone@example.com", "https://example.com/206"),
        *("*67 206 555 0177", "+1206555****", "206 555 01??", "206 555 01\u2026", "206 555 \u2022\u2022\u2022\u2022"),
        *("206-555-XXXX", "+1206555xxxx", "206-555-01xx", "206555017B", "206 555 NNNN", "2065550177 ab"),
        *("1.20656E+10", "1,2E+10", "tel:2065550177;phone-context=", "tel:2065550177;phone-context=!"),
        *("call 206-555-0177", "%2B12065550177", "206=555;0177"),
    ],
)
def test_everything_else_is_not_a_number(text: str) -> None:
    assert _code(text) is Code.NOT_A_NUMBER


def test_a_number_that_a_spreadsheet_rounded_is_refused_with_that_reason() -> None:
    with pytest.raises(Refused, match="rounded"):
        read("1.20656E+10")


def test_the_repr_of_what_was_read_does_not_show_it() -> None:
    assert "555" not in repr(read("206-555-0177 x12"))

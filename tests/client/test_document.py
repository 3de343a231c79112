from datetime import UTC, date, datetime

import pytest

from registry.client import ProtocolError
from registry.client._document import Document


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_no_answer(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        Document.parse(body)


def test_members_are_what_they_are_documented_to_be() -> None:
    document = Document.parse(b'{"day": "2026-11-15", "at": "2026-11-15T12:00:00Z", "one": {"two": {"three": 3}}}')
    assert document.day("day") == date(2026, 11, 15)
    assert document.moment("at") == datetime(2026, 11, 15, 12, tzinfo=UTC)
    assert document.child("one").counts("two") == {"three": 3}
    assert document.optional_child("nothing") is None
    assert document.optional_text("nothing") is None


@pytest.mark.parametrize(
    ("read", "member"),
    [
        ("day", "15 Nov"),
        ("day", 5),
        ("moment", "2026-11-15"),
        ("moment", "noon"),
        ("text", None),
        ("whole", True),
        ("whole", 1.5),
        ("flag", 1),
        ("octets", "%"),
        ("octets", "\u00e4"),
        ("texts", "one"),
        ("child", []),
        ("children", [1]),
        ("counts", {"one": -1}),
    ],
)
def test_a_member_that_is_not_is_named_by_its_place(read: str, member: object) -> None:
    document = Document({"outer": {"inner": member}}).child("outer")
    with pytest.raises(ProtocolError) as caught:
        getattr(document, read)("inner")
    assert "/outer/inner" in str(caught.value)


def test_a_member_of_another_length_is_refused() -> None:
    document = Document({"base64": "AAAA", "hexadecimal": "000000"})
    assert document.octets("base64", 3) == document.hexadecimal("hexadecimal", 3) == bytes(3)
    for read in (document.octets, document.hexadecimal):
        with pytest.raises(ProtocolError):
            read("base64" if read == document.octets else "hexadecimal", 4)

"""Published vector: the note and keys of the documentation of golang.org/x/mod/sumdb/note."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grown_log import GrownLog, ed25519_holds

from registry.domain.merkle import ProofInvalid
from registry.domain.signed_notes import (
    Checkpoint,
    NoteInvalid,
    Receipt,
    Verifier,
    claims,
    hashes_text,
    is_name,
    opened,
    sign,
)

VERIFIER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SIGNER_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
COSIGNATURE = (
    "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
PETER = Verifier.parse(VERIFIER_KEY)
NOTE = f"{TEXT}\n{SIGNATURE}"
ROOT = base64.b64encode(bytes(32)).decode()
WRITTEN_WRONG = "signature lines are not written as they must be"


@pytest.fixture(scope="module")
def log() -> GrownLog:
    return GrownLog().grow(range(9))


def test_the_published_note_is_signed_as_published() -> None:
    seed = base64.b64decode(SIGNER_KEY.split("+", 4)[4])[1:]
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert sign(TEXT, PETER, key.sign) == NOTE
    assert PETER.public_key == key.public_key().public_bytes_raw()


def test_the_published_note_opens_with_the_published_key() -> None:
    assert opened(NOTE, PETER, ed25519_holds) == TEXT
    assert (str(PETER), PETER.name, PETER.key_id.hex()) == (VERIFIER_KEY, "PeterNeumann", "c74f20a3")
    assert Verifier.parse(f"{VERIFIER_KEY}\n") == PETER


@pytest.mark.parametrize("lines", [SIGNATURE + COSIGNATURE, COSIGNATURE + SIGNATURE, 8 * COSIGNATURE + 8 * SIGNATURE])
def test_signatures_of_others_are_passed_over_wherever_they_stand(lines: str) -> None:
    assert opened(f"{TEXT}\n{lines}", PETER, ed25519_holds) == TEXT


def test_a_signature_by_another_key_of_that_name_is_passed_over() -> None:
    other = Ed25519PrivateKey.generate()
    renewed = sign(TEXT, Verifier("PeterNeumann", other.public_key().public_bytes_raw()), other.sign)
    assert opened(renewed + SIGNATURE, PETER, ed25519_holds) == TEXT
    with pytest.raises(NoteInvalid, match="not signed by PeterNeumann with this key"):
        opened(renewed, PETER, ed25519_holds)


def test_empty_lines_belong_to_the_text_up_to_the_last_one() -> None:
    key = Ed25519PrivateKey.generate()
    verifier = Verifier("a.example", key.public_key().public_bytes_raw())
    for text in ("\n", "one\n\ntwo\n", "one\n\n\n", NOTE):
        assert opened(sign(text, verifier, key.sign), verifier, ed25519_holds) == text


@pytest.mark.parametrize(
    "note",
    [
        NOTE.replace("answer", "Answer"),
        f"\n{NOTE}",
        f"{TEXT} \n\n{SIGNATURE}",
        f"{TEXT}\n{SIGNATURE.replace('x08go/ZJ', 'x08go/ZK')}",
        f"{TEXT}\n{SIGNATURE.replace('nAM=', '')}",  # two bytes short
        f"{TEXT}\n{SIGNATURE.replace('AM=', 'AMA')}",  # one too long
    ],
)
def test_a_note_that_was_changed_is_refused(note: str) -> None:
    assert note != NOTE
    with pytest.raises(NoteInvalid, match="the text was changed, or another key"):
        opened(note, PETER, ed25519_holds)


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "\n",
        SIGNATURE[:-1],
        SIGNATURE.replace("\u2014", "-"),
        SIGNATURE.replace("\u2014 ", "\u2014"),
        SIGNATURE.replace(" x08", "  x08"),
        SIGNATURE.replace("Peter", "Peter+"),
        SIGNATURE.replace("Peter", "Peter\u2028"),
        SIGNATURE.replace("\n", " \n"),
        f" {SIGNATURE}",
        f"{SIGNATURE}and more\n",
        f"{SIGNATURE}\u2014 EnochRoot AAAAAA==\n",  # a key id, and no signature
        f"{SIGNATURE}\u2014 EnochRoot \n",
    ],
)
def test_signature_lines_are_read_strictly_others_too(lines: str) -> None:
    with pytest.raises(NoteInvalid, match=f"{WRITTEN_WRONG}|not signed|not a signed note"):
        opened(f"{TEXT}\n{lines}", PETER, ed25519_holds)


@pytest.mark.parametrize("data", ["AAAAA", "AAAAAAA", "AAAAAAB=", "AAAA="])
def test_base64_that_is_not_written_in_its_one_right_way_is_refused(data: str) -> None:
    with pytest.raises(NoteInvalid, match="base64"):
        opened(f"{NOTE}\u2014 EnochRoot {data}\n", PETER, ed25519_holds)


def test_what_is_no_note_is_refused() -> None:
    for note in ("", TEXT, SIGNATURE, TEXT + SIGNATURE):
        with pytest.raises(NoteInvalid, match="not a signed note"):
            opened(note, PETER, ed25519_holds)
    with pytest.raises(NoteInvalid, match="not a signed note"):
        opened(f"{'a' * 1_000_000}\n\n{SIGNATURE}", PETER, ed25519_holds)


def test_what_says_to_be_signed_by_a_key_is_told_from_what_does_not() -> None:
    for note in (NOTE, f"changed {NOTE}", f"{TEXT}\n{COSIGNATURE}{SIGNATURE}", f"\0\n{SIGNATURE}", SIGNATURE):
        assert claims(note, PETER)
    other = Verifier(PETER.name, bytes(32))
    stranger = sign(TEXT, other, lambda _message: bytes(64))
    for note in ("", TEXT, f"{TEXT}\n{COSIGNATURE}", f"{TEXT}\n\u2014 PeterNeumann ?\n", stranger, NOTE[:-9]):
        assert not claims(note, PETER)


@pytest.mark.parametrize("character", ["\0", "\t", "\r", "\x0b", "\x1c", "\x1f", "\udcff"])
def test_control_characters_and_halves_of_characters_are_refused(character: str) -> None:
    with pytest.raises(NoteInvalid, match="characters that are not allowed"):
        opened(f"{character}{NOTE}", PETER, ed25519_holds)
    assert not is_name(f"log{character}")


def test_a_text_is_signed_only_with_a_line_break_at_its_end() -> None:
    with pytest.raises(ValueError, match="ends with a line break"):
        sign("text", PETER, lambda _: bytes(64))


def test_names_hold_no_white_space_and_no_plus() -> None:
    assert is_name("log.example/demand")
    assert is_name("señales")
    for name in ("", "a b", "a+b", "a\n", "a\u00a0b", "a\u2028b", "a" * 201):
        assert not is_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        VERIFIER_KEY.replace("PeterNeumann", ""),
        VERIFIER_KEY.replace("Peter", "Peter "),
        VERIFIER_KEY.replace("Peter", "Peter\ud800"),
        VERIFIER_KEY.replace("Peter", "Peter\x01"),
        VERIFIER_KEY[:-4],
        VERIFIER_KEY + "AAAA",
        VERIFIER_KEY[:-1],
        VERIFIER_KEY[:-1] + "é",
        VERIFIER_KEY[:-1] + "!",
        VERIFIER_KEY.replace("+ARpc", "+AhpC"),  # another kind of key
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid, match="not a verifier key"):
        Verifier.parse(text)


@pytest.mark.parametrize("other", ["c74f20a4", "C74F20A3", "c74f20a", ""])
def test_a_verifier_key_with_another_keys_id_is_refused(other: str) -> None:
    with pytest.raises(NoteInvalid, match="id is not that of its key"):
        Verifier.parse(VERIFIER_KEY.replace("c74f20a3", other))


def test_a_checkpoint_is_three_lines_and_may_have_more() -> None:
    checkpoint = Checkpoint("log.example", 20_852_163, bytes(32))
    assert checkpoint.text() == f"log.example\n20852163\n{ROOT}\n"
    assert Checkpoint.parse(checkpoint.text(), "log.example") == checkpoint
    assert Checkpoint.parse(f"{checkpoint.text()}an extension\n", "log.example") == checkpoint
    assert Checkpoint.parse(f"log.example\n0\n{ROOT}\n", "log.example").size == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a checkpoint"),
        ("log.example\n1\n", "not a checkpoint"),
        (f"log.example\n1\n{ROOT}", "not a checkpoint"),
        (f"log.example\n1\n{ROOT}\n\n", "not a checkpoint"),
        (f"log.example\n1\n{ROOT}\n\nmore\n", "not a checkpoint"),
        (f"\n1\n{ROOT}\n", "not a checkpoint"),
        (f"log.example/other\n1\n{ROOT}\n", "another log than log.example"),
        (f"log.example\n01\n{ROOT}\n", "size is not a number"),
        (f"log.example\n-1\n{ROOT}\n", "size is not a number"),
        (f"log.example\n1 \n{ROOT}\n", "size is not a number"),
        (f"log.example\n\u0661\n{ROOT}\n", "size is not a number"),
        (f"log.example\n{'1' * 20}\n{ROOT}\n", "size is not a number"),
        (f"log.example\n1\n{ROOT[:-1]}\n", "base64"),
        (f"log.example\n1\n{ROOT[:-2]}B=\n", "one right way"),
        (f"log.example\n1\n{ROOT[:-2]}é=\n", "base64"),
        (f"log.example\n1\n{ROOT[:-4]}\n", "32 bytes"),
    ],
)
def test_what_is_no_checkpoint_of_this_log_is_refused(text: str, said: str) -> None:
    with pytest.raises(NoteInvalid, match=said):
        Checkpoint.parse(text, "log.example")


def test_a_receipt_is_written_as_the_format_says(log: GrownLog) -> None:
    receipt = log.receipt(2, 3)
    (hash_,) = hashes_text(receipt.hashes)
    assert receipt.text().split("\n") == [
        "c2sp.org/tlog-proof@v1",
        f"extra {base64.b64encode(log.entries[2]).decode()}",
        "index 2",
        hash_,
        "",
        log.origin,
        "3",
        *hashes_text([log.roots[3]]),
        "",
        log.note(3).split("\n")[4],
        "",
    ]
    assert Receipt(None, 2, (), log.note(3)).text() == f"c2sp.org/tlog-proof@v1\nindex 2\n\n{log.note(3)}"


def test_a_receipt_proves_its_entry_offline(log: GrownLog) -> None:
    for size in range(1, 9):
        for index in range(size):
            receipt = Receipt.parse(log.receipt(index, size).text())
            assert receipt.verify(log.verifier, ed25519_holds) == Checkpoint(log.origin, size, log.roots[size])


def test_a_receipt_proves_no_other_entry_place_or_tree(log: GrownLog) -> None:
    good = log.receipt(2, 5)
    for entry, index, note in (
        (log.entries[3], 2, good.note),
        (good.entry, 3, good.note),
        (good.entry, 2, log.note(6)),
    ):
        with pytest.raises(ProofInvalid):
            Receipt(entry, index, good.hashes, note).verify(log.verifier, ed25519_holds)
    stranger = GrownLog().grow([5])
    with pytest.raises(NoteInvalid, match="not signed by"):
        good.verify(stranger.verifier, ed25519_holds)
    elsewhere = Checkpoint("log.example/other", 5, log.roots[5]).text()
    with pytest.raises(NoteInvalid, match="another log"):
        Receipt(good.entry, 2, good.hashes, sign(elsewhere, log.verifier, log.key.sign)).verify(
            log.verifier, ed25519_holds
        )


def test_a_receipt_without_its_entry_is_read_and_proves_nothing_by_itself(log: GrownLog) -> None:
    good = log.receipt(2, 5)
    receipt = Receipt.parse(Receipt(None, 2, good.hashes, good.note).text())
    assert receipt == Receipt(None, 2, good.hashes, good.note)
    with pytest.raises(NoteInvalid, match="does not hold its entry"):
        receipt.verify(log.verifier, ed25519_holds)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("", "not a tlog-proof"),
        ("c2sp.org/tlog-proof@v2\nindex 0", "not a tlog-proof"),
        ("\nc2sp.org/tlog-proof@v1\nindex 0", "not a tlog-proof"),
        ("c2sp.org/tlog-proof@v1", "does not say its entry's index"),
        ("c2sp.org/tlog-proof@v1\nextra AAAA", "does not say its entry's index"),
        ("c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA", "base64"),
        ("c2sp.org/tlog-proof@v1\nextra AAAA\nextra AAAA\nindex 0", "does not say its entry's index"),
        ("c2sp.org/tlog-proof@v1\nextra AA=\nindex 0", "base64"),
        ("c2sp.org/tlog-proof@v1\nextra AB==\nindex 0", "one right way"),
        ("c2sp.org/tlog-proof@v1\nindex 00", "does not say its entry's index"),
        ("c2sp.org/tlog-proof@v1\nindex -1", "does not say its entry's index"),
        ("c2sp.org/tlog-proof@v1\nindex  1", "does not say its entry's index"),
        ("c2sp.org/tlog-proof@v1\nIndex 1", "does not say its entry's index"),
        ("c2sp.org/tlog-proof@v1\nindex 0\nAAAA", "32 bytes"),
        (f"c2sp.org/tlog-proof@v1\nindex 0\n{ROOT} ", "base64"),
        ("\n".join(["c2sp.org/tlog-proof@v1", "index 0", *[ROOT] * 64]), "more hashes than any log"),
    ],
)
def test_what_is_no_receipt_is_refused(log: GrownLog, head: str, said: str) -> None:
    with pytest.raises(NoteInvalid, match=said):
        Receipt.parse(f"{head}\n\n{log.note(1)}")


def test_a_receipt_has_an_end(log: GrownLog) -> None:
    assert len(Receipt.parse(Receipt(None, 0, (bytes(32),) * 63, "").text()).hashes) == 63
    for text in ("c2sp.org/tlog-proof@v1\nindex 0\n", f"{log.receipt(0, 1).text()}{'a' * 1_000_000}"):
        with pytest.raises(NoteInvalid, match="not a tlog-proof"):
            Receipt.parse(text)

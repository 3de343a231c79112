import base64
import json
import os
import pickle
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry import sealed_file
from registry.key_file import KIND, KeyFile, read, write
from registry.sealed_file import SealedFileError

SEED_1, SEED_2, FINGERPRINT_KEY = (bytes(range(start, start + 32)) for start in (0x80, 0xA0, 0xC0))
CONTENT = KeyFile({1: SEED_1, 2: SEED_2}, FINGERPRINT_KEY)
PASSPHRASE = "correct horse battery staple"
SECRETS = [
    PASSPHRASE,
    *(
        spelling
        for secret in (SEED_1, SEED_2, FINGERPRINT_KEY)
        for spelling in (base64.b64encode(secret).decode(), secret.hex(), repr(secret)[2:-1])
    ),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are opened quickly, for tests that open hundreds of them; their cost is in the file."""
    monkeypatch.setattr(sealed_file, "_ARGON2", {"time_cost": 1, "memory_cost": 8, "parallelism": 1})


@pytest.fixture(autouse=True)
def no_message_holds_a_secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every refusal that any test here provokes is looked through."""
    said: list[str] = []

    def remember(error: SealedFileError, *arguments: object) -> None:
        said.append(f"{arguments}")
        Exception.__init__(error, *arguments)

    monkeypatch.setattr(SealedFileError, "__init__", remember)
    yield said
    assert not [secret for secret in SECRETS for message in said if secret in message]


def _document(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


def _put(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
    path.chmod(0o600)


def test_a_sealed_file_gives_back_what_was_sealed(path: Path) -> None:
    write(path, CONTENT, PASSPHRASE)
    assert read(path, PASSPHRASE) == CONTENT


def test_an_unsealed_file_gives_back_what_was_written(path: Path) -> None:
    write(path, CONTENT, None)
    assert read(path, None) == CONTENT


def test_a_sealed_file_shows_nothing_of_its_content(path: Path) -> None:
    write(path, CONTENT, PASSPHRASE)
    text = path.read_text(encoding="utf-8")
    assert not [secret for secret in SECRETS if secret in text]
    assert set(_document(path)) == {"format", "argon2id", "salt", "nonce", "sealed"}


def test_a_file_is_sealed_with_argon2id_at_the_cost_that_rfc_9106_recommends(path: Path) -> None:
    write(path, CONTENT, PASSPHRASE)
    assert _document(path)["argon2id"] == {"time_cost": 3, "memory_cost": 65_536, "parallelism": 4}


@pytest.mark.usefixtures("cheap")
def test_a_file_sealed_at_another_cost_stays_readable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, CONTENT, PASSPHRASE)
    monkeypatch.setattr(sealed_file, "_ARGON2", {"time_cost": 2, "memory_cost": 16, "parallelism": 2})
    assert read(path, PASSPHRASE) == CONTENT


@pytest.mark.usefixtures("cheap")
def test_sealing_twice_uses_another_salt_and_nonce(path: Path) -> None:
    write(path, CONTENT, PASSPHRASE)
    first = _document(path)
    write(path, CONTENT, PASSPHRASE)
    second = _document(path)
    assert all(first[name] != second[name] for name in ("salt", "nonce", "sealed"))


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize(
    "passphrase", ["", PASSPHRASE[:-1], PASSPHRASE + " ", PASSPHRASE.upper(), "x" * 1000, "\udc80"]
)
def test_a_wrong_passphrase_does_not_open_it(path: Path, passphrase: str) -> None:
    write(path, CONTENT, PASSPHRASE)
    with pytest.raises(SealedFileError, match=r"passphrase does not open|is damaged"):
        read(path, passphrase)


@pytest.mark.usefixtures("cheap")
def test_a_sealed_file_without_its_passphrase_names_the_setting(path: Path) -> None:
    write(path, CONTENT, PASSPHRASE)
    with pytest.raises(SealedFileError, match="REGISTRY_KEY_PASSPHRASE_FILE"):
        read(path, None)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("change", [0x01, 0x02, 0x20])
def test_an_altered_byte_anywhere_in_a_sealed_file_is_refused_or_changes_nothing(path: Path, change: int) -> None:
    """Nothing: white space, and the bits that base64 does not use. Another secret than was sealed never comes out."""
    write(path, CONTENT, PASSPHRASE)
    whole = path.read_bytes()
    opened = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ change]) + whole[at + 1 :])
        try:
            assert read(path, PASSPHRASE) == CONTENT
            opened += 1
        except SealedFileError:
            pass
    assert opened < 40


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_file_that_is_cut_off_is_refused(path: Path, passphrase: str | None) -> None:
    write(path, CONTENT, passphrase)
    whole = path.read_bytes()
    for length in range(len(whole) - 2):
        path.write_bytes(whole[:length])
        with pytest.raises(SealedFileError):
            read(path, passphrase)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("salt", None),
        ("salt", "%%%"),
        ("salt", "AA=="),
        ("nonce", 12),
        ("nonce", ""),
        ("sealed", "é"),
        ("sealed", []),
        ("sealed", ""),
        ("argon2id", {}),
        ("argon2id", {"time_cost": 0, "memory_cost": 8, "parallelism": 1}),
        ("argon2id", {"time_cost": 1, "memory_cost": 8, "parallelism": 0}),
        ("argon2id", {"time_cost": 1, "memory_cost": 1 << 40, "parallelism": 1}),
        ("argon2id", {"time_cost": "1", "memory_cost": 8, "parallelism": 1}),
        ("argon2id", {"time_cost": 1, "memory_cost": 8, "parallelism": 1, "version": 19, "type": 1}),
        ("argon2id", [1, 2, 3]),
    ],
)
def test_a_sealed_file_with_a_damaged_member_is_refused(path: Path, name: str, value: object) -> None:
    write(path, CONTENT, PASSPHRASE)
    _put(path, {**_document(path), name: value})
    with pytest.raises(SealedFileError, match=r"is damaged|passphrase does not open"):
        read(path, PASSPHRASE)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("name", ["argon2id", "salt", "nonce", "sealed"])
def test_a_sealed_file_that_lacks_a_member_is_refused(path: Path, name: str) -> None:
    write(path, CONTENT, PASSPHRASE)
    _put(path, {member: value for member, value in _document(path).items() if member != name})
    with pytest.raises(SealedFileError, match="is damaged"):
        read(path, PASSPHRASE)


@pytest.mark.usefixtures("cheap")
def test_the_content_of_one_file_does_not_open_in_another(path: Path, tmp_path: Path) -> None:
    write(path, CONTENT, PASSPHRASE)
    other = tmp_path / "other.json"
    write(other, KeyFile.create(), PASSPHRASE)
    _put(path, {**_document(path), "sealed": _document(other)["sealed"]})
    with pytest.raises(SealedFileError, match="was altered"):
        read(path, PASSPHRASE)


@pytest.mark.parametrize(
    "plain",
    [
        None,
        [],
        {},
        {"seeds": {}, "fingerprint_key": base64.b64encode(FINGERPRINT_KEY).decode()},
        {"seeds": [], "fingerprint_key": base64.b64encode(FINGERPRINT_KEY).decode()},
        {"seeds": {"one": base64.b64encode(SEED_1).decode()}, "fingerprint_key": base64.b64encode(SEED_2).decode()},
        {"seeds": {"1": base64.b64encode(SEED_1[:-1]).decode()}, "fingerprint_key": base64.b64encode(SEED_2).decode()},
        {"seeds": {"1": 7}, "fingerprint_key": base64.b64encode(SEED_2).decode()},
        {"seeds": {"1": base64.b64encode(SEED_1).decode()}, "fingerprint_key": base64.b64encode(SEED_2[1:]).decode()},
        {"seeds": {"1": base64.b64encode(SEED_1).decode()}},
    ],
)
def test_an_unsealed_file_that_is_damaged_is_refused(path: Path, plain: object) -> None:
    _put(path, {"format": KIND.format, "plain": plain})
    with pytest.raises(SealedFileError, match="is damaged"):
        read(path, None)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'"text"', b"7", b"null", b"\xff\xfe", b'{"format": "other/1"}', b"not json", b"\0"]
)
def test_a_foreign_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SealedFileError, match="is not a key file of this registry"):
        read(path, None)


def test_a_missing_file_tells_how_to_make_one(path: Path) -> None:
    with pytest.raises(SealedFileError, match="demand-registry init"):
        read(path, None)


def test_a_folder_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(SealedFileError, match="cannot be read: Is a directory"):
        read(tmp_path, None)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
@pytest.mark.usefixtures("cheap")
def test_a_file_that_others_can_reach_is_refused_sealed_or_not(path: Path, mode: int, passphrase: str | None) -> None:
    write(path, CONTENT, passphrase)
    path.chmod(mode)
    with pytest.raises(SealedFileError, match="chmod 600"):
        read(path, passphrase)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_that_only_its_owner_can_read_is_read(path: Path, mode: int) -> None:
    write(path, CONTENT, None)
    path.chmod(mode)
    assert read(path, None) == CONTENT


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_file_is_its_owners_alone_whatever_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write(path, CONTENT, None)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_replacing_a_file_that_others_could_read_closes_it(path: Path) -> None:
    path.write_text("{}", encoding="utf-8")
    path.chmod(0o644)
    write(path, CONTENT, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(path: Path) -> None:
    write(path, KeyFile.create(), None)
    with path.open("rb") as old:
        before = old.read()
        write(path, CONTENT, None)
        old.seek(0)
        assert old.read() == before, "who has the old file open still reads the old file"
    assert read(path, None) == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, CONTENT, None)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(path, KeyFile.create(), None)
    assert read(path, None) == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_new_secrets_are_new_each_time() -> None:
    first, second = KeyFile.create(), KeyFile.create()
    assert set(first.seeds) == {1}
    assert len({first.seeds[1], second.seeds[1], first.fingerprint_key, second.fingerprint_key}) == 4
    assert {len(first.seeds[1]), len(first.fingerprint_key)} == {32}


def test_a_new_generation_gets_the_next_number_and_changes_no_other() -> None:
    more, number = CONTENT.with_new_generation()
    assert number == 3
    assert {kept: more.seeds[kept] for kept in (1, 2)} == CONTENT.seeds
    assert len({*more.seeds.values()}) == 3
    assert more.fingerprint_key == FINGERPRINT_KEY


def test_a_generation_can_be_taken_out_for_good() -> None:
    assert CONTENT.without(1).seeds == {2: SEED_2}
    assert CONTENT.without(1).fingerprint_key == FINGERPRINT_KEY
    assert CONTENT.without(9) == CONTENT


def test_a_generation_that_is_chained_is_marked_until_it_is_taken_out(path: Path) -> None:
    more, number = CONTENT.with_new_generation(known={4}, chained=True)
    assert (number, more.chained) == (5, frozenset({5}))
    write(path, more, None)
    assert read(path, None) == more
    assert more.with_new_generation()[0].chained == {5}
    assert more.without(1).chained == {5}
    assert more.without(5) == CONTENT
    document = _document(path)
    for wrong in ([6], ["x"], 5):
        _put(path, {**document, "plain": {**document["plain"], "chained": wrong}})
        with pytest.raises(SealedFileError, match="is damaged"):
            read(path, None)


def test_the_content_is_in_no_text_and_no_pickle_of_it() -> None:
    shown = f"{CONTENT}{CONTENT!r}"
    assert not [secret for secret in SECRETS if secret in shown]
    with pytest.raises(TypeError, match="not to be serialised"):
        pickle.dumps(CONTENT)


def test_refusals_were_listened_to(path: Path, no_message_holds_a_secret: list[str]) -> None:
    with pytest.raises(SealedFileError):
        read(path, None)
    assert len(no_message_holds_a_secret) == 1

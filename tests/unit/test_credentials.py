import copy
import json
import pickle
from collections.abc import Callable

import pytest

from registry.domain.credentials import (
    ALLOWED_SCOPES,
    DEFAULT_SCOPES,
    RANDOM_BYTES,
    ApiKey,
    Mode,
    OrganisationKind,
    Purpose,
    Scope,
    compose,
    from_random,
    parse,
    scopes_for,
)
from registry.domain.errors import Code, Refused

ID = "abcdEFG1"
SECRET = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
KEY = ApiKey(mode=Mode.LIVE, id=ID, secret=SECRET)
# Worked out apart from the code: CRC-32 of the text before it is 0x407BBE79, or 1,081,851,513, here in base 62.
TEXT = "drk_live_abcdEFG10123456789ABCDEFGHIJKLMNOPQRSTUV" + "1BDKzx"


def test_a_key_is_its_prefix_id_secret_and_checksum() -> None:
    assert compose(Mode.LIVE, ID, SECRET) == TEXT
    assert parse(TEXT, Mode.LIVE) == KEY


def test_the_prefix_tells_the_mode() -> None:
    assert compose(Mode.LIVE, ID, SECRET).startswith("drk_live_abcdEFG1")
    assert compose(Mode.SANDBOX, ID, SECRET).startswith("drk_test_abcdEFG1")


def test_a_small_checksum_is_padded_with_zeros() -> None:
    secrets = (f"{number:032d}" for number in range(1000))
    assert any(compose(Mode.LIVE, ID, secret)[-6:].startswith("00") for secret in secrets)


def test_a_key_of_the_other_mode_is_no_key() -> None:
    assert parse(TEXT, Mode.SANDBOX) is None
    assert parse(compose(Mode.SANDBOX, ID, SECRET), Mode.LIVE) is None
    assert parse(TEXT.replace("live", "test"), Mode.SANDBOX) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "drk_live_",
        TEXT[:-1],
        TEXT + "0",
        TEXT + "\n",
        " " + TEXT,
        TEXT.upper(),
        TEXT.replace("drk_", "dkr_"),
        TEXT[:-6] + "000000",
        TEXT[:-6] + "zzzzzz",
        TEXT.replace("abcd", "bacd"),
        TEXT.replace("abcd", "ab-d"),
        TEXT.replace("0123", "\N{FULLWIDTH DIGIT ZERO}123"),
        TEXT.replace("0123", "\N{ARABIC-INDIC DIGIT ZERO}123"),
        TEXT.replace("0123", "\x00123"),
        "x" * 1_000_000,
    ],
)
def test_anything_else_is_no_key(text: str) -> None:
    assert parse(text, Mode.LIVE) is None


@pytest.mark.parametrize(
    ("key_id", "secret"),
    [
        ("", SECRET),
        (ID[:-1], SECRET),
        (ID, SECRET + "0"),
        (ID[:-1], ID[-1] + SECRET),
        (ID, SECRET[:-1] + "_"),
        ("abcdEFG\N{SUPERSCRIPT ONE}", SECRET),
    ],
)
def test_malformed_parts_are_not_composed_and_not_repeated(key_id: str, secret: str) -> None:
    with pytest.raises(ValueError, match="8 and its secret 32") as failure:
        compose(Mode.LIVE, key_id, secret)
    assert secret not in str(failure.value)


def test_a_key_from_random_bytes_takes_them_in_order_and_skips_those_that_would_favour_some() -> None:
    skipped = bytes(range(248, 256))
    random = bytes(range(8)) + skipped + bytes(range(62, 62 + 32)) + skipped + bytes(16)
    assert from_random(Mode.SANDBOX, random) == ApiKey(Mode.SANDBOX, "01234567", SECRET)


def test_every_character_stands_for_the_same_number_of_bytes() -> None:
    ids = [from_random(Mode.LIVE, bytes([byte] * 40)).id[0] for byte in range(248)]
    assert {ids.count(character) for character in ids} == {4}
    assert len(set(ids)) == 62


@pytest.mark.parametrize("random", [b"", bytes(39), b"\xff" * RANDOM_BYTES, bytes(39) + b"\xff" * 25])
def test_too_little_randomness_makes_no_key(random: bytes) -> None:
    with pytest.raises(ValueError, match="too few random bytes"):
        from_random(Mode.LIVE, random)


@pytest.mark.parametrize("show", [repr, str, format, "{}".format, "{!r:>99}".format, ascii])
def test_showing_a_key_shows_its_id_and_not_its_secret(show: Callable[[ApiKey], str]) -> None:
    shown = show(KEY)
    assert ID in shown
    assert SECRET not in shown


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_key_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="not to be serialised"):
        pickle.dumps(KEY, protocol)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_key_cannot_be_copied(duplicate: Callable[[ApiKey], ApiKey]) -> None:
    with pytest.raises(TypeError, match="not to be serialised"):
        duplicate(KEY)


def test_a_key_is_not_json_and_has_no_attribute_dictionary() -> None:
    with pytest.raises(TypeError):
        json.dumps(KEY)
    with pytest.raises(TypeError):
        vars(KEY)


def test_words_are_spelled_as_the_api_spells_them() -> None:
    assert {scope.value for scope in Scope} == {"decoys", "hits", "lookups", "private", "audit", "operator"}
    assert {kind.value for kind in OrganisationKind} == {"investigator", "employer", "partner", "operator"}
    assert {purpose.value for purpose in Purpose} == {
        "company_number",
        "investigation",
        "subject_request",
        "partner_screening",
    }


@pytest.mark.parametrize(
    ("kind", "scopes"),
    [
        (OrganisationKind.INVESTIGATOR, {"decoys", "hits", "lookups"}),
        (OrganisationKind.EMPLOYER, {"lookups"}),
        (OrganisationKind.PARTNER, {"lookups"}),
        (OrganisationKind.OPERATOR, {"operator", "lookups", "audit"}),
    ],
)
def test_each_kind_of_organisation_has_its_default_scopes(kind: OrganisationKind, scopes: set[str]) -> None:
    assert scopes_for(kind) == scopes


@pytest.mark.parametrize("kind", OrganisationKind)
def test_defaults_are_allowed_and_never_hand_out_the_private_set(kind: OrganisationKind) -> None:
    assert DEFAULT_SCOPES[kind] <= ALLOWED_SCOPES[kind]
    assert Scope.PRIVATE not in DEFAULT_SCOPES[kind]
    assert scopes_for(kind, ALLOWED_SCOPES[kind]) == ALLOWED_SCOPES[kind]


def test_a_key_can_have_fewer_scopes_than_the_default() -> None:
    assert scopes_for(OrganisationKind.INVESTIGATOR, [Scope.HITS]) == {Scope.HITS}


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        (OrganisationKind.INVESTIGATOR, Scope.OPERATOR),
        (OrganisationKind.EMPLOYER, Scope.OPERATOR),
        (OrganisationKind.PARTNER, Scope.OPERATOR),
        (OrganisationKind.EMPLOYER, Scope.HITS),
        (OrganisationKind.PARTNER, Scope.DECOYS),
        (OrganisationKind.OPERATOR, Scope.HITS),
    ],
)
def test_a_scope_beyond_the_kind_is_refused_by_name(kind: OrganisationKind, scope: Scope) -> None:
    with pytest.raises(Refused, match=f"{kind} cannot have: {scope}") as refusal:
        scopes_for(kind, [Scope.LOOKUPS, scope])
    assert refusal.value.code is Code.INVALID_VALUE


def test_a_key_without_any_scope_is_refused() -> None:
    with pytest.raises(Refused, match="at least one scope") as refusal:
        scopes_for(OrganisationKind.EMPLOYER, [])
    assert refusal.value.code is Code.INVALID_VALUE

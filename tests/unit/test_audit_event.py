import hashlib
import itertools
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.audit import Actor, Event, PrivatePart, Requested, index_digest, subjects_digest
from registry.domain.merkle import leaf_hash

TAG_1, TAG_2, TAG_3 = (bytes([number]) * 32 for number in (1, 2, 3))
PRIVATE = PrivatePart(bytes(range(16)), "192.0.2.7", "curl/8.5.0")
EVENT = Event(
    id=UUID("0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"),
    time=datetime(2026, 11, 15, 12, 0, 0, 120, tzinfo=UTC),
    operation="look_up",
    result="ok",
    actor=Actor(UUID("0198c5a2-7f3e-7b1c-9a4d-000000000001"), "abcdEFG1"),
    request=Requested(UUID("0198c5a2-7f3e-7b1c-9a4d-000000000002"), "POST /v1/lookups"),
    nonce=bytes(range(0xA0, 0xB0)),
    purpose="company_number",
    case="HR-2026-118",
    count={"submitted": 1, "charged": 1, "contact_observed": 1},
    policy="2026-11",
    generation=1,
    disclosed=(TAG_2, TAG_1),
    private=PRIVATE,
)
# Worked out apart from the code: members in the order of RFC 8785, no spaces, the two digests by sha256sum.
BODY = (
    b'{"actor":{"key":"abcdEFG1","on_behalf_of":null,"organisation":"0198c5a2-7f3e-7b1c-9a4d-000000000001"},'
    b'"case":"HR-2026-118","count":{"charged":1,"contact_observed":1,"submitted":1},"generation":1,'
    b'"id":"0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d","nonce":"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",'
    b'"operation":"look_up","policy":"2026-11","private":"6a590ab9ea520517b21564e6dadb5b700409c0269762eccce3f33205e6b1769d","purpose":"company_number",'
    b'"request":{"id":"0198c5a2-7f3e-7b1c-9a4d-000000000002","route":"POST /v1/lookups"},"result":"ok",'
    b'"subjects":"f818afd37a6dc3bc92fb44731011277006db4efa6e9023cd7468c02335d22a4d","time":"2026-11-15T12:00:00.000120Z","v":1}'
)
LEAF = "e4da4b820e732f91b316b2b9b62bef91074d01fa2fb4b741d54ed2fc2da3eeb9"

BARE = Event(
    id=EVENT.id,
    time=EVENT.time,
    operation="verify_listings",
    result="internal",
    actor=Actor(),
    request=Requested(EVENT.request.id, "cli verify-listings"),
    nonce=bytes(16),
)
BARE_BODY = (
    b'{"actor":{"key":null,"on_behalf_of":null,"organisation":null},"case":null,"count":{},"generation":null,'
    b'"id":"0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d","nonce":"00000000000000000000000000000000",'
    b'"operation":"verify_listings","policy":null,"private":null,"purpose":null,'
    b'"request":{"id":"0198c5a2-7f3e-7b1c-9a4d-000000000002","route":"cli verify-listings"},"result":"internal",'
    b'"subjects":null,"time":"2026-11-15T12:00:00.000120Z","v":1}'
)

_OTHER: dict[str, Any] = {
    "id": UUID(int=1),
    "time": EVENT.time + timedelta(microseconds=1),
    "operation": "check",
    "result": "internal",
    "actor": replace(EVENT.actor, on_behalf_of=UUID(int=1)),
    "request": replace(EVENT.request, route="POST /v1/checks"),
    "nonce": bytes(16),
    "purpose": None,
    "case": "HR-2026-119",
    "count": {**EVENT.count, "none": 0},
    "policy": "2026-12",
    "generation": 2,
    "disclosed": (TAG_1,),
    "private": replace(PRIVATE, address="192.0.2.8"),
    "index": bytes(32),
}


def test_the_bytes_of_a_known_event_never_change() -> None:
    """Leaves hash them: another byte and every proof of an older event is void."""
    assert EVENT.body() == BODY


def test_the_bytes_of_an_event_with_nothing_in_it_never_change() -> None:
    assert BARE.body() == BARE_BODY


def test_the_leaf_of_a_known_event_is_the_hash_of_a_zero_and_its_bytes() -> None:
    assert leaf_hash(BODY).hex() == LEAF
    assert leaf_hash(BODY) == hashlib.sha256(b"\x00" + BODY).digest()
    assert leaf_hash(b"") == bytes.fromhex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")


@pytest.mark.parametrize("name", [field.name for field in fields(Event)])
def test_changing_any_field_changes_the_leaf(name: str) -> None:
    changed = replace(EVENT, **{name: _OTHER[name]})
    assert leaf_hash(changed.body()) != leaf_hash(EVENT.body())


@pytest.mark.parametrize(
    "actor",
    [
        replace(EVENT.actor, organisation=UUID(int=1)),
        replace(EVENT.actor, organisation=None),
        replace(EVENT.actor, key="abcdEFG2"),
        replace(EVENT.actor, key=None),
    ],
)
def test_changing_the_actor_changes_the_leaf(actor: Actor) -> None:
    assert replace(EVENT, actor=actor).body() != EVENT.body()


def test_changing_the_requests_id_changes_the_leaf() -> None:
    request = replace(EVENT.request, id=UUID(int=1))
    assert replace(EVENT, request=request).body() != EVENT.body()


@pytest.mark.parametrize(
    "private",
    [
        None,
        replace(PRIVATE, nonce=bytes(16)),
        replace(PRIVATE, address=None),
        replace(PRIVATE, user_agent=None),
        replace(PRIVATE, user_agent="curl/8.5.1"),
        PrivatePart(PRIVATE.nonce, PRIVATE.user_agent, PRIVATE.address),
    ],
)
def test_changing_the_private_part_changes_the_leaf(private: PrivatePart | None) -> None:
    assert replace(EVENT, private=private).body() != EVENT.body()


def test_the_private_part_is_bound_but_not_readable_in_the_event() -> None:
    assert b"192.0.2.7" not in EVENT.body()
    assert b"curl" not in EVENT.body()
    assert PRIVATE.nonce.hex().encode() not in EVENT.body()


def test_disclosed_tags_are_bound_but_not_readable_in_the_event() -> None:
    assert not any(tag.hex().encode() in EVENT.body() for tag in EVENT.disclosed)


def test_the_members_are_those_of_the_design() -> None:
    expected = {"v", "id", "time", "operation", "result", "actor", "purpose", "case", "request", "count", "policy"}
    assert set(json.loads(EVENT.body())) == expected | {"generation", "subjects", "private", "nonce"}


def test_the_time_is_written_in_utc_whatever_its_zone() -> None:
    elsewhere = EVENT.time.astimezone(timezone(timedelta(hours=-8)))
    assert replace(EVENT, time=elsewhere).body() == EVENT.body()


def test_counts_come_in_one_order_whatever_the_order_they_are_given_in() -> None:
    turned = dict(reversed(list(EVENT.count.items())))
    assert replace(EVENT, count=turned).body() == EVENT.body()


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_nonce_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="nonce has 16 bytes"):
        replace(EVENT, nonce=bytes(length)).body()


def test_nothing_disclosed_has_no_digest() -> None:
    assert subjects_digest(()) is None


@pytest.mark.parametrize("order", list(itertools.permutations((TAG_1, TAG_2, TAG_3))))
def test_the_digest_of_the_subjects_does_not_depend_on_their_order(order: tuple[bytes, ...]) -> None:
    assert subjects_digest(order) == hashlib.sha256(TAG_1 + TAG_2 + TAG_3).hexdigest()


@given(tags=st.lists(st.binary(min_size=32, max_size=32), min_size=1), again=st.randoms(use_true_random=False))
def test_a_subject_that_is_told_about_twice_counts_once(tags: list[bytes], again: Any) -> None:
    doubled = tags + tags
    again.shuffle(doubled)
    assert subjects_digest(doubled) == subjects_digest(tags)


@given(
    one=st.frozensets(st.binary(min_size=32, max_size=32), min_size=1, max_size=5),
    other=st.frozensets(st.binary(min_size=32, max_size=32), min_size=1, max_size=5),
)
def test_other_subjects_have_another_digest(one: frozenset[bytes], other: frozenset[bytes]) -> None:
    assert (subjects_digest(tuple(one)) == subjects_digest(tuple(other))) is (one == other)


def test_an_event_that_rewrote_the_index_of_disclosures_binds_all_of_it() -> None:
    digest = index_digest([(EVENT.id, TAG_1)])
    assert json.loads(replace(EVENT, index=digest).body())["subjects"] == digest.hex()
    assert json.loads(replace(BARE, index=index_digest([])).body())["subjects"] == hashlib.sha256().hexdigest()


def test_the_digest_of_the_index_is_over_events_and_tags_as_they_come() -> None:
    rows = [(UUID(int=1), TAG_1), (UUID(int=1), TAG_2), (UUID(int=2), TAG_1)]
    content = b"".join((bytes(15) + b"\1", TAG_1, bytes(15) + b"\1", TAG_2, bytes(15) + b"\2", TAG_1))
    assert index_digest(iter(rows)) == hashlib.sha256(content).digest()
    assert index_digest(reversed(rows)) != index_digest(rows)

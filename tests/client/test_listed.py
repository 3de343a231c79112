from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.client import ListedSet, ProtocolError
from registry.client._listed import Buckets, prefix_of, prefix_text
from registry.client._membership import Membership
from registry.client._parameters import ActiveGeneration, Parameters, SetFacts, Step, TestKey
from registry.domain.private_sets import bucket_prefix
from registry.domain.tags import set_id

ids = st.binary(min_size=8, max_size=8)


@given(members=st.sets(ids, max_size=50), others=st.sets(ids, max_size=20))
def test_a_set_knows_its_members(members: set[bytes], others: set[bytes]) -> None:
    found = ListedSet(1, b"".join(sorted(members)))
    assert len(found) == len(members)
    assert all(member in found for member in members)
    assert not any(other in found for other in others - members)
    assert "text" not in found


@given(members=st.sets(ids, min_size=2, max_size=20))
def test_an_unsorted_or_incomplete_set_is_refused(members: set[bytes]) -> None:
    body = b"".join(sorted(members))
    for wrong in (body[8:] + body[:8], body[:-1]):
        with pytest.raises(ProtocolError):
            ListedSet(1, wrong)


@given(member=ids, bits=st.integers(min_value=1, max_value=12))
def test_a_bucket_is_named_as_the_registry_reads_it(member: bytes, bits: int) -> None:
    prefix = prefix_of(member, bits)
    assert bucket_prefix(prefix_text(prefix, bits), bits) == prefix
    assert f"{int.from_bytes(member, 'big'):064b}".startswith(f"{prefix:0{bits}b}")


def test_a_bucket_of_another_prefix_or_size_is_refused() -> None:
    body = b"\x12" + bytes(7) + b"\x13" + bytes(7)
    assert len(ListedSet(1, body).require_prefix(1, 4, 2)) == 2
    for prefix, entries in ((2, 2), (1, 3)):
        with pytest.raises(ProtocolError):
            ListedSet(1, body).require_prefix(prefix, 4, entries)
    with pytest.raises(ProtocolError):
        ListedSet(1, b"").require_prefix(0, 4, 0)


def test_an_id_whose_bucket_is_not_there_is_never_taken_for_unlisted() -> None:
    buckets = Buckets(4, [1], lambda prefix: ListedSet(1, bytes([prefix << 4]) + bytes(7)))
    assert b"\x10" + bytes(7) in buckets
    assert b"\x11" + bytes(7) not in buckets
    with pytest.raises(KeyError):
        assert b"\x20" + bytes(7) not in buckets


class Library:
    """Hands out the sets of one generation and remembers what was asked for."""

    def __init__(self, members: list[bytes], *, prefix_bits: int, bucket_entries: int, size: int) -> None:
        self.asked: list[int | str] = []
        self._members = sorted(members)
        now = datetime.now(UTC)
        facts = SetFacts('"x"', len(members), size, prefix_bits, bucket_entries, now)
        one = ActiveGeneration(1, (Step(1, bytes(32), None),), 1_000, facts)
        self._parameters = Parameters(
            generations=(one,),
            served_regions=frozenset(),
            accept_fictional=True,
            normaliser_version="",
            epoch_seconds=300,
            test_key=TestKey(b"", 1, b""),
            test_vectors=(),
            audit_id="",
        )

    def parameters(self) -> Parameters:
        return self._parameters

    def listed_set(self, generation: int) -> ListedSet | None:
        self.asked.append("all")
        return ListedSet(generation, b"".join(self._members))

    def bucket(self, generation: int, prefix: int, facts: SetFacts) -> ListedSet | None:
        self.asked.append(prefix)
        return ListedSet(generation, b"".join(m for m in self._members if prefix_of(m, facts.prefix_bits) == prefix))


@pytest.mark.parametrize(
    ("prefix_bits", "size", "whole"),
    [(0, 10_000, True), (4, 10_000, False), (4, 8, True)],
    ids=["no buckets", "buckets are less", "the set is less"],
)
def test_whatever_is_less_is_fetched(prefix_bits: int, size: int, whole: bool) -> None:  # noqa: FBT001 - expected
    tags = [bytes([number]) * 32 for number in range(1, 5)]
    members = [set_id(1, tag) for tag in tags[:2]]
    library = Library(members, prefix_bits=prefix_bits, bucket_entries=1, size=size)
    membership = Membership.cheapest(library, lambda _: tags)
    assert [membership.lists(1, tag) for tag in tags] == [True, True, False, False]
    needed = sorted({prefix_of(set_id(1, tag), 4) for tag in tags})
    assert library.asked == (["all"] if whole else needed)


class Silent(Library):
    def listed_set(self, generation: int) -> None:
        """As if it had been fetched before."""


def test_a_set_that_is_said_to_be_here_already_is_refused() -> None:
    library = Silent([], prefix_bits=0, bucket_entries=0, size=0)
    with pytest.raises(ProtocolError):
        Membership.whole(library, library.parameters())

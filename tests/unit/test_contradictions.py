"""A contradiction says what does not fit, where, and in words that people can act upon."""

import pytest

from registry.domain.contradictions import Contradiction, Kind, named


def test_a_contradiction_carries_its_sentence_and_its_place() -> None:
    with pytest.raises(Contradiction, match=r"^It was changed\.$") as caught:
        raise Contradiction(Kind.BODY_CHANGED, "It was changed.", index=7, event="an-id")
    assert (caught.value.kind, caught.value.index, caught.value.event) == (Kind.BODY_CHANGED, 7, "an-id")
    assert Contradiction(Kind.TILE_MISSING, "It is gone.").index is None


def test_an_event_is_named_by_its_place_and_its_id_where_it_has_one() -> None:
    assert named(8_123, "an-id") == "event 8,123 (id an-id)"
    assert named(8_123, None) == "event 8,123"


def test_kinds_are_words_of_their_own() -> None:
    assert all(kind.value.replace("_", "").isalpha() and kind.value.islower() for kind in Kind)

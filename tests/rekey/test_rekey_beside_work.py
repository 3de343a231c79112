"""`demand-registry generations rekey` beside a registry that goes on recording and answering."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import pytest
from caller_stories import days_ago
from interleaved import Interleaving, caller_of, wait_until
from members import hit
from rekey_scene import Leaked
from shapes import refusal_of

from registry.cli import rekey
from registry.db import audit
from registry.db.database import Writing
from registry.domain.audit import Event
from registry.domain.credentials import Purpose
from registry.domain.errors import Code, Refused
from registry.domain.policy import Channel
from registry.operations.check import Check
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.private_sets import current_sets
from registry.operations.questions import Question
from registry.operations.record_hits import RecordHits
from registry.operations.submitted_hits import Hit

if TYPE_CHECKING:
    from collections.abc import Callable

AT: Final = f"{days_ago(5)}T10:00:00+00:00"


def test_the_registry_goes_on_meanwhile_and_nothing_of_it_is_lost(scene: Leaked) -> None:
    """Some of these tags come before those that were prepared already, some after them."""
    first, operator, asker = scene.filled.tellers.first, scene.filled.tellers.operator, scene.filled.asker
    recorded, excluded, line = [next(scene.fresh) for _ in range(12)], next(scene.fresh), next(scene.fresh)
    with scene.house() as old:
        with scene.stopped("waiting"):
            told = first.record(*(hit(scene.filled.tellers.decoys[0], number, AT) for number in recorded))
            assert told["recorded"] == len(recorded)
            assert operator.post("/v1/exclusions", {"number": excluded, "reason": "police"}).status_code == 201
            decoy = first.register_decoy(line)
            assert [asker.look_up(number)["outcome"] for number in recorded] == ["contact_observed"] * len(recorded)
            assert scene.privately() == scene.plainly() == scene.filled.answers
            said = scene.cli.refused("generations", "rekey", "--yes")
            assert "Another `generations rekey` is running" in said
            ((done,),) = scene.rows("SELECT max(tag) FROM registry.rekeyed_tags")
            tags = scene.tags(recorded, 1)
            assert min(tags) < bytes(done) < max(tags)
        told = asker.post("/v1/lookups", {"number": recorded[0], "purpose": "company_number"})
        refusal_of(told, 503, "keys_out_of_date")
        assert old.client.get("/health/ready").json()["keys"] is False
    assert not any(scene.in_files(scene.tags([*scene.filled.seen, *recorded, excluded, line], 1)))
    scene.assert_rekeyed()
    with scene.house():
        assert [asker.look_up(number)["evidence"]["contacts"] for number in recorded] == [1] * len(recorded)
        first.record(hit(decoy, excluded, AT))
        assert asker.look_up(excluded)["outcome"] == "none"


def contact(scene: Leaked, number: str) -> RecordHits:
    return RecordHits([Hit(number, UUID(scene.filled.tellers.decoys[0]), Channel.SMS, datetime.fromisoformat(AT))])


def test_a_contact_that_is_being_recorded_in_the_very_moment_is_carried_as_well(scene: Leaked) -> None:
    number, teller = next(scene.fresh), caller_of(scene.filled.tellers.first.id)
    with scene.house() as old, ThreadPoolExecutor(1) as pool:
        both = Interleaving(old.registry, scene.superuser)
        with both.held(contact(scene, number), teller):
            switching = pool.submit(scene.rekey)
            wait_until(lambda: both.waiting() > 0 or switching.done(), 60)
            assert not switching.done()
        switching.result(60)
    assert scene.in_tables(scene.tags([number], 1)) == [False]
    assert scene.in_tables(scene.tags([number], 1, 2)) == [True]


def test_what_was_admitted_before_the_switch_and_comes_after_it_is_refused_and_leaves_no_old_tag(scene: Leaked) -> None:
    """Otherwise a contact would be lost, and a number that is listed be answered `none`."""
    number, teller = next(scene.fresh), caller_of(scene.filled.tellers.first.id)
    question = Check([Question(scene.filled.stories.listed[0])], Purpose.COMPANY_NUMBER, None)
    with scene.house() as old:
        request = Request(old.registry.new_id(), "test")
        scene.rekey()
        rows = scene.count("registry.hits"), scene.count("registry.submissions"), scene.count("audit.subject")
        attempts: list[Callable[[], Any]] = [
            lambda: old.registry.run(contact(scene, number), teller, request),
            lambda: old.registry.run(question, teller, request),
            lambda: current_sets(old.registry),
        ]
        for attempt in attempts:
            with pytest.raises(Refused) as refused:
                attempt()
            assert refused.value.code is Code.KEYS_OUT_OF_DATE
    assert (scene.count("registry.hits"), scene.count("registry.submissions"), scene.count("audit.subject")) == rows
    assert not any(scene.in_files(scene.tags([*scene.filled.seen, number], 1)))
    assert scene.count("registry.private_sets WHERE generation = 1") == 0


def test_an_answer_that_was_read_before_the_switch_and_ends_after_it_is_not_given(
    scene: Leaked, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = scene.filled.stories.listed[0]
    question = Check([Question(number)], Purpose.COMPANY_NUMBER, None)
    record, switched = audit.record, False

    def uncleaned(*_arguments: object) -> bool:
        return True

    def record_late(tx: Writing, event: Event, *more: Any) -> bool:
        nonlocal switched
        if not switched:
            switched = True
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(rekey, "_cleaned", uncleaned)  # it would wait for this transaction
                scene.rekey()
        return record(tx, event, *more)

    with scene.house() as old:
        monkeypatch.setattr(audit, "record", record_late)
        with pytest.raises(Refused) as refused:
            old.registry.run(question, COMMAND_LINE, Request(old.registry.new_id(), "test"))
        assert refused.value.code is Code.KEYS_OUT_OF_DATE
    scene.rekey()
    assert scene.in_files(scene.tags([number], 1)) == [False]

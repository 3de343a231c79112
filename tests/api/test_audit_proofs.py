"""GET /v1/audit/events/{id}/proof: receipts that hold without the registry."""

import base64
import json
import re
from collections.abc import Generator
from uuid import uuid4

import pytest
from audit_trail import AuditTrail
from log_scene import KEY, LogScene, opened_log_scene
from members import Member
from shapes import refusal_of
from statements import counted

from registry.db.embedded import EmbeddedUrls
from registry.domain.merkle import ProofInvalid, verify_consistency
from registry.domain.signed_notes import NoteInvalid, Receipt
from registry.log_key import LogKey
from registry.signatures import holds


@pytest.fixture(scope="module")
def scene(cluster: EmbeddedUrls, template: str) -> Generator[LogScene]:
    with opened_log_scene(cluster, template) as opened:
        yield opened


def path(event: object) -> str:
    return f"/v1/audit/events/{event}/proof"


def proof(member: Member, event: str) -> str:
    answer = member.get(path(event))
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_a_proof_is_a_file_that_proves_the_event_with_the_public_key_alone(scene: LogScene) -> None:
    event = scene.ask()
    sealed = scene.seal()
    answer = scene.employer.get(path(event))
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="event-{event}.tlog-proof"'
    assert answer.headers["cache-control"] == "no-store"
    receipt = Receipt.parse(answer.text)
    assert receipt.verify(KEY.verifier, holds) == sealed
    (body, index) = scene.row(
        "SELECT e.body, l.idx FROM audit.event e JOIN audit.leaf l USING (xid, id) WHERE e.event_id = %s", event
    )
    assert (receipt.entry, receipt.index) == (body, index)
    assert answer.text.splitlines()[:3] == [
        "c2sp.org/tlog-proof@v1",
        f"extra {base64.b64encode(body).decode()}",
        f"index {index}",
    ]
    assert json.loads(body)["id"] == event


def test_a_proof_with_one_other_byte_proves_nothing(scene: LogScene) -> None:
    event = scene.ask()
    scene.seal()
    text = proof(scene.employer, event)
    receipt = Receipt.parse(text)
    assert receipt.entry is not None
    for forged in (
        Receipt(receipt.entry.replace(b'"ok"', b'"no"'), receipt.index, receipt.hashes, receipt.note),
        Receipt(receipt.entry, receipt.index - 1, receipt.hashes, receipt.note),
        Receipt(receipt.entry, receipt.index, (*receipt.hashes[:-1], bytes(32)), receipt.note),
        Receipt(receipt.entry, receipt.index, receipt.hashes, receipt.note.replace("\n", "0\n", 1)),
    ):
        with pytest.raises((NoteInvalid, ProofInvalid)):
            forged.verify(KEY.verifier, holds)
    with pytest.raises(NoteInvalid):
        receipt.verify(LogKey(KEY.origin, bytes(32)).verifier, holds)


def test_every_event_of_a_log_that_went_on_is_proved_against_its_newest_checkpoint(scene: LogScene) -> None:
    early = scene.ask()
    before = scene.seal()
    first = Receipt.parse(proof(scene.employer, early))
    scene.grow_to(before.size + 300)
    late = scene.ask()
    now = scene.seal()
    for event in (early, late):
        receipt = Receipt.parse(proof(scene.employer, event))
        assert receipt.verify(KEY.verifier, holds) == now
    assert first.verify(KEY.verifier, holds) == before, "and what somebody has kept still holds"
    verify_consistency(before.size, before.root, now.size, now.root, scene.consistency(before, now))


def test_an_event_that_waits_is_told_when_to_come_back(scene: LogScene) -> None:
    event = scene.ask()
    answer = scene.employer.get(path(event))
    refusal_of(answer, 409, "not_sealed")
    assert answer.headers["retry-after"] == "2"
    recorded = AuditTrail(scene.house.superuser).only(answer)
    assert (recorded["operation"], recorded["result"]) == ("prove_event", "not_sealed")
    scene.seal()
    assert Receipt.parse(proof(scene.employer, event)).index >= 0


def test_another_organisations_event_one_that_is_not_and_what_is_none_are_told_alike(scene: LogScene) -> None:
    foreign = scene.ask(scene.other)
    scene.seal()
    waiting = scene.ask(scene.other)
    told: set[str] = set()
    for id_ in (foreign, waiting, uuid4(), "nothing", "01980000-0000-7000-8000-00000000000g"):
        answer = scene.employer.get(path(id_))
        refusal_of(answer, 404, "not_found")
        same = {name: value for name, value in answer.json().items() if name not in {"instance", "audit_id"}}
        told.add(json.dumps(same))
        event = AuditTrail(scene.house.superuser).only(answer)
        assert (event["operation"], event["result"]) == ("prove_event", "not_found")
    assert len(told) == 1, "also an event that waits for its place is no other's business"


def test_the_operator_proves_anybodys_event_and_the_command_lines(scene: LogScene) -> None:
    foreign = scene.ask(scene.other)
    head = scene.seal()
    assert Receipt.parse(proof(scene.operator, foreign)).verify(KEY.verifier, holds) == head
    (unowned,) = scene.row("SELECT event_id::text FROM audit.event WHERE organisation IS NULL LIMIT 1")
    assert Receipt.parse(proof(scene.operator, unowned)).verify(KEY.verifier, holds) == head
    refusal_of(scene.employer.get(path(unowned)), 404, "not_found")


def test_an_event_whose_body_was_dropped_is_not_there_any_more(scene: LogScene) -> None:
    event = scene.ask()
    scene.seal()
    with scene.house.superuser.transaction():
        scene.house.superuser.execute("ALTER TABLE audit.event DISABLE TRIGGER ALL")
        scene.house.superuser.execute("DELETE FROM audit.event WHERE event_id = %s", (event,))
        scene.house.superuser.execute("ALTER TABLE audit.event ENABLE ALWAYS TRIGGER event_append_only")
        scene.house.superuser.execute("ALTER TABLE audit.event ENABLE ALWAYS TRIGGER event_no_truncate")
    refusal_of(scene.employer.get(path(event)), 404, "not_found")
    after = scene.ask()
    head = scene.seal()
    assert Receipt.parse(proof(scene.employer, after)).verify(KEY.verifier, holds) == head


def test_to_prove_is_an_event(scene: LogScene) -> None:
    event = scene.ask()
    scene.seal()
    answer = scene.employer.get(path(event))
    (recorded,) = AuditTrail(scene.house.superuser).of(answer)
    assert (recorded["operation"], recorded["result"]) == ("prove_event", "ok")
    assert recorded["count"] == {"submitted": 0, "charged": 0, "proved": 1}
    assert recorded["request"]["route"] == "GET /v1/audit/events/{event_id}/proof"


def test_rights_are_those_of_the_list(scene: LogScene) -> None:
    unscoped, suspended = scene.house.member("employer"), scene.other
    ours, theirs = scene.ask(unscoped), scene.ask(suspended)
    scene.seal()
    refusal_of(unscoped.get(path(ours)), 401, "unauthorized")
    refusal_of(scene.house.client.get(path(ours)), 401, "unauthorized")
    assert scene.operator.post(f"/v1/organisations/{suspended.id}/suspension").status_code == 200
    refusal_of(suspended.get(path(theirs)), 401, "unauthorized")
    assert scene.operator.post(f"/v1/organisations/{suspended.id}/resumption").status_code == 200


def test_a_proof_costs_a_bounded_number_of_statements(scene: LogScene) -> None:
    event = scene.ask()
    for more in (0, 700):
        scene.grow_to(scene.seal().size + more)
        proof(scene.employer, event)
        with counted() as sent:
            proof(scene.employer, event)
        # Admission, role, event, role, checkpoint, full tiles, at most one partial tile a level, and the event.
        assert len(sent) <= 10, [one.beginning for one in sent]


def test_a_proof_names_no_number_and_nobody_behind_the_request(scene: LogScene) -> None:
    event = scene.ask()
    scene.seal()
    entry = Receipt.parse(proof(scene.employer, event)).entry or b""
    assert re.search(rb"206\W*555|192\.0\.2\.7|testclient", entry) is None

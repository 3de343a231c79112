"""Events are handed out as they are, each once, from one moment, and not before that is recorded."""

import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from databases import DatabaseUrls
from house import opened_database
from lived_months import Lived, month, opened_months
from members import Clock, open_test_registry

from registry.cli.audit_export import as_line
from registry.db.audit_export import Exported, Selection
from registry.db.database import Database
from registry.db.embedded import EmbeddedUrls
from registry.domain.errors import Code, Refused
from registry.operations.export_events import export_events
from registry.operations.operation import COMMAND_LINE, Answered, Request
from registry.operations.registry import Registry

MANY: Final = 20_000
FILL: Final = (
    'INSERT INTO audit.event (body) SELECT convert_to(\'{"actor":{"organisation":null},"id":"\''
    ' || lpad(to_hex(n), 8, \'0\') || \'-0000-7000-8000-000000000000","operation":"look_up","padding":"\''
    " || repeat('x', 500) || '\"}', 'UTF8') FROM generate_series(1, %s) AS n"
)


@pytest.fixture(scope="module")
def lived(cluster: EmbeddedUrls, template: str) -> Iterator[Lived]:
    """Shared: exports add their own events and change nothing. The last month is not sealed."""
    with opened_database(cluster, template) as urls, opened_months(urls) as opened:
        opened.live()
        yield opened


def export(registry: Registry, selection: Selection, take: Any) -> Answered[int]:
    return export_events(registry, COMMAND_LINE, Request(registry.new_id(), "cli test"), selection, take)


def exported(lived: Lived, since: datetime | None = None, until: datetime | None = None, **more: Any) -> list[Exported]:
    found: list[Exported] = []
    answered = export(lived.application, Selection(since, until, **more), found.append)
    assert answered.result == len(found)
    return found


def test_every_event_is_handed_out_once_with_its_bytes_and_its_place(lived: Lived) -> None:
    rows = {row.body: row.index for row in lived.rows()}
    found = exported(lived)
    assert {one.body: one.index for one in found} == rows
    assert len(found) == len(rows)
    assert None in rows.values()
    ids = [json.loads(one.body)["id"] for one in found]
    assert ids == sorted(ids)


def test_a_line_holds_the_very_bytes_that_the_leaf_hashes(lived: Lived) -> None:
    leaves = dict(lived.house.superuser.execute("SELECT idx, hash FROM audit.leaf").fetchall())
    for one in exported(lived):
        line = as_line(one)
        assert b"\n" not in line
        read = json.loads(line)
        assert list(read) == ["index", "body"]
        assert read["index"] == one.index
        canonical = json.dumps(read["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        _, _, cut_out = line[:-1].partition(b',"body":')
        assert cut_out == canonical == one.body
        if one.index is not None:
            assert hashlib.sha256(b"\x00" + cut_out).digest() == leaves[one.index]


def test_since_is_part_of_the_range_and_until_is_not(lived: Lived) -> None:
    end = lived.house.clock.now  # exports themselves are recorded then
    all_ = exported(lived, until=end)
    times = [datetime.fromisoformat(json.loads(one.body)["time"]) for one in all_]
    at = times[len(times) // 2]
    before, from_then = exported(lived, until=at), exported(lived, since=at, until=end)
    assert before + from_then == all_
    assert len(before) == sum(time < at for time in times) > 0
    assert len(exported(lived, at + timedelta(microseconds=1), end)) == sum(time > at for time in times)
    assert exported(lived, since=at, until=at) == []
    second = exported(lived, since=month(2), until=month(3))
    assert [json.loads(one.body)["operation"] for one in second] == ["look_up"] * 3


def test_only_one_organisations_events_can_be_asked_for(lived: Lived) -> None:
    theirs = exported(lived, organisation=lived.asker.id)
    assert {json.loads(one.body)["actor"]["organisation"] for one in theirs} == {str(lived.asker.id)}
    everybody = [json.loads(one.body)["actor"]["organisation"] for one in exported(lived)]
    assert len(theirs) == everybody.count(str(lived.asker.id)) < len(everybody)
    assert len(exported(lived, month(2), month(3), organisation=lived.asker.id)) == 3
    assert exported(lived, month(2), month(3), organisation=lived.operator.id) == []


def test_the_export_is_recorded_before_the_first_event_leaves(lived: Lived) -> None:
    expected = len(exported(lived, until=month(3)))
    before = len(lived.rows())
    said: list[dict[str, Any]] = []

    def take(_one: Exported) -> None:
        said.append(lived.rows()[-1].said)

    answered = export(lived.application, Selection(until=month(3)), take)
    assert {event["id"] for event in said} == {str(answered.audit_id)}
    assert (said[0]["operation"], said[0]["result"]) == ("export_events", "ok")
    assert said[0]["count"] == {"submitted": 0, "charged": 0, "exported": expected}
    assert len(lived.rows()) == before + 1


def test_an_export_that_breaks_off_is_recorded_all_the_same(lived: Lived) -> None:
    class ReaderLeft(Exception):  # noqa: N818 - it says what happened
        pass

    def take(_one: Exported) -> None:
        raise ReaderLeft

    with pytest.raises(ReaderLeft):
        export(lived.application, Selection(), take)
    last = lived.rows()[-1].said
    assert (last["operation"], last["count"]["exported"]) == ("export_events", len(lived.rows()) - 1)


def test_what_happens_meanwhile_is_not_part_of_it(lived: Lived) -> None:
    before = len(lived.rows())
    found: list[Exported] = []

    def take(one: Exported) -> None:
        found.append(one)
        lived.asker.look_up("+12065550199")

    assert export(lived.application, Selection(), take).result == len(found) == before
    assert len(lived.rows()) == 2 * before + 1


def test_neither_numbers_nor_tags_nor_addresses_are_handed_out(lived: Lived) -> None:
    text = b"\n".join(one.body for one in exported(lived)).decode()
    private = lived.house.superuser.execute("SELECT address, user_agent FROM audit.private").fetchall()
    ((address, agent),) = set(private)
    assert address == "192.0.2.7"
    tags = {tag.hex() for _, tag in lived.disclosures()}
    assert len(tags) == 1
    for needle in (*tags, address, agent, lived.listed, lived.listed[1:]):
        assert needle not in text


def test_a_connection_that_is_lost_ends_it_and_hands_nothing_out_twice(lived: Lived) -> None:
    found: list[Exported] = []
    before = len(lived.rows())

    def take(one: Exported) -> None:
        if not found:
            lived.house.superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state = 'idle in transaction'"
            )
        found.append(one)

    with pytest.raises(Refused) as caught:
        export(lived.application, Selection(), take)
    assert caught.value.code is Code.DATABASE_UNAVAILABLE
    assert len({one.body for one in found}) == len(found)
    assert [row.said["operation"] for row in lived.rows()[before:]] == ["export_events"]


def test_memory_stays_flat(urls: DatabaseUrls, database: Database, clock: Clock, sandbox: Any, superuser: Any) -> None:
    """20,000 events of 600 bytes, of which only some hundred are held at a time."""
    registry = open_test_registry(database, clock, sandbox)
    superuser.execute(FILL, (MANY,))
    taken = 0

    def take(one: Exported) -> None:
        nonlocal taken
        taken += len(one.body)

    tracemalloc.start()
    try:
        assert export(registry, Selection(), take).result == MANY
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken > 12_000_000
    assert peak < taken / 3

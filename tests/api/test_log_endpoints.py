"""The log's public side: a stranger with the public key reads checkpoints, tiles and proofs, and recomputes them."""

import itertools
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest
from house import opened_database, opened_house
from log_scene import KEY, READING, LogScene, opened_log_scene
from shapes import refusal_of
from starlette.testclient import TestClient
from statements import counted

from api.app import wire
from registry.db.embedded import EmbeddedUrls
from registry.domain.merkle import ProofInvalid, Tile, root_of, tile_sizes, verify_consistency
from registry.domain.signed_notes import Checkpoint, Receipt, opened
from registry.domain.tile_paths import tile_path
from registry.signatures import holds

if TYPE_CHECKING:
    from threading import BoundedSemaphore

CHECKPOINT = "/log/checkpoint"
CONSISTENCY = "/v1/audit/consistency"
SIZE = 600
"""Two full tiles of events, a partial one, and a partial one above them."""
FOR_EVER = "public, max-age=31536000, immutable"
COUNT = "SELECT count(*) FROM audit.event"


@pytest.fixture(scope="module")
def scene(cluster: EmbeddedUrls, template: str) -> Generator[LogScene]:
    """Checkpoints of 200, 512 and 600 events."""
    with opened_log_scene(cluster, template) as opened_scene:
        for size in (200, 512, SIZE):
            opened_scene.grow_to(size)
        yield opened_scene


@pytest.fixture
def get(scene: LogScene) -> Callable[..., Any]:
    """Without a key."""
    return scene.house.client.get


def root_at(scene: LogScene, size: int) -> Checkpoint:
    (note,) = scene.row("SELECT note FROM audit.checkpoint WHERE size = %s", size)
    return Checkpoint.parse(opened(note, KEY.verifier, holds), KEY.origin)


def test_before_anything_is_sealed_there_is_no_checkpoint_no_tile_and_no_proof(
    cluster: EmbeddedUrls, template: str
) -> None:
    with opened_log_scene(cluster, template) as fresh:
        client = fresh.house.client
        refusal_of(client.get(CHECKPOINT), 404, "not_found")
        refusal_of(client.get("/log/tile/0/000.p/1"), 404, "not_found")
        refusal_of(client.get(f"{CONSISTENCY}?from=0&to=1"), 404, "unknown_checkpoint")
        assert client.get(f"{CONSISTENCY}?from=0&to=0").json() == {"from": 0, "to": 0, "hashes": []}


def test_the_checkpoint_is_the_newest_signed_note_and_no_cache_keeps_it_for_long(
    scene: LogScene, get: Callable[..., Any]
) -> None:
    answer = get(CHECKPOINT)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=5"
    (note,) = scene.row("SELECT note FROM audit.checkpoint ORDER BY size DESC LIMIT 1")
    assert answer.text == note
    assert scene.checkpoint().size == SIZE


def test_whoever_has_the_checkpoint_is_told_so(scene: LogScene, get: Callable[..., Any]) -> None:
    answer = get(CHECKPOINT)
    etag = answer.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        unchanged = get(CHECKPOINT, headers={"If-None-Match": known})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == etag
        assert unchanged.headers["cache-control"] == "public, max-age=5"
    assert get(CHECKPOINT, headers={"If-None-Match": '"other"'}).content == answer.content


def test_a_stranger_recomputes_the_root_from_the_tiles(scene: LogScene, get: Callable[..., Any]) -> None:
    """Each level from its own tiles, and each tile's hash in the tile above it."""
    head = scene.checkpoint()
    levels: list[list[bytes]] = []
    for level, full, partial in tile_sizes(head.size):
        hashes: list[bytes] = []
        for index, width in [*((index, 256) for index in range(full)), *([(full, partial)] if partial else [])]:
            answer = get(f"/log/{tile_path(Tile(level, index), width)}")
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.headers["cache-control"] == (FOR_EVER if width == 256 else "public, max-age=60")
            assert len(answer.content) == 32 * width
            hashes += [answer.content[at : at + 32] for at in range(0, 32 * width, 32)]
        levels.append(hashes)
    assert len(levels[0]) == head.size
    assert root_of(levels[0]) == head.root
    assert levels[1] == [root_of(levels[0][at : at + 256]) for at in (0, 256)]
    stored = scene.house.superuser.execute("SELECT hash FROM audit.leaf ORDER BY idx").fetchall()
    assert levels[0] == [hash_ for (hash_,) in stored]


def test_a_part_of_a_tile_is_its_beginning_also_once_it_is_full(get: Callable[..., Any]) -> None:
    for path, most in (("0/000", 256), ("0/001", 256), ("0/002", SIZE % 256), ("1/000", 2)):
        whole = get(f"/log/tile/{path}" if most == 256 else f"/log/tile/{path}.p/{most}").content
        for width in {1, 2, most // 2, most - 1} - {0}:
            part = get(f"/log/tile/{path}.p/{width}")
            assert part.content == whole[: 32 * width]
            assert part.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "path",
    [
        # The log does not reach so far.
        *("0/002", f"0/002.p/{SIZE % 256 + 1}", "0/002.p/255", "0/003.p/1", "1/000", "1/000.p/3", "1/001.p/1"),
        *("2/000.p/1", "7/000.p/1", "0/x999/x999/x999/x999/x999/999", "7/x999/x999/x999/x999/x999/999.p/255"),
        # These are no paths of tiles.
        *("0/0", "0/00", "0/0000", "0/1", "0/x000/000", "0/x000/001", "0/000.p", "0/000.p/", "0/000.p/0", "0/000.p/01"),
        *("0/000.p/256", "0/000.p/257", "0/000.p/-1", "0/000.p/1/", "0/000.p/1.p/1", "0/-01", "0/+01", "0/000/", "0/"),
        *(
            "00/000",
            "8/000",
            "63/000.p/1",
            "-1/000",
            "+0/000",
            "a/000",
            "%20/000",
            "0/%30%30 0",
            "0/\u0660\u0660\u0660",
            "0/000%00",
        ),
        *("entries/000", "entries/000.p/1", "data/000", "0/x999/x999/x999/x999/x999/x999/999", "0/" + "x999/" * 400),
        *("0/000%0a", "0/000.p/1%0A", "0/..%2f..%2fetc%2fpasswd", "0//000", "//000", "0", "", "0/000.p/1e1"),
        "0/000.p/" + "9" * 5_000,
    ],
)
def test_any_other_path_leads_nowhere(get: Callable[..., Any], path: str) -> None:
    answer = get(f"/log/tile/{path}")
    assert answer.status_code == 404
    refusal_of(answer, 404, "not_found")
    assert answer.headers["cache-control"] == "no-store"


def test_checkpoints_continue_each_other(scene: LogScene) -> None:
    heads = [root_at(scene, size) for size in (200, 512, SIZE)]
    for old, new in itertools.combinations(heads, 2):
        proof = scene.consistency(old, new)
        assert proof
        verify_consistency(old.size, old.root, new.size, new.root, proof)
        with pytest.raises(ProofInvalid):
            verify_consistency(old.size, bytes(32), new.size, new.root, proof)
        with pytest.raises(ProofInvalid):
            verify_consistency(old.size, old.root, new.size, bytes(32), proof)
    assert scene.consistency(heads[0], heads[0]) == []


def test_two_sealings_later_the_first_checkpoint_is_still_continued(scene: LogScene) -> None:
    first = scene.checkpoint()
    scene.ask()
    second = scene.seal()
    assert second.size > first.size
    verify_consistency(first.size, first.root, second.size, second.root, scene.consistency(first, second))


def test_a_proof_of_consistency_is_the_same_for_ever(get: Callable[..., Any]) -> None:
    answer = get(CONSISTENCY, params={"from": 200, "to": SIZE})
    assert answer.headers["cache-control"] == FOR_EVER
    assert (answer.json()["from"], answer.json()["to"]) == (200, SIZE)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("from=0&to=199", 404, "unknown_checkpoint"),
        ("from=199&to=600", 404, "unknown_checkpoint"),
        ("from=199&to=199", 404, "unknown_checkpoint"),
        (f"from=200&to={2**63 - 1}", 404, "unknown_checkpoint"),
        ("from=600&to=200", 422, "invalid_value"),
        ("from=1&to=0", 422, "invalid_value"),
        (f"from={2**63 - 1}&to=200", 422, "invalid_value"),
        (f"from=200&to={2**63}", 422, "invalid_value"),
        (f"from={10**30}&to=600", 422, "invalid_value"),
        (f"from={'9' * 5_000}&to=600", 422, "invalid_value"),
        ("from=-1&to=600", 422, "invalid_value"),
        ("from=a&to=600", 422, "invalid_value"),
        ("from=&to=600", 422, "invalid_value"),
        ("from=1.5&to=600", 422, "invalid_value"),
        ("from=%00&to=600", 422, "invalid_value"),
        ("to=600", 422, "missing_field"),
        ("from=200", 422, "missing_field"),
        ("", 422, "missing_field"),
    ],
)
def test_what_was_never_signed_and_what_is_no_size_are_refused(
    get: Callable[..., Any], query: str, status: int, code: str
) -> None:
    answer = get(f"{CONSISTENCY}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


def test_what_was_sent_is_not_repeated(get: Callable[..., Any]) -> None:
    answer = get(f"{CONSISTENCY}?from=+12065550177&to=x2065550177")
    assert answer.status_code == 422
    assert "2065550177" not in answer.text


def test_from_an_empty_log_there_is_nothing_to_prove(get: Callable[..., Any]) -> None:
    assert get(f"{CONSISTENCY}?from=0&to=600").json() == {"from": 0, "to": 600, "hashes": []}


def test_anyone_may_ask_with_any_key_or_none_and_no_event_is_left(scene: LogScene) -> None:
    before = scene.row(COUNT)
    paths = (CHECKPOINT, "/log/tile/0/000", "/log/tile/1/000.p/2", f"{CONSISTENCY}?from=200&to=600")
    for headers in ({}, {"Authorization": "Bearer nonsense"}, scene.employer.headers):
        for path in paths:
            answer = scene.house.client.get(path, headers=headers)
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers
    assert scene.row(COUNT) == before


def test_it_is_read_and_nothing_else(scene: LogScene) -> None:
    for path in (CHECKPOINT, "/log/tile/0/000", CONSISTENCY):
        refusal_of(scene.house.client.post(path), 405, "method_not_allowed")


def test_each_costs_a_few_statements_whatever_is_asked(get: Callable[..., Any]) -> None:
    for path, most in (
        (CHECKPOINT, 1),
        ("/log/tile/0/000", 2),
        (f"/log/tile/0/002.p/{SIZE % 256}", 2),
        ("/log/tile/1/000.p/1", 2),
        ("/log/tile/7/x999/x999/x999/x999/x999/999", 1),
        ("/log/tile/0/nothing", 0),
        (f"{CONSISTENCY}?from=200&to=600", 6),
        (f"{CONSISTENCY}?from=1&to={2**63 - 1}", 1),
        (f"{CONSISTENCY}?from=1&to={2**63}", 0),
    ):
        get(path)
        with counted() as sent:
            get(path)
        assert len(sent) <= most, (path, [one.beginning for one in sent])


def test_strangers_never_take_more_than_their_part_of_the_connections(scene: LogScene, get: Callable[..., Any]) -> None:
    """While they do, who has a key is answered as before."""
    app: Any = scene.house.client.app
    turns: BoundedSemaphore = app.state.strangers
    held = 0
    while turns.acquire(blocking=False):
        held += 1
    try:
        assert 0 < held < scene.house.registry.settings.pool_size
        for path in (CHECKPOINT, "/log/tile/0/000", f"{CONSISTENCY}?from=200&to=512"):
            refusal_of(get(path), 503, "overloaded")
        assert scene.employer.get("/v1/account").status_code == 200
    finally:
        turns.release(held)
    assert get(CHECKPOINT).status_code == 200


def test_a_process_with_the_log_key_seals_by_itself(cluster: EmbeddedUrls, template: str) -> None:
    """As long as it serves: what is asked is in the log a moment later, and proved to whoever asked."""
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        asker = house.member("employer", scopes=READING)
        event = asker.look_up("+12065550177")["audit_id"]
        with TestClient(wire(house.registry, KEY)) as sealing:
            answer = until(lambda: sealing.get(f"/v1/audit/events/{event}/proof", headers=asker.headers))
            first = Receipt.parse(answer.text).verify(KEY.verifier, holds)
            later = asker.look_up("+12065550177")["audit_id"]
            answer = until(lambda: sealing.get(f"/v1/audit/events/{later}/proof", headers=asker.headers))
            second = Receipt.parse(answer.text).verify(KEY.verifier, holds)
            assert second.size > first.size
            query = {"from": first.size, "to": second.size}
            assert sealing.get(CONSISTENCY, params=query).status_code == 200


def until(ask: Callable[[], Any], seconds: float = 20) -> Any:
    """Asks again while the event waits for its place."""
    deadline = time.monotonic() + seconds
    while (answer := ask()).status_code == 409:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answer.status_code == 200, answer.text
    return answer

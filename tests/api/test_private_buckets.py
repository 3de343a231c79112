"""Large private sets: streamed whole, and fetched by buckets of one size (docs/private-checks.md)."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from audit_trail import AuditTrail
from blinding import split
from house import House, opened_database, opened_house, sandbox_settings
from listing_scene import Scene
from members import KEYS
from shapes import refusal_of

from registry.db.embedded import EmbeddedUrls
from registry.key_file import KeyFile
from registry.operations.download_private_set import DownloadPrivateBucket, DownloadPrivateSet, spool
from registry.operations.operation import COMMAND_LINE, Request

ENTRIES: Final = 600
THRESHOLD: Final = 599
BITS: Final = 9  # floor(log2(600 * 1000 / 599))
PREFIXES: Final = [f"{prefix:03x}" for prefix in range(2**BITS)]
SIZE: Final = 16


@dataclass
class Large:
    """A set just above its threshold. ids: what is in it."""

    scene: Scene
    ids: set[bytes]

    def get(self, prefix: str, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        member = self.scene.asker.member
        address = f"/v1/private/set/{prefix}?generation=1"
        return member.client.get(address, headers={**member.headers, **named})

    def buckets(self, house: House | None = None, prefixes: Sequence[str] = PREFIXES) -> dict[str, bytes]:
        registry = (house or self.scene.house).registry
        found: dict[str, bytes] = {}
        for prefix in prefixes:
            answered = registry.run(DownloadPrivateBucket(1, prefix), COMMAND_LINE, Request(registry.new_id(), "test"))
            assert answered.result.content is not None
            found[prefix] = answered.result.content
        return found


@pytest.fixture(scope="module")
def large(cluster: EmbeddedUrls, template: str) -> Generator[Large]:
    settings = sandbox_settings(private_bucket_entries=THRESHOLD)
    with opened_database(cluster, template) as urls, opened_house(urls, settings) as house:
        scene = Scene.of(house)
        yield Large(scene, scene.fill(ENTRIES))


@pytest.fixture(scope="module")
def buckets(large: Large) -> dict[str, bytes]:
    return large.buckets()


def prefix_of(set_id: bytes) -> str:
    return f"{int.from_bytes(set_id, 'big') >> (64 - BITS):03x}"


def test_the_parameters_say_how_buckets_are_named_and_how_large_they_are(large: Large) -> None:
    described = large.scene.asker.parameters()["generations"][0]["set"]
    assert (described["entries"], described["bytes"]) == (ENTRIES, 8 * ENTRIES)
    assert (described["prefix_bits"], described["bucket_entries"]) == (BITS, SIZE)


def test_the_whole_set_is_still_served_and_has_no_dummies(large: Large) -> None:
    assert set(large.scene.asker.set_ids(1)) == large.ids


def test_every_bucket_has_the_same_size_and_ids_that_are_its_own_in_their_order(buckets: dict[str, bytes]) -> None:
    assert {len(content) for content in buckets.values()} == {8 * SIZE}
    for prefix, content in buckets.items():
        ids = split(content)
        assert ids == sorted(set(ids))
        assert {prefix_of(one) for one in ids} == {prefix}


def test_the_buckets_hold_the_set_and_dummies_beside_it(large: Large, buckets: dict[str, bytes]) -> None:
    for prefix, content in buckets.items():
        assert set(split(content)) & large.ids == {one for one in large.ids if prefix_of(one) == prefix}
    empty = [prefix for prefix in PREFIXES if not any(prefix_of(one) == prefix for one in large.ids)]
    assert len(empty) > 50, "some buckets hold nothing but dummies"


def test_a_bucket_is_served_as_it_is(large: Large, buckets: dict[str, bytes]) -> None:
    for prefix in ("000", "0a7", "1ff"):
        answer = large.get(prefix)
        assert answer.status_code == 200
        assert answer.content == buckets[prefix]
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "private, max-age=300"
        assert answer.headers["content-length"] == str(8 * SIZE)


@pytest.mark.parametrize(
    "prefix",
    [
        "200",
        "fff",
        "1FF",
        "0A7",
        "00",
        "0000",
        "0x1",
        "+01",
        "-01",
        " 01",
        "1_0",
        "g00",
        "%C2%B9%C2%B2%C2%B3",
        "%00%00%00",
    ],
)
def test_what_names_no_bucket_is_not_found(large: Large, prefix: str) -> None:
    answer = large.get(prefix)
    assert answer.status_code in ({404, 400} if prefix == "%00%00%00" else {404}), answer.text
    (event,) = AuditTrail(large.scene.house.superuser).of(answer)
    assert event["result"] == answer.json()["code"]
    assert event["operation"] == "download_private_bucket"


def test_a_set_below_the_threshold_has_no_buckets(scene: Scene) -> None:
    scene.seen()
    for prefix in ("0", "000", "fff"):
        refusal_of(scene.asker.member.get(f"/v1/private/set/{prefix}?generation=1"), 404, "not_found")


def test_who_has_a_bucket_already_is_told_so(large: Large) -> None:
    etag = large.get("0a7").headers["etag"]
    for given in (etag, f"W/{etag}", "*", f'"x", {etag}'):
        answer = large.get("0a7", if_none_match=given)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    for given in ('"x"', large.get("0a8").headers["etag"], large.scene.get().headers["etag"]):
        assert large.get("0a7", if_none_match=given).status_code == 200


def test_a_bucket_is_recorded_without_saying_which(large: Large) -> None:
    fetched, known = large.get("0a7"), large.get("0a7", if_none_match="*")
    trail = AuditTrail(large.scene.house.superuser)
    for answer, count in ((fetched, {"entries": SIZE}), (known, {"not_modified": 1})):
        (event,) = trail.of(answer)
        assert event["operation"] == "download_private_bucket"
        assert event["request"]["route"] == "GET /v1/private/set/{prefix}"
        assert event["count"] == {"submitted": 0, "charged": 0, **count}
        assert "0a7" not in str((event["request"]["route"], event["count"], event["case"], event["purpose"]))


def test_a_generation_must_be_active(large: Large) -> None:
    member = large.scene.asker.member
    refusal_of(member.get("/v1/private/set/000?generation=2"), 400, "unknown_generation")
    assert member.get("/v1/private/set/000").json()["code"] == "missing_field"


def test_dummies_cannot_be_known_without_the_registrys_own_key(large: Large, buckets: dict[str, bytes]) -> None:
    other_keys = KeyFile(KEYS.seeds, bytes(32))
    settings = sandbox_settings(private_bucket_entries=THRESHOLD)
    with opened_house(large.scene.house.urls, settings, keys=other_keys) as house:
        house.clock.now = large.scene.house.clock.now
        others = large.buckets(house, PREFIXES[:64])
    for prefix, content in others.items():
        assert set(split(content)) & set(split(buckets[prefix])) == {
            one for one in large.ids if prefix_of(one) == prefix
        }


def test_with_another_threshold_a_bucket_of_the_same_name_is_another(large: Large) -> None:
    """Its ids share more bits: whoever has the one must not be told that it is the other."""
    before = large.get("001")
    settings = sandbox_settings(private_bucket_entries=THRESHOLD // 2)
    with opened_house(large.scene.house.urls, settings) as house:
        house.clock.now = large.scene.house.clock.now
        member = large.scene.asker_at(house).member
        answer = member.client.get(
            "/v1/private/set/001?generation=1",
            headers={**member.headers, "If-None-Match": before.headers["etag"]},
        )
        assert answer.status_code == 200
        assert {int.from_bytes(one, "big") >> 54 for one in split(answer.content)} == {1}
    assert large.get("001").content == before.content


def test_in_a_later_epoch_only_the_bucket_of_what_is_new_has_changed_and_by_one_dummy(
    large: Large, buckets: dict[str, bytes]
) -> None:
    number = large.scene.seen()
    (new,) = large.scene.ids({number})
    large.scene.next_epoch()
    later = large.buckets()
    changed = {prefix for prefix in PREFIXES if later[prefix] != buckets[prefix]}
    assert changed == {prefix_of(new)}
    before, after = (set(split(those[prefix_of(new)])) for those in (buckets, later))
    assert after - before == {new}
    assert len(before - after) == 1
    assert (before - after).isdisjoint(large.ids)
    large.scene.exclude(number)
    large.scene.next_epoch()
    assert large.get(prefix_of(new)).content == buckets[prefix_of(new)]


def open_files(folder: Path) -> int:
    """How many files of this folder this process has open, those without a name too."""
    links: list[str] = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(descriptor.readlink()))
        except OSError:  # the listing's own
            continue
    return sum(link.startswith(str(folder)) for link in links)


def test_a_large_set_goes_through_a_file_without_a_name_and_is_complete(
    cluster: EmbeddedUrls, template: str, tmp_path: Path
) -> None:
    """140,000 ids are more than the megabyte that is kept in memory."""
    settings = sandbox_settings(spool_dir=tmp_path)
    with opened_database(cluster, template) as urls, opened_house(urls, settings) as house:
        scene = Scene.of(house)
        expected = scene.fill(140_000) | scene.ids({scene.seen()})
        answer = scene.get()
        ids = split(answer.content)
        assert answer.headers["content-length"] == str(8 * 140_001)
        assert len(ids) == 140_001
        assert ids == sorted(expected)
        registry = house.registry
        with spool(settings) as file:
            registry.run(DownloadPrivateSet(1, file), COMMAND_LINE, Request(registry.new_id(), "test"))
            assert (open_files(tmp_path), list(tmp_path.iterdir())) == (1, [])
            assert file.read() == answer.content
        assert open_files(tmp_path) == 0

"""What is in the set that private checks compare with, and who is sent it again (docs/private-checks.md)."""

import pytest
from audit_trail import AuditTrail
from blinding import split
from listing_scene import Scene
from members import hit
from private_asker import PrivateAsker
from shapes import refusal_of


def test_a_generation_under_which_nobody_is_listed_has_an_empty_set(rearranged_asker: PrivateAsker) -> None:
    answer = rearranged_asker.member.get("/v1/private/set?generation=3")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == "0"


def test_the_set_is_exactly_what_a_check_does_not_answer_none_to(scene: Scene) -> None:
    weak = {"channel": "voice"}
    others = scene.listed() if scene.numbers else set[str]()
    single, attested = scene.seen(), scene.seen(channel="voice", attestation="A")
    twice_weak, on_two_lines = scene.seen(**weak), scene.seen(**weak)
    scene.again(twice_weak, "one", "2026-11-03T10:00:00Z", **weak)
    scene.again(on_two_lines, "two", "2026-11-01T11:00:00Z", **weak)
    by_two = scene.seen(**weak)
    scene.again(by_two, "other", "2026-11-01T10:00:00Z", **weak)
    disputed, undisputed = scene.seen(), scene.seen()
    scene.dispute(disputed)
    closed = scene.dispute(undisputed)
    scene.operator.post(f"/v1/disputes/{closed}/closure", {"resolution": "confirmed"})
    included = scene.seen()
    scene.exclude(included)
    scene.include(included)
    settled = scene.seen("new line", "2026-11-06T00:00:00Z")
    listed = {single, attested, twice_weak, on_two_lines, by_two, disputed, undisputed, included, settled}

    scene.seen(**weak)
    scene.seen(diverted=True)
    scene.seen("control")
    scene.seen("ended")
    scene.seen("new line", "2026-11-05T23:59:59Z")
    scene.seen(at="2024-11-14T10:00:00Z")  # 24 months and a day ago
    scene.exclude(scene.seen())
    scene.exclude(scene.number())
    scene.dispute(scene.number())
    scene.dispute(scene.seen(**weak))
    ended = scene.seen()
    scene.exclude(ended)
    scene.include(ended, mistaken=False)
    excluded_and_disputed = scene.seen()
    scene.dispute(excluded_and_disputed)
    scene.exclude(excluded_and_disputed)
    scene.number()
    retracted = scene.number()
    id_ = scene.investigator.record(hit(scene.decoys["one"], retracted))["results"][0]["id"]
    assert scene.investigator.post(f"/v1/hits/{id_}/retraction", {"reason": "spoofed"}).status_code == 200

    assert scene.listed() == listed | others
    assert scene.served() == scene.ids(listed | others)


def test_the_ids_are_ascending_and_none_comes_twice(scene: Scene) -> None:
    for _ in range(20):
        scene.seen()
    answer = scene.get()
    ids = split(answer.content)
    assert ids == sorted(set(ids))
    assert len(ids) >= 20
    assert answer.headers["content-length"] == str(8 * len(ids))
    assert answer.headers["cache-control"] == "private, max-age=300"


def test_within_an_epoch_nothing_that_happens_is_seen_in_the_set_and_in_the_next_all_of_it(
    scene: Scene,
) -> None:
    excluded, retracted, kept = scene.seen(), scene.number(), scene.seen()
    id_ = scene.investigator.record(hit(scene.decoys["one"], retracted))["results"][0]["id"]
    before = scene.get()
    assert scene.ids({excluded, retracted, kept}) <= set(split(before.content))
    added = scene.seen()
    scene.exclude(excluded)
    assert scene.investigator.post(f"/v1/hits/{id_}/retraction", {"reason": "other"}).status_code == 200
    scene.house.clock.advance(seconds=299)
    later = scene.get()
    assert (later.content, later.headers["etag"]) == (before.content, before.headers["etag"])
    assert scene.ids({excluded, retracted}).isdisjoint(scene.ids(scene.listed())), "a check knows at once"
    scene.house.clock.advance(seconds=1)
    after = scene.get()
    assert after.headers["etag"] != before.headers["etag"]
    assert set(split(after.content)) == scene.ids(scene.listed())
    assert scene.ids({added, kept}) <= set(split(after.content))
    assert scene.ids({excluded, retracted}).isdisjoint(split(after.content))


def test_an_epoch_in_which_nothing_changed_has_the_same_set_under_the_same_tag(scene: Scene) -> None:
    before, told = scene.get(), scene.asker.parameters()["generations"][0]["set"]
    scene.next_epoch()
    after, told_later = scene.get(), scene.asker.parameters()["generations"][0]["set"]
    assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])
    assert told_later == {**told, "epoch": f"{scene.house.clock.now:%Y-%m-%dT%H:%M:%SZ}"}
    assert scene.get(if_none_match=before.headers["etag"]).status_code == 304


def test_numbers_that_come_and_go_again_leave_the_tag_as_it_was(scene: Scene) -> None:
    before = scene.get().headers["etag"]
    number = scene.seen()
    scene.next_epoch()
    between = scene.get().headers["etag"]
    scene.exclude(number)
    scene.next_epoch()
    assert before == scene.get().headers["etag"] != between


@pytest.mark.parametrize("form", ["{0}", "W/{0}", "*", '"1-0", {0}', '{0} , W/"x"', '"a",W/{0},"b"', ",{0},"])
def test_who_has_the_set_already_is_told_so(scene: Scene, form: str) -> None:
    etag = scene.get().headers["etag"]
    answer = scene.get(if_none_match=form.format(etag))
    assert (answer.status_code, answer.content) == (304, b"")
    assert (answer.headers["etag"], answer.headers["cache-control"]) == (etag, "private, max-age=300")
    (event,) = AuditTrail(scene.house.superuser).of(answer)
    assert (event["operation"], event["result"]) == ("download_private_set", "ok")
    assert event["count"] == {"submitted": 0, "charged": 0, "not_modified": 1}


@pytest.mark.parametrize("form", ["", '"other"', "W/*", "{0}x", "nonsense", '"{0}"', "x{0}"])
def test_who_has_another_set_gets_this_one(scene: Scene, form: str) -> None:
    whole = scene.get()
    answer = scene.get(if_none_match=form.format(whole.headers["etag"]))
    assert (answer.status_code, answer.content) == (200, whole.content)


def test_several_headers_are_one_list(scene: Scene) -> None:
    etag = scene.get().headers["etag"]
    given = [*scene.asker.member.headers.items(), ("If-None-Match", '"other"'), ("If-None-Match", etag)]
    answer = scene.house.client.get("/v1/private/set?generation=1", headers=given)
    assert answer.status_code == 304


def test_a_download_is_recorded_with_how_many_and_costs_no_numbers(scene: Scene) -> None:
    answer = scene.get()
    (event,) = AuditTrail(scene.house.superuser).of(answer)
    assert (event["operation"], event["request"]["route"]) == ("download_private_set", "GET /v1/private/set")
    assert event["count"] == {"submitted": 0, "charged": 0, "entries": len(answer.content) // 8}
    assert (event["generation"], event["subjects"], event["purpose"]) == (1, None, None)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 422, "missing_field"),
        ({"generation": "one"}, 422, "invalid_value"),
        ({"generation": "0"}, 422, "invalid_value"),
        ({"generation": "-1"}, 422, "invalid_value"),
        ({"generation": "32768"}, 422, "invalid_value"),
        ({"generation": "2"}, 400, "unknown_generation"),
    ],
)
def test_a_set_that_there_cannot_be_is_refused(scene: Scene, query: dict[str, str], status: int, code: str) -> None:
    answer = scene.asker.member.get("/v1/private/set", params=query)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    (event,) = AuditTrail(scene.house.superuser).of(answer)
    assert event["result"] == code


@pytest.mark.parametrize("generation", [1, 2])
def test_a_retired_generation_has_no_set_even_where_another_is_chained_from_it(
    rearranged_asker: PrivateAsker, generation: int
) -> None:
    for path in ("/v1/private/set", "/v1/private/set/000"):
        answer = rearranged_asker.member.get(path, params={"generation": generation})
        refusal_of(answer, 410, "retired_generation")

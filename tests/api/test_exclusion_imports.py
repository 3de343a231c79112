"""A file of numbers that must never be listed: an outreach team before its first evening of calls."""

import json
import re
from collections.abc import Callable, Generator
from itertools import islice
from typing import Any

import pytest
from audit_trail import AuditTrail
from blinding import encoded
from holders import tags as tags_of
from house import House, fictional_numbers, opened_database, opened_house
from listing_scene import Scene
from members import KEYS, Clock, Member, hit
from private_asker import PrivateAsker
from serving import Caller, served
from shapes import EXCLUSION_IMPORT, REFUSED_ROW, refusal_of

from registry.db.embedded import EmbeddedUrls
from registry.key_file import KeyFile

PATH = "/v1/exclusions/imports"
NDJSON = "application/x-ndjson"
AT = "2026-11-01T10:00:00Z"
LATE = "2026-11-09T10:00:00Z"
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CHUNK = 2_000


def import_file(member: Member, content: str | bytes, kind: str = "text/csv", **query: Any) -> Any:
    return member.post(PATH, content=content, params=query, headers={"Content-Type": kind})


def imported(member: Member, content: str | bytes, kind: str = "text/csv", **query: Any) -> dict[str, Any]:
    answer = import_file(member, content, kind, **query)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told.keys() == EXCLUSION_IMPORT
    assert told["audit_id"] == told["audit_ids"][-1]
    assert all(row.keys() == REFUSED_ROW for row in told["refused_rows"])
    assert len(told["refused_rows"]) == told["refused"]
    assert told["rows"] == told["added"] + told["extended"] + told["already"] + told["refused"]
    return told


def counts(told: dict[str, Any]) -> tuple[int, int, int]:
    """added, already, refused."""
    return told["added"], told["already"], told["refused"]


@pytest.fixture
def team(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture
def fresh(fresh_number: Callable[[], str]) -> tuple[str, str, str]:
    return fresh_number(), fresh_number(), fresh_number()


def test_a_teams_earlier_contacts_vanish_and_its_later_ones_are_never_listed(
    house: House, team: Member, investigator: Member, employer: Member, decoy: str, fresh: tuple[str, str, str]
) -> None:
    investigator.record(*(hit(decoy, number, AT) for number in fresh))
    assert [employer.look_up(number)["outcome"] for number in fresh] == ["contact_observed"] * 3
    content = "number\n" + "".join(f"{number}\n" for number in fresh)
    assert counts(imported(team, content, reason="own_staff")) == (3, 0, 0)
    assert [employer.look_up(number)["outcome"] for number in fresh] == ["none"] * 3
    again = "number,decoy_id,channel,occurred_at\n" + "".join(
        f"{n},{decoy},sms,{at}\n" for n in fresh for at in (AT, LATE)
    )
    answer = investigator.post("/v1/hits/imports", content=again, headers={"Content-Type": "text/csv"}).json()
    assert (answer["recorded"], answer["duplicate"]) == (3, 3)
    assert [employer.look_up(number)["outcome"] for number in fresh] == ["none"] * 3
    assert not any(number[-10:] in house.everything_stored() for number in fresh)


def test_columns_are_read_in_any_order_and_refused_rows_are_named_by_line_and_code(
    house: House, operator: Member, trail: AuditTrail, fresh: tuple[str, str, str]
) -> None:
    content = (
        "Expires_at,Reason,remark,region,Number\n"
        f"2027-01-31,own staff,Ann,,{fresh[0]}\n"
        f"2027-01-31T10:00:00Z,SURVIVOR,,US,{fresh[1][2:]}\n"
        f"\n,police,,GB,020 7946 0991\n"
        f",police,again,,{fresh[0]}\n"
        ",police,,,anonymous\n"
        f",friend,,,{fresh[2]}\n"
        f"2026-11-15,other,,,{fresh[2]}\n"
        f"soon,other,,,{fresh[2]}\n"
        f",,,,{fresh[2]}\n"
        f",other,,Texas,{fresh[2][2:]}\n"
        f",flood,,,{fresh[2]}\n"
    )
    answer = import_file(operator, content)
    told = answer.json()
    assert counts(told) == (3, 1, 7)
    assert [(row["line"], row["code"], row["field"]) for row in told["refused_rows"]] == [
        (7, "withheld", "number"),
        (8, "invalid_value", "reason"),
        (9, "invalid_value", "expires_at"),
        (10, "invalid_value", "expires_at"),
        (11, "missing_field", "reason"),
        (12, "unknown_region", "region"),
        (13, "invalid_value", "reason"),
    ]
    assert not any(number[-7:] in answer.text for number in fresh)
    (event,) = trail.of(answer)
    assert told["audit_ids"] == [event["id"]] == [told["audit_id"]]
    assert event["operation"] == "import_exclusions"
    assert event["count"] == {"submitted": 11, "charged": 11, "added": 3, "extended": 0, "already": 1, "refused": 7}
    statement = "SELECT reason, expires_at::date::text FROM registry.exclusions WHERE tag = ANY (%s) ORDER BY reason"
    tags = [tags_of(house.registry, number)[0] for number in (*fresh, "+442079460991")]
    assert house.superuser.execute(statement, (tags,)).fetchall() == [
        ("own_staff", "2027-01-31"),
        ("police", None),
        ("survivor", "2027-01-31"),
    ]


def test_a_plain_list_of_numbers_is_enough(
    team: Member, employer: Member, decoy: str, fresh: tuple[str, str, str]
) -> None:
    content = "".join(f"({number[2:5]}) {number[5:8]}-{number[8:]}\n" for number in fresh)
    assert counts(imported(team, content, "text/plain", reason="outreach", region="US")) == (3, 0, 0)


def test_any_other_header_can_be_mapped(team: Member, fresh: tuple[str, str, str]) -> None:
    content = f"Name;Work phone;Until\nAnn;{fresh[0]};2027-01-31\nBea;{fresh[1]};\n"
    mapping = ["number=Work phone", "expires_at=until"]
    told = imported(team, content, map=mapping, reason="own_staff", expires_at="2028-01-01T00:00:00Z")
    assert counts(told) == (2, 0, 0)
    ends = {one["expires_at"] for one in team.get("/v1/exclusions").json()["data"]}
    assert ends == {"2027-01-31T00:00:00Z", "2028-01-01T00:00:00Z"}


def test_ndjson_takes_the_members_of_an_exclusion(team: Member, fresh: tuple[str, str, str]) -> None:
    lines: list[object] = [
        {"number": fresh[0], "reason": "outreach", "expires_at": "2027-01-31T00:00:00Z"},
        {"number": fresh[1][2:], "region": "US", "reason": None},
        {"number": 2065550177},
        {"number": fresh[2], "name": "Ann"},
        {"number": fresh[2], "reason": "police"},
    ]
    content = "".join(f"{json.dumps(line)}\n" for line in lines) + "{\n"
    told = imported(team, content, NDJSON, reason="own_staff")
    assert counts(told) == (2, 0, 4)
    assert [(row["line"], row["code"]) for row in told["refused_rows"]] == [
        (3, "wrong_type"),
        (4, "unknown_field"),
        (5, "invalid_value"),
        (6, "invalid_json"),
    ]


def test_an_investigators_file_gives_an_investigators_reasons(team: Member, fresh: tuple[str, str, str]) -> None:
    content = f"number,reason\n{fresh[0]},advertised_number\n{fresh[1]},police\n"
    told = imported(team, content)
    assert counts(told) == (1, 0, 1)
    assert (told["refused_rows"][0]["field"], told["refused_rows"][0]["code"]) == ("reason", "invalid_value")


@pytest.mark.parametrize(
    ("content", "query", "code"),
    [
        ("Caller,When\n+12065550188,x\n", {"reason": "outreach"}, "column_not_found"),
        ("number\n+12065550188\n", {}, "column_not_found"),
        ("number\n+12065550188\n", {"reason": "outreach", "map": "region=Land"}, "column_not_found"),
        ("number\n+12065550188\n", {"reason": "outreach", "map": "name=number"}, "invalid_value"),
        ("number\n+12065550188\n", {"reason": "outreach", "map": "number"}, "invalid_value"),
        ("number\n+12065550188\n", {"reason": "outreach", "map": ["number=number"] * 5}, "too_many_items"),
        ("number\n+12065550188\n", {"reason": "police"}, "invalid_value"),
        ("number\n+12065550188\n", {"reason": "flood"}, "invalid_value"),
        ("number\n+12065550188\n", {"reason": "friend"}, "invalid_value"),
        ("number\n+12065550188\n", {"reason": "outreach", "expires_at": "2026-11-15T12:00:00Z"}, "invalid_value"),
        ("number\n+12065550188\n", {"reason": "outreach", "expires_at": "soon"}, "invalid_value"),
        ("number\n+12065550188\n", {"reason": "outreach", "dry_run": "perhaps"}, "invalid_value"),
        ("", {"reason": "outreach"}, "file_empty"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_as_a_whole(
    team: Member, trail: AuditTrail, content: str, query: dict[str, Any], code: str
) -> None:
    answer = import_file(team, content, **query)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert "5550188" not in answer.text
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("import_exclusions", code)
    assert team.get("/v1/exclusions").json()["data"] == []


def test_empty_ndjson_and_too_many_lines_are_refused(house: House, other_house: House, team: Member) -> None:
    refusal_of(import_file(team, "\n\n", NDJSON), 422, "file_empty")
    member = other_house.member("investigator")
    for kind, head, row in (("text/csv", "number,reason\n", "x,y\n"), (NDJSON, "", "{}\n")):
        assert import_file(member, head + row * 5, kind).status_code == 200
        refusal_of(import_file(member, head + row * 6, kind), 413, "too_many_rows")
    wide = f"number,reason,name\n+12042345678,outreach,{'x' * 3_000}\n"  # more than a body in JSON may have
    assert counts(imported(member, wide)) == (1, 0, 0)
    refusal_of(import_file(member, wide * 2), 413, "body_too_large")


def test_a_dry_run_says_what_would_happen_and_excludes_nobody(
    house: House,
    team: Member,
    employer: Member,
    investigator: Member,
    decoy: str,
    trail: AuditTrail,
    fresh: tuple[str, str, str],
) -> None:
    investigator.record(hit(decoy, fresh[1], AT))
    imported(team, fresh[0], "text/plain", reason="outreach")
    investigator.post("/v1/exclusions", {"number": fresh[2], "reason": "outreach"})  # another side's does not show
    content = "number,reason\n" + "".join(f"{number},outreach\n" for number in (*fresh, fresh[1], "x"))
    answer = import_file(team, content, dry_run="true")
    rehearsed = answer.json()
    assert (counts(rehearsed), rehearsed["dry_run"]) == ((2, 2, 1), True)
    assert trail.only(answer)["operation"] == "import_exclusions_dry_run"
    assert employer.look_up(fresh[1])["outcome"] == "contact_observed"
    done = imported(team, content)
    assert counts(done) == counts(rehearsed)
    assert done["refused_rows"] == rehearsed["refused_rows"]
    assert employer.look_up(fresh[1])["outcome"] == "none"


def test_the_same_file_again_changes_nothing(house: House, team: Member, fresh: tuple[str, str, str]) -> None:
    content = "number\n" + "".join(f"{number}\n" for number in fresh)
    assert counts(imported(team, content, reason="own_staff", expires_at="2027-01-31T00:00:00Z")) == (3, 0, 0)
    before = team.get("/v1/exclusions").json()["data"]
    rows = "SELECT e::text FROM registry.exclusions AS e WHERE organisation_id = %s ORDER BY e::text"
    stored = house.superuser.execute(rows, (team.id,)).fetchall()
    assert counts(imported(team, content, reason="outreach")) == (0, 3, 0)
    assert house.superuser.execute(rows, (team.id,)).fetchall() == stored
    assert team.get("/v1/exclusions").json()["data"] == before


def test_what_has_expired_can_be_excluded_by_a_file_again(
    team: Member, employer: Member, investigator: Member, decoy: str, clock: Clock, number: str
) -> None:
    investigator.record(hit(decoy, number, AT))
    imported(team, number, "text/plain", reason="outreach", expires_at="2026-11-16T00:00:00Z")
    clock.advance(days=1)
    assert employer.look_up(number)["outcome"] == "none"  # which she did while she was excluded
    investigator.record(hit(decoy, number, "2026-11-16T00:00:00Z"))
    assert employer.look_up(number)["outcome"] == "contact_observed"
    assert counts(imported(team, number, "text/plain", reason="outreach")) == (1, 0, 0)
    assert employer.look_up(number)["outcome"] == "none"


def test_numbers_are_charged_before_any_is_excluded(house: House, fresh: tuple[str, str, str]) -> None:
    member = house.member("investigator", numbers_per_day=5)
    content = "".join(f"{number}\n" for number in fresh)
    assert counts(imported(member, content, "text/plain", reason="outreach")) == (3, 0, 0)
    refusal_of(import_file(member, content, "text/plain", reason="outreach"), 429, "quota_exceeded")
    assert imported(member, "\n".join(fresh[:2]), "text/plain", reason="outreach")["already"] == 2


@pytest.fixture(scope="module")
def own_house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        yield house


def test_an_import_that_is_interrupted_half_way_is_made_whole_by_another(own_house: House) -> None:
    """Of some chunks the first are excluded when the client goes away. Each is an event under one request id."""
    team = own_house.member("investigator")
    numbers = list(islice(fictional_numbers(), 2_500))
    rows = [*numbers[:1_999], "x", *["withheld"] * (8 * CHUNK), *numbers[1_999:]]
    content = ("number,reason\n" + "".join(f"{number},outreach\n" for number in rows)).encode()
    with served(own_house) as server:
        caller = Caller(server.address)
        caller.begin(team, PATH, length=len(content), accept=NDJSON)
        caller.send(content)
        request_id = caller.read_head()["x-request-id"]
        while "progress" not in (event := caller.read_event()):
            assert event["refused"]["code"] in {"withheld", "not_a_number", "sender_name"}
        assert event["progress"] == {"rows": CHUNK, "of": len(rows)}
        caller.hang_up()
        server.settle()
    statement = (
        "SELECT (audit.field(body, 'count', 'added'))::int FROM audit.event WHERE operation = 'import_exclusions'"
        " AND audit.field(body, 'request', 'id') = %s ORDER BY id"
    )
    added = [row[0] for row in own_house.superuser.execute(statement, (request_id,))]
    assert added[0] == 1_999
    assert len(added) < len(rows) / CHUNK
    again = imported(team, content)
    assert (again["already"], again["added"]) == (1_999, 501)
    assert len(again["audit_ids"]) == -(-len(rows) // CHUNK)
    assert counts(imported(team, content)) == (0, 2_500, 8 * CHUNK + 1)


def test_an_excluded_file_is_answered_like_an_unlisted_one_by_every_way_of_asking(
    house: House,
    team: Member,
    investigator: Member,
    employer: Member,
    asker: PrivateAsker,
    decoy: str,
    fresh: tuple[str, str, str],
) -> None:
    """Lookups, checks, file checks and private disclosures: the same bodies but for ids, and so the same sizes."""

    def asked() -> list[bytes]:
        question = {"purpose": "company_number", "case_ref": "HR-1"}
        items = [{"number": number} for number in fresh]
        table = "number\n" + "".join(f"{number}\n" for number in fresh)
        tags = [encoded(tags_of(house.registry, number)[0]) for number in fresh]
        csv = {"Content-Type": "text/csv"}
        answers = [
            employer.post("/v1/lookups", {**question, "number": fresh[0]}),
            employer.post("/v1/lookups", {**question, "number": fresh[0], "possessed_since": "2026-01-01"}),
            employer.post("/v1/checks", {**question, "items": items}),
            employer.post("/v1/checks/files?purpose=company_number", content=table, headers=csv),
            asker.member.post("/v1/private/disclosures", {**question, "items": [{"tag": tag} for tag in tags]}),
        ]
        assert [answer.status_code for answer in answers] == [200] * 5
        return [_UUID.sub(b"i" * 36, answer.content) for answer in answers]

    unlisted = asked()
    investigator.record(*(hit(decoy, number, at) for number in fresh for at in (AT, LATE)))
    assert all(now != before for now, before in zip(asked(), unlisted, strict=True))
    imported(team, "".join(f"{number}\n" for number in fresh), "text/plain", reason="own_staff")
    assert asked() == unlisted


def test_the_private_set_of_the_next_epoch_leaves_out_what_a_file_excluded(scene: Scene) -> None:
    kept, gone = scene.seen(), [scene.seen() for _ in range(3)]
    assert scene.ids({kept, *gone}) <= scene.built_now()
    imported(scene.investigator, "".join(f"{number}\n" for number in gone), "text/plain", reason="own_staff")
    built = scene.built_now()
    assert scene.ids({kept}) <= built
    assert not scene.ids(set(gone)) & built


BOTH_KEYS = KeyFile({**KEYS.seeds, 2: bytes(range(64, 96))}, KEYS.fingerprint_key)


def test_a_file_is_excluded_under_every_active_key_and_brings_older_exclusions_forward(
    cluster: EmbeddedUrls, template: str
) -> None:
    numbers = fictional_numbers()
    line, old, new, seen = (next(numbers) for _ in range(4))
    content = f"{old}\n{new}\n"
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as house:
            team, employer = house.member("investigator"), house.member("employer")
            decoy = team.register_decoy(line)
            team.record(*(hit(decoy, number, AT) for number in (old, new, seen)))
            assert counts(imported(team, old, "text/plain", reason="outreach")) == (1, 0, 0)
        with opened_house(urls, keys=BOTH_KEYS) as house:
            team.client = employer.client = house.client
            assert counts(imported(team, content, "text/plain", reason="outreach", dry_run="true")) == (1, 1, 0)
            assert counts(imported(team, content, "text/plain", reason="outreach")) == (1, 1, 0)
            assert [employer.look_up(number)["outcome"] for number in (old, new)] == ["none", "none"]
            statement = "SELECT count(*), count(DISTINCT id) FROM registry.exclusions WHERE tag = ANY (%s)"
            for number in (old, new):
                tags = list(tags_of(house.registry, number))
                assert house.superuser.execute(statement, (tags,)).fetchone() == (2, 1)
            team.record(*(hit(decoy, number, LATE) for number in (old, new, seen)))
            assert [employer.look_up(number)["outcome"] for number in (old, new)] == ["none", "none"]
            assert counts(imported(team, content, "text/plain", reason="outreach")) == (0, 2, 0)
            for number in (old, new):
                removal = {"number": number, "mistaken": True}
                assert team.post("/v1/exclusions/removals", removal).status_code == 200
                assert employer.look_up(number)["evidence"]["contacts"] == 2

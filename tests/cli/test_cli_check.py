"""`demand-registry check` as an employer uses it, plainly and privately, on files as they come."""

import base64
import csv
import io
import stat
from datetime import date, timedelta
from pathlib import Path

import pytest
from checking import Desk
from client_scene import SEEN_ON, Scene, left, scene_in
from command_line import CommandLine, on_a_terminal
from forgeries import FALSE_KEY, TRUE_KEY
from house import opened_database, opened_house, sandbox_settings
from meddling import between, on

from registry.client.file_checks.folder import folder_name
from registry.db.embedded import EmbeddedUrls

BOTH = pytest.mark.parametrize("mode", [(), ("--private",)], ids=["plain", "private"])
UNSERVED = "+44 20 7946 0123"


@pytest.fixture
def desk(scene: Scene, tmp_path: Path) -> Desk:
    return Desk(tmp_path, scene.url, scene.asker())


def messy(scene: Scene) -> str:
    """Every kind of row, some of them twice."""
    unseen = scene.fresh(2)
    numbers = [
        *scene.seen[:3],
        scene.disputed,
        *unseen,
        "withheld",
        UNSERVED,
        "",
        "911",
        f"{scene.seen[0]} x12",
        "x" * 99,
    ]
    lines = [f"{at},{number},US,," for at, number in enumerate(numbers)]
    lines += [f'"a, ""b""",{scene.seen[0][2:]},us,{SEEN_ON},', f"c,{scene.seen[0]},,{SEEN_ON},{SEEN_ON}"]
    lines += [f"d,{unseen[0]},Atlantis,,", f"e,{unseen[0][2:]},,,", f"f,{scene.seen[1]},,2026-11-02,2026-11-01"]
    lines += [
        f"g,{scene.seen[1]},,2199-01-01,",
        f"h,{scene.seen[1]},,3 May 2026,",
        ",,,,",
        f"i,{unseen[1]},{'U' * 20},,",
    ]
    return "\n".join(["Name,Phone,Country,From,To", *lines, *lines, ""])


COLUMNS = ["--region-column", "Country", "--since-column", "From", "--until-column", "To"]


def test_plain_and_private_checks_and_the_registrys_own_give_the_same_answers(desk: Desk, scene: Scene) -> None:
    file = desk.file(messy(scene))
    plain = desk.summary(file, *COLUMNS, out="plain.csv")
    private = desk.summary(file, *COLUMNS, "--private", out="private.csv")
    assert desk.answers("plain.csv") == desk.answers("private.csv")
    query = {"purpose": "company_number", "region_column": "Country", "since_column": "From", "until_column": "To"}
    upload = {"Content-Type": "text/csv"}
    own = desk.member.post("/v1/checks/files", params=query, content=file.read_bytes(), headers=upload)
    told = list(csv.DictReader(io.StringIO(own.text, newline="")))
    assert [{**row, "audit_id": ""} for row in told] == [{**row, "audit_id": ""} for row in desk.rows("plain.csv")]
    assert plain["counts"] == private["counts"]
    assert plain["refused_by_code"] == private["refused_by_code"]
    assert (plain["mode"], private["mode"]) == ("plain", "private")
    assert plain["rows"] == private["rows"] == len(told) - 2


@BOTH
def test_a_person_is_told_what_came_of_it(desk: Desk, scene: Scene, mode: tuple[str, ...]) -> None:
    result = desk.run(desk.numbers([*scene.seen[:2], *scene.fresh(1), "withheld"]), *mode)
    assert result.exit_code == 1
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "4 rows: 2 contact observed, 1 none, 0 indeterminate, 1 refused."
    assert lines[1] == "  refused as withheld: 1"
    assert lines[2] == ("Charged: 5 numbers." if mode else "Charged: 4 numbers.")
    assert lines[3] == f"Result: {desk.folder / 'results.csv'}"
    assert lines[4] == f"What to do next: {scene.url}/guidance"


@BOTH
def test_nothing_observed_ends_with_zero(desk: Desk, scene: Scene, mode: tuple[str, ...]) -> None:
    for numbers in (scene.fresh(2), [scene.disputed], ["withheld", UNSERVED]):
        assert desk.run(desk.numbers(numbers), *mode).exit_code == 0


@BOTH
def test_programs_are_told_everything(desk: Desk, scene: Scene, mode: tuple[str, ...]) -> None:
    before = left(desk.member)
    told = desk.summary(desk.numbers([scene.seen[0], scene.seen[0], *scene.fresh(3), "withheld"]), *mode)
    assert told["charged"] == before - left(desk.member) == 5
    charged = (
        {"evaluations": 4, "disclosures": 1, "questions": 0}
        if mode
        else {"evaluations": 0, "disclosures": 0, "questions": 5}
    )
    assert told["charged_for"] == charged
    assert told["numbers"] == {"distinct": 4 if mode else 5, "from_cache": 0}
    assert told["counts"] == {"contact_observed": 2, "none": 3, "indeterminate": 0, "refused": 1}
    assert told["refused_by_code"] == {"withheld": 1}
    assert told["result"] == str(desk.folder / "results.csv")
    assert told["guidance"] == f"{scene.url}/guidance"
    assert told["remarks"] == []
    receipts = {row["audit_id"] for row in desk.rows()} - {""}
    assert receipts == set(told["audit_ids"])
    assert len(receipts) == (2 if mode else 1)


@BOTH
@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8-sig", ";"), ("cp1252", ","), ("utf-16", "\t")])
def test_a_file_stays_as_it_was_written(
    desk: Desk, scene: Scene, mode: tuple[str, ...], encoding: str, delimiter: str
) -> None:
    rows = [["Name", "Phone"], ["J\xf6rg", scene.seen[0]], [], ["Zo\xeb", "withheld"]]
    text = "".join(f"{delimiter.join(row)}\r\n" for row in rows)
    desk.run(desk.file(text.encode(encoding)), *mode)
    written = (desk.folder / "results.csv").read_bytes()
    assert written[:3] == text.encode(encoding)[:3]
    lines = written.decode(encoding).split("\r\n")
    assert lines[0].split(delimiter)[:3] == ["Name", "Phone", "outcome"]
    assert lines[1].split(delimiter)[:3] == ["J\xf6rg", scene.seen[0], "contact_observed"]
    assert (lines[2], lines[4]) == ("", "")


@BOTH
def test_a_file_without_a_header_or_without_a_row_is_answered_too(
    desk: Desk, scene: Scene, mode: tuple[str, ...]
) -> None:
    assert desk.run(desk.file(f"{scene.seen[0]}\nwithheld\n"), *mode).exit_code == 1
    lines = (desk.folder / "results.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[1] for line in lines] == ["contact_observed", ""]
    assert desk.run(desk.file("Phone\n"), *mode).exit_code == 0
    assert desk.rows() == []


def test_the_column_is_found_or_named(desk: Desk, scene: Scene) -> None:
    file = desk.file(f"Who,Desk line\nAnn,{scene.seen[0]}\n")
    told = desk.run(file)
    assert told.exit_code == 2
    assert "The columns are: Who, Desk line. (column_not_found)" in told.stderr
    assert desk.run(file, "--column", "desk LINE").exit_code == 1


def test_the_result_is_for_its_owner_alone_and_takes_the_place_of_an_earlier_one(desk: Desk, scene: Scene) -> None:
    (desk.folder / "results.csv").write_text("an earlier one", encoding="utf-8")
    desk.run(desk.numbers(scene.seen[:1]))
    assert stat.S_IMODE((desk.folder / "results.csv").stat().st_mode) == 0o600
    assert desk.answers()[0]["outcome"] == "contact_observed"
    assert sorted(path.name for path in desk.folder.iterdir()) == ["cache", "numbers.csv", "results.csv"]


def test_without_a_name_the_result_lies_beside_the_file(desk: Desk, scene: Scene) -> None:
    file = desk.numbers(scene.seen[:1])
    CommandLine(desk.environment).run("check", str(file), "--cache", str(desk.folder / "cache"))
    assert (desk.folder / "numbers.checked.csv").exists()


def test_the_cache_is_for_its_owner_alone_and_holds_no_number(desk: Desk, scene: Scene) -> None:
    numbers = [scene.seen[0], *scene.fresh(2)]
    desk.run(desk.numbers(numbers), "--private")
    folder = desk.folder / "cache" / folder_name(desk.url)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"key", "lock", "tags.db"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    kept = b"".join(path.read_bytes() for path in files)
    for number in numbers:
        assert number[1:].encode() not in kept
    assert list((folder / "jobs").iterdir()) == []


def test_the_cache_is_in_the_users_own_folder_unless_named(
    desk: Desk, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    file = desk.numbers(scene.seen[:1])
    CommandLine(desk.environment).run("check", str(file), "--private", "--out", str(tmp_path / "results.csv"))
    assert (tmp_path / "xdg" / "demand-registry" / folder_name(desk.url) / "tags.db").exists()


def test_a_later_private_check_pays_only_for_what_is_new_and_for_what_is_listed(desk: Desk, scene: Scene) -> None:
    unseen = scene.fresh(3)
    first = desk.summary(desk.numbers([*scene.seen[:2], *unseen[:2]]), "--private")
    assert first["charged_for"] == {"evaluations": 4, "disclosures": 2, "questions": 0}
    again = desk.summary(desk.numbers([*scene.seen[:2], *unseen]), "--private")
    assert again["charged_for"] == {"evaluations": 1, "disclosures": 2, "questions": 0}
    assert again["numbers"] == {"distinct": 5, "from_cache": 4}
    told = desk.run(desk.numbers([*scene.seen[:2], *unseen]), "--private").stdout
    assert "Charged: 2 numbers; 5 were known from before." in told


@pytest.mark.parametrize("option", [("--buckets",), ()])
def test_a_registry_without_buckets_is_asked_for_the_whole_set(
    desk: Desk, scene: Scene, option: tuple[str, ...]
) -> None:
    with between(scene.url) as watched:
        desk.url = watched.url
        assert desk.run(desk.numbers(scene.seen[:1]), "--private", *option).exit_code == 1
    assert watched.count("/v1/private/set") == 1


def test_a_public_key_from_the_operator_goes_before_what_was_met(desk: Desk, scene: Scene) -> None:
    file = desk.numbers(scene.fresh(1))
    false, true = (f"1:{base64.b64encode(key).decode()}" for key in (FALSE_KEY, TRUE_KEY))
    refused = desk.run(file, "--private", "--public-key", false)
    assert refused.exit_code == 2
    assert "public key of generation 1 is not the one that is known" in refused.stderr
    assert "--public-key" in refused.stderr
    assert desk.run(file, "--private", "--public-key", true).exit_code == 0


def test_somebody_who_looks_sees_a_bar_and_who_does_not_sees_none(desk: Desk, scene: Scene) -> None:
    file = desk.numbers(scene.fresh(300))
    shown = on_a_terminal(desk.arguments(file, "--private"), desk.environment, [])
    assert "Evaluating" in shown
    assert "/300" in shown
    assert "300 rows:" in shown
    assert desk.run(file, "--private").stderr == ""


@BOTH
def test_numbers_in_national_format_are_read_by_the_region(desk: Desk, scene: Scene, mode: tuple[str, ...]) -> None:
    assert desk.run(desk.numbers([scene.seen[0][2:]]), *mode, "--region", "us").exit_code == 1
    assert desk.run(desk.numbers([scene.seen[0][2:]]), *mode).exit_code == 0
    assert desk.answers()[0]["problem"] == "unknown_region"


def test_many_rows_go_in_several_requests(desk: Desk, scene: Scene) -> None:
    file = desk.numbers([*(str(number) for number in range(1_100)), scene.seen[0]])
    with between(scene.url) as watched:
        desk.url = watched.url
        told = desk.summary(file)
    assert watched.count("/v1/checks") == 2
    assert (told["rows"], told["counts"]["refused"], told["counts"]["contact_observed"]) == (1_101, 1_100, 1)
    assert [row["Phone"] for row in desk.rows()[:1_100]] == [str(number) for number in range(1_100)]


def test_many_windows_of_one_number_are_disclosed_in_several_requests(desk: Desk, scene: Scene) -> None:
    days = [date(2023, 1, 1) + timedelta(days=day) for day in range(1_010)]
    file = desk.file("\n".join(["Phone,Since", *(f"{scene.seen[1]},{day}" for day in days), f"{scene.seen[1]},"]))
    with between(scene.url) as watched:
        desk.url = watched.url
        told = desk.summary(file, "--private", "--since-column", "Since")
    assert watched.count("/v1/private/disclosures") == 2
    assert told["charged_for"] == {"evaluations": 1, "disclosures": 1_011, "questions": 0}
    assert told["counts"]["contact_observed"] == 1_011


def test_a_registry_that_reads_numbers_by_other_plans_is_remarked_on(desk: Desk, scene: Scene) -> None:
    older = on("/v1/private/parameters", lambda document: {**document, "normaliser_version": "phonenumbers-8.0.0"})
    with between(scene.url, after=older) as watched:
        desk.url = watched.url
        result = desk.run(desk.numbers(scene.fresh(1)), "--private")
    assert result.exit_code == 0
    assert result.stderr.startswith("Note: This program reads numbers by phonenumbers-")
    assert "the registry by phonenumbers-8.0.0" in result.stderr


def test_buckets_answer_what_the_whole_set_answers(cluster: EmbeddedUrls, template: str, tmp_path: Path) -> None:
    settings = sandbox_settings(private_bucket_entries=50)
    with (
        opened_database(cluster, template) as urls,
        opened_house(urls, settings) as house,
        scene_in(house, seen=120) as crowd,
        between(crowd.url) as watched,
    ):
        desk = Desk(tmp_path, watched.url, crowd.asker())
        file = desk.numbers([*crowd.seen[:2], *crowd.fresh(1)])
        desk.summary(file, "--private", "--buckets", out="buckets.csv")
        assert watched.count("/v1/private/set") == 0
        desk.summary(file, "--private", out="whole.csv")
        assert watched.count("/v1/private/set") == 1
    assert desk.answers("buckets.csv") == desk.answers("whole.csv")
    assert [row["outcome"] for row in desk.rows("whole.csv")] == ["contact_observed", "contact_observed", "none"]

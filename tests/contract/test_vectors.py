import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final, NotRequired, TypedDict

import pytest

from api import vectors
from registry.domain.errors import Code, Refused
from registry.domain.numbers import Normaliser, RegionNotServed
from registry.keys import KEY_INFO, SecretKey

REFUSALS: Final = {
    *("empty", "too_long", "not_a_number", "unknown_region", "too_short", "too_many_digits", "not_valid"),
    *("short_code", "sender_name", "withheld", "fictional", "region_not_served"),
}


class Question(TypedDict):
    input: str
    region: str | None
    mode: str
    served: NotRequired[list[str]]
    e164: str | None
    code: str | None
    notes: list[str]


class TagVector(TypedDict):
    number: str
    tag: str
    output: str


class Tags(TypedDict):
    suite: str
    seed: str
    info: str
    public_key: str
    input_prefix: str
    vectors: list[TagVector]


class Document(TypedDict):
    about: str
    normaliser: str
    normalisation: list[Question]
    tags: Tags


@cache
def committed() -> Document:
    document: Document = json.loads(vectors.PATH.read_text(encoding="ascii"))
    return document


def _normaliser(question: Question) -> Normaliser:
    return Normaliser(frozenset(question.get("served", ["CA", "US"])), accept_fictional=question["mode"] == "sandbox")


def test_the_committed_file_is_the_one_that_the_code_renders() -> None:
    assert vectors.PATH.read_bytes() == vectors.render().encode("ascii")


def test_the_vectors_were_made_with_the_normaliser_in_use() -> None:
    assert committed()["normaliser"] == Normaliser(frozenset(), accept_fictional=False).version


@pytest.mark.parametrize("question", committed()["normalisation"], ids=lambda question: ascii(question["input"]))
def test_a_normalisation_vector_holds(question: Question) -> None:
    assert set(question) - {"served"} == {"input", "region", "mode", "e164", "code", "notes"}
    found: tuple[str | None, str | None, list[str]]
    try:
        number = _normaliser(question).normalise(question["input"], question["region"])
    except RegionNotServed as refusal:
        found = (refusal.number.e164, Code.REGION_NOT_SERVED, list(refusal.number.notes))
    except Refused as refusal:
        found = (None, refusal.code, [])
    else:
        found = (number.e164, None, list(number.notes))
    assert found == (question["e164"], question["code"], question["notes"])


def test_there_are_at_least_sixty_different_questions() -> None:
    asked = {
        (question["input"], question["region"], question["mode"], *question.get("served", []))
        for question in committed()["normalisation"]
    }
    assert len(asked) == len(committed()["normalisation"]) >= 60


def test_every_refusal_and_the_extension_note_occur() -> None:
    questions = committed()["normalisation"]
    assert {question["code"] for question in questions} - {None} == REFUSALS
    assert any(question["notes"] == ["extension_ignored"] for question in questions)


def test_both_modes_answer_for_the_same_fictional_number() -> None:
    answers = {
        question["mode"]: (question["e164"], question["code"])
        for question in committed()["normalisation"]
        if question["input"] == "+1 800 555 0199"
    }
    assert answers == {"live": (None, "fictional"), "sandbox": ("+18005550199", None)}


def test_the_tag_vectors_stand_on_the_published_test_key() -> None:
    tags = committed()["tags"]
    assert bytes.fromhex(tags["seed"]) == bytes(range(32))
    assert tags["suite"] == "ristretto255-SHA512"
    assert tags["info"].encode("ascii") == KEY_INFO
    assert SecretKey(bytes.fromhex(tags["seed"])).public_key.hex() == tags["public_key"]
    assert len(tags["vectors"]) >= 10
    assert len({vector["number"] for vector in tags["vectors"]}) == len(tags["vectors"])


@pytest.mark.parametrize("vector", committed()["tags"]["vectors"], ids=lambda vector: vector["number"])
def test_a_tag_vector_holds(vector: TagVector) -> None:
    tags = committed()["tags"]
    output = SecretKey(bytes.fromhex(tags["seed"])).output((tags["input_prefix"] + vector["number"]).encode("ascii"))
    assert output.hex() == vector["output"]
    assert vector["tag"] == vector["output"][:64]


def test_a_tagged_number_is_in_normal_form() -> None:
    everywhere = Normaliser(frozenset({"AU", "CA", "DE", "FR", "GB", "SE", "US"}), accept_fictional=True)
    for vector in committed()["tags"]["vectors"]:
        assert everywhere.normalise(vector["number"]).e164 == vector["number"]


def test_the_check_passes_on_the_committed_file() -> None:
    done = subprocess.run([sys.executable, "-m", "api.vectors", "--check"], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_missing_or_changed_file_fails_the_check_until_it_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "vectors.json"
    monkeypatch.setattr(vectors, "PATH", file)

    def run(option: str) -> int:
        monkeypatch.setattr(sys, "argv", ["vectors", option])
        return vectors.main()

    assert run("--check") == 1
    assert "--write" in capsys.readouterr().err
    assert run("--write") == 0
    assert run("--check") == 0
    file.write_bytes(file.read_bytes().replace(b"+12065550177", b"+12065550178", 1))
    assert run("--check") == 1

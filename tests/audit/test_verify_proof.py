"""A receipt is verified by whoever has it, offline, and says what it proves."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from command_line import CommandLine
from forged_log import ToldLog
from grown_log import GrownLog, flipped
from written_events import written_event

from registry.domain.signed_notes import Receipt

LOG: Final = ToldLog().tell(*(written_event() for _ in range(300))).grow([300])
RECEIPT: Final = LOG.receipt(77, 300)


def verify(text: str, *options: str, code: int = 0) -> str:
    """What it prints for a receipt on standard input."""
    result = CommandLine().run("verify-proof", "-", "--verifier-key", str(LOG.verifier), *options, typed=text)
    assert result.exit_code == code, result.output
    assert result.stderr == ""
    return result.stdout


def test_a_receipt_proves_its_event(tmp_path: Path) -> None:
    path, key = tmp_path / "receipt", tmp_path / "key.json"
    path.write_text(RECEIPT.text(), encoding="utf-8")
    key.write_text(json.dumps({"origin": LOG.origin, "verifier_key": str(LOG.verifier)}), encoding="utf-8")
    said = CommandLine().done("verify-proof", str(path), "--verifier-key", str(key))
    assert f"The proof holds: this is event 77 of the log {LOG.origin}, which had 300 events" in said
    event: dict[str, Any] = json.loads(LOG.entries[77])
    for row in (("id", event["id"]), ("operation", "look_up"), ("request.route", "POST /v1/lookups")):
        assert any(
            line.split(None, 1) == list(row) or line.split() == " ".join(row).split() for line in said.splitlines()
        )
    assert "purpose" not in said  # there is none


def test_programs_get_the_whole_event() -> None:
    assert json.loads(verify(RECEIPT.text(), "--json")) == {
        "holds": True,
        "origin": LOG.origin,
        "index": 77,
        "size": 300,
        "root": LOG.roots[300].hex(),
        "event": json.loads(LOG.entries[77]),
    }


CHANGED: Final = {
    "its event": Receipt(flipped(LOG.entries[77], 40), 77, RECEIPT.hashes, RECEIPT.note),
    "its place": Receipt(RECEIPT.entry, 78, RECEIPT.hashes, RECEIPT.note),
    "a hash": Receipt(RECEIPT.entry, 77, (flipped(RECEIPT.hashes[0]), *RECEIPT.hashes[1:]), RECEIPT.note),
    "a hash that is missing": Receipt(RECEIPT.entry, 77, RECEIPT.hashes[1:], RECEIPT.note),
    "the checkpoint": Receipt(RECEIPT.entry, 77, RECEIPT.hashes, RECEIPT.note.replace("\n300\n", "\n301\n")),
    "the event left out": Receipt(None, 77, RECEIPT.hashes, RECEIPT.note),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_receipt_with_a_change_proves_nothing(what: str) -> None:
    text = CHANGED[what].text()
    assert "The proof does NOT hold." in verify(text, code=1)
    document = json.loads(verify(text, "--json", code=1))
    assert (document["holds"], document["contradiction"]["kind"]) == (False, "proof_invalid")
    assert document["contradiction"]["detail"]


@pytest.mark.parametrize("text", ["", "no proof", "\udcff".encode("utf-8", "surrogatepass").decode("latin-1")])
def test_what_is_no_receipt_convicts_nobody(text: str) -> None:
    assert "This is not a tlog-proof file." in unverified(text)


def test_other_files_convict_nobody() -> None:
    assert "This is not a tlog-proof file." in unverified(LOG.note(300))
    other = GrownLog(entries=[]).grow([300]).receipt(77, 300)
    assert f"its checkpoint is not signed by {LOG.origin} with this key" in unverified(other.text())
    assert "This is not a receipt of this log" in unverified(RECEIPT.text().partition("\n\n")[0])


def unverified(text: str) -> str:
    """What is said on standard error."""
    return CommandLine().refused("verify-proof", "-", "--verifier-key", str(LOG.verifier), typed=text, code=3)


def test_an_entry_that_would_steer_the_terminal_is_shown_without_doing_so() -> None:
    log = ToldLog().tell(json.dumps({"id": "\x1b[2J\u202eevil"}).encode()).grow([1])
    receipt = log.receipt(0, 1).text()
    said = CommandLine().run("verify-proof", "-", "--verifier-key", str(log.verifier), typed=receipt).stdout
    assert "?[2J?evil" in said
    assert "\x1b" not in said


def test_an_entry_that_is_no_event_is_proved_and_cannot_be_shown() -> None:
    log = ToldLog().tell(b"[1]").grow([1])
    said = CommandLine().refused(
        "verify-proof", "-", "--verifier-key", str(log.verifier), typed=log.receipt(0, 1).text(), code=3
    )
    assert "its entry is not an audit event" in said


def test_a_verifier_key_that_is_none_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for content in ("", "nothing", "{}", "{", f"{LOG.verifier}x", "log+00000000+AAAA"):
        path.write_text(content, encoding="utf-8")
        said = CommandLine().refused("verify-proof", "-", "--verifier-key", str(path), code=2)
        assert "Invalid value for '--verifier-key'" in said
    CommandLine().refused("verify-proof", "-", "--verifier-key", str(tmp_path / "absent"), code=2)
    CommandLine().refused("verify-proof", "-", "--verifier-key", str(LOG.verifier).replace("/", "."), code=2)
    CommandLine().refused("verify-proof", "-", code=2)

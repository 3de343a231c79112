"""A running registry's log by HTTP: Go's verifiers and tlog-scales accept it, and nothing that was changed."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import DatabaseUrls
from grown_log import flipped
from house import fictional_numbers
from interleaved import wait_until
from members import Member
from outside_verifiers import GoVerifier, go_verifier
from running_api import Operator, RunningApi, operating, running_api
from sealed import LOG_KEY, waiting
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint

from registry import log_key
from registry.domain.credentials import Scope

KEY = str(LOG_KEY.verifier)
EVENTS = 300
"""More than a full tile, and a partial one."""


@pytest.fixture
def operator(urls: DatabaseUrls) -> Iterator[Operator]:
    with operating(urls) as opened:
        yield opened


@pytest.fixture
def api(urls: DatabaseUrls, operator: Operator, tmp_path: Path) -> Iterator[RunningApi]:
    log_key.write(tmp_path / "log-key.json", LOG_KEY, None)
    with running_api(urls, tmp_path, log_key_file=tmp_path / "log-key.json") as running:
        yield running


def ask(operator: Operator, asker: Member, times: int) -> str:
    """The receipt of the last question, when all of them are sealed."""
    number = next(fictional_numbers())
    answer: dict[str, Any] = {}
    for _ in range(times):
        answer = asker.look_up(number)
    wait_until(lambda: not waiting(operator.registry.database))
    return str(answer["audit_id"])


def checkpoint(api: RunningApi) -> tuple[str, Checkpoint]:
    note = api.http.get("/log/checkpoint").text
    read = Checkpoint.from_text(note)
    read.verify(Vkey.from_string(KEY))
    return note, read


def test_outsiders_accept_what_it_serves_and_refuse_one_changed_byte(
    api: RunningApi, operator: Operator, tmp_path: Path
) -> None:
    go: GoVerifier = go_verifier(tmp_path)
    asker = operator.member(api, "employer", scopes=frozenset({Scope.LOOKUPS, Scope.AUDIT}))
    ask(operator, asker, 5)
    first, early = checkpoint(api)
    receipt = ask(operator, asker, EVENTS)
    second, late = checkpoint(api)
    assert go.check_note(KEY, first) is None
    assert go.check_note(KEY, second) is None
    assert go.check_note(KEY, flipped(second.encode(), 3).decode()) is not None
    log = f"http://127.0.0.1:{api.port}/log"
    assert late.size > EVENTS
    assert go.check_tiles(log, late.size, late.root_hash) is None
    assert go.check_tiles(log, late.size, flipped(late.root_hash, 0)) is not None
    answer = api.http.get("/v1/audit/consistency", params={"from": early.size, "to": late.size})
    proof = [base64.b64decode(one) for one in answer.json()["hashes"]]
    sizes = (early.size, early.root_hash, late.size, late.root_hash)
    assert go.check_consistency(*sizes, proof) is None
    assert go.check_consistency(*sizes, [flipped(proof[0], 7), *proof[1:]]) is not None
    file = asker.get(f"/v1/audit/events/{receipt}/proof").text
    assert go.check_receipt(KEY, file) is None
    head, _, rest = file.partition("\nextra ")
    assert go.check_receipt(KEY, f"{head}\nextra {'A' if rest[10] != 'A' else 'B'}{rest[1:]}") is not None

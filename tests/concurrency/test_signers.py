import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from holders import generations_of, in_process, signers_of, start_of
from house import sandbox_settings
from members import KEYS
from voprf.ristretto import Client

from registry import key_file
from registry.domain.errors import Code, Refused
from registry.domain.fingerprints import Purpose
from registry.domain.generations import Generation, Generations
from registry.domain.intake.signatures import ProviderSecret
from registry.keys import GenerationMismatch
from registry.sealed_file import SealedFileError
from registry.signers import Signers
from registry.tagging import Evaluated, InProcess, SealedSecret, Source, TaggedNumber, WrittenNumber

SETTINGS = sandbox_settings()
MESSY = [
    WrittenNumber(text, region)
    for text, region in [
        ("(206) 555-0177", "US"),
        ("anonymous", None),
        ("+44 20 7946 0123", None),
        ("206 555 0178 ext. 4", "US"),
        ("12", "US"),
        ("2065550179", "XX"),
    ]
]
MARKED = [
    WrittenNumber("+12065550177", None, Source(b"SM01")),
    WrittenNumber("+12065550177", None, Source(None, (b"1", b"sms"))),
    WrittenNumber("+442079460123", None, Source(None), any_region=True),
]
MANY = [WrittenNumber(f"206555{1000 + i}", "US") for i in range(1_500)]
BATCH = b"".join(Client.blind(b"number %d" % i)[1].serialize() for i in range(1_000))


@pytest.fixture(scope="module")
def signers() -> Generator[Signers]:
    with signers_of(SETTINGS, KEYS, 2) as opened:
        yield opened


def here() -> InProcess:
    return in_process(SETTINGS, KEYS)


def told(read: TaggedNumber | Refused) -> object:
    return (read.code, read.detail) if isinstance(read, Refused) else read


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("numbers", [MESSY, MARKED, MANY, []], ids=["messy", "marked", "many", "none"])
def test_signers_read_what_the_calling_thread_would_read(signers: Signers, numbers: list[WrittenNumber]) -> None:
    expected = here().read_all(numbers)
    assert [told(one) for one in signers.read_all(numbers)] == [told(one) for one in expected]


def test_signers_fingerprint_as_the_calling_thread_would(signers: Signers) -> None:
    wanted = [(Purpose.ADDRESS, (b"192.0.2.7",)), (Purpose.REQUEST, (b"POST", b"/v1/hits"))]
    assert signers.fingerprints(wanted) == here().fingerprints(wanted)


def test_signers_tell_twins_as_the_calling_thread_would(signers: Signers) -> None:
    account, token = "AC" + "0" * 32, b"an-auth-token-of-the-tests"
    secrets = [ProviderSecret(token, account), ProviderSecret(token), ProviderSecret(b"another", account)]
    one, *others = (
        SealedSecret(context, signers.seal(context, secret))
        for context, secret in zip((b"a", b"b", b"c", b"d"), (secrets[0], *secrets), strict=True)
    )
    for moved in (one, others[1], SealedSecret(b"e", others[0].sealed), SealedSecret(b"e", b"never sealed")):
        assert signers.twins(moved, others) == here().twins(moved, others)
    assert signers.twins(one, others) == [True, False, False]
    assert signers.twins(one, [SealedSecret(b"e", others[0].sealed)]) == [False]
    assert signers.twins(SealedSecret(b"e", one.sealed), others) == [False, False, False]
    assert signers.twins(one, []) == here().twins(one, []) == []


def test_signers_evaluate_as_the_calling_thread_would(signers: Signers) -> None:
    (found,) = signers.evaluate([1], BATCH)
    (expected,) = here().evaluate([1], BATCH)
    assert (found.generation, found.elements) == (expected.generation, expected.elements)
    assert len(found.proof) == 64


def test_a_refused_batch_is_refused_alike_and_its_signer_stays(signers: Signers) -> None:
    before = signers.pids
    with pytest.raises(Refused) as raised:
        signers.evaluate([1], BATCH[:64] + bytes(32))
    assert raised.value.code is Code.INVALID_ELEMENT
    assert raised.value.errors[0].index == 2
    assert signers.pids == before


def test_many_threads_get_their_own_answers(signers: Signers) -> None:
    expected = {i: told(here().read_all([MANY[i]])[0]) for i in range(8)}
    found: dict[int, object] = {}

    def ask(i: int) -> None:
        found[i] = told(signers.read_all([MANY[i]] * (300 if i % 2 else 1))[-1])

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == expected


def test_a_single_number_does_not_stand_in_line_behind_batches(signers: Signers) -> None:
    """Both signers for many are stopped over a batch; a question about one number is answered all the same."""
    for pid in signers.pids_for_many:
        os.kill(pid, signal.SIGSTOP)
    try:
        batches = [threading.Thread(target=signers.evaluate, args=([1], BATCH)) for _ in range(3)]
        for batch in batches:
            batch.start()
        assert [told(one) for one in signers.read_all(MESSY)] == [told(one) for one in here().read_all(MESSY)]
        assert all(batch.is_alive() for batch in batches)
    finally:
        for pid in signers.pids_for_many:
            os.kill(pid, signal.SIGCONT)
    for batch in batches:
        batch.join(30)
        assert not batch.is_alive()


def test_whoever_waits_longest_gets_a_signer_between_two_slices_of_a_file() -> None:
    """One signer, a file of 80 slices, and a batch that comes in the middle: it does not wait for the file's end."""
    with signers_of(SETTINGS, KEYS, 1) as one:
        order: list[str] = []

        def file() -> None:
            one.read_all(MANY * 14)
            order.append("file")

        reading = threading.Thread(target=file)
        reading.start()
        time.sleep(0.1)
        one.evaluate([1], BATCH[:320])
        order.append("batch")
        reading.join(60)
        assert order == ["batch", "file"]


def kill(pids: frozenset[int]) -> None:
    """And waits until they have ended, which on a busy machine is some time after the signal."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not pids & {child.pid for child in active_children()})


def killed_at_work(signers: Signers, work: Callable[[], Any], pids: frozenset[int]) -> list[Refused]:
    """What the work is refused with when a signer ends over it. All of them are stopped first, so that it is there."""
    refusals: list[Refused] = []

    def ask() -> None:
        try:
            work()
        except Refused as refused:
            refusals.append(refused)

    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    working = threading.Thread(target=ask)
    working.start()
    time.sleep(0.2)
    kill(pids)
    working.join(30)
    return refusals


@pytest.mark.parametrize("task", ["file", "batch", "single", "fingerprint"])
def test_a_killed_signer_costs_its_request_and_nobody_else(signers: Signers, task: str) -> None:
    wait_until(lambda: len(signers.pids) == 3)
    work: dict[str, Callable[[], Any]] = {
        "file": lambda: signers.read_all(MANY * 4),
        "batch": lambda: signers.evaluate([1], BATCH),
        "single": lambda: signers.read_all(MESSY),
        "fingerprint": lambda: signers.fingerprints([(Purpose.ADDRESS, (b"192.0.2.7",))]),
    }
    victims = signers.pids_for_many if task in {"file", "batch"} else signers.pids - signers.pids_for_many
    refusals = killed_at_work(signers, work[task], victims)
    assert [refused.code for refused in refusals] == [Code.SIGNER_UNAVAILABLE]
    assert refusals[0].retry_after is not None
    assert [told(one) for one in signers.read_all(MESSY)] == [told(one) for one in here().read_all(MESSY)]
    assert [told(one) for one in signers.read_all(MANY)] == [told(one) for one in here().read_all(MANY)]
    wait_until(lambda: len(signers.pids) == 3)
    assert not signers.pids & victims


def test_a_signer_that_died_idle_is_replaced_before_anybody_is_refused(signers: Signers) -> None:
    wait_until(lambda: len(signers.pids) == 3)
    victims = signers.pids
    kill(victims)
    for _ in range(3):
        assert len(signers.read_all(MANY)) == len(MANY)
        assert len(signers.read_all(MESSY)) == len(MESSY)
    assert not victims & signers.pids


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_service_leaves_the_signers_to_whoever_finishes_requests(
    signers: Signers, number: signal.Signals
) -> None:
    wait_until(lambda: len(signers.pids) == 3)
    before = signers.pids
    for pid in before:
        os.kill(pid, number)
    time.sleep(0.1)
    assert len(signers.read_all(MANY)) == len(MANY)
    assert len(signers.read_all(MESSY)) == len(MESSY)
    assert signers.pids == before


def test_closed_signers_leave_no_process() -> None:
    with signers_of(SETTINGS, KEYS, 1) as opened:
        pids = opened.pids
        assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_key_file_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with pytest.raises(SealedFileError, match="There is no key file at"):
        Signers(start_of(SETTINGS, path, generations_of(KEYS)), 1)
    key_file.write(path, KEYS, None)
    with pytest.raises(GenerationMismatch, match="not the one this database was made with"):
        Signers(start_of(SETTINGS, path, Generations.of([Generation(1, bytes(32))])), 1)


def test_evaluations_of_several_generations_come_in_the_order_asked_for() -> None:
    two, _ = KEYS.with_new_generation()
    with signers_of(SETTINGS, two, 2) as opened:
        found = opened.evaluate([1, 2], BATCH[:64])
        assert [one.generation for one in found] == [1, 2]
        assert [one.elements for one in found] == [
            one.elements for one in in_process(SETTINGS, two).evaluate([1, 2], BATCH[:64])
        ]
        assert isinstance(found[0], Evaluated)

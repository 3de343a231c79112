import os
import signal
import threading
import time
from collections.abc import Generator

import pytest
from members import KEYS

from registry.domain.errors import Code, Refused
from registry.domain.numbers import Normaliser
from registry.keys import KeyRing, SecretKey
from registry.signers import SignerPool, SignerSettings
from registry.tagging import InProcess, TaggedNumber, WrittenNumber

REGIONS = frozenset({"US", "CA"})
ACTIVE = {1: SecretKey(KEYS.seeds[1]).public_key}
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
MANY = [WrittenNumber(f"206555{1000 + i}", "US") for i in range(1_500)]


@pytest.fixture(scope="module")
def pool() -> Generator[SignerPool, None, None]:
    opened = SignerPool(KEYS, ACTIVE, SignerSettings(REGIONS, accept_fictional=True), 2)
    yield opened
    opened.close()


def in_process() -> InProcess:
    return InProcess(Normaliser(REGIONS, accept_fictional=True), KeyRing.of(KEYS, ACTIVE))


def told(read: TaggedNumber | Refused) -> object:
    return (read.code, read.detail) if isinstance(read, Refused) else read


@pytest.mark.xdist_group("signers")
@pytest.mark.parametrize("numbers", [MESSY, MANY, []], ids=["messy", "many", "none"])
def test_signers_read_what_the_calling_thread_would_read(pool: SignerPool, numbers: list[WrittenNumber]) -> None:
    expected = in_process().read_all(numbers)
    assert [told(one) for one in pool.read_all(numbers)] == [told(one) for one in expected]


@pytest.mark.xdist_group("signers")
def test_many_threads_get_their_own_answers(pool: SignerPool) -> None:
    expected = {i: told(in_process().read_all([MANY[i]])[0]) for i in range(8)}
    found: dict[int, object] = {}

    def ask(i: int) -> None:
        found[i] = told(pool.read_all([MANY[i]] * 300)[299])

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == expected


@pytest.mark.xdist_group("signers")
def test_a_killed_signer_costs_its_request_and_nobody_else(pool: SignerPool) -> None:
    before = pool.pids
    refusals: list[Refused] = []

    def ask() -> None:
        try:
            pool.read_all(MANY * 4)
        except Refused as refused:
            refusals.append(refused)

    working = threading.Thread(target=ask)
    working.start()
    time.sleep(0.05)  # both signers are at work now
    os.kill(next(iter(before)), signal.SIGKILL)
    working.join(30)
    assert [refused.code for refused in refusals] == [Code.SIGNER_UNAVAILABLE]
    assert refusals[0].retry_after is not None

    until = time.monotonic() + 20
    while (len(pool.pids) < 2 or pool.pids & before == before) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(pool.pids) == 2
    assert [told(one) for one in pool.read_all(MANY)] == [told(one) for one in in_process().read_all(MANY)]


@pytest.mark.xdist_group("signers")
def test_a_signer_that_died_idle_is_replaced_before_anybody_is_refused(pool: SignerPool) -> None:
    victim = next(iter(pool.pids))
    os.kill(victim, signal.SIGKILL)
    time.sleep(0.2)
    for _ in range(3):
        assert len(pool.read_all(MANY)) == len(MANY)
    assert victim not in pool.pids


def test_a_closed_pool_leaves_no_process() -> None:
    pool = SignerPool(KEYS, ACTIVE, SignerSettings(REGIONS, accept_fictional=True), 1)
    (pid,) = pool.pids
    pool.close()
    assert not pool.pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

"""Private checks: the evaluation endpoint over raw arithmetic, a whole check over its arithmetic alone, and what single
lookups feel of it.
"""

import base64
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, Final

from voprf.ristretto import BlindedInput, Client, Evaluator

from registry.domain.tags import BATCH_MOST, INPUT_PREFIX
from registry.keys import KEY_INFO

from . import numbers
from .installation import Installation
from .load import Connection, drive, post
from .servers import Server
from .table import Result, Row

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as Pipe

NUMBERS: Final = 10_000
_ROUNDS: Final = 5
_BATCHES: Final = 12
_CONNECTIONS: Final = 4
_WHOLE_ROUNDS: Final = 3
_LOOKUPS: Final = 500
_MILLISECONDS: Final = 1_000


def endpoint(installation: Installation, server: Server) -> Result:
    """Elements a second of batches of 1,000, over `evaluate_batch` in as many processes as there are signers."""
    requests = _evaluations(installation)
    work = [requests[index % len(requests)] for index in range(_BATCHES)]
    rates: list[float] = []
    raw: list[float] = []
    with _evaluators(installation.seed, os.cpu_count() or 1) as evaluate:
        drive(server.port, requests, _CONNECTIONS)
        evaluate()
        for _ in range(_ROUNDS):
            raw.append(evaluate())
            began = time.perf_counter()
            drive(server.port, work, _CONNECTIONS)
            rates.append(_BATCHES * BATCH_MOST / (time.perf_counter() - began))
    ratio = median(rate / low for rate, low in zip(rates, raw, strict=True))
    what = f"private evaluations, batches of {BATCH_MOST:,}: elements a second / raw evaluate_batch"
    return Result(
        (Row(what, 0.75, 0.9, ratio, at_least=True),),
        (
            ("private evaluations", f"{median(rates):,.0f} elements/s"),
            (f"evaluate_batch in {os.cpu_count()} processes", f"{median(raw):,.0f} elements/s"),
        ),
    )


def whole(installation: Installation, server: Server) -> Result:
    """`check --private` from start to end, over blinding, evaluating and finalizing the same numbers on one thread."""
    walls: list[float] = []
    lows: list[float] = []
    for _ in range(_WHOLE_ROUNDS):
        lows.append(_arithmetic(installation.seed))
        walls.append(_check(installation, server))
    ratio = median(wall / low for wall, low in zip(walls, lows, strict=True))
    return Result(
        (Row(f"check --private of {NUMBERS:,} numbers / its arithmetic on one thread", 1.1, 0.6, ratio),),
        (
            ("check --private, wall", f"{median(walls):.2f} s"),
            ("blind + evaluate + finalize, one thread", f"{median(lows):.2f} s"),
        ),
    )


def felt(installation: Installation, server: Server) -> Result:
    """The 95th percentile of single lookups while private batches run at full rate, over that without them."""
    questions = [
        post("/v1/lookups", {"number": number, "region": numbers.REGION, "purpose": "company_number"}, key)
        for number, key in zip(numbers.written(_LOOKUPS), cycle([installation.employer]), strict=False)
    ]
    requests = _evaluations(installation)
    alone: list[float] = []
    beside: list[float] = []
    drive(server.port, questions, 1)
    for _ in range(_ROUNDS):
        alone.append(_p95(drive(server.port, questions, 1)))
        with _running(server.port, requests):
            beside.append(_p95(drive(server.port, questions, 1)))
    ratio = median(busy / idle for busy, idle in zip(beside, alone, strict=True))
    return Result(
        (Row("lookup p95 while private batches run / without", 2.5, 1.5, ratio),),
        (
            ("lookup p95, one connection", f"{median(alone) * _MILLISECONDS:.2f} ms"),
            ("lookup p95 while private batches run", f"{median(beside) * _MILLISECONDS:.2f} ms"),
        ),
    )


def _p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20)[-1]


def _evaluations(installation: Installation) -> list[bytes]:
    """A few different batches of 1,000, ready to be sent."""
    requests: list[bytes] = []
    for batch in range(_CONNECTIONS):
        blinded = b"".join(Client.blind(b"%d %d" % (batch, n))[1].serialize() for n in range(BATCH_MOST))
        body = {"purpose": "company_number", "blinded": base64.b64encode(blinded).decode()}
        requests.append(post("/v1/private/evaluations", body, installation.employer))
    return requests


@contextmanager
def _running(port: int, requests: Sequence[bytes]) -> Generator[None]:
    """Batches one after the other on as many connections as there are requests, until the block ends."""
    stopped = threading.Event()

    def run(request: bytes) -> None:
        with Connection(port) as connection:
            while not stopped.is_set():
                connection.exchange(request)

    threads = [threading.Thread(target=run, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


@contextmanager
def _evaluators(seed: bytes, size: int) -> Generator[Any]:
    """A function that lets so many processes evaluate all batches between them, and returns elements a second."""
    context = get_context("spawn")
    pipes: list[Any] = []
    for _ in range(size):
        ours, theirs = context.Pipe()
        context.Process(target=_evaluate, args=(theirs, seed), daemon=True).start()
        theirs.close()
        pipes.append(ours)

    def evaluate() -> float:
        each = _BATCHES // size
        began = time.perf_counter()
        for pipe in pipes:
            pipe.send(each)
        for pipe in pipes:
            pipe.recv()
        return each * size * BATCH_MOST / (time.perf_counter() - began)

    try:
        yield evaluate
    finally:
        for pipe in pipes:
            pipe.close()


def _evaluate(pipe: "Pipe[Any, Any]", seed: bytes) -> None:
    """Nothing of the registry takes part: elements are read once, and evaluated as often as asked."""
    evaluator = Evaluator.from_seed(seed, KEY_INFO)
    encoded = [Client.blind(b"%d" % n)[1].serialize() for n in range(BATCH_MOST)]
    try:
        while True:
            for _ in range(pipe.recv()):
                evaluator.evaluate_batch([BlindedInput.deserialize(one) for one in encoded]).serialize()
            pipe.send(None)
    except (EOFError, OSError):
        return


def _arithmetic(seed: bytes) -> float:
    evaluator = Evaluator.from_seed(seed, KEY_INFO)
    everyone = numbers.everyone()[:NUMBERS]
    began = time.perf_counter()
    for start in range(0, NUMBERS, BATCH_MOST):
        blinds = [Client.blind(INPUT_PREFIX + one.encode()) for one in everyone[start : start + BATCH_MOST]]
        output = evaluator.evaluate_batch([element for _, element in blinds])
        Client.finalize_batch([client for client, _ in blinds], output, evaluator.public_key)
    return time.perf_counter() - began


def _check(installation: Installation, server: Server) -> float:
    """Seconds of the whole command, with nothing kept from an earlier one."""
    with tempfile.TemporaryDirectory(prefix="registry-bench-check-") as name:
        folder = Path(name)
        key = folder / "key"
        key.write_text(installation.employer, encoding="ascii")
        key.chmod(0o600)
        file = folder / "numbers.csv"
        file.write_text("phone\n" + "".join(f"{one}\n" for one in numbers.everyone()[:NUMBERS]), encoding="ascii")
        command = [
            *(str(Path(sys.executable).parent / "demand-registry"), "check", str(file), "--private"),
            *("--out", str(folder / "results.csv"), "--cache", str(folder / "cache")),
            *("--url", f"http://127.0.0.1:{server.port}", "--api-key-file", str(key)),
        ]
        began = time.perf_counter()
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        taken = time.perf_counter() - began
        if done.returncode != 1:  # something is listed, so that 1 it must be
            raise RuntimeError(f"check --private ended with {done.returncode}: {done.stderr}")
        return taken

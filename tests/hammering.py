"""A client that asks as fast as it can, in a process of its own. It imports nothing of the project and starts fast."""

import http.client
import json
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

PROCESSES: Final = 4
_REQUESTS_OF_A_CONNECTION: Final = 5
"""Then another is made, so that every worker of the server gets some."""


@dataclass(frozen=True)
class Hammered:
    """statuses: status -> how often. seconds: from the first request to the last answer, on the machine's clock."""

    statuses: Counter[int]
    seconds: float


def hammer(port: int, key: str, begin_at: float, times: int) -> tuple[list[int], float, float]:
    """The statuses of so many lookups of one number, and when the first began and the last ended."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"number": "+12065550177", "purpose": "company_number"})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    time.sleep(max(0.0, begin_at - time.time()))
    began, statuses = time.time(), list[int]()
    for turn in range(times):
        if turn % _REQUESTS_OF_A_CONNECTION == 0:
            connection.close()
        connection.request("POST", "/v1/lookups", body, headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    return statuses, began, time.time()


def hammer_together(port: int, key: str, times: int) -> Hammered:
    """Four processes at once, each with so many requests."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        begin_at = time.time() + 1.0
        running = [pool.submit(hammer, port, key, begin_at, times) for _ in range(PROCESSES)]
        done = [future.result() for future in running]
    statuses = Counter(status for statuses, _, _ in done for status in statuses)
    return Hammered(statuses, max(ended for *_, ended in done) - min(began for _, began, _ in done))

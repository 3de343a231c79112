"""Counters and timings for Prometheus. Labels are route templates, operation names and problem codes: never a value
that a caller sent.

With several worker processes each writes to files in the folder that PROMETHEUS_MULTIPROC_DIR names, and whichever
answers /metrics adds them up.
"""

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

requests = Counter("registry_requests", "Requests by route template and status.", ["method", "route", "status"])
request_seconds = Histogram(
    "registry_request_seconds",
    "Time from a request's first byte to its answer's last.",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
operations = Counter("registry_operations", "Operations by name and result.", ["operation", "result"])
numbers = Counter("registry_numbers", "Numbers asked or submitted, by operation.", ["operation"])
authentication_failures = Counter("registry_authentication_failures", "Requests without a usable key.")
# Of the database and not of a process: whichever asked last knows. NaN where it could not be asked.
log_size = Gauge("registry_log_size", "Audit events in the newest checkpoint.", multiprocess_mode="mostrecent")
oldest_unsealed_event_seconds = Gauge(
    "registry_oldest_unsealed_event_seconds",
    "How long the oldest audit event waits that no checkpoint holds; 0 if none does.",
    multiprocess_mode="mostrecent",
)
intake_failures = Counter(
    "registry_intake_failures", "Requests of providers whose address or signature does not hold.", ["provider"]
)

flood = Counter("registry_flood", "Numbers held back and decoys quarantined because they were flooded.", ["kind"])


def exposition() -> bytes:
    """The metrics of this process, or of all workers together, in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library annotates nothing here
    return generate_latest(together)

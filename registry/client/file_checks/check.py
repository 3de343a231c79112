"""Checks one file from beginning to end: what the command line calls.

Imports little: the worker processes are started first, and while they get ready this one imports the rest.
"""

import os
from collections.abc import Callable
from typing import Final

from registry.client.file_checks.file_questions import FileQuestions, Progress, Summary
from registry.client.file_checks.folder import Folder
from registry.client.file_checks.lean_start import import_httpx_alone
from registry.client.file_checks.result_file import ResultFile
from registry.client.file_checks.workers import Workers

_BYTES_FOR_A_WORKER: Final = 6_000
"""Of a file: some hundred rows. Starting a process takes longer than evaluating fewer."""


def check_file(questions: FileQuestions, progress: Progress, waiting: Callable[[], None]) -> Summary:
    """Returns when the result is in its place. waiting: called once if another check must end before.

    Raises RegistryError, Refused (no table, no such column), WorkerFailed, CacheError, FileChanged, TableRefused,
    ResultRefused and OSError. Whatever it raises, and if the process is killed: what was paid for is kept, and the
    same check begun again goes on from there.
    """
    folder = Folder.open(questions.root, questions.target.url)
    with (
        folder.locked(waiting) as lock,
        ResultFile(questions.out, questions.path) as result,
        Workers(_worker_count(questions), lock) as workers,
    ):
        import_httpx_alone()
        from registry.client.file_checks import course  # noqa: PLC0415 - see above

        return course.run(questions, folder, workers, result, progress)


def _worker_count(questions: FileQuestions) -> int:
    """One for each core, fewer for a small file, none for a plain check."""
    if not questions.private:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, questions.path.stat().st_size // _BYTES_FOR_A_WORKER))

"""One check of one file: as it is asked for, who watches it, and what came of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from registry.client._questions import Asking
from registry.client.file_checks.folder import Folder
from registry.client.target import Target
from registry.domain.checked_table import QuestionColumns
from registry.domain.confidential import Confidential
from registry.domain.policy import Outcome


class Progress(Protocol):
    """Who watches. Both may be called very often."""

    def stage(self, name: str, total: int) -> None: ...
    def advance(self, count: int) -> None: ...


@dataclass(frozen=True, slots=True)
class FileQuestions(Confidential):
    """What to check, and how. public_keys: those that the asker was told of, which go before any that was met before.

    root: the folder of all caches.
    """

    path: Path
    out: Path
    target: Target
    purpose: str
    case_ref: str | None
    columns: QuestionColumns
    root: Path
    private: bool
    buckets: bool = False
    public_keys: Mapping[int, bytes] = field(default_factory=dict[int, bytes])

    @property
    def asking(self) -> Asking:
        return Asking(self.purpose, self.case_ref)

    def job(self, folder: Folder, content: bytes) -> bytes:
        """The name of this check: of everything that its answers depend on. content: a digest of the file."""
        columns = self.columns
        options = [
            *("private" if self.private else "plain", self.purpose, self.case_ref),
            *(columns.number, columns.region, columns.since, columns.until, columns.default_region),
        ]
        return folder.name(b"job", content, self.target.key.encode(), json.dumps(options).encode())


@dataclass(slots=True)
class Costs:
    """numbers: different ones that were asked about; from_cache: those of them that were paid for before.

    evaluated, disclosed, asked: what this run's requests were charged, for each kind of request.
    """

    numbers: int = 0
    from_cache: int = 0
    evaluated: int = 0
    disclosed: int = 0
    asked: int = 0
    audit_ids: list[str] = field(default_factory=list[str])

    @property
    def charged(self) -> int:
        return self.evaluated + self.disclosed + self.asked


@dataclass(frozen=True, slots=True)
class Summary:
    """counts: rows by outcome, and those refused. guidance: where it is said what to do next; None if nobody said.

    remarks: sentences that the asker should read.
    """

    rows: int
    counts: Mapping[str, int]
    refused_by_code: Mapping[str, int]
    costs: Costs
    guidance: str | None
    out: Path
    remarks: tuple[str, ...] = ()

    @property
    def observed(self) -> int:
        return self.counts[Outcome.CONTACT_OBSERVED.value]

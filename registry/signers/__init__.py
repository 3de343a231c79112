"""Signer processes: they hold the secret keys and do all arithmetic with them, so that no API process holds a key,
every core works, and no API thread holds the GIL for long (docs/adr/0010, docs/adr/0012).

One signer is kept for questions about few numbers, so that these never stand in line behind a batch of a thousand; the
others stand back for it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from registry.domain.errors import Refused
from registry.domain.fingerprints import Purpose
from registry.domain.intake.signatures import ProviderSecret
from registry.signers.pool import SignerPool
from registry.signers.process import (
    CHAIN,
    EVALUATE,
    EVERY_TAG,
    FINGERPRINT,
    Start,
    evaluated,
    read_task,
    seal_task,
    signed_task,
    tagged,
    tags_or_refused,
    twins_task,
)
from registry.tagging import Evaluated, SealedClaim, SealedSecret, TaggedNumber, WrittenNumber

_FEW: Final = 50
"""Numbers that are not worth spreading over several processes."""
_SLICE: Final = 250
_STAND_BACK: Final = 5


class Signers:
    """The keys' holders of one API process. Thread-safe. `close` ends them.

    size: signers for many numbers; one more is for few. Raises what `Start.keys` raises.
    """

    def __init__(self, start: Start, size: int) -> None:
        self.generations: Final = start.generations
        self._quick = SignerPool(start, 1)
        try:
            self._many = SignerPool(replace(start, niceness=_STAND_BACK), size)
        except BaseException:
            self._quick.close()
            raise

    @property
    def pids(self) -> frozenset[int]:
        """The process ids of the signers that run."""
        return self._quick.pids | self._many.pids

    @property
    def pids_for_many(self) -> frozenset[int]:
        """Those of the signers that questions about many numbers are spread over."""
        return self._many.pids

    def close(self) -> None:
        self._quick.close()
        self._many.close()

    def read_all(self, numbers: Sequence[WrittenNumber]) -> list[TaggedNumber | Refused]:
        """See `Tagging.read_all`."""
        if not numbers:
            return []
        if len(numbers) < _FEW:
            return [tagged(read) for read in self._for_few.run(read_task(numbers))]
        tasks = [read_task(numbers[start : start + _SLICE]) for start in range(0, len(numbers), _SLICE)]
        return [tagged(read) for answer in self._many.run_all(tasks) for read in answer]

    def every_tag(self, written: WrittenNumber) -> dict[int, bytes] | Refused:
        """See `Tagging.every_tag`."""
        return tags_or_refused(self._for_few.run((EVERY_TAG, (written.text, written.region))))

    def evaluate(self, generations: Sequence[int], blinded: bytes) -> list[Evaluated]:
        """See `Tagging.evaluate`. Each generation is a task of its own: none holds a signer for more than a batch."""
        answers = self._many.run_all([(EVALUATE, (number, blinded)) for number in generations])
        return [evaluated(number, answer) for number, answer in zip(generations, answers, strict=True)]

    def fingerprints(self, wanted: Sequence[tuple[Purpose, tuple[bytes, ...]]]) -> list[bytes]:
        """See `Tagging.fingerprints`."""
        found: list[bytes] = self._for_few.run((FINGERPRINT, [(purpose.value, parts) for purpose, parts in wanted]))
        return found

    def seal(self, context: bytes, secret: ProviderSecret) -> bytes:
        """See `Tagging.seal`."""
        sealed: bytes = self._for_few.run(seal_task(context, secret))
        return sealed

    def signed(self, claims: Sequence[SealedClaim]) -> list[bool]:
        """See `Tagging.signed`."""
        answers: list[bool] = self._for_few.run(signed_task(claims)) if claims else []
        return answers

    def twins(self, one: SealedSecret, others: Sequence[SealedSecret]) -> list[bool]:
        """See `Tagging.twins`."""
        answers: list[bool] = self._for_few.run(twins_task(one, others)) if others else []
        return answers

    @property
    def _for_few(self) -> SignerPool:
        return self._many if self._quick.broken else self._quick


class Chainers:
    """Signers that carry tags into a chained generation and do nothing else. Thread-safe. `close` ends them.

    start: its generations hold the chained one already, whether or not the database knows it. Raises what `Start.keys`
    raises.
    """

    def __init__(self, start: Start, size: int) -> None:
        self._pool = SignerPool(start, size)

    def chain(self, number: int, tags: Sequence[bytes]) -> list[bytes]:
        """What these tags of its parent become under generation `number`, in order; 32 bytes each.

        Raises Refused(signer_unavailable) where a signer ended.
        """
        tasks = [(CHAIN, (number, tags[start : start + _SLICE])) for start in range(0, len(tags), _SLICE)]
        return [tag for answer in self._pool.run_all(tasks) for tag in answer]

    def close(self) -> None:
        self._pool.close()

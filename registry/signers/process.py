"""What happens inside a signer process: it reads the key file itself, then does one task after the other.

The keys never pass through the process that starts it. A task and its answer travel as plain tuples; what travels to a
signer and back is in memory only, and nothing of it is logged or printed.
"""

import os
import pickle
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from registry import key_file
from registry.domain.errors import Code, FieldProblem, Refused
from registry.domain.fingerprints import Purpose
from registry.domain.generations import Generations
from registry.domain.intake.signatures import Claim, ProviderSecret, Scheme
from registry.domain.numbers import LineType, Normaliser, Number
from registry.keys import GenerationMismatch, KeyRing
from registry.sealed_file import SealedFileError
from registry.settings import Settings, SettingsError
from registry.tagging import Evaluated, InProcess, SealedClaim, SealedSecret, Source, TaggedNumber, WrittenNumber

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Task = tuple[str, Any]
"""The name of a task and what it is done with."""

READ: Final = "read"
EVERY_TAG: Final = "every tag"
EVALUATE: Final = "evaluate"
FINGERPRINT: Final = "fingerprint"
CHAIN: Final = "chain"
SEAL: Final = "seal"
SIGNED: Final = "signed"
TWINS: Final = "twins"

_READY: Final = "ready"
_UNUSABLE: Final[Mapping[str, type[Exception]]] = {
    kind.__name__: kind for kind in (SealedFileError, GenerationMismatch, SettingsError)
}


@dataclass(frozen=True, slots=True)
class Start:
    """What a signer is told when it is started. Nothing of it is secret.

    niceness: how far it stands back for other processes, as in nice(2).
    """

    key_file: Path
    passphrase_file: Path | None
    generations: Generations
    served_regions: frozenset[str]
    accept_fictional: bool
    niceness: int = 0

    def keys(self) -> KeyRing:
        """Raises SealedFileError, SettingsError, GenerationMismatch."""
        passphrase = Settings.build(key_passphrase_file=self.passphrase_file).passphrase()
        return KeyRing.of(key_file.read(self.key_file, passphrase), self.generations)


def serve(connection: "Connection[Any, Any]", start: Start) -> None:
    """A signer's whole life, until the other end closes."""
    # Ctrl-C goes to the whole group of processes, and a service manager's SIGTERM to all of a service. Requests in
    # flight must still be answered: a signer ends when the process that started it closes its pipe, or is gone.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        os.nice(start.niceness)
        try:
            keys = start.keys()
        except (SealedFileError, SettingsError, GenerationMismatch) as error:
            connection.send_bytes(pickle.dumps((type(error).__name__, str(error))))
            return
        tasks = _tasks(InProcess(Normaliser(start.served_regions, accept_fictional=start.accept_fictional), keys))
        connection.send_bytes(pickle.dumps((_READY, None)))
        while True:
            name, content = pickle.loads(connection.recv_bytes())  # noqa: S301 - from the process that started this one
            try:
                answer: tuple[bool, Any] = (True, tasks[name](content))
            except Refused as refused:
                answer = (False, _refusal(refused))
            connection.send_bytes(pickle.dumps(answer))
    except (EOFError, OSError):
        return
    except BaseException:  # noqa: BLE001 - what Python would print of it may quote a number
        sys.exit(1)


def await_start(message: bytes) -> None:
    """Raises what a signer's first message says is wrong with its key file."""
    kind, text = pickle.loads(message)  # noqa: S301 - from a process that this one started
    if kind != _READY:
        raise _UNUSABLE[kind](text)


def answer_of(message: bytes) -> Any:
    """What a signer answered to a task. Raises Refused where it was refused."""
    done, content = pickle.loads(message)  # noqa: S301 - from a process that this one started
    if done:
        return content
    code, detail, errors = content
    raise Refused(
        Code(code), detail, tuple(FieldProblem(at, Code(why), text, index) for at, why, text, index in errors)
    )


def read_task(numbers: Sequence[WrittenNumber]) -> Task:
    return READ, [
        (one.text, one.region, None if one.source is None else (one.source.id, one.source.content), one.any_region)
        for one in numbers
    ]


def seal_task(context: bytes, secret: ProviderSecret) -> Task:
    return SEAL, (context, secret.key, secret.account)


def signed_task(claims: Sequence[SealedClaim]) -> Task:
    return SIGNED, [
        (
            (claim.scheme.value, claim.messages, claim.signatures, claim.account),
            [(one.context, one.sealed) for one in secrets],
        )
        for claim, secrets in claims
    ]


def twins_task(one: SealedSecret, others: Sequence[SealedSecret]) -> Task:
    return TWINS, [(each.context, each.sealed) for each in (one, *others)]


def tagged(read: tuple[Any, ...]) -> TaggedNumber | Refused:
    """One of the answers to a `read_task`."""
    if len(read) == 2:  # noqa: PLR2004 - a code and its detail
        return Refused(Code(read[0]), read[1])
    e164, region, line_type, notes, tags, source = read
    return TaggedNumber(Number(e164, region, LineType(line_type), notes), tags, source)


def tags_or_refused(answer: dict[int, bytes] | tuple[str, str]) -> dict[int, bytes] | Refused:
    """The answer to an `EVERY_TAG`."""
    return answer if isinstance(answer, dict) else Refused(Code(answer[0]), answer[1])


def _tasks(tagging: InProcess) -> Mapping[str, Callable[[Any], Any]]:
    def read(numbers: Sequence[tuple[str, str | None, tuple[bytes | None, tuple[bytes, ...]] | None, bool]]) -> Any:
        return [
            _wire(tagging.read(WrittenNumber(text, region, None if source is None else Source(*source), any_region)))
            for text, region, source, any_region in numbers
        ]

    def every_tag(written: tuple[str, str | None]) -> Any:
        found = tagging.every_tag(WrittenNumber(*written))
        return _wire(found) if isinstance(found, Refused) else found

    def evaluate(batch: tuple[int, bytes]) -> Any:
        number, blinded = batch
        return tagging.keys.evaluate_batch(number, blinded)

    def fingerprint(wanted: Sequence[tuple[str, tuple[bytes, ...]]]) -> Any:
        return tagging.fingerprints([(Purpose(purpose), parts) for purpose, parts in wanted])

    def chain(tags: tuple[int, Sequence[bytes]]) -> Any:
        return tagging.keys.chain(*tags)

    def seal(content: tuple[bytes, bytes, str | None]) -> Any:
        context, key, account = content
        return tagging.seal(context, ProviderSecret(key, account))

    def signed(claims: Sequence[tuple[tuple[str, tuple[bytes, ...], tuple[bytes, ...], str | None], Any]]) -> Any:
        return tagging.signed(
            [
                (Claim(Scheme(scheme), messages, signatures, account), [SealedSecret(*one) for one in sealed])
                for (scheme, messages, signatures, account), sealed in claims
            ]
        )

    def twins(sealed: Sequence[tuple[bytes, bytes]]) -> Any:
        one, *others = (SealedSecret(*each) for each in sealed)
        return tagging.twins(one, others)

    return {
        READ: read,
        EVERY_TAG: every_tag,
        EVALUATE: evaluate,
        FINGERPRINT: fingerprint,
        CHAIN: chain,
        SEAL: seal,
        SIGNED: signed,
        TWINS: twins,
    }


def evaluated(generation: int, answer: tuple[bytes, bytes]) -> Evaluated:
    return Evaluated(generation, *answer)


def _wire(read: TaggedNumber | Refused) -> tuple[Any, ...]:
    if isinstance(read, Refused):
        return (read.code.value, read.detail)
    number = read.number
    return (number.e164, number.region, number.line_type.value, number.notes, read.tags, read.source)


def _refusal(refused: Refused) -> tuple[Any, ...]:
    errors = tuple((problem.pointer, problem.code.value, problem.detail, problem.index) for problem in refused.errors)
    return (refused.code.value, refused.detail, errors)

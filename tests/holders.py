"""Holders of keys as tests use them: in this process, or in signers that read a key file of their own."""

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from registry import key_file
from registry.domain.generations import Generation, Generations
from registry.key_file import KeyFile
from registry.keys import KeyRing
from registry.operations.assembly import public_keys
from registry.operations.registry import Registry, normaliser
from registry.settings import Settings
from registry.signers import Signers
from registry.signers.process import Start
from registry.tagging import InProcess, TaggedNumber, WrittenNumber


def generations_of(keys: KeyFile, parents: Mapping[int, int] | None = None) -> Generations:
    """All of a key file's generations, active unless they are a parent. parents: child -> what it is chained from."""
    chained = dict(parents or {})
    return Generations.of(
        Generation(number, public_key, chained.get(number), number in chained.values())
        for number, public_key in public_keys(keys).items()
    )


def key_ring(keys: KeyFile, parents: Mapping[int, int] | None = None) -> KeyRing:
    return KeyRing.of(keys, generations_of(keys, parents))


def in_process(settings: Settings, keys: KeyFile, parents: Mapping[int, int] | None = None) -> InProcess:
    return InProcess(normaliser(settings), key_ring(keys, parents))


def start_of(settings: Settings, path: Path, generations: Generations) -> Start:
    return Start(path, None, generations, settings.served_regions, accept_fictional=settings.mode == "sandbox")


@contextmanager
def signers_of(settings: Settings, keys: KeyFile, size: int) -> Generator[Signers]:
    """With a key file that stays as long as they do, since one that must be replaced reads it again."""
    with tempfile.TemporaryDirectory(prefix="registry-keys-") as folder:
        path = Path(folder, "keys.json")
        key_file.write(path, keys, None)
        signers = Signers(start_of(settings, path, generations_of(keys)), size)
        try:
            yield signers
        finally:
            signers.close()


def tags(registry: Registry, e164: str) -> tuple[bytes, ...]:
    """The number's tag under every active generation, newest first."""
    (read,) = registry.read_numbers([WrittenNumber(e164, None, any_region=True)])
    assert isinstance(read, TaggedNumber)
    return read.tags
